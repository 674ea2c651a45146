// A request without a connection: lets the phases of the ingress proxy decide, so that an explanation can never differ
// from what is served.
import { HeaderList } from "../engine/http/header-list.ts";
import { RequestHead } from "../engine/http/messages.ts";
import type { ResponseHead } from "../engine/http/messages.ts";
import type { DownstreamConnection } from "../engine/proxy/downstream.ts";
import type { ExchangeLimits, Session } from "../engine/proxy/session.ts";
import type { TlsIdentity } from "../engine/server/tls-identity.ts";
import type { Peer } from "../engine/upstream/peer.ts";
import { DEFAULT_ROUTE_POLICY } from "../ir/route-table.ts";
import type { ExplainRequest } from "./explain-request.ts";

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
  constructor(request: ExplainRequest, identity: TlsIdentity | null) {
    const { method, target, authority, host, serverName } = request;
    this.request = new RequestHead(method, target, authority, host, 11, HeaderList.empty(), 0, "", false);
    this.connection = {
      id: 0,
      listener: request.scheme,
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
