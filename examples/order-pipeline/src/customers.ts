import { randomUUID } from "node:crypto";
import { DECLINED_CARD, type Order } from "./orders.ts";

// Places orders at checkout, so many a second, until it is stopped. No service, and not traced.

const [url, perSecond = "2"] = process.argv.slice(2);
const everyMs = 1000 / Number(perSecond);
if (url === undefined || !(everyMs > 0)) {
  console.error("usage: customers.ts <url of checkout's orders> [orders per second]");
  process.exit(2);
}

const ITEMS = ["kettle", "lamp", "rope", "teapot", "umbrella"];
/** One order in so many is paid by a card that the bank declines. */
const DECLINED_EVERY = 4;

let placed = 0;

async function placeOrder(checkout: string): Promise<void> {
  placed += 1;
  const order: Order = {
    id: `order-${randomUUID().slice(0, 8)}`,
    item: ITEMS[placed % ITEMS.length] ?? "kettle",
    cents: 500 + Math.floor(Math.random() * 9500),
    card: placed % DECLINED_EVERY === 0 ? DECLINED_CARD : "4242",
  };
  const response = await fetch(checkout, { method: "POST", body: JSON.stringify(order) });
  if (!response.ok) console.error(`checkout answered ${response.status} ${await response.text()}`);
}

setInterval(() => {
  placeOrder(url).catch((error: unknown) => console.error(`no order placed: ${String(error)}`));
}, everyMs);
process.once("disconnect", () => process.exit(0));
process.send?.({ ready: true });
