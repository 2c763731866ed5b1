/**
 * Virtual time: what happens, in the order of its time, and of its being scheduled where times tie.
 *
 * Invariant: time never runs back. Time is whole virtual milliseconds.
 */

/** A binary heap of actions. */
export class EventQueue {
  readonly #times: number[] = [];
  readonly #orders: number[] = [];
  readonly #actions: (() => void)[] = [];
  #scheduled = 0;
  #now = 0;
  #processed = 0;

  /** Virtual milliseconds since the run began. */
  get now(): number {
    return this.#now;
  }

  /** How many actions have run. */
  get processed(): number {
    return this.#processed;
  }

  /** Runs the action after a delay of whole milliseconds; never before the caller returns. */
  after(delayMs: number, action: () => void): void {
    const at = this.#now + delayMs;
    const order = this.#scheduled++;
    let slot = this.#times.length;
    this.#times.push(at);
    this.#orders.push(order);
    this.#actions.push(action);
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      if (!this.#before(at, order, parent)) break;
      this.#move(parent, slot);
      slot = parent;
    }
    this.#times[slot] = at;
    this.#orders[slot] = order;
    this.#actions[slot] = action;
  }

  /** Runs the next action if it is due at or before `untilMs`; false if there is none. */
  runNext(untilMs: number): boolean {
    const at = this.#times[0];
    const action = this.#actions[0];
    if (at === undefined || action === undefined || at > untilMs) return false;
    this.#removeFirst();
    this.#now = at;
    this.#processed += 1;
    action();
    return true;
  }

  /** Time passes without anything happening. */
  advanceTo(timeMs: number): void {
    if (timeMs > this.#now) this.#now = timeMs;
  }

  #before(at: number, order: number, slot: number): boolean {
    const other = this.#times[slot] as number;
    return at < other || (at === other && order < (this.#orders[slot] as number));
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from] as number;
    this.#orders[to] = this.#orders[from] as number;
    this.#actions[to] = this.#actions[from] as () => void;
  }

  #removeFirst(): void {
    const at = this.#times.pop() as number;
    const order = this.#orders.pop() as number;
    const action = this.#actions.pop() as () => void;
    const length = this.#times.length;
    if (length === 0) return;
    let slot = 0;
    for (;;) {
      let child = 2 * slot + 1;
      if (child >= length) break;
      if (
        child + 1 < length &&
        this.#before(this.#times[child + 1] as number, this.#orders[child + 1] as number, child)
      ) {
        child += 1;
      }
      if (this.#before(at, order, child)) break;
      this.#move(child, slot);
      slot = child;
    }
    this.#times[slot] = at;
    this.#orders[slot] = order;
    this.#actions[slot] = action;
  }
}
