// Coarse shared timers: one interval for a whole worker, however many connections wait. Deadlines may fire up to one
// tick late, never early. Re-arming for a later time costs two writes, so that it can be done for every request.

const SLOT_COUNT = 512;

/** What a timer calls when its deadline has passed. */
export interface TimerTarget {
  onTimer(): void;
}

/** A re-usable timer for something that lives long, such as a connection. */
export class WheelTimer {
  readonly #wheel: TimerWheel;
  readonly target: TimerTarget;
  /** Tick at which to fire; 0: not armed. */
  deadlineTick = 0;
  /** Tick of the slot in which the timer hangs; 0: in none. */
  queuedTick = 0;
  previous: WheelTimer | null = null;
  next: WheelTimer | null = null;

  constructor(wheel: TimerWheel, target: TimerTarget) {
    this.#wheel = wheel;
    this.target = target;
  }

  /** Fires once after at least `delayMs`, replacing what was armed before. */
  arm(delayMs: number): void {
    const deadline = this.#wheel.tickAfter(delayMs);
    this.deadlineTick = deadline;
    if (this.queuedTick === 0) this.#wheel.enqueue(this, deadline);
    else if (deadline < this.queuedTick) {
      this.#wheel.dequeue(this);
      this.#wheel.enqueue(this, deadline);
    }
  }

  /** Fires no more until armed again. */
  disarm(): void {
    this.deadlineTick = 0;
  }

  /** Takes the timer out of the wheel for good, so that the wheel keeps nothing alive. */
  dispose(): void {
    this.deadlineTick = 0;
    if (this.queuedTick !== 0) this.#wheel.dequeue(this);
  }
}

export class TimerWheel {
  readonly tickMs: number;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #slots: (WheelTimer | null)[] = Array.from({ length: SLOT_COUNT }, () => null);
  #interval: NodeJS.Timeout | null = null;
  /** The last tick that was processed; starts at 1 so that 0 can mean "none". */
  #currentTick = 1;
  #queued = 0;

  /** @param now milliseconds on a clock that never goes back. */
  constructor(tickMs = 100, now: () => number = () => performance.now()) {
    this.tickMs = tickMs;
    this.#now = now;
    this.#startedAt = now();
  }

  /** The tick that lies at least `delayMs` from now. */
  tickAfter(delayMs: number): number {
    if (this.#interval === null) this.#start();
    return this.#currentTick + Math.ceil(delayMs / this.tickMs) + 1;
  }

  enqueue(timer: WheelTimer, tick: number): void {
    const slot = tick % SLOT_COUNT;
    const head = this.#slots[slot] as WheelTimer | null;
    timer.queuedTick = tick;
    timer.previous = null;
    timer.next = head;
    if (head !== null) head.previous = timer;
    this.#slots[slot] = timer;
    this.#queued++;
  }

  dequeue(timer: WheelTimer): void {
    const { previous, next } = timer;
    if (previous === null) this.#slots[timer.queuedTick % SLOT_COUNT] = next;
    else previous.next = next;
    if (next !== null) next.previous = previous;
    timer.previous = null;
    timer.next = null;
    timer.queuedTick = 0;
    this.#queued--;
  }

  /** Processes every tick up to the clock's time. Called by the interval; by tests with a clock of their own. */
  advance(): void {
    const target = 1 + Math.floor((this.#now() - this.#startedAt) / this.tickMs);
    // After a long stall each slot needs one visit only.
    if (target - this.#currentTick > SLOT_COUNT) this.#currentTick = target - SLOT_COUNT;
    while (this.#currentTick < target) {
      this.#currentTick++;
      this.#runSlot(this.#currentTick % SLOT_COUNT);
    }
    if (this.#queued === 0) this.#stop();
  }

  /** Stops the interval; armed timers never fire. */
  stop(): void {
    this.#stop();
  }

  #runSlot(slot: number): void {
    // Cut the list off first: callbacks may arm and dispose timers, also ones of this slot.
    let timer = this.#slots[slot] as WheelTimer | null;
    const due: WheelTimer[] = [];
    while (timer !== null) {
      const { next } = timer;
      if (timer.queuedTick <= this.#currentTick) {
        this.dequeue(timer);
        if (timer.deadlineTick > this.#currentTick) this.enqueue(timer, timer.deadlineTick);
        else if (timer.deadlineTick !== 0) due.push(timer);
      }
      timer = next;
    }
    for (const dueTimer of due) {
      if (dueTimer.deadlineTick === 0 || dueTimer.deadlineTick > this.#currentTick) continue;
      dueTimer.deadlineTick = 0;
      dueTimer.target.onTimer();
    }
  }

  #start(): void {
    // The wheel stood still while nothing was queued: bring it to the present before anything is placed on it.
    this.#currentTick = 1 + Math.floor((this.#now() - this.#startedAt) / this.tickMs);
    this.#interval = setInterval(() => {
      this.advance();
    }, this.tickMs);
    this.#interval.unref();
  }

  #stop(): void {
    if (this.#interval === null) return;
    clearInterval(this.#interval);
    this.#interval = null;
  }
}
