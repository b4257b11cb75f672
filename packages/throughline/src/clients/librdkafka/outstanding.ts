import type { Sending } from "../../sending.ts";
import type { Method } from "../../wrap.ts";
import { inContext } from "./callbacks.ts";

/**
 * Sends whose messages librdkafka has and has not yet reported on; it bounds them itself
 * (`queue.buffering.max.messages`). A client that disconnects reports on none of those that are
 * left: their spans end with it.
 */
export class Outstanding {
  private readonly sends = new Set<Sending>();

  add(send: Sending): void {
    this.sends.add(send);
  }

  /** Ends a send, unless it has ended with the connection. */
  end(send: Sending, failed: boolean, error: unknown): void {
    if (this.sends.delete(send)) send.end(failed, error);
  }

  /** disconnect(timeout?, callback?), after which nothing is reported any more. */
  endsWith(): Method {
    return (own, self, args) => {
      const at = args.findIndex((arg) => typeof arg === "function");
      const callback = at < 0 ? undefined : inContext(args[at] as Function);
      const done = (...answered: unknown[]): unknown => {
        this.endAll();
        return callback === undefined ? undefined : Reflect.apply(callback, undefined, answered);
      };
      const given = at < 0 ? [...(args.length === 0 ? [undefined] : args), done] : [...args];
      if (at >= 0) given[at] = done;
      return Reflect.apply(own, self, given);
    };
  }

  private endAll(): void {
    for (const send of this.sends) {
      this.end(
        send,
        true,
        new Error("the producer disconnected before the message was reported on"),
      );
    }
  }
}
