/** A set of positions of which one asks only how far it reaches from 0 without a gap. */
export class Prefix {
  readonly #above = new Set<number>();
  #end = 0;

  /** All positions below are in the set. */
  get end(): number {
    return this.#end;
  }

  add(position: number): void {
    if (position < this.#end) return;
    this.#above.add(position);
    while (this.#above.delete(this.#end)) this.#end += 1;
  }
}
