// Bodies in OTLP's protobuf, written field by field, so that a test can write what no SDK does.
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

type Fill = (writer: BinaryWriter) => void;

/** One embedded message. */
export function message(writer: BinaryWriter, field: number, fill: Fill): void {
  const inner = new BinaryWriter();
  fill(inner);
  writer.tag(field, WireType.LengthDelimited).bytes(inner.finish());
}

export function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

export function bytes(writer: BinaryWriter, field: number, hex: string): void {
  writer.tag(field, WireType.LengthDelimited).bytes(Buffer.from(hex, "hex"));
}

export function varint(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int64(value);
}

/** A KeyValue whose value is filled by the caller. */
export function pair(writer: BinaryWriter, field: number, key: string, value: Fill): void {
  message(writer, field, (entry) => {
    text(entry, 1, key);
    message(entry, 2, value);
  });
}

/** A request of one resource and one scope with these spans. */
export function request(service: string, ...spans: Fill[]): Buffer<ArrayBuffer> {
  const body = new BinaryWriter();
  message(body, 1, (resourceSpans) => {
    message(resourceSpans, 1, (resource) =>
      pair(resource, 1, "service.name", (value) => text(value, 1, service)),
    );
    message(resourceSpans, 2, (scopeSpans) => {
      for (const span of spans) message(scopeSpans, 2, span);
    });
  });
  return Buffer.from(body.finish());
}

export const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
export const SPAN_ID = "00f067aa0ba902b7";

/** A span with valid ids, and more. */
export function aSpan(fill: Fill = () => {}): Fill {
  return (span) => {
    bytes(span, 1, TRACE_ID);
    bytes(span, 2, SPAN_ID);
    fill(span);
  };
}
