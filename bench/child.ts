import { fork } from "node:child_process";

const ARGS = [
  "--conditions=source",
  `--import=${new URL("one-api.mjs", import.meta.url).href}`,
  // kafkajs prints this at each start on Node 24; it says nothing about what is measured.
  "--disable-warning=TimeoutNegativeWarning",
];

/**
 * Runs one of the bench's files in a fresh process, where nothing else has warmed or spoilt the
 * compiled code, and gives the message that it answers with. Messages with `progress` go to the
 * callback. It ends when this process does.
 *
 * @throws {Error} where it ends without an answer.
 */
export function inFreshProcess<Answer>(
  file: URL,
  task: object,
  progress: (text: string) => void,
): Promise<Answer> {
  const child = fork(file, [JSON.stringify(task)], {
    execArgv: ARGS,
    stdio: ["ignore", 2, 2, "ipc"],
  });
  return new Promise((resolve, reject) => {
    let answer: { answer: Answer } | undefined;
    child.on("message", (message: { progress: string } | { answer: Answer }) => {
      if ("progress" in message) progress(message.progress);
      else answer = message;
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      if (answer !== undefined && code === 0) resolve(answer.answer);
      else
        reject(new Error(`${file.pathname.split("/bench/").at(-1)} ended with ${signal ?? code}`));
    });
  });
}

let answered = false;

/** The task that the parent gave. This process ends with its parent, whatever it is doing. */
export function taskGiven(): unknown {
  process.once("disconnect", () => process.exit(answered ? 0 : 1));
  return JSON.parse(process.argv[2] ?? "{}");
}

let told = "";

/** Tells the parent how far this process is; the same again is not told twice. */
export function tell(progress: string): void {
  if (progress === told) return;
  told = progress;
  process.send?.({ progress });
}

/** Gives the parent what it asked for, and ends this process. */
export function answer(value: unknown): void {
  answered = true;
  process.send?.({ answer: value }, () => process.disconnect());
}
