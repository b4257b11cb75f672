// The same, with Throughline, which reads headers of any shape.
import { processMessage } from "throughline";
import { close, orders, placeOrders, work } from "../shop.ts";
import { stream } from "./stream.ts";

await placeOrders();
for await (const message of stream(3)) {
  await processMessage(message, async () => work("charge card"), {
    system: "kafka",
    destination: orders,
  });
}
await close();
