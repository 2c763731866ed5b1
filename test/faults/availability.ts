/** When no append was acknowledged, though clients tried. */

/** Clients append all the time: without an acknowledgement for longer, the log is unavailable. */
export const gapMsMin = 500;

export class Availability {
  longestMs = 0;
  /** Of all gaps of at least {@link gapMsMin}, whole. */
  totalMs = 0;
  #lastMs: number | undefined;

  /** Clients begin, or go on, to append. */
  begin(nowMs: number): void {
    this.#lastMs = nowMs;
  }

  acknowledged(nowMs: number): void {
    if (this.#lastMs === undefined) return;
    const gapMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    this.longestMs = Math.max(this.longestMs, gapMs);
    if (gapMs >= gapMsMin) this.totalMs += gapMs;
  }

  /** Clients stop: what has been going on without an acknowledgement counts. */
  end(nowMs: number): void {
    this.acknowledged(nowMs);
    this.#lastMs = undefined;
  }
}
