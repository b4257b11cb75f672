/** What a customer asks for. */
export interface Order {
  readonly id: string;
  readonly item: string;
  readonly cents: number;
  /** A card that ends so is declined, every time. */
  readonly card: string;
}

/** Stands before topics and groups on a Kafka that others use as well. */
export const { NAME_PREFIX = "" } = process.env;

/** Every service's topics: an order as it was placed, and one that could not be paid. */
export const ORDERS = `${NAME_PREFIX}orders`;
export const DEAD_LETTERS = `${NAME_PREFIX}orders.dlq`;

/** A card that the bank declines. */
export const DECLINED_CARD = "0002";

/** The order in a message's value. */
export function orderIn(value: Buffer | null): Order {
  return JSON.parse(String(value)) as Order;
}
