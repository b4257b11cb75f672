import type { AttributeHeaders } from "./attributes.ts";

/** SQS takes no larger message; what is longer did not come from it. */
const MAX_CHARACTERS = 1_048_576;

/**
 * The headers inside the body of a message that SNS or EventBridge put there: SNS delivers a
 * notification as JSON with the attributes of what was published, unless raw delivery is on;
 * EventBridge an event whose detail is what was put. Undefined for any other body.
 */
export function wrappedHeaders(body: unknown): AttributeHeaders | undefined {
  if (typeof body !== "string" || body[0] !== "{" || body.length > MAX_CHARACTERS) return undefined;
  // Parsing is what costs: most bodies are neither, and show it.
  if (!body.includes('"MessageAttributes"') && !body.includes('"detail-type"')) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  const { Type, TopicArn, MessageAttributes } = parsed as Record<string, unknown>;
  if (Type === "Notification" && typeof TopicArn === "string") {
    return notificationHeaders(MessageAttributes);
  }
  return eventHeaders(parsed as object);
}

/** The attributes of an SNS notification, as they stand in its JSON. */
export function notificationHeaders(attributes: unknown): AttributeHeaders | undefined {
  if (attributes === null || typeof attributes !== "object") return undefined;
  const headers = Object.entries(attributes as Record<string, unknown>).map(([name, attribute]) => {
    const { Type, Value } = (attribute ?? {}) as { Type?: unknown; Value?: unknown };
    const bytes = Type === "Binary" && typeof Value === "string";
    return [name, bytes ? Buffer.from(Value, "base64") : Value] as const;
  });
  return Object.fromEntries(headers);
}

/** The detail of an EventBridge event, in which its publisher put the context; undefined for what is none. */
export function eventHeaders(event: object): AttributeHeaders | undefined {
  const { detail, source } = event as { detail?: unknown; source?: unknown };
  if (!Object.hasOwn(event, "detail-type") || typeof source !== "string") return undefined;
  if (detail === null || typeof detail !== "object" || Array.isArray(detail)) return undefined;
  return detail as AttributeHeaders;
}
