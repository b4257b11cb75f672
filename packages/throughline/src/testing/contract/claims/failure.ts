import assert from "node:assert";
import type { Claim } from "../claim.ts";
import type { Stage } from "../stage.ts";
import { creating, processing } from "../spans-of.ts";

/** What becomes of a handler's error. */
export const failure: readonly Claim[] = [
  {
    name: "a handler that rejects makes its process span an error",
    needs: ["handlerErrors"],
    body: (stage) => failOnce(stage, () => Promise.reject(declined())),
  },
  {
    name: "a handler that throws synchronously makes its process span an error",
    needs: ["handlerErrors"],
    body: (stage) =>
      failOnce(stage, () => {
        throw declined();
      }),
  },
  {
    name: "a message that failed is handled again in a span beside the first",
    needs: ["redelivery"],
    async body(stage) {
      const { spans } = stage;
      const inbox = await stage.inbox();
      let failed = false;
      const handled = stage.each(inbox, 2, async () => {
        if (failed) return;
        failed = true;
        throw declined();
      });
      await stage.within("sender", () => stage.send(inbox, [stage.message("1")]));
      await handled;
      await spans.ended();
      const attempts = spans.expectSpans(processing, 2).childOf(creating);
      assert.deepStrictEqual(
        attempts.spans.map(({ status }) => status.code),
        [2, 0],
      );
    },
  },
  {
    name: "a handler's error reaches the client as the very object that was thrown",
    needs: ["errorReports"],
    async body(stage) {
      const error = declined();
      const reported = await Promise.all([
        reportOf(error, stage, "bare"),
        reportOf(error, stage, {}),
      ]);
      assert.ok(reported[0] === error, "the bare client reports another object");
      assert.ok(reported[1] === error, "the traced client reports another object");
    },
  },
];

/** What a client reports of a handler that throws this. */
async function reportOf(error: Error, stage: Stage, options: "bare" | object): Promise<unknown> {
  const connection = await stage.connection(options);
  const destination = await connection.destination();
  let thrown = false;
  let report: ((error: unknown) => void) | undefined;
  const reported = new Promise<unknown>((resolve) => (report = resolve));
  await connection.consume(destination, {
    lanes: 1,
    failed: (of) => report?.(of),
    each: async () => {
      if (thrown) return;
      thrown = true;
      throw error;
    },
  });
  await connection.send(destination, [stage.message("1")]);
  return stage.soon(reported, "report of the handler's error");
}

async function failOnce(stage: Stage, fail: () => unknown): Promise<void> {
  const { spans } = stage;
  const inbox = await stage.inbox();
  let failed = false;
  const handled = stage.each(inbox, stage.features.redelivery === true ? 2 : 1, () => {
    if (failed) return undefined;
    failed = true;
    return fail();
  });
  await stage.send(inbox, [stage.message("1")]);
  await handled;
  await spans.ended();
  const [first] = spans.expectSpans(processing).spans;
  const span = spans.expectSpan((each) => each === first).failed("CardDeclined").span;
  assert.equal(span.status.message, "no funds");
  assert.ok(span.events.some(({ name }) => name === "exception"));
}

/** An error as an application has it. */
export function declined(): Error {
  return Object.assign(new Error("no funds"), { name: "CardDeclined" });
}
