// Fills the report's topics, in a process of its own: report/run.ts starts it.
import { answer, taskGiven, tell } from "../child.ts";
import type { Stock } from "./consume.ts";
import { produce } from "./produce.ts";

await produce(taskGiven() as Stock, tell);
answer("produced");
