// The library's public API. The only barrel file.
export { HeaderList } from "./engine/http/header-list.ts";
export { RequestHead, ResponseHead, UNKNOWN_LENGTH } from "./engine/http/messages.ts";
export type { DownstreamConnection, DownstreamTls } from "./engine/proxy/downstream.ts";
export { httpProxy, type HttpProxy, type HttpProxyOptions } from "./engine/proxy/http-proxy.ts";
export { ProxyError, type ProxyErrorSource, type ProxyErrorType, type RetryClass } from "./engine/proxy/proxy-error.ts";
export type { ProxyHttp } from "./engine/proxy/proxy-http.ts";
export type { ExchangeLimits, Session } from "./engine/proxy/session.ts";
export { Server } from "./engine/server/server.ts";
export type {
  ListenerOptions,
  ListenerTls,
  ServerLimits,
  ServerObserver,
  ServerOptions,
} from "./engine/server/server-options.ts";
export { createPemIdentity, type IdentityMaterial } from "./engine/server/pem-identity.ts";
export { SessionTicketKeys } from "./engine/server/session-ticket-keys.ts";
export { SniTable } from "./engine/server/sni-table.ts";
export type { TlsIdentity, TlsIdentityResolver } from "./engine/server/tls-identity.ts";
export { createPeer, type Peer, type PeerOptions, type PeerTls, type PeerTlsOptions } from "./engine/upstream/peer.ts";
