/**
 * The requests of one simulated process to the store: each has a deadline and exactly one answer, as the
 * driver's have.
 */

import type { Input } from "../../src/core/protocol.js";
import type { Segment } from "../../src/core/types.js";
import { must } from "./violation.js";
import type { EventQueue } from "./event-queue.js";
import type { SimStore } from "./sim-store.js";

type Result = Input & {
  readonly type: "createResult" | "getResult" | "leasesResult" | "leaseResult";
};

export interface ProcessRequestsOptions {
  readonly name: string;
  readonly node: number;
  readonly store: SimStore;
  readonly queue: EventQueue;
  readonly deadlineMs: number;
  readonly give: (result: Result) => void;
  /** Does it as soon as the process runs. */
  readonly whenRunning: (action: () => void) => void;
}

export class ProcessRequests {
  readonly #options: ProcessRequestsOptions;
  #last = -1;
  /** Requests that the host has not answered. */
  readonly #unanswered = new Set<number>();
  /** What the creates whose answers the core has not seen are to create. */
  readonly #creates = new Map<number, Segment>();
  /** Where the gets look whose answers the core has not seen. */
  readonly #gets = new Map<number, number>();

  constructor(options: ProcessRequestsOptions) {
    this.#options = options;
  }

  create(request: number, segment: Segment): void {
    this.#creates.set(request, segment);
    this.#open(request, { type: "createResult", request, outcome: "unknown" });
    const { store, node } = this.#options;
    store.create(node, segment, (outcome) => {
      this.#answer({ type: "createResult", request, outcome });
    });
  }

  /** What a create was to create, once: when the core hears of it. */
  takeCreate(request: number): Segment | undefined {
    const segment = this.#creates.get(request);
    this.#creates.delete(request);
    return segment;
  }

  get(request: number, position: number): void {
    this.#gets.set(request, position);
    this.#open(request, { type: "getResult", request, outcome: { type: "unavailable" } });
    const { store, node } = this.#options;
    store.get(node, position, (outcome) => this.#answer({ type: "getResult", request, outcome }));
  }

  /** Where a get looked, once: when the core hears of it. */
  takeGet(request: number): number | undefined {
    const position = this.#gets.get(request);
    this.#gets.delete(request);
    return position;
  }

  listLeases(request: number, after: number): void {
    this.#open(request, { type: "leasesResult", request, outcome: { type: "unavailable" } });
    const { store, node } = this.#options;
    store.listLeases(node, after, (outcome) => {
      this.#answer({ type: "leasesResult", request, outcome });
    });
  }

  createLease(request: number, number: number): void {
    this.#open(request, { type: "leaseResult", request, outcome: "unknown" });
    const { store, node } = this.#options;
    store.createLease(node, number, (outcome) => {
      this.#answer({ type: "leaseResult", request, outcome });
    });
  }

  /** Whether creates are under way. */
  get creates(): boolean {
    return this.#creates.size > 0;
  }

  /** Whether gets of the log are. */
  get gets(): boolean {
    return this.#gets.size > 0;
  }

  /** A core never uses a request's number twice. */
  begin(request: number): void {
    const { name } = this.#options;
    must(request > this.#last, "request-id", () => `${name}: request ${request} again`);
    this.#last = request;
  }

  #open(request: number, atDeadline: Result): void {
    this.begin(request);
    this.#unanswered.add(request);
    const { queue, deadlineMs, whenRunning } = this.#options;
    // One who sleeps notices no deadline: what comes meanwhile is an answer.
    queue.after(deadlineMs, () => whenRunning(() => this.#answer(atDeadline)));
  }

  /** The first answer counts. */
  #answer(result: Result): void {
    if (this.#unanswered.delete(result.request)) this.#options.give(result);
  }
}
