/** What a customer asks for. */
export interface Order {
  readonly id: string;
  readonly item: string;
  readonly cents: number;
  /** A card that ends so is declined, every time. */
  readonly card: string;
}

/** Every service's topics: an order as it was placed, and one that could not be paid. */
export const ORDERS = "orders";
export const DEAD_LETTERS = "orders.dlq";

/** A card that the bank declines. */
export const DECLINED_CARD = "0002";

/** The order in a message's value. */
export function orderIn(value: Buffer | null): Order {
  return JSON.parse(String(value)) as Order;
}
