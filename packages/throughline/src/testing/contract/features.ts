/** True where the client has it; else the reason why it has not, which is printed with each skip. */
export type Feature = true | string;

/** What a client has, of what not all have. Each is declared: nothing is skipped by silence. */
export interface Features {
  /** Sends several messages in one call. */
  sendMany: Feature;
  /** Hands several messages to one call of a handler. */
  batches: Feature;
  /** Runs handlers of one consumer side by side. */
  concurrency: Feature;
  /** Looks at what a handler gives: a rejection is a failure to it. */
  handlerErrors: Feature;
  /** Has a loop of its own that calls handlers; else it is the application's. */
  loop: Feature;
  /** Delivers a message again whose handler failed. */
  redelivery: Feature;
  /** Reports a handler's error as an object, which can be compared with the one thrown. */
  errorReports: Feature;
  /** Tells which messages are settled. */
  settlement: Feature;
  /** The application settles each message itself, whenever it likes. */
  ownSettlement: Feature;
  /** The application refuses a message: for good, or to have it again. */
  refusing: Feature;
  /** A message that is not settled in time comes again. */
  settlementTimeouts: Feature;
  /** Gives a message when asked for one, to no handler. */
  pulling: Feature;
  /** Sends a consumed message on with all that it brought: its properties, its options. */
  sendingOn: Feature;
  /** The broker itself dead-letters what is refused. */
  brokerDeadLetters: Feature;
  /** Some method promises the client itself (to be chained): the traced one, where it is traced. */
  promisesOfItself: Feature;
  /** The subpath has withRetries. */
  retries: Feature;
  /** A header may be repeated. */
  repeatedHeaders: Feature;
  /** A consumed header may have a name and no value. */
  emptyHeaders: Feature;
  /** A header may hold an empty text. */
  emptyTexts: Feature;
  /** A message may have no body at all. */
  tombstones: Feature;
  /** The bare client sends frozen messages. */
  frozenMessages: Feature;
  compression: Feature;
  transactions: Feature;
  /** Some message is refused by the client before it is sent. */
  refusals: Feature;
  /** A send can be made to fail after the client took it on. */
  failedSends: Feature;
}

export type FeatureName = keyof Features;

const NAMES: Readonly<Record<FeatureName, true>> = {
  sendMany: true,
  batches: true,
  concurrency: true,
  handlerErrors: true,
  loop: true,
  redelivery: true,
  errorReports: true,
  settlement: true,
  ownSettlement: true,
  refusing: true,
  settlementTimeouts: true,
  pulling: true,
  sendingOn: true,
  brokerDeadLetters: true,
  promisesOfItself: true,
  retries: true,
  repeatedHeaders: true,
  emptyHeaders: true,
  emptyTexts: true,
  tombstones: true,
  frozenMessages: true,
  compression: true,
  transactions: true,
  refusals: true,
  failedSends: true,
};

/** @throws {TypeError} where a feature is not declared, or is absent without a reason. */
export function checkFeatures(features: Features): void {
  for (const name of Object.keys(NAMES) as FeatureName[]) {
    const declared: unknown = features[name];
    if (declared === true || (typeof declared === "string" && declared.trim() !== "")) continue;
    throw new TypeError(
      `contractSuite: feature ${name} takes true, or the reason why it is absent, got ${String(declared) || "an empty text"}`,
    );
  }
}
