// What the ingress proxy remembers of one request between its phases.
import type { ProxyError } from "../engine/proxy/proxy-error.ts";
import type { Peer } from "../engine/upstream/peer.ts";
import type { CompiledSnapshot } from "./compile.ts";
import type { CompiledRoute } from "./compiled-route.ts";
import type { CompiledUpstream } from "./compiled-upstream.ts";

/** Shared by all requests that never had to try again. */
export const NONE_TRIED: readonly Peer[] = [];

export class IngressCtx {
  /** The snapshot that the request began with and keeps; null before the first one. */
  snapshot: CompiledSnapshot | null;
  route: CompiledRoute | null;
  upstream: CompiledUpstream | null;
  /** The target as the client sent it where another one is forwarded; `""` where it is forwarded as it came. */
  receivedTarget: string;
  /** Peers that could not be connected to, or ended a new connection without an answer. */
  tried: readonly Peer[];
  /** Whether the last attempt went to a peer although it was ejected. */
  isPeerEjected: boolean;
  /** Why the last attempt failed; null while none did. */
  failure: ProxyError | null;

  constructor(snapshot: CompiledSnapshot | null) {
    this.snapshot = snapshot;
    this.route = null;
    this.upstream = null;
    this.receivedTarget = "";
    this.tried = NONE_TRIED;
    this.isPeerEjected = false;
    this.failure = null;
  }

  /** `""` where no route matched. */
  get routeId(): string {
    return this.route === null ? "" : this.route.route.id;
  }

  /** `""` where no upstream was chosen. */
  get upstreamId(): string {
    return this.upstream === null ? "" : this.upstream.upstream.id;
  }

  addTried(peer: Peer): void {
    this.tried = [...this.tried, peer];
  }
}
