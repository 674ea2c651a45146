// A request without a connection, for the phases of the ingress proxy to decide on. The client is nobody's trusted proxy.
import type { RequestHead, ResponseHead } from "../../engine/http/messages.ts";
import type { DownstreamConnection } from "../../engine/proxy/downstream.ts";
import type { ExchangeLimits, Session } from "../../engine/proxy/session.ts";
import type { TlsIdentity } from "../../engine/server/tls-identity.ts";
import type { Peer } from "../../engine/upstream/peer.ts";
import { DEFAULT_ROUTE_POLICY } from "../../ir/route-table.ts";
import type { ExplainRequest } from "./request.ts";

export class ExplainSession implements Session {
  readonly connection: DownstreamConnection;
  readonly request: RequestHead;
  readonly response: ResponseHead | null = null;
  readonly requestId = "";
  readonly clientAddress = "";
  limits: ExchangeLimits = DEFAULT_ROUTE_POLICY;
  readonly peer: Peer | null = null;
  readonly attempts = 0;
  readonly isUpstreamReused = false;
  readonly requestBodyBytes = 0;
  readonly responseBodyBytes = 0;
  readonly startedAt = 0;
  readonly upstreamHeaderMs = -1;
  readonly isDraining = false;
  /** Status of the proxy's own answer; 0 where it gave none. */
  answeredStatus = 0;
  /** Location of a redirect; `""` for other answers. */
  location = "";

  /** @param identity the certificate of the connection; null for plain HTTP. */
  constructor(head: RequestHead, { scheme, serverName }: ExplainRequest, identity: TlsIdentity | null) {
    this.request = head;
    this.connection = {
      id: 0,
      listener: scheme,
      remoteAddress: "",
      remotePort: 0,
      localPort: 0,
      isTrusted: false,
      tls: identity === null ? null : { serverName, identity, protocol: "TLSv1.3", cipher: "" },
    };
  }

  respond(status: number, headers: readonly string[]): void {
    this.answeredStatus = status;
    const index = headers.indexOf("Location");
    if (index !== -1) this.location = headers[index + 1] ?? "";
  }
}
