// One client's sends or its processing, in a process of its own: clients/run.ts starts it.
import { answer, taskGiven, tell } from "../child.ts";
import { type Effort, measure } from "../measure.ts";
import { registerStock } from "../telemetry.ts";
import { type ClientSection, variantsOf } from "./sections.ts";

const { section, effort } = taskGiven() as { section: ClientSection; effort: Effort };
registerStock();
const variants = await variantsOf(section.client, section.what);
answer(await measure(variants, effort, (round) => tell(`round ${round}`)));
