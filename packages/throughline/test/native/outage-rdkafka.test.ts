import { traced } from "throughline/rdkafka";
import type { Classic } from "./classic-clients.ts";
import { classicFlow } from "./classic-flow.ts";
import { nativeClient } from "./client.ts";
import { outageTests, type Wrap } from "../kafka-outage.ts";

const client = nativeClient<Classic>("node-rdkafka");
const reason = "reason" in client ? client.reason : undefined;

outageTests(
  {
    "node-rdkafka": (...args) => {
      if (!("built" in client)) throw new Error(reason);
      return classicFlow(client.built)(...args);
    },
  },
  traced as Wrap,
  { reason, signal: "SIGKILL" },
);
