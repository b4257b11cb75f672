import { fault } from "../../guard.ts";
import { withField } from "./changed.ts";

/** A command of the AWS SDK, as far as it is looked at. */
export interface Command {
  readonly input: object;
}

/** Where a command's schema has the name of its operation. */
const SCHEMA_NAME = 2;

/**
 * The operation of a command, e.g. `SendMessage`. Its schema tells it, in a minified bundle too;
 * the commands of older releases of the SDK by the name of their class. Undefined for what is no
 * command.
 */
export function operationOf(command: unknown): string | undefined {
  if (command === null || typeof command !== "object") return undefined;
  const { input, schema } = command as { input?: unknown; schema?: unknown };
  if (input === null || typeof input !== "object") return undefined;
  const told: unknown = Array.isArray(schema) ? schema[SCHEMA_NAME] : undefined;
  if (typeof told === "string") return told;
  for (let at: unknown = command; at !== null; at = Object.getPrototypeOf(at)) {
    const { name } = (at as object).constructor;
    if (name.endsWith("Command") && name !== "Command") return name.slice(0, -"Command".length);
  }
  return undefined;
}

/** The same command with another input. Both the command and its input stay as they are. */
export function withInput(command: Command, input: object): object {
  return withField(command, "input", input);
}

/**
 * Makes a client's call and tells what came of it, whether the caller awaits it or gave a callback.
 * What comes back is what the client gives.
 *
 * @param done told once; what it throws is not the caller's.
 */
export function answered(
  own: Function,
  self: object,
  args: readonly unknown[],
  done: (failed: boolean, answer: unknown) => void,
): unknown {
  const tell = (failed: boolean, answer: unknown): void => {
    try {
      done(failed, answer);
    } catch (error) {
      fault("adapter", error);
    }
  };
  const at = args.findIndex((each, index) => index > 0 && typeof each === "function");
  const callback = args[at] as Function;
  const given =
    at < 0
      ? args
      : args.with(at, function (this: unknown, ...told: unknown[]): unknown {
          const failed = told[0] !== null && told[0] !== undefined;
          tell(failed, failed ? told[0] : told[1]);
          return Reflect.apply(callback, this, told);
        });
  let result: unknown;
  try {
    result = Reflect.apply(own, self, given);
  } catch (error) {
    tell(true, error);
    throw error;
  }
  if (at >= 0) return result;
  if (!(result instanceof Promise)) {
    tell(false, result);
    return result;
  }
  return result.then(
    (answer: unknown) => {
      tell(false, answer);
      return answer;
    },
    (error: unknown) => {
      tell(true, error);
      throw error;
    },
  );
}
