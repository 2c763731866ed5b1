/**
 * The only source of chance in the simulator: sfc32, seeded by a number, forked by a name.
 *
 * Invariant: equal seeds give equal sequences, on every machine. A fork has its own sequence, so
 * that one part's drawing more or less leaves the other parts' choices alone.
 */

/** A range of whole numbers, both ends inclusive. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

function hashText(text: string, seed: number): number {
  let hash = seed ^ 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}

/** A sequence of numbers that look random. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 0x1_0000_0000) | 0;
    this.#c = 0x9e3779b9 | 0;
    for (let round = 0; round < 12; round++) this.#draw();
  }

  #draw(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    return this.#draw() / 0x1_0000_0000;
  }

  /** Uniform in [0, bound), whole. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  /** Uniform in the range, whole. */
  within(range: Range): number {
    return range.min + this.below(range.max - range.min + 1);
  }

  /** True with the probability. Draws even at 0 and 1, so that a rate set to 0 shifts nothing. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const copy = [...items];
    for (let last = copy.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      const moved = copy[other] as T;
      copy[other] = copy[last] as T;
      copy[last] = moved;
    }
    return copy;
  }

  /** 32 hexadecimal digits. */
  hex(): string {
    let text = "";
    for (let word = 0; word < 4; word++) text += this.#draw().toString(16).padStart(8, "0");
    return text;
  }

  /** An independent sequence. Drawing from the one leaves the other alone. */
  fork(name: string): Random {
    return new Random(hashText(name, this.#draw()) * 0x20_0000 + (this.#draw() & 0x1f_ffff));
  }
}
