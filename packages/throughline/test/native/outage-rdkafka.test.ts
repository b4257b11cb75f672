import { traced } from "throughline/rdkafka";
import type { Classic } from "./classic-clients.ts";
import { classicFlow } from "./classic-flow.ts";
import { brokers, nativeClient, noKafka } from "./client.ts";
import { outageTests, type Wrap } from "./outage.ts";

const client = nativeClient<Classic>("node-rdkafka");
const reason = "reason" in client ? client.reason : brokers === undefined ? noKafka : undefined;

outageTests(
  {
    "node-rdkafka": (...args) => {
      if (!("built" in client)) throw new Error(reason);
      return classicFlow(client.built)(...args);
    },
  },
  traced as Wrap,
  reason,
);
