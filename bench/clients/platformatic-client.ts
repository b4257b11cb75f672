import type { TracingChannel } from "node:diagnostics_channel";
import * as client from "@platformatic/kafka";

// What the client exports and its types leave out.
const exported = client as unknown as {
  kOptions: symbol;
  createDiagnosticContext(context: object): object;
  producerSendsChannel: TracingChannel;
};

export const { createDiagnosticContext, kOptions, producerSendsChannel } = exported;
