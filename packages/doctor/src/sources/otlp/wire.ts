import { BinaryReader } from "@bufbuild/protobuf/wire";
import { readText } from "./text.ts";

/** The wire types of protobuf that OTLP uses; a tag is a field's number and its wire type. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

export const varint = (field: number): number => (field << 3) | VARINT;
export const fixed64 = (field: number): number => (field << 3) | FIXED64;
export const length = (field: number): number => (field << 3) | LENGTH;
export const fixed32 = (field: number): number => (field << 3) | FIXED32;

/**
 * Reads protobuf a field at a time. A message is read to its end, which is passed down: whatever
 * would reach past it throws. Numbers, tags and unknown fields are the library's; texts and ids
 * are read straight from the body (decisions/0020-reading-protobuf.md).
 */
export class Wire {
  private readonly body: Buffer;
  private readonly reader: BinaryReader;

  constructor(body: Buffer) {
    this.body = body;
    this.reader = new BinaryReader(body);
  }

  /** The next field's tag; 0 at the message's end. */
  tag(end: number): number {
    const { reader } = this;
    if (reader.pos === end) return 0;
    if (reader.pos > end) throw new RangeError("a field reaches past the end of its message");
    const tag = reader.uint32();
    if (tag < 8) throw new RangeError("a field has the number 0");
    return tag;
  }

  /** Passes over a field whose tag was just read. */
  skip(tag: number): void {
    this.reader.skip(tag & 7, tag >>> 3);
  }

  /** Begins a message within one that ends at `outer`; gives its own end. */
  message(outer: number): number {
    const bytes = this.reader.uint32();
    const end = this.reader.pos + bytes;
    if (end > outer) throw new RangeError("a field reaches past the end of its message");
    return end;
  }

  /** Where the next field begins. */
  get at(): number {
    return this.reader.pos;
  }

  /** Goes to the end of a message, or back to its beginning. */
  goTo(at: number): void {
    this.reader.pos = at;
  }

  text(outer: number): string {
    const end = this.message(outer);
    const text = readText(this.body, this.reader.pos, end);
    this.reader.pos = end;
    return text;
  }

  /** Bytes as lower-case hex: an id. More than an id has are cut off at one too many. */
  id(outer: number): string {
    const end = this.message(outer);
    const { pos } = this.reader;
    this.reader.pos = end;
    return this.body.toString("hex", pos, Math.min(end, pos + 17));
  }

  /** A copy: the body is not kept for it. */
  bytes(outer: number, most: number): Uint8Array {
    const end = this.message(outer);
    const { pos } = this.reader;
    this.reader.pos = end;
    return new Uint8Array(this.body.subarray(pos, Math.min(end, pos + most)));
  }

  /** Nanoseconds. */
  time(): bigint {
    const { pos } = this.reader;
    this.reader.pos = pos + 8;
    return this.body.readBigUInt64LE(pos);
  }

  uint32(): number {
    return this.reader.uint32();
  }

  fixed32(): number {
    return this.reader.fixed32();
  }

  bool(): boolean {
    return this.reader.bool();
  }

  int64(): bigint {
    return BigInt(this.reader.int64());
  }

  double(): number {
    return this.reader.double();
  }
}
