import assert from "node:assert";
import type { Claim } from "../claim.ts";
import type { Stage } from "../stage.ts";
import { processing } from "../spans-of.ts";

const ONE = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: 1,
};
const NEAR = { ...ONE, spanId: "00f067aa0ba902b7" };
const FAR = { ...NEAR, traceId: "4bf92f3577b34da6a3ce929d0e0e4736" };

const headerOf = ({ traceId, spanId }: typeof ONE): [string, string] => [
  "traceparent",
  `00-${traceId}-${spanId}-01`,
];

/** What a message may carry that comes from elsewhere. */
export const carried: readonly Claim[] = [
  {
    name: "a context that another service wrote is the parent of its message's process span",
    async body(stage) {
      const { spans } = stage;
      await sentBare(stage, [headerOf(ONE)]);
      spans.expectSpan(processing).childOf(ONE).linkedTo();
      spans.expectSpan("handled").childOf(processing);
    },
  },
  {
    name: "a message without a context is handled in a trace of its own",
    async body(stage) {
      const { spans } = stage;
      await sentBare(stage, []);
      spans.expectSpan(processing).root().linkedTo();
      spans.expectSpan("handled").childOf(processing);
      assert.throws(() => spans.expectNoOrphans());
    },
  },
  {
    name: "a message with a malformed context is handled in a trace of its own",
    async body(stage) {
      const { spans } = stage;
      const malformed = ["garbage", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"];
      if (stage.features.emptyTexts === true) malformed.push("");
      for (const traceparent of malformed) {
        spans.clear();
        await sentBare(stage, [["traceparent", traceparent]]);
        spans.expectSpan(processing).root().linkedTo();
        spans.expectSpan("handled").childOf(processing);
      }
    },
  },
  {
    name: "of several contexts of one trace the last is the parent",
    needs: ["repeatedHeaders"],
    async body(stage) {
      await sentBare(stage, [headerOf(ONE), headerOf(NEAR)]);
      stage.spans.expectSpan(processing).childOf(NEAR).linkedTo();
    },
  },
  {
    name: "several contexts of different traces make a new trace that links to each",
    needs: ["repeatedHeaders"],
    async body(stage) {
      await sentBare(stage, [headerOf(ONE), headerOf(FAR)]);
      stage.spans.expectSpan(processing).root().linkedTo(ONE, FAR);
    },
  },
];

/** A message of the bare client, handled by the traced one. */
async function sentBare(stage: Stage, headers: [string, string][]): Promise<void> {
  const inbox = await stage.inbox();
  const handled = stage.each(inbox, 1, () => stage.mark("handled"));
  const message = stage.message("1", { headers: stage.headers(headers) });
  await stage.send(inbox, [message], await stage.connection("bare"));
  await handled;
  await stage.spans.ended();
}
