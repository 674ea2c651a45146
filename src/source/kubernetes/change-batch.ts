// Gathers changes that come together into one batch for the store. Changes of EndpointSlices never wait; others may be
// held for a moment, so that an object and the Secret that it has begun to name arrive as one.
import type { Clock, ClockTimer } from "../../lib/clock.ts";
import type { ObjectChange } from "../object-store.ts";

export interface ChangeBatchOptions {
  readonly apply: (changes: readonly ObjectChange[]) => void;
  /** Called after each turn in which something was handed over or asked for. */
  readonly flushed: () => void;
  readonly clock: Clock;
  /** The longest hold, in milliseconds. */
  readonly maxHoldMs: number;
  /** So many changes are a batch of their own. */
  readonly maxChanges: number;
}

export class ChangeBatch {
  readonly #options: ChangeBatchOptions;
  #slices: ObjectChange[] = [];
  #others: ObjectChange[] = [];
  #holds = 0;
  #isGathering = false;
  #turn: NodeJS.Immediate | null = null;
  #holdTimer: ClockTimer | null = null;

  constructor(options: ChangeBatchOptions) {
    this.#options = options;
  }

  add(change: ObjectChange): void {
    const kind = change.type === "upsert" ? change.object.kind : change.ref.kind;
    (kind === "EndpointSlice" ? this.#slices : this.#others).push(change);
    if (this.#slices.length + this.#others.length >= this.#options.maxChanges) this.flushAll();
    else this.request();
  }

  /** Asks for a turn, as when there is something else to tell than changes. */
  request(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = null;
      this.#flush();
    });
  }

  /** Until it is ended nothing is handed over unless there is a batch's worth of it: the world is not complete yet. */
  gather(isGathering: boolean): void {
    this.#isGathering = isGathering;
    if (!isGathering) this.flushAll();
  }

  /** One more answer is on its way that what was added may need. */
  hold(): void {
    this.#holds += 1;
  }

  /** One answer has come, or will not come soon. */
  release(): void {
    this.#holds -= 1;
    if (this.#holds === 0) this.request();
  }

  /** Hands over everything at once. */
  flushAll(): void {
    this.#endHold();
    const changes = [...this.#others, ...this.#slices];
    this.#others = [];
    this.#slices = [];
    if (changes.length > 0) this.#options.apply(changes);
    this.#options.flushed();
  }

  /** Drops what was not handed over. */
  close(): void {
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
    this.#endHold();
    this.#others = [];
    this.#slices = [];
  }

  #flush(): void {
    if (this.#isGathering) {
      this.#options.flushed();
    } else if (this.#holds === 0 || this.#others.length === 0) {
      this.flushAll();
    } else {
      const slices = this.#slices;
      this.#slices = [];
      if (slices.length > 0) this.#options.apply(slices);
      this.#options.flushed();
      this.#holdTimer ??= this.#options.clock.setTimer(() => this.flushAll(), this.#options.maxHoldMs);
    }
  }

  #endHold(): void {
    this.#holdTimer?.cancel();
    this.#holdTimer = null;
  }
}
