/** Why a server can't be started here, and what its reader can do about it. */
export interface Absence {
  why: string;
  wayOut: string;
}

/** Called with one line, without its newline, when something takes longer than a moment. */
export type Progress = (line: string) => void;

/** A started server: what its clients need to know, and how it ends. */
export interface StartedService {
  /** Environment variables for the processes that are to use the server. */
  env: Record<string, string>;
  /** Ends the server and removes its data. Resolves when its processes are gone; may be called twice. */
  stop(): Promise<void>;
}

/**
 * One kind of server. A file in `drivers/` whose default export is such a literal is all that
 * `start.mjs` needs to offer it.
 */
export interface ServiceDriver {
  /** The name used on the command line and in reports, e.g. `"kafka"`. */
  name: string;
  /** One line for `--help`. */
  summary: string;
  /** The environment variables that {@link start} sets; where all are set already, nothing is started. */
  sets: readonly string[];
  /** Whether `startAll()` starts it unasked. False for a stand-in, and where the first start takes minutes. */
  unasked: boolean;
  /** Tells, without starting anything, what is lacking; `undefined` when nothing is. */
  absence(): Promise<Absence | undefined>;
  /** Starts the server and resolves when it answers. Rejects with an `Error` that says what to do. */
  start(progress: Progress): Promise<StartedService>;
}
