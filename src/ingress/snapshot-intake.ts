// Takes in the snapshots that arrive in parts: reads and compiles them over many turns, a slice of counted work each, while
// the one before serves. Knows nothing of messages but parts, and serves nothing.
import { setImmediate } from "node:timers/promises";
import type { PostedSnapshotPart } from "../dataplane/protocol.ts";
import type { Snapshot } from "../ir/snapshot.ts";
import type { EndpointSet } from "../ir/upstream.ts";
import type { NextTurn, SlicedWork } from "../lib/sliced-work.ts";
import { finishInTurns, SliceMeter } from "../lib/sliced-work.ts";
import type { CompiledSnapshot } from "./compile.ts";
import { applyEndpoints } from "./compile.ts";
import { SnapshotAssembler } from "./snapshot-assembler.ts";
import { UNITS_PER_TURN } from "./work-units.ts";

export interface SnapshotIntakeOptions {
  /** Begins when the snapshot is whole. Throws where it contradicts itself. */
  readonly compile: (snapshot: Snapshot, meter: SliceMeter) => SlicedWork<CompiledSnapshot>;
  readonly onCompiled: (generation: number, snapshot: Snapshot, compiled: CompiledSnapshot) => void;
  /** The snapshot is dropped; the one before is to serve on. */
  readonly onRefused: (generation: number, error: unknown) => void;
  /** For tests. */
  readonly nextTurn?: NextTurn;
}

export class SnapshotIntake {
  readonly #options: SnapshotIntakeOptions;
  readonly #nextTurn: NextTurn;
  readonly #assembler = new SnapshotAssembler();
  readonly #meter = new SliceMeter(UNITS_PER_TURN);
  readonly #waiting: PostedSnapshotPart[] = [];
  #isBusy = false;
  /** Of the snapshot that began to arrive last; null once it is compiled or refused. */
  #underWay: number | null = null;
  /** Endpoints that came after its first part, by upstream. */
  readonly #newerEndpoints = new Map<string, EndpointSet>();

  constructor(options: SnapshotIntakeOptions) {
    this.#options = options;
    this.#nextTurn = options.nextTurn ?? setImmediate;
  }

  /** Parts arrive in order; each is read in a later turn. */
  take(part: PostedSnapshotPart): void {
    if (part.index === 0) {
      this.#underWay = part.generation;
      this.#newerEndpoints.clear();
    }
    this.#waiting.push(part);
    if (!this.#isBusy) void this.#work();
  }

  /** These endpoints were published after the snapshot under way, if there is one: they will be in force with it. */
  noteEndpoints(changed: readonly EndpointSet[]): void {
    if (this.#underWay === null) return;
    for (const set of changed) this.#newerEndpoints.set(set.upstream, set);
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    for (let part = this.#waiting.shift(); part !== undefined; part = this.#waiting.shift()) {
      // A part fills a turn, so that one is read in each, however many have arrived.
      await this.#nextTurn();
      await this.#takePart(part);
    }
    this.#isBusy = false;
  }

  async #takePart(part: PostedSnapshotPart): Promise<void> {
    let snapshot: Snapshot | null;
    let compiled: CompiledSnapshot;
    try {
      snapshot = this.#assembler.add(part);
      if (snapshot === null) return;
      compiled = await finishInTurns(this.#options.compile(snapshot, this.#meter), this.#nextTurn);
    } catch (error) {
      this.#end(part.generation);
      this.#options.onRefused(part.generation, error);
      return;
    }
    applyEndpoints(compiled, this.#newerEndpoints.values());
    this.#end(part.generation);
    this.#options.onCompiled(part.generation, snapshot, compiled);
  }

  #end(generation: number): void {
    if (generation !== this.#underWay) return;
    this.#underWay = null;
    this.#newerEndpoints.clear();
  }
}
