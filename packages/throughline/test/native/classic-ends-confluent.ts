import { traced } from "throughline/confluent";
import type { Classic } from "./classic-clients.ts";
import { endOf } from "./classic-ends.ts";
import { nativeClient } from "./client.ts";

const client = nativeClient<Classic>("@confluentinc/kafka-javascript");
if ("built" in client) await endOf(client.built, traced as never);
