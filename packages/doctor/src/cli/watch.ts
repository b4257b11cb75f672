import { Engine } from "../engine/engine.ts";
import type { Shares } from "../engine/tally.ts";
import type { WindowLimits } from "../engine/window.ts";
import { pointHere } from "../report/words.ts";
import { startOtlpReceiver } from "../sources/otlp/receiver.ts";
import { liveView } from "./live-view.ts";
import { plainView } from "./plain-view.ts";

export interface WatchOptions {
  /** Where OTLP is received. Default 4318; 0 takes a free one. */
  readonly port?: number;
  readonly window?: Partial<WindowLimits>;
  /** What is watched, for the title. Default "throughline watch". */
  readonly title?: string;
  /** What to say while there is nothing to show. Default: how to send spans here. */
  readonly hint?: string;
  /** Default process.stdout: live where it is a terminal, a line for each trace where it is none. */
  readonly output?: Output;
  /** NO_COLOR, TERM and the locale are read from it. Default process.env. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What a view is written to; process.stdout is one. */
export interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** A receiver with the view of what it gets. */
export interface Watch {
  /** What OTEL_EXPORTER_OTLP_ENDPOINT is to be set to. */
  readonly endpoint: string;
  /** Begins to show what has come. */
  show(): void;
  /** Tells the reader something besides; lines are separated by newlines. */
  notice(text: string): void;
  /** Messages by what became of their trace, as far as the window reaches. */
  messages(): Shares;
  /** Ends the view, with the share of whole messages as its last line, and then the receiver. */
  stop(): Promise<void>;
}

/** What a view does with the engine's knowledge. */
export interface ShownView {
  notice(text: string): void;
  close(): void;
}

/**
 * Receives spans and shows which messages keep their trace: a live picture in a terminal, lines
 * elsewhere.
 *
 * @throws Error where the port is taken.
 */
export async function startWatch(options: WatchOptions = {}): Promise<Watch> {
  const { output = process.stdout, env = process.env, port = 4318 } = options;
  const engine = new Engine(options.window);
  const receiver = await startOtlpReceiver({
    port,
    onSpans: (spans) => engine.add(spans, performance.now()),
  });
  const title = options.title ?? "throughline watch";
  const live = output.isTTY === true && env["TERM"] !== "dumb";
  let view: ShownView | undefined;
  const early: string[] = [];
  return {
    endpoint: receiver.endpoint,
    show() {
      const { hint = pointHere(receiver.endpoint) } = options;
      const facts = { engine, title, endpoint: receiver.endpoint, hint };
      view ??= live ? liveView(facts, output, env) : plainView(facts, output);
      for (const text of early.splice(0)) view.notice(text);
    },
    notice: (text) => (view === undefined ? void early.push(text) : view.notice(text)),
    messages: () => engine.snapshot().messages,
    async stop() {
      await receiver.stop();
      view?.close();
      view = undefined;
    },
  };
}
