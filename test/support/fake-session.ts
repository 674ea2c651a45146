// A session that records what a phase does with it, without an engine behind it.
import { HeaderList } from "../../src/engine/http/header-list.ts";
import { RequestHead } from "../../src/engine/http/messages.ts";
import type { HttpVersion, ResponseHead } from "../../src/engine/http/messages.ts";
import type { DownstreamConnection } from "../../src/engine/proxy/downstream.ts";
import { DEFAULT_EXCHANGE_LIMITS } from "../../src/engine/proxy/http-proxy.ts";
import type { ExchangeLimits, Session } from "../../src/engine/proxy/session.ts";
import type { TlsIdentity } from "../../src/engine/server/tls-identity.ts";
import type { Peer } from "../../src/engine/upstream/peer.ts";

export interface SessionSpec {
  readonly method?: string;
  readonly target?: string;
  /** As in the Host header. */
  readonly authority?: string;
  readonly headers?: readonly string[];
  readonly version?: HttpVersion;
  readonly localPort?: number;
  readonly isTrusted?: boolean;
  readonly tls?: { readonly serverName: string; readonly identity: TlsIdentity | null };
}

export interface RecordedResponse {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

export class FakeSession implements Session {
  readonly connection: DownstreamConnection;
  readonly request: RequestHead;
  response: ResponseHead | null = null;
  readonly requestId = "0123456789abcdef0123456789abcdef";
  readonly clientAddress = "192.0.2.1";
  limits: ExchangeLimits = DEFAULT_EXCHANGE_LIMITS;
  peer: Peer | null = null;
  attempts = 0;
  isUpstreamReused = false;
  requestBodyBytes = 0;
  responseBodyBytes = 0;
  startedAt = 0;
  upstreamHeaderMs = -1;
  isDraining = false;
  /** What was responded; null before. */
  answer: RecordedResponse | null = null;

  constructor(spec: SessionSpec = {}) {
    const authority = spec.authority ?? "shop.example";
    this.connection = {
      id: 1,
      listener: spec.tls === undefined ? "http" : "https",
      remoteAddress: "192.0.2.1",
      remotePort: 40_000,
      localPort: spec.localPort ?? 80,
      isTrusted: spec.isTrusted ?? false,
      tls: spec.tls === undefined ? null : { ...spec.tls, protocol: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256" },
    };
    this.request = new RequestHead(
      spec.method ?? "GET",
      spec.target ?? "/",
      authority,
      authority.replace(/:\d+$/, ""),
      spec.version ?? 11,
      HeaderList.fromPairs([...(spec.headers ?? [])]),
      0,
      "",
      false,
    );
  }

  respond(status: number, headers: readonly string[], body: string | Buffer): void {
    if (this.answer !== null) throw new Error("the response has already begun");
    this.answer = { status, headers, body: body.toString() };
  }
}
