// `appProtocol` of a Service port (KEP-3726): which protocol the upstream speaks where no annotation says it.
import { quoteText } from "../../lib/untrusted-text.ts";
import { problem } from "../diagnose.ts";
import type { Problem } from "../diagnose.ts";

/** WebSocket needs nothing of its own: it is an upgrade of HTTP/1.1. */
const PROTOCOLS: ReadonlyMap<string, "http" | "https"> = new Map([
  ["http", "http"],
  ["kubernetes.io/ws", "http"],
  ["https", "https"],
  ["kubernetes.io/wss", "https"],
]);

const UNSUPPORTED: ReadonlySet<string> = new Set(["kubernetes.io/h2c", "h2c", "h2", "http2", "grpc", "grpcs"]);

/** Null where the name says nothing that we know: it is free text. */
export function readAppProtocol(appProtocol: string | null): "http" | "https" | null {
  return appProtocol === null ? null : (PROTOCOLS.get(appProtocol.toLowerCase()) ?? null);
}

/** What to say about a protocol that is known, but not spoken to upstreams. */
export function judgeAppProtocol(appProtocol: string | null): Problem | null {
  if (appProtocol === null || !UNSUPPORTED.has(appProtocol.toLowerCase())) return null;
  const message = `appProtocol ${quoteText(appProtocol)} needs HTTP/2 to the endpoints; they are spoken to in HTTP/1.1.`;
  const hint = "Set penstock.dev/backend-protocol to http or https to say that HTTP/1.1 is fine.";
  return problem("warning", "AppProtocolUnsupported", message, hint);
}
