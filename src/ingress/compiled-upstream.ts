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
import { systemClock } from "../lib/clock.ts";
import { compareStrings } from "../lib/compare-strings.ts";
import { TokenBucket } from "../lib/token-bucket.ts";
import { EjectedPeers } from "./ejected-peers.ts";
import type { UpstreamTrust } from "./upstream-trust.ts";

/**
 * What may be refused at no cost: much at once, since a Deployment that shrinks loses many endpoints in one moment, but
 * little after that, so that an upstream that refuses everything costs few connections more than its requests may make.
 */
const PASS_OVER_RATE = { perSecond: 10, burst: 128 };

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
  /** Made when a request first needs it. */
  #passOverBudget: TokenBucket | null;

  constructor(options: UpstreamOptions) {
    this.upstream = options.upstream;
    this.#endpoints = options.endpoints;
    this.#trust = options.trust;
    this.#balancer = null;
    this.#peers = [];
    this.#turn = options.turn;
    this.#ejected = null;
    this.#passOverBudget = null;
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

  /**
   * A connection failed: where that speaks of the peer, others are preferred for a while.
   * @returns whether they are.
   */
  noteFailure(peer: Peer, error: ProxyError): boolean {
    if (!isPeerUnreachable(error)) return false;
    const balancer = this.#balancer ?? this.#makeBalancer();
    // A request that ran for long may speak of a peer that is gone.
    if (!balancer.leaveOut(peer)) return false;
    this.#ejected ??= new EjectedPeers();
    this.#ejected.add(peer, error, performance.now());
    return true;
  }

  /** A new connection was made: the peer is as good as any. */
  noteConnected(peer: Peer): void {
    if (this.#ejected === null || !this.#ejected.remove(peer)) return;
    this.#balancer?.takeBack(peer);
    if (this.#ejected.size === 0) this.#ejected = null;
  }

  /** Whether requests go to the peer only to look again, or for want of others. */
  isEjected(peer: Peer): boolean {
    return this.#ejected !== null && this.#ejected.has(peer);
  }

  /** Whether a request may pass over one more peer that refused it; each time takes something of what all may. */
  takePassOver(): boolean {
    this.#passOverBudget ??= new TokenBucket(systemClock, PASS_OVER_RATE);
    return this.#passOverBudget.take() === 0;
  }

  /** Whether another attempt has somewhere to go that was not tried. */
  hasOtherThan(tried: readonly Peer[]): boolean {
    if (this.#balancer === null) this.#makeBalancer();
    return this.#peers.some((peer) => !tried.includes(peer));
  }

  /** Whether there is a peer beside one that was neither tried nor ejected. */
  hasWellOtherThan(peer: Peer, tried: readonly Peer[]): boolean {
    if (this.#balancer === null) this.#makeBalancer();
    return this.#peers.some((other) => other !== peer && !tried.includes(other) && !this.isEjected(other));
  }

  /**
   * Those of `peers` that requests of this upstream chose, and that are among its endpoints no more. None where no endpoint
   * is left: one that went may still answer, and nothing else will.
   */
  goneAmong(peers: readonly Peer[]): readonly Peer[] {
    const former = new Set(this.#peers);
    const chosen = peers.filter((peer) => former.has(peer));
    if (chosen.length === 0) return chosen;
    const current = new Set(this.currentPeers());
    return current.size === 0 ? [] : chosen.filter((peer) => !current.has(peer));
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
    const tls = this.#peers[0]?.tls ?? this.#makeTls();
    const usable = usableEndpoints(this.#endpoints);
    this.#peers = peersFor(usable, this.#peers, tls);
    const targets = this.#peers.map((target, index) => ({ target, weight: (usable[index] as Endpoint).weight }));
    const balancer = createRoundRobin(targets, this.#turn);
    this.#balancer = balancer;
    if (this.#ejected !== null) this.#ejected = leaveOutEjected(balancer, this.#ejected);
    return balancer;
  }

  #makeTls(): PeerTls | null {
    const { tls } = this.upstream;
    if (tls === null) return null;
    const { serverName, caPem } = tls;
    return { serverName, caPem, context: this.#trust.contextFor(caPem) };
  }
}

/**
 * A peer for each endpoint, that of `known` where there is one. Endpoints come sorted, and so did those that `known` was
 * made for: one walk along both finds who stays, however many they are.
 */
function peersFor(endpoints: readonly Endpoint[], known: readonly Peer[], tls: PeerTls | null): readonly Peer[] {
  let next = 0;
  return endpoints.map(({ address, port }) => {
    while (next < known.length && compareEndpoints(known[next] as Peer, address, port) < 0) next++;
    const peer = known[next];
    if (peer !== undefined && compareEndpoints(peer, address, port) === 0) return peer;
    return createPeer(tls === null ? { address, port } : { address, port, tls });
  });
}

/** The order of an EndpointSet. */
function compareEndpoints(peer: Peer, address: string, port: number): number {
  return compareStrings(peer.address, address) || peer.port - port;
}

/** @returns those that are still among the targets; null for none. */
function leaveOutEjected(balancer: Balancer<Peer>, ejected: EjectedPeers): EjectedPeers | null {
  for (const peer of ejected.peers) {
    if (!balancer.leaveOut(peer)) ejected.remove(peer);
  }
  return ejected.size === 0 ? null : ejected;
}

function selectAround(ejected: EjectedPeers, balancer: Balancer<Peer>, tried: readonly Peer[]): Peer | null {
  const now = performance.now();
  const due = tried.length === 0 ? ejected.takeDue(now) : null;
  return due ?? balancer.select(tried) ?? ejected.takeAny(tried, now);
}
