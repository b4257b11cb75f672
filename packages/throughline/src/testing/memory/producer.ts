import type { Producer, ProducerConfig, Transaction } from "kafkajs";
import { refusal } from "./errors.ts";
import { Events, PRODUCER_EVENTS, silentLogger } from "./events.ts";
import type { Partition, TransactionState } from "./log.ts";
import { keyedPartitioner } from "./partitioner.ts";
import { type Sending, senderOf } from "./send.ts";
import type { BrokerState } from "./state.ts";

/** A producer of the memory broker, as kafkajs's. */
export function memoryProducer(state: BrokerState, config: ProducerConfig = {}): Producer {
  const { createPartitioner = keyedPartitioner, transactionalId, idempotent = false } = config;
  const events = new Events(PRODUCER_EVENTS);
  let connected = false;
  let open: Transaction | undefined;
  const partitioner = createPartitioner();
  const sending: Sending = { state, partitioner, isConnected: () => connected };

  return {
    ...senderOf(sending),
    async connect() {
      connected = true;
      events.emit(PRODUCER_EVENTS.CONNECT);
    },
    async disconnect() {
      connected = false;
      events.emit(PRODUCER_EVENTS.DISCONNECT);
    },
    isIdempotent: () => idempotent,
    async transaction() {
      if (!transactionalId) {
        throw refusal("Must provide transactional id for transactional producer");
      }
      if (open?.isActive() === true) {
        throw refusal("There is already an ongoing transaction for this producer.");
      }
      return (open = begin(sending));
    },
    on: (name: string, listener: (event: never) => void) =>
      events.on(name, listener as Parameters<Events["on"]>[1]),
    events: PRODUCER_EVENTS,
    logger: () => silentLogger,
  };
}

type SentOffsets = Parameters<Transaction["sendOffsets"]>[0];

function begin(sending: Sending): Transaction {
  const transaction: TransactionState = { outcome: "open" };
  const wroteTo = new Set<Partition>();
  const offsets: SentOffsets[] = [];
  const guarded =
    <Args extends unknown[], Result>(method: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      if (transaction.outcome === "open") return method(...args);
      throw refusal("Cannot continue to use transaction once ended");
    };
  const end = (outcome: TransactionState["outcome"]) => async (): Promise<void> => {
    transaction.outcome = outcome;
    // As on a real broker, a marker takes an offset of its own in every partition written to.
    for (const partition of wroteTo) partition.append(undefined, Date.now());
    if (outcome === "committed") {
      for (const sent of offsets) commitOffsets(sent, sending.state);
    }
    sending.state.running.wake();
  };
  const { send, sendBatch } = senderOf(sending, {
    state: transaction,
    wroteTo: (partition) => wroteTo.add(partition),
  });

  return {
    send: guarded(send),
    sendBatch: guarded(sendBatch),
    sendOffsets: guarded(async (sent: SentOffsets) => void offsets.push(sent)),
    commit: guarded(end("committed")),
    abort: guarded(end("aborted")),
    isActive: () => transaction.outcome === "open",
  };
}

function commitOffsets({ consumerGroupId, topics }: SentOffsets, state: BrokerState): void {
  const group = state.group(consumerGroupId);
  for (const { topic, partitions } of topics) {
    for (const { partition, offset } of partitions) group.commit(topic, partition, offset);
  }
}
