import { batchCountOf } from "../engine/messaging.ts";
import type { Severed } from "../engine/severed.ts";
import { durationMs, type Span, textAttribute } from "../engine/span.ts";
import type { Shares } from "../engine/tally.ts";
import type { TraceTree, TreeNode } from "../engine/tree.ts";
import type { WindowSize } from "../engine/window.ts";

// Every word for people stands in this folder; the engine knows codes and numbers alone.

/** Messages whose trace is whole, and those of which it is known whether it is. */
export function wholeOf({ connected, linked, broken }: Shares): { whole: number; known: number } {
  return { whole: connected + linked, known: connected + linked + broken };
}

/** `whole 12 of 12 messages`, the line that scripts look for. */
export function wholeLine(shares: Shares): string {
  const { whole, known } = wholeOf(shares);
  const details = [
    shares.linked > 0 ? `${count(shares.linked)} of them linked` : "",
    shares.broken > 0 ? `${count(shares.broken)} broken` : "",
    shares.waiting > 0 ? `${count(shares.waiting)} waiting for a span` : "",
  ].filter((detail) => detail !== "");
  return [`whole ${whole} of ${known} ${known === 1 ? "message" : "messages"}`, ...details].join(
    ", ",
  );
}

/** Never rounded up to 100 %. */
export function percent(whole: number, known: number): string {
  return `${Math.floor((whole / known) * 100)} %`;
}

/** `1,234`. */
export function count(number: number): string {
  return number.toLocaleString("en-US");
}

/** `0.42 ms`, `12.3 ms`, `512 ms`, `1.24 s`, `62 s`. */
export function duration(ms: number): string {
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 100) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${ms.toFixed(0)} ms`;
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 0)} s`;
}

/** The first digits of a trace id: enough to find it again. */
function shortId(traceId: string): string {
  return traceId.slice(0, 8);
}

/** What is remembered, and what the window's limits cost. */
export function windowLine({ spans, traces, forgotten, refused, repeated }: WindowSize): string {
  const parts = [`${plural(spans, "span")} in ${plural(traces, "trace")}`];
  if (forgotten > 0) parts.push(`${count(forgotten)} older ones forgotten`);
  if (refused > 0) parts.push(`${count(refused)} refused, their trace is too large`);
  if (repeated > 0) parts.push(`${count(repeated)} sent twice`);
  return parts.join(", ");
}

export function treeTitle(tree: TraceTree): string {
  const parts = [
    plural(tree.spans, "span"),
    plural(tree.services.length, "service"),
    duration(durationMs(tree)),
  ];
  if (tree.omitted > 0) parts.push(`${count(tree.omitted)} not shown`);
  return `trace ${shortId(tree.traceId)}  ${parts.join(", ")}`;
}

export const LATEST_WHOLE = "The latest whole trace";

export function severedTitle({ traceIds, destination, key }: Severed): string {
  if (traceIds.length === 1) return "The latest broken trace: nothing ties it to its message";
  return `Broken: ${traceIds.length} traces where there should be 1 (${destination}, key ${key})`;
}

/** What is to be said of a span besides its name, kind and duration. */
export interface Remark {
  readonly text: string;
  readonly tone: "bad" | "plain";
}

export function remarks(node: TreeNode): Remark[] {
  const { span, verdict, joinedBy, parentAbsent, linksTo } = node;
  const remarks: Remark[] = [];
  if (span.status === "error") remarks.push({ text: errorWord(span), tone: "bad" });
  if (verdict === "broken") remarks.push({ text: "orphaned root, no link", tone: "bad" });
  if (parentAbsent) remarks.push({ text: "its parent has not come", tone: "plain" });
  const batch = batchCountOf(span);
  if (batch !== undefined) remarks.push({ text: `batch of ${count(batch)}`, tone: "plain" });
  if (joinedBy === "link") remarks.push({ text: "by link", tone: "plain" });
  for (const target of linksTo.slice(0, 2)) remarks.push({ text: linkWord(target), tone: "plain" });
  if (linksTo.length > 2)
    remarks.push({ text: `and ${linksTo.length - 2} links more`, tone: "plain" });
  return remarks;
}

function errorWord(span: Span): string {
  return span.statusMessage || textAttribute(span, "error.type") || "error";
}

function linkWord(target: Span): string {
  const batch = batchCountOf(target);
  return batch === undefined
    ? `linked to ${target.name} of trace ${shortId(target.traceId)}`
    : `in a batch of ${count(batch)}`;
}

/** One completed trace in one line, for pipes. */
export function traceLine(tree: TraceTree): string {
  const messages = { connected: 0, linked: 0, broken: 0, waiting: 0 };
  for (const verdict of tree.verdicts) messages[verdict] += 1;
  const { whole, known } = wholeOf(messages);
  const word = traceWord(messages);
  const handled = known + messages.waiting;
  const parts = [
    `trace ${shortId(tree.traceId)} ${word}`,
    handled === 0 ? "no message handled" : `${whole} of ${plural(handled, "message")}`,
    plural(tree.spans, "span"),
    duration(durationMs(tree)),
    tree.services.join(" > "),
  ];
  return parts.join("  ");
}

function traceWord({ connected, linked, broken, waiting }: Shares): string {
  if (broken > 0) return "broken";
  if (waiting > 0) return "waiting";
  return connected + linked > 0 ? "whole" : "sent";
}

/** `1 span`, `2,345 spans`. */
function plural(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** What to do while there is nothing to show. */
export function pointHere(endpoint: string): string {
  return `Waiting for spans: set OTEL_EXPORTER_OTLP_ENDPOINT=${endpoint} and start your services.`;
}
