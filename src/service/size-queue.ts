/** The sizes of things in a queue, and their sum. */

export class SizeQueue {
  #sizes: number[] = [];
  #head = 0;
  #sizeBytes = 0;

  get count(): number {
    return this.#sizes.length - this.#head;
  }

  /** All sizes together. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  push(sizeBytes: number): void {
    this.#sizes.push(sizeBytes);
    this.#sizeBytes += sizeBytes;
  }

  /** Takes the oldest ones out. */
  shift(count: number): void {
    for (let i = 0; i < count; i++) {
      this.#sizeBytes -= this.#sizes[this.#head] ?? 0;
      this.#head += 1;
    }
    if (count > 0 && this.#head * 2 >= this.#sizes.length) {
      this.#sizes = this.#sizes.slice(this.#head);
      this.#head = 0;
    }
  }
}
