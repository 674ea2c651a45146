// Whether a 101 answers the upgrade that was asked for. Bytes flow freely after it, so everything is checked.
import { createHash } from "node:crypto";
import type { HeaderList } from "../http/header-list.ts";
import type { RequestHead } from "../http/messages.ts";
import type { ConnectionOptions } from "./connection-options.ts";

/** RFC 6455 §1.3. */
const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Null where the 101 is valid, else what is wrong with it. */
export function checkUpgrade(
  request: RequestHead,
  key: string | null,
  response: HeaderList,
  options: ConnectionOptions,
): string | null {
  if (request.upgrade === "") return "the upstream switched protocols without being asked";
  const protocol = response.get("upgrade");
  if (!options.hasUpgrade || protocol === null) return "the upstream's 101 has no Upgrade and Connection: upgrade";
  if (protocol.toLowerCase() !== request.upgrade) {
    return "the upstream's 101 switches to another protocol than asked for";
  }
  if (request.upgrade !== "websocket") return null;
  const accept = response.get("sec-websocket-accept");
  if (key === null) return "the request has no Sec-WebSocket-Key";
  return accept === websocketAccept(key) ? null : "the upstream's 101 has no valid Sec-WebSocket-Accept";
}

/** The Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key, RFC 6455 §4.2.2. */
export function websocketAccept(key: string): string {
  return createHash("sha1")
    .update(key + WEBSOCKET_GUID, "latin1")
    .digest("base64");
}
