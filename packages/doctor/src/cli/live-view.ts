import type { Engine } from "../engine/engine.ts";
import { Featured } from "./featured.ts";
import { frame } from "./terminal/frame.ts";
import { glyphsFor } from "./terminal/glyphs.ts";
import { Screen } from "./terminal/screen.ts";
import type { Output, ShownView } from "./watch.ts";

/** Five pictures a second. */
const REDRAW_MS = 200;
/** The notices that are shown, the last ones. */
const MOST_NOTICES = 3;

export interface ViewFacts {
  readonly engine: Engine;
  readonly title: string;
  /** Where spans are received. */
  readonly endpoint: string;
  /** Shown while there is nothing else to show. */
  readonly hint: string;
}

/** The live picture in a terminal. NO_COLOR, if set to anything, takes its colours away. */
export function liveView(
  { engine, title, endpoint, hint }: ViewFacts,
  output: Output,
  env: Readonly<Record<string, string | undefined>>,
): ShownView {
  const glyphs = glyphsFor(env);
  const screen = new Screen(output, { colour: !env["NO_COLOR"], ellipsis: glyphs.ellipsis });
  const featured = new Featured(engine);
  const notices: string[] = [];

  const draw = (): void => {
    const nowMs = performance.now();
    featured.consider(engine.settled(nowMs));
    const view = {
      title,
      aside: `spans to ${endpoint}`,
      snapshot: engine.snapshot(),
      featuring: featured.at(nowMs),
      notices: notices.slice(-MOST_NOTICES),
      hint,
    };
    screen.draw(frame(view, screen.size, glyphs));
  };
  draw();
  const timer = setInterval(draw, REDRAW_MS);
  output.on("resize", draw);
  return {
    notice: (text) => void notices.push(text),
    close() {
      clearInterval(timer);
      output.off("resize", draw);
      draw();
      screen.close();
    },
  };
}
