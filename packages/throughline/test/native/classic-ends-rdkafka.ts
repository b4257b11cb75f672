import { traced } from "throughline/rdkafka";
import type { Classic } from "./classic-clients.ts";
import { endOf } from "./classic-ends.ts";
import { nativeClient } from "./client.ts";

const client = nativeClient<Classic>("node-rdkafka");
if ("built" in client) await endOf(client.built, traced as never);
