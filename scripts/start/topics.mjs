// node scripts/start/topics.mjs <brokers> <partitions by topic, as JSON>
import { createTopics } from "../../services/topics.ts";

try {
  await createTopics(process.argv[2], JSON.parse(process.argv[3]));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
process.disconnect?.();
