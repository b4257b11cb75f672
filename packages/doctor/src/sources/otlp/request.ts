import type { IncomingMessage } from "node:http";
import type { Bodies } from "./body.ts";
import { type Decoded, MalformedBody } from "./decoded.ts";
import { decodeJson } from "./json.ts";
import { decodeProtobuf } from "./protobuf.ts";
import { type Format, Refusal } from "./reply.ts";

const PATH = "/v1/traces";

/** The form a request says it has; JSON, which a person can read, for the answer to any other. */
export function formatOf(request: IncomingMessage): Format | undefined {
  const [type = ""] = (request.headers["content-type"] ?? "").split(";");
  switch (type.trim().toLowerCase()) {
    case "application/x-protobuf":
      return "protobuf";
    case "application/json":
      return "json";
    default:
      return undefined;
  }
}

/**
 * The spans of one request.
 *
 * @throws Refusal where it is none that can be taken.
 */
export async function readRequest(request: IncomingMessage, bodies: Bodies): Promise<Decoded> {
  checkHost(request.headers.host);
  checkTarget(request);
  const format = formatOf(request);
  if (format === undefined) {
    throw new Refusal(415, "send application/x-protobuf or application/json");
  }
  const body = await bodies.read(request, isPacked(request));
  try {
    return format === "json" ? decodeJson(body) : decodeProtobuf(body);
  } catch (error) {
    if (error instanceof MalformedBody) throw new Refusal(400, error.message);
    throw error;
  }
}

/**
 * A page of another site can have its own name resolve to this machine and then speak to any port
 * here (DNS rebinding); its requests carry that name.
 */
function checkHost(host: string | undefined): void {
  if (host === undefined || !/^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(host)) {
    throw new Refusal(403, "this receiver answers to localhost, 127.0.0.1 and [::1] only");
  }
}

function checkTarget({ url = "", method }: IncomingMessage): void {
  const [path] = url.split("?", 1);
  if (path === "/v1/metrics" || path === "/v1/logs") {
    throw new Refusal(404, `this receiver takes traces only, at ${PATH}`);
  }
  if (path !== PATH) throw new Refusal(404, `send spans to ${PATH}`);
  if (method !== "POST") throw new Refusal(405, "send spans by POST", { allow: "POST" });
}

function isPacked(request: IncomingMessage): boolean {
  const encoding = (request.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (encoding === "gzip") return true;
  if (encoding === "identity" || encoding === "") return false;
  throw new Refusal(415, "send the body as it is or with content-encoding gzip", {
    "accept-encoding": "gzip",
  });
}
