// Ends attempts that are still connecting where it would be in vain: their endpoint went, or another request found it
// silent. Nothing of them was sent, so their requests begin elsewhere (IngressProxy.failToConnect).
import type { ConnectingAttempts } from "../engine/upstream/connecting-attempts.ts";
import type { Peer } from "../engine/upstream/peer.ts";
import type { CompiledSnapshot } from "./compile.ts";
import { isSameUpstream } from "./compile-upstreams.ts";
import type { CompiledUpstream } from "./compiled-upstream.ts";

export class Withdrawals {
  readonly #connecting: ConnectingAttempts;

  /** @param connecting of one worker. */
  constructor(connecting: ConnectingAttempts) {
    this.#connecting = connecting;
  }

  /** Requests keep the upstream that they began with, but where only endpoints differ, those of the new one count. */
  ofReplaced(previous: CompiledSnapshot, { upstreams }: CompiledSnapshot): void {
    for (const [id, former] of previous.upstreams) {
      const successor = former.hasServed ? upstreams.get(id) : undefined;
      if (successor === undefined || successor === former) continue;
      if (!isSameUpstream(former.upstream, successor.upstream)) continue;
      former.replaceEndpoints(successor.endpoints);
      this.ofGone(former);
    }
  }

  /** Of peers that are no endpoints of the upstream any more. */
  ofGone(upstream: CompiledUpstream): void {
    if (this.#connecting.isEmpty) return;
    for (const peer of upstream.goneAmong(this.#connecting.peers)) this.#connecting.withdraw(peer);
  }

  /**
   * Who still connects to a silent peer would wait in vain. They are passed over like refusals, from the same budget, so that
   * an upstream whose peers fall silent one by one is not asked many times over.
   */
  ofSilent(upstream: CompiledUpstream, peer: Peer): void {
    const count = this.#connecting.count(peer);
    let limit = 0;
    while (limit < count && upstream.takePassOver()) limit++;
    this.#connecting.withdraw(peer, limit);
  }
}
