import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { OtlpLimits } from "./limits.ts";
import { Refusal } from "./reply.ts";

const unpack = promisify(gunzip);

/** Reads the bodies of requests, all of them within one bound of memory. */
export class Bodies {
  private readonly limits: OtlpLimits;
  private pendingBytes = 0;
  /** Bodies are unpacked one after the other: each may grow to the limit. */
  private unpacking: Promise<unknown> = Promise.resolve();

  constructor(limits: OtlpLimits) {
    this.limits = limits;
  }

  /**
   * The whole body, unpacked.
   *
   * @throws Refusal where it is too large (413), is no gzip (400), or others fill the room (503).
   */
  async read(request: IncomingMessage, packed: boolean): Promise<Buffer> {
    if (Number(request.headers["content-length"]) > this.limits.bodyBytes) throw this.tooLarge();
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      // A sender cut off while it writes does not read why: the connection is left open.
      const whole = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
      for await (const chunk of whole) {
        bytes += chunk.length;
        this.pendingBytes += chunk.length;
        if (bytes > this.limits.bodyBytes) throw this.tooLarge();
        if (this.pendingBytes > this.limits.pendingBytes) throw noRoom();
        chunks.push(chunk);
      }
      const body = Buffer.concat(chunks, bytes);
      return packed ? await this.unpackInTurn(body) : body;
    } finally {
      this.pendingBytes -= bytes;
      // What was not wanted is let go as it comes, or the connection's next request never would.
      request.resume();
    }
  }

  private async unpackInTurn(body: Buffer): Promise<Buffer> {
    const { bodyBytes } = this.limits;
    const mine = this.unpacking.then(() => unpack(body, { maxOutputLength: bodyBytes }));
    this.unpacking = mine.catch(() => undefined);
    try {
      return await mine;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw this.tooLarge();
      throw new Refusal(400, `the body is no gzip: ${(error as Error).message}`);
    }
  }

  private tooLarge(): Refusal {
    const MiB = this.limits.bodyBytes / 1024 / 1024;
    return new Refusal(
      413,
      `the body is larger than ${MiB} MiB: have the exporter send fewer spans at a time`,
    );
  }
}

function noRoom(): Refusal {
  return new Refusal(503, "too much is being received at once: send it again", {
    "retry-after": "1",
  });
}
