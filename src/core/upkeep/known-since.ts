/**
 * How much of something that only grows has been known for a grace (PROTOCOL.md section 9): the
 * floor, or the greatest manifest.
 *
 * Invariant: nothing counts as known for longer than it is; it may count as known for less.
 * Invariant: few values are kept, however often it grows.
 */

interface Known {
  readonly value: number;
  readonly sinceMs: number;
}

const keptMax = 16;

export class KnownSince {
  /** Rising. The first may be known for long; of many that are not, the last few are one. */
  #known: Known[] = [];

  /** It was read just now. Returns whether it has grown. */
  learn(value: number, nowMs: number): boolean {
    const last = this.#known.at(-1);
    if (value <= (last?.value ?? 0)) return false;
    if (this.#known.length >= keptMax) this.#known.pop();
    this.#known.push({ value, sinceMs: nowMs });
    return true;
  }

  /** The greatest value that was known a grace ago; 0 if none was. */
  ripe(nowMs: number, graceMs: number): number {
    const last = this.#known.findLastIndex(({ sinceMs }) => nowMs - sinceMs >= graceMs);
    if (last > 0) this.#known.splice(0, last);
    return last < 0 ? 0 : (this.#known[0]?.value ?? 0);
  }

  /** When the next one that was not at a time will have been known for a grace; undefined: all were. */
  nextRipeMs(atMs: number, graceMs: number): number | undefined {
    const next = this.#known.find(({ sinceMs }) => atMs - sinceMs < graceMs);
    return next === undefined ? undefined : next.sinceMs + graceMs;
  }
}
