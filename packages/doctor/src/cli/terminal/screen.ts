import type { Output } from "../watch.ts";
import { type Ink, type Line, written } from "./line.ts";

const ENTER = "\u001B[?1049h\u001B[?25l"; // the other screen, without a cursor
const LEAVE = "\u001B[?25h\u001B[?1049l";
const HOME = "\u001B[H";
const REST_OF_LINE = "\u001B[K";
const REST_OF_SCREEN = "\u001B[J";

/**
 * The terminal's other screen, drawn over and over; what was in the terminal before is there again
 * afterwards, with the last picture below it.
 */
export class Screen {
  private readonly output: Output;
  private readonly ink: Ink;
  private shown = "";
  private blocked = false;
  private lines: readonly Line[] = [];

  constructor(output: Output, ink: Ink) {
    this.output = output;
    this.ink = ink;
    output.on("drain", () => (this.blocked = false));
    output.write(ENTER);
  }

  get size(): { columns: number; rows: number } {
    return { columns: this.output.columns || 80, rows: this.output.rows || 24 };
  }

  /** Draws, unless that is what is there, or the terminal has not taken the last picture yet. */
  draw(lines: readonly Line[]): void {
    this.lines = lines;
    const text = this.text();
    if (text === this.shown || this.blocked) return;
    this.shown = text;
    // Each line is erased before it is written: after its last column was, erasing takes that too.
    const picture = text.split("\n").map((line) => REST_OF_LINE + line);
    const rest = picture.length < this.size.rows ? `\r\n${REST_OF_SCREEN}` : "";
    this.blocked = !this.output.write(HOME + picture.join("\r\n") + rest);
  }

  close(): void {
    const text = this.text();
    this.output.write(`${LEAVE}${text}${text === "" ? "" : "\n"}`);
  }

  private text(): string {
    const { columns } = this.size;
    return this.lines.map((line) => written(line, columns, this.ink)).join("\n");
  }
}
