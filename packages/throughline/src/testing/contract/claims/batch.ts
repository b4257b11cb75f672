import type { SpanContext } from "@opentelemetry/api";
import assert from "node:assert";
import type { Claim } from "../claim.ts";
import type { Received } from "../inbox.ts";
import { above, processing, processingBatch } from "../spans-of.ts";
import type { InboxKind, Stage } from "../stage.ts";
import { barrier, tenant, turn } from "./handling.ts";
import { declined } from "./failure.ts";

/** Three messages of three other services' traces. */
const TEXTS = ["1", "2", "3"] as const;

function createdFor(text: string): SpanContext {
  return { traceId: text.repeat(32), spanId: text.repeat(16), traceFlags: 1 };
}

/** Messages that are handed over together, or held together by the application. */
export const batch: readonly Claim[] = [
  {
    name: "a batch is handled in one span: the root of a trace, linked to each of its messages",
    needs: ["batches"],
    async body(stage) {
      const { spans } = stage;
      await handedOver(stage, (received) => stage.mark(`handled ${textsOf(received)}`));
      expectBatchSpans(stage);
      assert.equal(
        spans.named(processing).length,
        0,
        "a span for a message nobody processed singly",
      );
    },
  },
  {
    name: "each message of a batch is handled in its own trace, with an end and an error of its own",
    needs: ["batches"],
    async body(stage) {
      const { client, spans } = stage;
      const { processMessage } = client.functions;
      await handedOver(stage, async (received) => {
        for (const { message, text } of received) {
          const error = declined();
          const handled = processMessage(message, async () => {
            stage.mark(`handled ${text}`);
            await turn();
            if (text === "2") throw error;
            return text;
          });
          if (text === "2") await assert.rejects(handled, (thrown) => thrown === error);
          else assert.equal(await handled, text);
          assert.ok(above(spans, `handled ${text}`).span.ended, "it did not end with its message");
        }
      });
      for (const text of TEXTS) {
        const own = above(spans, `handled ${text}`).childOf(createdFor(text));
        if (text === "2") own.failed("CardDeclined");
        else own.succeeded();
        const [link, ...more] = own.span.links;
        assert.deepStrictEqual(more, []);
        const around = spans.expectSpan(
          (span) => span.spanContext().spanId === link?.context.spanId,
        );
        assert.ok(processingBatch(around.span), "linked to something else than its batch");
        around.linkedTo(createdFor(text)).succeeded();
      }
    },
  },
  {
    name: "messages of a batch that are handled side by side never see each other's trace",
    needs: ["batches"],
    async body(stage) {
      const { client, spans } = stage;
      await handedOver(stage, async (received) => {
        const all = barrier(received.length, stage.timeoutMs);
        const work = received.map(({ message, text }) =>
          client.functions.processMessage(message, async () => {
            await all();
            stage.mark(`handled ${text} ${tenant()}`);
            await turn();
            stage.mark(`later ${text} ${tenant()}`);
          }),
        );
        await Promise.all(work);
      });
      for (const text of TEXTS) {
        spans.expectSpan(`handled ${text} tenant-${text}`).inTraceOf(createdFor(text));
        spans.expectSpan(`later ${text} tenant-${text}`).inTraceOf(createdFor(text));
      }
    },
  },
  {
    name: "no message's baggage is active for a batch as a whole",
    needs: ["batches"],
    async body(stage) {
      const seen: (string | undefined)[] = [];
      await handedOver(stage, () => void seen.push(tenant()));
      assert.ok(seen.length > 0);
      assert.deepStrictEqual(new Set(seen), new Set([undefined]));
    },
  },
  {
    name: "without spans, each message of a batch is handled in its own context all the same",
    needs: ["batches"],
    async body(stage) {
      const { client, spans } = stage;
      const kind: InboxKind = { by: "batch", options: { spans: "off" } };
      await handedOver(
        stage,
        (received) => {
          for (const { message, text } of received) {
            client.functions.processMessage(message, () =>
              stage.mark(`handled ${text} ${tenant()}`),
            );
          }
        },
        kind,
      );
      for (const text of TEXTS) {
        spans.expectSpan(`handled ${text} tenant-${text}`).childOf(createdFor(text));
      }
      assert.equal(spans.all().length, TEXTS.length, "a span that was not asked for");
    },
  },
  {
    name: "messages that the application holds together are handled in one span, linked to each",
    async body(stage) {
      const { client } = stage;
      const inbox = await stage.inbox();
      const held: Received[] = [];
      const handled = stage.each(inbox, 3, (received) => void held.push(received));
      await sendThree(stage, inbox);
      await handled;
      await stage.spans.ended();
      stage.spans.clear();
      const messages = held.map(({ message }) => message);
      const answer = client.functions.processBatch(messages, () => {
        stage.mark(`handled ${textsOf(held)}`);
        return "written";
      });
      assert.equal(answer, "written");
      expectBatchSpans(stage);
    },
  },
];

/** Runs a batch handler over the three messages, in however many batches they come. */
async function handedOver(
  stage: Stage,
  handler: (received: readonly Received[]) => unknown,
  kind: InboxKind = { by: "batch" },
): Promise<void> {
  const inbox = await stage.inbox(kind);
  const handled = stage.batches(inbox, TEXTS.length, handler);
  await sendThree(stage, inbox);
  await handled;
  await stage.spans.ended();
}

async function sendThree(stage: Stage, inbox: Awaited<ReturnType<Stage["inbox"]>>): Promise<void> {
  const messages = TEXTS.map((text) => {
    const { traceId, spanId } = createdFor(text);
    const headers = stage.headers([
      ["traceparent", `00-${traceId}-${spanId}-01`],
      ["baggage", `tenant=tenant-${text}`],
    ]);
    return stage.message(text, { headers });
  });
  const bare = await stage.connection("bare");
  if (stage.features.sendMany === true) await stage.send(inbox, messages, bare);
  else for (const message of messages) await stage.send(inbox, [message], bare);
}

/** That each batch had one root span around its handler, linked to its messages and no others. */
function expectBatchSpans({ spans }: Stage): void {
  const marks = spans.expectSpans(/^handled /).spans;
  spans.expectSpans(processingBatch, marks.length).root();
  for (const { name } of marks) {
    const texts = name.replace("handled ", "").split(",");
    const around = above(spans, name).with({ "messaging.batch.message_count": texts.length });
    around.linkedTo(...texts.map(createdFor));
    assert.equal(around.span.links.length, texts.length);
  }
  spans.expectNoOrphans();
}

function textsOf(received: readonly Received[]): string {
  return received.map(({ text }) => text).join(",");
}
