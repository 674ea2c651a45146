// An upstream with its endpoints, as requests choose among them. Endpoints are replaced in place: attempts that a running
// request has yet to make go to the newest ones.
import type { Balancer } from "../engine/balance/balancer.ts";
import { createRoundRobin } from "../engine/balance/round-robin.ts";
import { createPeer } from "../engine/upstream/peer.ts";
import type { Peer, PeerTls } from "../engine/upstream/peer.ts";
import type { Endpoint, Upstream } from "../ir/upstream.ts";
import { usableEndpoints } from "../ir/upstream.ts";
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

  constructor(options: UpstreamOptions) {
    this.upstream = options.upstream;
    this.#endpoints = options.endpoints;
    this.#trust = options.trust;
    this.#balancer = null;
    this.#peers = [];
    this.#turn = options.turn;
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
    this.#turn = this.turn;
    this.#endpoints = endpoints;
    this.#balancer = null;
  }

  /** The peer of the next attempt; null where no endpoint may take traffic or all were tried. */
  selectPeer(tried: readonly Peer[]): Peer | null {
    const balancer = this.#balancer ?? this.#makeBalancer();
    return balancer.select(tried);
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

  #makeBalancer(): Balancer<Peer> {
    const known = new Map(this.#peers.map((peer) => [peer.label, peer]));
    const tls = this.#peers[0]?.tls ?? this.#makeTls();
    const targets = usableEndpoints(this.#endpoints).map((endpoint) => {
      const { address, port, weight } = endpoint;
      const peer = createPeer(tls === null ? { address, port } : { address, port, tls });
      return { target: known.get(peer.label) ?? peer, weight };
    });
    this.#peers = targets.map(({ target }) => target);
    this.#balancer = createRoundRobin(targets, this.#turn);
    return this.#balancer;
  }

  #makeTls(): PeerTls | null {
    const { tls } = this.upstream;
    if (tls === null) return null;
    const { serverName, caPem } = tls;
    return { serverName, caPem, context: this.#trust.contextFor(caPem) };
  }
}
