/** A set of positions of which one asks only how far it reaches from 0 without a gap. */
export class Prefix {
  readonly #above = new Set<number>();
  #end = 0;

  /** All positions below are in the set. */
  get end(): number {
    return this.#end;
  }

  /** All positions below are in the set. */
  addBelow(end: number): void {
    if (end <= this.#end) return;
    for (const position of this.#above) if (position < end) this.#above.delete(position);
    this.#end = end;
    while (this.#above.delete(this.#end)) this.#end += 1;
  }

  add(position: number): void {
    if (position < this.#end) return;
    this.#above.add(position);
    while (this.#above.delete(this.#end)) this.#end += 1;
  }
}
