// Failing tracing: whatever of OpenTelemetry or of the application's own callbacks throws, rejects
// or never settles, the host's messages go on, and it is logged once and counted. Rule 8.
import {
  context,
  type ContextManager,
  createNoopMeter,
  diag,
  type DiagLogger,
  type Meter,
  type MeterProvider,
  ROOT_CONTEXT,
  type TextMapPropagator,
  type Tracer,
  type TracerProvider,
} from "@opentelemetry/api";
import type { Sampler, SpanProcessor } from "@opentelemetry/sdk-trace-base";
import assert from "node:assert/strict";
import { test } from "node:test";
import { processMessage } from "throughline";
import type { Options } from "throughline/kafkajs";
import { exercise } from "./faults-exercise.ts";
import { tracing, type TracingOptions } from "./sdk.ts";

const sdk = await import("@opentelemetry/sdk-trace-base").catch(
  () => import("@opentelemetry/sdk-trace"),
);

/** How a function of the application's may fail. */
const ways: Readonly<Record<string, () => never>> = {
  throws: () => {
    throw new Error("tracing's own");
  },
  rejects: () => Promise.reject(new Error("tracing's own")) as never,
  "never settles": () => new Promise(() => {}) as never,
};
type Fail = () => never;

interface Setup {
  sdk?: TracingOptions;
  options?: Options;
  manager?: ContextManager;
}

const logged: string[] = [];
const quiet = (): void => {};
const logger: DiagLogger = {
  error: (text) => void logged.push(text),
  warn: quiet,
  info: quiet,
  debug: quiet,
  verbose: quiet,
};

async function faults(observed: ReturnType<typeof tracing>): Promise<Record<string, number>> {
  // Whatever provider a test chose, the faults are read off the global one.
  processMessage({}, () => {}, { system: "nats", destination: "other" });
  const points = (await observed.metrics()).get("throughline.faults")?.points ?? [];
  return Object.fromEntries(points.map(({ attributes, value }) => [attributes["step"], value]));
}

/** Exercises the host over a broken part; gives the steps that were counted as failed meanwhile. */
async function over({ sdk = {}, options = {}, manager }: Setup): Promise<string[]> {
  const observed = tracing({ ...sdk, contextManager: manager === undefined });
  try {
    const before = await faults(observed);
    if (manager !== undefined) context.setGlobalContextManager(manager);
    await exercise(options);
    // A rejection that nobody handles fails the test that is under way.
    await new Promise((resolve) => setImmediate(resolve));
    const after = await faults(observed);
    return Object.keys(after).filter((step) => after[step] !== before[step]);
  } finally {
    await observed.shutdown();
  }
}

// First, while nothing has been logged yet: each of these steps fails for the first time.
for (const [how, option] of [
  ["throws", "onEnd"],
  ["rejects", "relation"],
  ["never settles", "ignore"],
] as const) {
  test(`a diag logger that ${how}`, async () => {
    const fail = ways[how] as Fail;
    diag.disable();
    diag.setLogger({ error: fail, warn: fail, info: fail, debug: fail, verbose: fail });
    try {
      assert.deepEqual(await over({ options: { [option]: ways["throws"] as Fail } }), [option]);
    } finally {
      diag.disable();
      diag.setLogger(logger);
    }
  });
}

/** The application's own callbacks: each step counted however it fails. */
const callbacks = {
  attributes: "attributes",
  onEnd: "onEnd",
  relation: "relation",
  destinationTemplate: "attributes",
  ignore: "ignore",
} as const;
for (const [option, step] of Object.entries(callbacks)) {
  for (const [how, fail] of Object.entries(ways)) {
    // Whether a promise that never settles is a failure can only be told where a value is needed.
    const counted = how === "never settles" && (option === "attributes" || option === "onEnd");
    test(`${option}() that ${how}`, async () => {
      assert.deepEqual(await over({ options: { [option]: fail } }), counted ? [] : [step]);
    });
  }
}

const propagator = (parts: Partial<TextMapPropagator>): TextMapPropagator => ({
  fields: () => ["x-trace"],
  inject: quiet,
  extract: (context) => context,
  ...parts,
});
const meter = (parts: Partial<Meter>): MeterProvider => ({
  getMeter: () => Object.assign(Object.create(createNoopMeter()) as Meter, parts),
});
const tracer = (startSpan: Fail): TracerProvider => ({
  getTracer: () => ({ startSpan, startActiveSpan: startSpan }) as Tracer,
});
const histogram = (record: Fail) => () => ({ record });
const manager = (parts: Partial<ContextManager>): ContextManager => {
  const made: ContextManager = {
    active: () => ROOT_CONTEXT,
    with: (_context, call, self, ...args) => call.apply(self, args),
    bind: (_context, target) => target,
    enable: () => made,
    disable: () => made,
    ...parts,
  };
  return made;
};

/** The parts of OpenTelemetry that we call ourselves, with the step that fails however they do. */
const parts: Record<string, { step: string; set: (fail: Fail) => Setup; settles?: true }> = {
  "propagator's inject": {
    step: "inject",
    set: (inject) => ({ sdk: { propagator: propagator({ inject }) } }),
    settles: true,
  },
  "propagator's extract": {
    step: "extract",
    set: (extract) => ({ sdk: { propagator: propagator({ extract }) } }),
  },
  "propagator's fields": {
    step: "extract",
    set: (fields) => ({ sdk: { propagator: propagator({ fields }) } }),
  },
  "propagator of a client's own": {
    step: "extract",
    set: (extract) => ({ options: { propagator: propagator({ extract }) } }),
  },
  tracer: { step: "start span", set: (fail) => ({ options: { tracerProvider: tracer(fail) } }) },
  "tracer provider": {
    step: "start span",
    set: (getTracer) => ({ options: { tracerProvider: { getTracer } } }),
  },
  "meter provider": {
    step: "metrics",
    set: (getMeter) => ({ options: { meterProvider: { getMeter } } }),
  },
  meter: {
    step: "metrics",
    set: (createHistogram) => ({ options: { meterProvider: meter({ createHistogram }) } }),
  },
  histogram: {
    step: "metrics",
    set: (fail) => ({ options: { meterProvider: meter({ createHistogram: histogram(fail) }) } }),
    settles: true,
  },
  "context manager's active": {
    step: "activate",
    set: (active) => ({ manager: manager({ active }) }),
  },
  "context manager's with": {
    step: "activate",
    set: (fail) => ({ manager: manager({ with: fail }) }),
  },
};
for (const [name, { step, set, settles }] of Object.entries(parts)) {
  for (const [how, fail] of Object.entries(ways)) {
    test(`a ${name} that ${how}`, async () => {
      const unseen = how === "never settles" && settles === true;
      const seen = await over(set(fail));
      if (unseen) assert.deepEqual(seen, []);
      else assert.ok(seen.includes(step), `${step} is not among ${seen.join(", ")}`);
    });
  }
}

/** What the SDK calls, not we: a promise is its to look after, a throw comes through to us. */
const processor = (parts: Partial<SpanProcessor>): Setup => ({
  sdk: {
    processors: [
      {
        onStart: quiet,
        onEnd: quiet,
        forceFlush: async () => {},
        shutdown: async () => {},
        ...parts,
      },
    ],
  },
});
const beneath: Record<string, { step: string | undefined; set: (fail: Fail) => Setup }> = {
  sampler: {
    step: "start span",
    set: (shouldSample) => ({ sdk: { sampler: { shouldSample } satisfies Sampler } }),
  },
  "span processor's onStart": { step: "start span", set: (onStart) => processor({ onStart }) },
  "span processor's onEnd": { step: "end span", set: (onEnd) => processor({ onEnd }) },
  exporter: {
    step: undefined,
    set(fail) {
      const exporter = { export: fail, shutdown: async () => {} };
      // One line of the SDK takes the exporter, the other an object with it.
      const either = Object.assign(exporter, { exporter }) as never;
      return { sdk: { processors: [new sdk.SimpleSpanProcessor(either)] } };
    },
  },
};
for (const [name, { step, set }] of Object.entries(beneath)) {
  test(`a ${name} that throws`, async () => {
    assert.deepEqual(await over(set(ways["throws"] as Fail)), step === undefined ? [] : [step]);
  });
}
for (const [name, { set }] of Object.entries(beneath)) {
  test(`a ${name} that never settles`, async () => {
    assert.deepEqual(await over(set(ways["never settles"] as Fail)), []);
  });
}

type With = ContextManager["with"];
const withs: Record<string, With> = {
  "never makes the call": (() => undefined) as never,
  "makes the call twice": (_context, call, self, ...args) => {
    call.apply(self, args);
    return call.apply(self, args);
  },
  "makes the call too late": ((_context, call, self, ...args) => {
    queueMicrotask(() => call.apply(self, args));
  }) as With,
  "makes the call and throws": (_context, call, self, ...args) => {
    call.apply(self, args);
    throw new Error("tracing's own");
  },
};
for (const [name, made] of Object.entries(withs)) {
  test(`a context manager that ${name}: the handler is called once`, async () => {
    await over({ manager: manager({ with: made }) });
  });
}

test("each step that failed was logged once, by its name", () => {
  const steps = logged.flatMap((text) => /^throughline: (.*) failed;/.exec(text)?.[1] ?? []);
  assert.deepEqual(steps.sort(), [
    "activate",
    "attributes",
    "end span",
    "extract",
    "inject",
    "metrics",
    "start span",
  ]);
});
