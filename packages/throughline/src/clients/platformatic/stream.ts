import { subscribe } from "node:diagnostics_channel";
import type { ProducerStream } from "@platformatic/kafka";
import { fault } from "../../guard.ts";
import type { Sending } from "../../sending.ts";
import { wrap } from "../../wrap.ts";
import type { Sends } from "./producer.ts";
import type { SentMessage } from "./sent.ts";

// A producer's stream collects what is written to it and sends it later, from a timer, through the
// producer's own send. The context of a message is the one in which it is written; its headers can
// be given to the client only when it is sent, for the stream reports the very objects that were
// written. The client tells of each send on a diagnostics channel, before it reads the messages.

/** A message that was written to a stream and has not been sent. */
interface Written {
  readonly sent: SentMessage;
  readonly sending: Sending;
  /** The others of its stream. */
  readonly unsent: Set<Written>;
}

/** The written messages of one producer, by the object that was written: as often as it was. */
type Pending = WeakMap<object, Written[]>;

interface Watched {
  readonly pending: Pending;
  readonly sends: Sends;
}

/** A send of the client's, as it tells of it. */
interface SendEvent {
  readonly client: object;
  readonly options: { messages: object[] };
  readonly error?: unknown;
}

const producers = new WeakMap<object, Watched>();
const underWay = new WeakMap<object, readonly Written[]>();
let listening = false;

/**
 * Watches the sends of a producer for messages that were written to its streams: from its first
 * stream on, for whoever subscribes makes every send of the process dearer.
 */
function watch(producer: object, sends: Sends): Pending {
  const watched = producers.get(producer);
  if (watched !== undefined) return watched.pending;
  if (!listening) {
    listening = true;
    subscribe("tracing:plt:kafka:producer:sends:start", guarded(onStart));
    subscribe("tracing:plt:kafka:producer:sends:asyncStart", guarded(onEnd));
  }
  const pending: Pending = new WeakMap();
  producers.set(producer, { pending, sends });
  return pending;
}

/** What a subscriber throws would become an uncaught exception of the host's. */
function guarded(step: (event: SendEvent) => void): (event: unknown) => void {
  return (event) => {
    try {
      step(event as SendEvent);
    } catch (error) {
      fault("inject", error);
    }
  };
}

function onStart(event: SendEvent): void {
  const watched = producers.get(event.client);
  if (watched === undefined) return;
  const { pending, sends } = watched;
  const written: Written[] = [];
  const messages = event.options.messages.map((message) => {
    const own = pending.get(message)?.shift();
    if (own === undefined) return message;
    written.push(own);
    return sends.replaced(own.sent, own.sending.headers[0]);
  });
  if (written.length === 0) return;
  underWay.set(event, written);
  // The stream's own list stays as it is; these options were made for this one call.
  event.options.messages = messages;
}

function onEnd(event: SendEvent): void {
  const { error } = event;
  for (const written of underWay.get(event) ?? []) {
    written.unsent.delete(written);
    written.sending.end(error !== undefined && error !== null, error);
  }
}

/** A producer's stream: each message that is written to it carries the context it is written in. */
export function tracedStream(
  stream: ProducerStream,
  producer: object,
  sends: Sends,
): ProducerStream {
  const pending = watch(producer, sends);
  const unsent = new Set<Written>();
  // What a stream that fails or is destroyed still holds is never sent.
  stream.once("close", () => {
    const error = stream.errored ?? new Error("the stream was closed before this was sent");
    for (const { sending } of unsent) sending.end(true, error);
    unsent.clear();
  });
  const write = (message: unknown): void => {
    try {
      if (stream.writableEnded || stream.destroyed) return;
      const sent = sends.read(message);
      const sending = sent && sends.open(sent);
      if (sent === undefined || sending === undefined) return;
      const written = { sent, sending, unsent };
      unsent.add(written);
      const known = pending.get(message as object);
      if (known === undefined) pending.set(message as object, [written]);
      else known.push(written);
    } catch (error) {
      fault("inject", error);
    }
  };
  return wrap(stream, {
    write(own, self, args) {
      write(args[0]);
      return Reflect.apply(own, self, args) as boolean;
    },
    end(own, self, args) {
      if (typeof args[0] !== "function") write(args[0]);
      return Reflect.apply(own, self, args);
    },
  });
}
