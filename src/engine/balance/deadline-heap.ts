// A binary heap of indices by their deadlines, from which any index can be taken out. It knows no targets and no weights.

export class DeadlineHeap {
  /** By index. After a change of one that is in the heap: `sinkFirst` where it is the first, else `rebuild`. */
  readonly deadlines: Float64Array;
  /** Every index once: first the heap, then those that are out of it. */
  readonly #indices: Uint32Array;
  /** Where in `#indices` each index is. */
  readonly #positions: Uint32Array;
  #size: number;

  /** Starts with the indices from 0 to `count` - 1, all of them with deadline 0. */
  constructor(count: number) {
    this.deadlines = new Float64Array(count);
    this.#indices = new Uint32Array(count);
    for (let index = 0; index < count; index++) this.#indices[index] = index;
    this.#positions = this.#indices.slice();
    this.#size = count;
  }

  get size(): number {
    return this.#size;
  }

  /** The index with the earliest deadline; only where `size` is not 0. */
  get first(): number {
    return this.#indices[0] as number;
  }

  /** The index at a position below `size`. */
  at(position: number): number {
    return this.#indices[position] as number;
  }

  has(index: number): boolean {
    return (this.#positions[index] as number) < this.#size;
  }

  /** After the deadline of `first` became later. */
  sinkFirst(): void {
    this.#sink(0);
  }

  rebuild(): void {
    for (let position = (this.#size >> 1) - 1; position >= 0; position--) this.#sink(position);
  }

  remove(index: number): void {
    const position = this.#positions[index] as number;
    if (position >= this.#size) return;
    this.#size--;
    const last = this.#indices[this.#size] as number;
    this.#put(index, this.#size);
    if (last === index) return;
    this.#put(last, position);
    this.#sink(position);
    this.#rise(this.#positions[last] as number);
  }

  add(index: number): void {
    const position = this.#positions[index] as number;
    if (position < this.#size) return;
    this.#put(this.#indices[this.#size] as number, position);
    this.#put(index, this.#size);
    this.#size++;
    this.#rise(this.#size - 1);
  }

  #put(index: number, position: number): void {
    this.#indices[position] = index;
    this.#positions[index] = position;
  }

  #sink(from: number): void {
    const { deadlines } = this;
    const indices = this.#indices;
    const size = this.#size;
    const moved = indices[from] as number;
    const deadline = deadlines[moved] as number;
    let position = from;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= size) break;
      const right = child + 1;
      if (
        right < size &&
        (deadlines[indices[right] as number] as number) < (deadlines[indices[child] as number] as number)
      ) {
        child = right;
      }
      if ((deadlines[indices[child] as number] as number) >= deadline) break;
      this.#put(indices[child] as number, position);
      position = child;
    }
    this.#put(moved, position);
  }

  #rise(from: number): void {
    const { deadlines } = this;
    const moved = this.#indices[from] as number;
    const deadline = deadlines[moved] as number;
    let position = from;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      const above = this.#indices[parent] as number;
      if ((deadlines[above] as number) <= deadline) break;
      this.#put(above, position);
      position = parent;
    }
    this.#put(moved, position);
  }
}
