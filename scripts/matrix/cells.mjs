// The versions that the runtime library is held to: each Node with each line of OpenTelemetry's
// SDK that supports it. SDK 3 needs Node 22.15, so Node 20 has one cell.

const sdk2 = {
  line: "2",
  packages: {
    "@opentelemetry/api": "1.9.1",
    "@opentelemetry/sdk-trace-base": "2.12.0",
    "@opentelemetry/sdk-metrics": "2.12.0",
    "@opentelemetry/context-async-hooks": "2.12.0",
    "@opentelemetry/core": "2.12.0",
    "@opentelemetry/propagator-b3": "2.12.0",
    "@opentelemetry/propagator-jaeger": "2.12.0",
  },
};

const sdk3 = {
  line: "3",
  packages: {
    "@opentelemetry/api": "1.10.0",
    "@opentelemetry/sdk-trace": "3.1.1",
    "@opentelemetry/sdk-metrics": "3.1.1",
    "@opentelemetry/context-async-hooks": "3.1.1",
    "@opentelemetry/core": "3.1.1",
    "@opentelemetry/propagator-b3": "3.1.0",
    // The 3.x line has none; the 2.x one works on the api alone.
    "@opentelemetry/propagator-jaeger": "2.12.0",
  },
};

export const cells = [
  { node: "20.20.2", sdk: sdk2 },
  { node: "22.23.3", sdk: sdk2 },
  { node: "22.23.3", sdk: sdk3 },
  { node: "24.21.0", sdk: sdk2 },
  { node: "24.21.0", sdk: sdk3 },
];

export function nameOf({ node, sdk }) {
  return `node${node.split(".")[0]}-sdk${sdk.line}`;
}
