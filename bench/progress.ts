import type { WriteStream } from "node:tty";

/** Says what is going on: a line that is written over on a terminal, elsewhere one for each new subject. */
export interface Progress {
  (text: string): void;
  /** Takes the line away before something else is printed. */
  clear(): void;
}

/** `subject: detail`: elsewhere than on a terminal the details of one subject are left out. */
export function progressTo(stream: Pick<WriteStream, "isTTY" | "write">): Progress {
  let subject = "";
  const say = (text: string): void => {
    if (stream.isTTY) {
      stream.write(`\r\u001B[K${text}`);
      return;
    }
    const [now = ""] = text.split(":", 1);
    if (now !== subject) stream.write(`${now}\n`);
    subject = now;
  };
  const clear = (): void => {
    if (stream.isTTY) stream.write("\r\u001B[K");
  };
  return Object.assign(say, { clear });
}
