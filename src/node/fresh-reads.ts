/**
 * Reads that many ask for at once.
 *
 * Invariant: a read that answers somebody began after it was asked for; one is under way at a time.
 */

export class FreshReads<Answer> {
  readonly #begin: () => Promise<Answer>;
  #underWay: Promise<Answer> | undefined;
  /** For all who came while one was under way. */
  #next: Promise<Answer> | undefined;

  constructor(begin: () => Promise<Answer>) {
    this.#begin = begin;
  }

  /** Rejects as the read does. */
  read(): Promise<Answer> {
    if (this.#underWay === undefined) return this.#start();
    this.#next ??= this.#underWay
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        this.#next = undefined;
        return this.#start();
      });
    return this.#next;
  }

  #start(): Promise<Answer> {
    const underWay = this.#begin().finally(() => {
      if (this.#underWay === underWay) this.#underWay = undefined;
    });
    this.#underWay = underWay;
    return underWay;
  }
}
