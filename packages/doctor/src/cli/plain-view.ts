import type { ViewFacts } from "./live-view.ts";
import { PlainLines } from "./plain.ts";
import type { ShownView } from "./watch.ts";

const LOOK_MS = 200;

/** Lines for a pipe, a log or a terminal that can't be drawn on. */
export function plainView(
  { engine, title, hint }: ViewFacts,
  output: NodeJS.WritableStream,
): ShownView {
  const print = (line: string): void => void output.write(`${line}\n`);
  const lines = new PlainLines(engine, print);
  print(title);
  print(hint);
  const look = (): void => {
    const nowMs = performance.now();
    lines.consider(engine.settled(nowMs), nowMs);
  };
  const timer = setInterval(look, LOOK_MS);
  return {
    notice: print,
    close() {
      clearInterval(timer);
      look();
      lines.end();
    },
  };
}
