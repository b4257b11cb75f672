import { collectSpans, type SpanCollector } from "../spans/collect.ts";
import type { Claim } from "./claim.ts";
import { claims } from "./claims.ts";
import type { ContractClient } from "./client.ts";
import { checkFeatures, type Features } from "./features.ts";
import { type InboxKind, Shared, Stage } from "./stage.ts";

/** The runner's `test`: node:test's, vitest's, jest's. */
export interface RunTest {
  (name: string, body: () => Promise<void>): unknown;
  /** Registers a test that is not run. */
  skip?(name: string, body: () => Promise<void>): unknown;
}

/** What the suite needs besides the client. */
export interface ContractOptions {
  /**
   * Registers an SDK as the api's globals: a tracer provider with this sampler and processor, an
   * AsyncLocalStorage context manager, and a propagator for trace context and baggage as W3C has them.
   */
  readonly tracing: (options: {
    sampler: "always_on" | "always_off";
    processors: SpanCollector[];
  }) => {
    /** Takes it out of the globals again. */
    shutdown(): Promise<void>;
  };
  /** The runner's hook for when all tests of the file are done: `after`, `afterAll`. */
  readonly after: (close: () => Promise<void>) => unknown;
  /**
   * Registers a skip. Default: `test.skip`, with the reason in the name; without that, a line on
   * the console.
   */
  readonly skip?: (name: string, reason: string) => unknown;
  /** How long to wait for messages that were sent. Default 30,000. */
  readonly timeoutMs?: number;
}

/**
 * Registers a test for each claim that a client's adapter has to keep. Claims about what the client
 * declares absent are skipped, and say why. They run one at a time, in whichever way the runner
 * calls them: the SDK is a global.
 *
 * @param test the runner's.
 * @param client how to speak with the client, traced and bare.
 * @param features what it has.
 * @throws {TypeError} for a feature that is not declared, or that the client's literal can't show.
 * @example
 * ```ts
 * import assert from "node:assert";
 * import { contractSuite, type ContractClient, type Features } from "throughline/testing";
 *
 * const unready = {} as ContractClient;
 * const features = { sendMany: true, batches: "" } as Features;
 * const options = { tracing: () => ({ shutdown: async () => {} }), after: () => {} };
 * assert.throws(
 *   () => contractSuite(() => {}, unready, features, options),
 *   /feature batches takes true, or the reason why it is absent/,
 * );
 * ```
 */
export function contractSuite(
  test: RunTest,
  client: ContractClient,
  features: Features,
  options: ContractOptions,
): void {
  checkFeatures(features);
  if (features.refusals === true && client.refused === undefined) {
    throw new TypeError(`contractSuite: ${client.name} declares refusals, and has no refused()`);
  }
  const { timeoutMs = 30_000, skip = skipBy(test) } = options;
  const shared = new Shared(client, features, timeoutMs);
  let before: Promise<void> | undefined;
  claims.forEach((claim, at) => {
    const name = `${client.name}: ${claim.name}`;
    const lacking = claim.needs?.map((feature) => features[feature]).find((has) => has !== true);
    if (typeof lacking === "string") {
      skip(name, lacking);
      return;
    }
    test(name, () => {
      before ??= prepare(shared);
      // A claim that failed is told as such to its own test.
      const run = before.then(() => runClaim(claim, shared, `claim${at}`, options));
      before = run.catch(() => {});
      return run;
    });
  });
  options.after(() => shared.close());
}

/** A group takes seconds to join with some brokers: those that most claims need are joined at once. */
function prepare(shared: Shared): Promise<void> {
  const kinds: InboxKind[] = [
    {},
    { options: "bare" },
    { name: "next" },
    { name: "letters" },
    { options: { spans: "off" } },
    { options: { relation: "parent" } },
    { options: { relation: "link" } },
    { options: { relation: "both" } },
  ];
  const batches: InboxKind[] = [{ by: "batch" }, { by: "batch", options: { spans: "off" } }];
  return shared.prepare(shared.features.batches === true ? [...kinds, ...batches] : kinds);
}

async function runClaim(
  claim: Claim,
  shared: Shared,
  id: string,
  { tracing }: ContractOptions,
): Promise<void> {
  const { sdk = "sampling" } = claim;
  const spans = collectSpans();
  const sampler = sdk === "sampling" ? "always_on" : "always_off";
  const registered = sdk === "none" ? undefined : tracing({ sampler, processors: [spans] });
  try {
    await claim.body(new Stage(shared, spans, id));
  } finally {
    await registered?.shutdown();
  }
}

function skipBy(test: RunTest): NonNullable<ContractOptions["skip"]> {
  if (test.skip === undefined) {
    return (name, reason) => console.log(`skipped: ${name}: ${reason}`);
  }
  const { skip } = test;
  return (name, reason) => skip(`${name} (absent: ${reason})`, async () => {});
}
