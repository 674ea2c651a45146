// An upstream with its endpoints, as requests choose among them. Endpoints are replaced in place: attempts that a running
// request has yet to make go to the newest ones.
import type { Balancer } from "../engine/balance/balancer.ts";
import { createRoundRobin } from "../engine/balance/round-robin.ts";
import type { ProxyError } from "../engine/proxy/proxy-error.ts";
import { isPeerUnreachable } from "../engine/upstream/connect-error.ts";
import { createPeer } from "../engine/upstream/peer.ts";
import type { Peer, PeerTls } from "../engine/upstream/peer.ts";
import type { Endpoint, Upstream } from "../ir/upstream.ts";
import { usableEndpoints } from "../ir/upstream.ts";
import { EjectedPeers } from "./ejected-peers.ts";
import type { UpstreamTrust } from "./upstream-trust.ts";

export interface UpstreamOptions {
  readonly upstream: Upstream;
  readonly endpoints: readonly Endpoint[];
  readonly trust: UpstreamTrust;
  /** Where the balancing begins, see `createRoundRobin`. */
  readonly turn: number;
}

export class CompiledUpstream {
  readonly upstream: Upstream;
  #endpoints: readonly Endpoint[];
  readonly #trust: UpstreamTrust;
  /** Made for the first request: most upstreams of a large cluster see none before their endpoints change. */
  #balancer: Balancer<Peer> | null;
  /** Peers of the last balancer. An endpoint that stays keeps its peer, by which a request knows that it was tried. */
  #peers: readonly Peer[];
  #turn: number;
  /** Peers that the balancer leaves out; null nearly always. */
  #ejected: EjectedPeers | null;

  constructor(options: UpstreamOptions) {
    this.upstream = options.upstream;
    this.#endpoints = options.endpoints;
    this.#trust = options.trust;
    this.#balancer = null;
    this.#peers = [];
    this.#turn = options.turn;
    this.#ejected = null;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** Whether requests were balanced over it: state that is worth keeping, and that running requests may still use. */
  get hasServed(): boolean {
    return this.#balancer !== null || this.#peers.length > 0;
  }

  /** Where a successor's balancing begins. */
  get turn(): number {
    return this.#balancer === null ? this.#turn : this.#balancer.turn;
  }

  /** Takes effect with the next attempt; costs nothing until then. */
  replaceEndpoints(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints;
    this.#discardBalancer();
  }

  /** The peer of the next attempt; null where no endpoint may take traffic or all were tried. */
  selectPeer(tried: readonly Peer[]): Peer | null {
    const balancer = this.#balancer ?? this.#makeBalancer();
    return this.#ejected === null ? balancer.select(tried) : selectAround(this.#ejected, balancer, tried);
  }

  /** A connection failed: where that speaks of the peer, others are preferred for a while. */
  noteFailure(peer: Peer, error: ProxyError): void {
    if (!isPeerUnreachable(error) || !this.#peers.includes(peer)) return;
    this.#ejected ??= new EjectedPeers();
    const isKnown = this.#ejected.has(peer);
    this.#ejected.add(peer, error, performance.now());
    if (!isKnown) this.#discardBalancer();
  }

  /** A new connection was made: the peer is as good as any. */
  noteConnected(peer: Peer): void {
    if (this.#ejected?.remove(peer) === true) this.#discardBalancer();
  }

  /** Whether another attempt has somewhere to go that was not tried. */
  hasOtherThan(tried: readonly Peer[]): boolean {
    if (this.#balancer === null) this.#makeBalancer();
    return this.#peers.some((peer) => !tried.includes(peer));
  }

  /** Peers that requests may go to now; none where no request ever came. */
  currentPeers(): readonly Peer[] {
    if (this.#balancer === null && this.hasServed) this.#makeBalancer();
    return this.#peers;
  }

  #discardBalancer(): void {
    this.#turn = this.turn;
    this.#balancer = null;
  }

  #makeBalancer(): Balancer<Peer> {
    const known = new Map(this.#peers.map((peer) => [peer.label, peer]));
    const tls = this.#peers[0]?.tls ?? this.#makeTls();
    const targets = usableEndpoints(this.#endpoints).map((endpoint) => {
      const { address, port, weight } = endpoint;
      const peer = createPeer(tls === null ? { address, port } : { address, port, tls });
      return { target: known.get(peer.label) ?? peer, weight };
    });
    this.#peers = targets.map(({ target }) => target);
    const ejected = this.#ejected;
    ejected?.retain(this.#peers);
    if (ejected?.size === 0) this.#ejected = null;
    const reachable = ejected === null ? targets : targets.filter(({ target }) => !ejected.has(target));
    this.#balancer = createRoundRobin(reachable, this.#turn);
    return this.#balancer;
  }

  #makeTls(): PeerTls | null {
    const { tls } = this.upstream;
    if (tls === null) return null;
    const { serverName, caPem } = tls;
    return { serverName, caPem, context: this.#trust.contextFor(caPem) };
  }
}

function selectAround(ejected: EjectedPeers, balancer: Balancer<Peer>, tried: readonly Peer[]): Peer | null {
  const due = tried.length === 0 ? ejected.takeDue(performance.now()) : null;
  return due ?? balancer.select(tried) ?? ejected.takeAny(tried);
}
