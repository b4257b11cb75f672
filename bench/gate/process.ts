// One section of the gate, in a process of its own: gate/run.ts starts it.
import { answer, taskGiven, tell } from "../child.ts";
import { type Effort, measure } from "../measure.ts";
import { registerStock } from "../telemetry.ts";
import { sections } from "./sections.ts";

const { section, effort } = taskGiven() as { section: string; effort: Effort };
registerStock();
const variants = await sections[section]?.();
if (variants === undefined) throw new Error(`The gate has no section ${section}.`);
answer(await measure(variants, effort, (round) => tell(`round ${round}`)));
