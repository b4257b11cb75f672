import type { Context } from "@opentelemetry/api";
import type { DeadLetterOrigin } from "../../dead-letter-origin.ts";
import type { Options } from "../../options.ts";

/** What a subpath of throughline exports: give its whole namespace (`import * as kafkajs from …`). */
export interface ClientFunctions {
  traced(client: never, options?: Options): unknown;
  processMessage<Result>(message: object, handler: () => Result): Result;
  processBatch<Result>(messages: readonly object[], handler: () => Result): Result;
  contextOf(message: object): Context;
  deadLetter(message: never, error: unknown): object;
  deadLetterOf(message: object): DeadLetterOrigin | undefined;
  links<Message extends object>(message: Message, from: Iterable<object>): Message;
}

/** Gives a client back: as it is, or traced. */
export type Wrap = <Client extends object>(client: Client) => Client;

/** A message to send, in words that every broker has. */
export interface MessageParts {
  /** Null where the feature `tombstones` is there. */
  readonly body: string | null;
  /** As {@link ContractClient.headers} made them. To be given to the client by reference. */
  readonly headers?: object | undefined;
  /**
   * Messages of one lane are handled in order; those of different lanes may be handled side by
   * side, where the feature `concurrency` is there. Lanes are 0, 1 and 2.
   */
  readonly lane?: number;
}

/** A consumed message, in words that every broker has. */
export interface ReadParts {
  readonly body: string | null;
  /** A repeated header stands here as often as it was sent. */
  readonly headers: readonly (readonly [name: string, text: string | null])[];
}

/** What is to be done with the messages of a destination. One of `each` and `batch` is there. */
export interface Consuming {
  /** Handles one message, which is then settled. `payload` is what the client itself hands over. */
  readonly each?: (message: object, payload: unknown) => unknown;
  /** Handles several, which are then settled. */
  readonly batch?: (messages: readonly object[], payload: unknown) => unknown;
  /** How many lanes to handle side by side, where the client can. */
  readonly lanes: number;
  /** `each` is to be wrapped by the subpath's withRetries with this policy. */
  readonly retries?: ContractRetries;
  /** Told what the client itself reports when a handler fails: the error that it holds. */
  readonly failed?: (error: unknown) => void;
}

/** How an application settles one message that it was handed. */
export interface Settling {
  /** It is done with. Gives what the client's own method gives. */
  ack(): unknown;
  /** For the feature `refusing`: it is not, and is to come again, or not. */
  refuse?(again: boolean): unknown;
}

/** A consumer whose messages the application settles itself. */
export interface Holding {
  /** Closes what the messages are delivered on; resolves when it is closed. */
  close(): Promise<void>;
}

/** As withRetries takes it. */
export interface ContractRetries {
  readonly attempts: number;
  readonly deadLetter: (letter: object) => unknown;
}

/** Open clients of one application. */
export interface Connection {
  /** The client objects that the application holds, always in the same order. */
  readonly clients: readonly object[];
  /** Makes a destination that nobody else uses, with three lanes where the broker has such. */
  destination(): Promise<string>;
  /**
   * Calls the client's own send with these very messages, and gives what it gives. One message is
   * sent by the method for one, where there is such a method.
   */
  send(destination: string, messages: readonly object[], how?: SendHow): unknown;
  /** Resolves when messages sent from now on, and before, will be delivered. */
  consume(destination: string, consuming: Consuming): Promise<void>;
  /** For the feature `transactions`: sends in a transaction, and ends that. */
  transact?(
    end: "commit" | "abort",
    destination: string,
    messages: readonly object[],
  ): Promise<unknown>;
  /** For the feature `emptyHeaders`: sends a message with a header that has a name and no value. */
  sendEmptyHeader?(destination: string, parts: MessageParts, name: string): Promise<unknown>;
  /** For the feature `failedSends`: a send that the client takes on, and that then fails. */
  sendFailing?(destination: string, messages: readonly object[]): unknown;
  /**
   * For the feature `settlement`: stops consuming, and tells what the broker holds as settled, to
   * be compared with that of another destination.
   */
  settled?(destination: string): Promise<unknown>;
  /**
   * For the feature `ownSettlement`: hands each message to `take`, whose result is the result of
   * the client's own callback, and settles nothing.
   */
  hold?(
    destination: string,
    take: (message: object, settling: Settling) => unknown,
  ): Promise<Holding>;
  /** For the feature `settlementTimeouts`: a destination whose messages come again in seconds. */
  hastyDestination?(): Promise<string>;
  /** For the feature `pulling`: asks for one message, and gives what the client gives. */
  pull?(destination: string): Promise<unknown>;
  /** For the feature `sendingOn`: sends a consumed message on, with all that it brought. */
  sendOn?(destination: string, message: object): unknown;
  /** For the feature `brokerDeadLetters`: a destination, and where the broker puts what is refused there. */
  deadLettering?(): Promise<{ destination: string; letters: string }>;
  /** For the feature `promisesOfItself`: what such promises came to, each with the client that gave it. */
  promised?(): Promise<readonly (readonly [client: object, came: unknown])[]>;
  close(): Promise<void>;
}

/** How to send. */
export interface SendHow {
  readonly compressed?: boolean;
}

/** How the contract suite speaks with one client: a literal that each client's test has. */
export interface ContractClient {
  /** Client, version and broker, for the names of the tests. */
  readonly name: string;
  /** The broker as the convention spells it: the attribute `messaging.system`. */
  readonly system: string;
  readonly functions: ClientFunctions;
  /**
   * Opens clients; each that the application would trace goes through `wrap` before it is used.
   * The same code runs bare and traced.
   */
  open(wrap: Wrap): Promise<Connection>;
  /** Headers as the client's users write them; a name that stands twice is a repeated header. */
  headers(list: readonly (readonly [name: string, text: string])[]): object;
  /** A message to send, as the client's users write it: a new object, not frozen. */
  message(parts: MessageParts): object;
  read(message: object): ReadParts;
  /** A consumed message's own headers object, as an application hands it on when it forwards. */
  headersOf(message: object): object;
  /** For the feature `refusals`: a message that the client refuses to send. */
  refused?(): object;
  /** Blanks what differs from send to send in what a send gives: ids that the broker makes. */
  comparable?(result: unknown): unknown;
}
