// One section of the report, in a process of its own: report/run.ts starts it.
import { answer, taskGiven, tell } from "../child.ts";
import { type Effort, measure } from "../measure.ts";
import { registerStock } from "../telemetry.ts";
import { eachBatchWays } from "../ways/each-batch.ts";
import { eachMessageWays } from "../ways/each-message.ts";
import { consumingFrom, type Stock } from "./consume.ts";

const { section, effort, stock } = taskGiven() as {
  section: "eachMessage" | "eachBatch";
  effort: Effort;
  stock: Stock;
};
registerStock();
const ways = section === "eachMessage" ? eachMessageWays : eachBatchWays;
const variants = ways.map((way) => consumingFrom(stock, way));
const samples = await measure(variants, effort, (round, id) => tell(`round ${round}, ${id}`));
answer({ samples, spans: Object.fromEntries(variants.map(({ id, spans }) => [id, spans()])) });
