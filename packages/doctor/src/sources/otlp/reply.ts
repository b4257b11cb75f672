import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Decoded } from "./decoded.ts";

/** The two forms of OTLP over HTTP; an answer has the form of its request. */
export type Format = "protobuf" | "json";

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

/** A request that is not taken, with what its sender can do about it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};

/** An ExportTraceServiceResponse; it speaks of a partial success only where spans were left out. */
export function accepted({ rejected, reason }: Decoded, format: Format): Reply {
  let body: Uint8Array | string = format === "json" ? "{}" : new Uint8Array();
  if (rejected > 0 && format === "json") {
    body = JSON.stringify({
      partialSuccess: { rejectedSpans: String(rejected), errorMessage: reason },
    });
  } else if (rejected > 0) {
    const partial = new BinaryWriter();
    partial.tag(1, WireType.Varint).int64(rejected);
    partial.tag(2, WireType.LengthDelimited).string(reason);
    body = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(partial.finish()).finish();
  }
  return { status: 200, contentType: CONTENT_TYPES[format], headers: {}, body };
}

/** gRPC's codes, which google.rpc.Status has, by HTTP's. */
const CODES: Readonly<Record<number, number>> = {
  403: 7,
  404: 5,
  405: 12,
  413: 8,
  500: 13,
  503: 14,
};
const INVALID_ARGUMENT = 3;

/** A google.rpc.Status, which OTLP asks for in every answer that is none of success. */
export function refused({ status, message, headers }: Refusal, format: Format): Reply {
  const code = CODES[status] ?? INVALID_ARGUMENT;
  let body: Uint8Array | string = JSON.stringify({ code, message });
  if (format === "protobuf") {
    const writer = new BinaryWriter();
    writer.tag(1, WireType.Varint).int32(code);
    body = writer.tag(2, WireType.LengthDelimited).string(message).finish();
  }
  return { status, contentType: CONTENT_TYPES[format], headers, body };
}
