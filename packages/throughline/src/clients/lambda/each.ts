import { isKafka, isSqs, type LambdaRecord, type SqsRecord } from "./records.ts";

/** What Lambda takes for the messages of SQS that failed, where ReportBatchItemFailures is on. */
export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}

type One = (record: LambdaRecord) => unknown;

/**
 * Handles each record of an event by itself, and tells Lambda what of it failed as its source takes
 * it: messages of SQS by their ids; for any other source the first error is thrown, and Lambda calls
 * again with all of them.
 */
export async function handleEach(
  records: readonly LambdaRecord[],
  handle: One,
): Promise<BatchResponse | undefined> {
  const [first] = records;
  if (first !== undefined && isSqs(first)) {
    const messages = records as readonly SqsRecord[];
    const failed = messages.every(isFifo)
      ? await firstFailedAndAfter(messages, handle)
      : await failedOf(messages, handle);
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  }
  if (first !== undefined && isKafka(first)) {
    // A partition's order is its own: what comes after a record that failed is not handled.
    for (const record of records) await handle(record);
    return undefined;
  }
  await Promise.all(records.map(async (record) => handle(record)));
  return undefined;
}

function isFifo({ eventSourceARN }: SqsRecord): boolean {
  return eventSourceARN?.endsWith(".fifo") === true;
}

async function failedOf(messages: readonly SqsRecord[], handle: One): Promise<SqsRecord[]> {
  const done = await Promise.allSettled(messages.map(async (message) => handle(message)));
  return messages.filter((_, at) => done[at]?.status === "rejected");
}

/** Of a FIFO queue, what comes after a message that failed must wait for it. */
async function firstFailedAndAfter(
  messages: readonly SqsRecord[],
  handle: One,
): Promise<readonly SqsRecord[]> {
  for (const [at, message] of messages.entries()) {
    try {
      await handle(message);
    } catch {
      return messages.slice(at);
    }
  }
  return [];
}
