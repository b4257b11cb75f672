import type { Claim } from "../claim.ts";
import { creating, processing } from "../spans-of.ts";
import type { Stage } from "../stage.ts";

/** How a process span relates to its message's creation context. */
export const relation: readonly Claim[] = [
  {
    name: "with relation parent a process span continues its message's trace",
    async body(stage) {
      await sentAndHandled(stage, "parent");
      stage.spans.expectSpan(processing).childOf(creating).linkedTo();
      stage.spans.expectOneTrace();
    },
  },
  {
    name: "with relation link a process span starts a trace that links to its message's",
    async body(stage) {
      await sentAndHandled(stage, "link");
      stage.spans.expectSpan(processing).root().notInTraceOf("sender").linkedTo(creating);
    },
  },
  {
    name: "with relation both a process span continues its message's trace and links to it",
    async body(stage) {
      await sentAndHandled(stage, "both");
      stage.spans.expectSpan(processing).childOf(creating).linkedTo(creating);
    },
  },
];

async function sentAndHandled(stage: Stage, chosen: "parent" | "link" | "both"): Promise<void> {
  const inbox = await stage.inbox({ options: { relation: chosen } });
  const handled = stage.each(inbox, 1, () => stage.mark("handled"));
  await stage.within("sender", () => stage.send(inbox, [stage.message("1")]));
  await handled;
  await stage.spans.ended();
  stage.spans.expectSpan("handled").childOf(processing);
}
