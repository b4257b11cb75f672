import { Transform } from "node:stream";

/** A frame is its type, its channel, the length of its payload, the payload, and 0xCE. */
const BEFORE_PAYLOAD = 7;
const FRAME_END = 0xce;

/** The frames that a message's content is in. */
export const HEADER_FRAME = 2;
export const BODY_FRAME = 3;

/** The payload in place of one that the server sent; its frame is as long as it says. */
export type Rewrite = (type: number, payload: Buffer) => Buffer;

/** What an AMQP 0-9-1 server says, with the payloads of its frames rewritten. */
export function rewrittenFrames(rewrite: Rewrite): Transform {
  let unread = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      unread = Buffer.concat([unread, chunk]);
      while (unread.length >= BEFORE_PAYLOAD) {
        const length = BEFORE_PAYLOAD + unread.readUInt32BE(3) + 1;
        if (unread.length < length) break;
        const frame = unread.subarray(0, length);
        unread = unread.subarray(length);
        const payload = rewrite(frame.readUInt8(0), frame.subarray(BEFORE_PAYLOAD, -1));
        const head = Buffer.from(frame.subarray(0, BEFORE_PAYLOAD));
        head.writeUInt32BE(payload.length, 3);
        this.push(Buffer.concat([head, payload, Buffer.of(FRAME_END)]));
      }
      done();
    },
  });
}
