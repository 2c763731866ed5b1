/**
 * The simulated store: creates that take effect at any later time or never, answers that are lost,
 * late or about an earlier try, and gets that are consistent at the moment they are served.
 *
 * Invariant: at most one create of a position takes effect, and an object never changes.
 * Invariant: a create that was answered "refused" never takes effect.
 */

import type { CreateOutcome, GetOutcome, LeasesOutcome } from "../../src/core/protocol.js";
import type { Segment } from "../../src/core/types.js";
import { Carrier } from "./carrier.js";
import type { Conditions } from "./conditions.js";
import { segmentName } from "../../src/log/names.js";
import { decoded } from "./content.js";
import type { EventQueue } from "./event-queue.js";
import type { Plan, Rates } from "./plan.js";
import type { Random } from "./random.js";
import type { TrueLog } from "./true-log.js";

/** A create on its way. */
interface Delivery {
  readonly segment: Segment;
  /** Absent where the answer is lost or was given. */
  readonly answer: ((outcome: CreateOutcome) => void) | undefined;
}

export interface SimStoreOptions {
  readonly queue: EventQueue;
  readonly random: Random;
  readonly plan: Plan;
  readonly conditions: Conditions;
  /** Holds the objects, and judges each that comes to be. */
  readonly log: TrueLog;
}

/** All objects of a run and all creates that may still become objects. */
export class SimStore {
  /** Takes other requests of the same store: of objects that are no segments. */
  readonly carrier: Carrier;
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #plan: Plan;
  readonly #conditions: Conditions;
  readonly #log: TrueLog;
  #limbo = new Map<number, Delivery[]>();
  readonly #corruptNext = new Set<number>();
  readonly #leases = new Set<number>();
  /** Positions whose object was deleted. */
  readonly #freed = new Set<number>();
  /** What has landed on freed names: in the store, and no part of the log. */
  readonly #ghosts = new Map<number, Segment>();

  constructor(options: SimStoreOptions) {
    this.carrier = new Carrier(options);
    this.#queue = options.queue;
    this.#random = options.random;
    this.#plan = options.plan;
    this.#conditions = options.conditions;
    this.#log = options.log;
  }

  /** Requests, ever. */
  get requestCount(): number {
    return this.carrier.requestCount;
  }

  /** How many ghosts have ever landed. */
  ghostCount = 0;

  /** From now on every request is served and answered; what is in limbo stays there. */
  calm(): void {
    this.carrier.calm();
    this.#corruptNext.clear();
  }

  /** How many positions have an object. */
  get standingCount(): number {
    return this.#log.objects.length - this.#freed.size + this.#ghosts.size;
  }

  /** The object at a position, if there is one now. */
  standing(position: number): Segment | undefined {
    return this.#freed.has(position) ? this.#ghosts.get(position) : this.#log.objects[position];
  }

  /** The object at a position is deleted now. Returns whether there was one. */
  free(position: number): boolean {
    if (this.standing(position) === undefined) return false;
    this.#freed.add(position);
    this.#ghosts.delete(position);
    this.carrier.freed(segmentName(position));
    if (this.#happens("storeGhost")) this.#landLimboAt(position);
    return true;
  }

  /** The node's next get that finds something finds it damaged. */
  corruptNext(node: number): void {
    this.#corruptNext.add(node);
  }

  /** One create request. It may never be answered. */
  create(node: number, segment: Segment, answer: (outcome: CreateOutcome) => void): void {
    this.carrier.countRequest();
    const outage = this.#conditions.outage(node);
    const late = { segment, answer: undefined };
    if (outage === "refusing" || this.#happens("storeRefused")) {
      this.#queue.after(this.#latency(node), () => answer("refused"));
    } else if (outage === "silent") {
      if (this.#random.chance(0.5)) this.#strand(late);
    } else if (outage === "failing" || this.#happens("storeError")) {
      this.#queue.after(this.#latency(node), () => answer("unknown"));
      if (this.#random.chance(0.4)) this.#strand(late);
      else if (this.#random.chance(0.5)) this.#deliver(node, late);
    } else if (this.#happens("storeLimbo")) {
      this.#strand({ segment, answer });
    } else {
      this.#deliverAnswered(node, { segment, answer });
    }
  }

  /** One get request. It may never be answered. */
  get(node: number, position: number, answer: (outcome: GetOutcome) => void): void {
    this.carrier.countRequest();
    const outage = this.#conditions.outage(node);
    if (outage === "silent") return;
    if (outage !== undefined || this.#happens("storeGetFailed")) {
      if (this.#random.chance(0.5)) {
        this.#queue.after(this.#latency(node), () => answer({ type: "unavailable" }));
      }
      return;
    }
    const serve = (): void => {
      const outcome = this.#look(node, position);
      if (outcome.type === "absent" && this.#happens("storeAmbush")) this.#landLimboAt(position);
      this.#queue.after(this.#latency(node), () => answer(outcome));
    };
    const name = segmentName(position);
    if (this.#happens("storeGetLate")) this.carrier.arriveLate(name, serve);
    else this.carrier.arrive(node, name, serve);
  }

  /** One listing of the leases above a number. It may never be answered. */
  listLeases(node: number, after: number, answer: (outcome: LeasesOutcome) => void): void {
    const look = (): number => Math.max(after, ...this.#leases);
    this.carrier.ask(node, look, (greatest) => {
      answer(greatest === "unavailable" ? { type: greatest } : { type: "listed", greatest });
    });
  }

  /** One create of a lease. It may never be answered. */
  createLease(node: number, number: number, answer: (outcome: CreateOutcome) => void): void {
    const effect = (): "created" | "exists" => {
      if (this.#leases.has(number)) return "exists";
      this.#leases.add(number);
      return "created";
    };
    this.carrier.change(node, `lease/${number}`, effect, answer);
  }

  deleteLease(node: number, number: number): void {
    const effect = (): void => void this.#leases.delete(number);
    this.carrier.change(node, `lease/${number}`, effect, () => undefined);
  }

  /** Everything in limbo lands at once, in an order chosen to hurt. */
  landAll(): void {
    const stranded = [...this.#limbo.values()].flat();
    this.#limbo = new Map();
    const order = this.#random.below(3);
    const ordered = this.#random.shuffled(stranded);
    if (order === 1) ordered.sort((a, b) => b.segment.position - a.segment.position);
    if (order === 2) ordered.sort((a, b) => a.segment.epoch.term - b.segment.epoch.term);
    for (const delivery of ordered) this.#land(delivery, 1);
    this.carrier.landAll();
  }

  #happens(rate: keyof Rates): boolean {
    return this.carrier.happens(rate);
  }

  #latency(node: number): number {
    return this.carrier.latency(node);
  }

  #look(node: number, position: number): GetOutcome {
    const segment = this.standing(position);
    if (segment === undefined) return { type: "absent" };
    if (this.#corruptNext.delete(node)) return { type: "corrupt", reason: "a flipped bit" };
    return { type: "found", segment: decoded(segment) };
  }

  #deliverAnswered(node: number, delivery: Delivery): void {
    const { segment, answer } = delivery;
    const silent = { segment, answer: undefined };
    if (this.#happens("storeReplyLost")) {
      this.#deliver(node, silent);
    } else if (this.#happens("storeDuplicated")) {
      const [first, second] = this.#random.chance(0.5) ? [delivery, silent] : [silent, delivery];
      this.#deliver(node, first);
      if (second.answer === undefined && this.#random.chance(0.3)) this.#strand(second);
      else this.#deliver(node, second);
    } else {
      this.#deliver(node, { segment, answer });
    }
  }

  #deliver(node: number, delivery: Delivery): void {
    const { position } = delivery.segment;
    this.carrier.arrive(node, segmentName(position), () => {
      if (this.#happens("storeAmbush")) this.#landLimboAt(position);
      this.#land(delivery, this.#latency(node));
    });
  }

  /** The create takes effect now, if its position is free. */
  #land(delivery: Delivery, answerAfterMs: number): void {
    const { segment, answer } = delivery;
    const { position } = segment;
    const free = this.standing(position) === undefined;
    if (free && this.#freed.has(position)) {
      this.#ghosts.set(position, segment);
      this.ghostCount += 1;
    } else if (free) {
      this.#log.landed(segment);
      this.#ambushTail();
    } else if (answer !== undefined) {
      const late = { segment, answer: undefined };
      this.carrier.cameTooLate(segmentName(position), () => this.#land(late, 1));
    }
    if (answer === undefined) return;
    this.#queue.after(answerAfterMs, () => answer(free ? "created" : "exists"));
  }

  /** The create is somewhere on its way, for a while or for good. */
  #strand(delivery: Delivery): void {
    const { position } = delivery.segment;
    const stranded = this.#limbo.get(position);
    if (stranded === undefined) this.#limbo.set(position, [delivery]);
    else stranded.push(delivery);
    if (this.#random.chance(0.5)) {
      const delayMs = Math.ceil(this.#plan.storeDeadlineMs * 8 * this.#random.next() ** 3);
      this.#queue.after(delayMs, () => this.#landLimbo(delivery));
    }
  }

  #ambushTail(): void {
    const position = this.#log.tail;
    if (this.#limbo.has(position) && this.#happens("storeAmbush")) {
      const delayMs = this.#random.within({ min: 0, max: this.#plan.storeLatencyMs.max });
      this.#queue.after(delayMs, () => this.#landLimboAt(position));
    }
  }

  #landLimboAt(position: number): void {
    const stranded = this.#limbo.get(position);
    if (stranded !== undefined) this.#landLimbo(this.#random.pick(stranded));
  }

  #landLimbo(delivery: Delivery): void {
    const { position } = delivery.segment;
    const stranded = this.#limbo.get(position);
    const at = stranded?.indexOf(delivery) ?? -1;
    if (stranded === undefined || at < 0) return;
    stranded.splice(at, 1);
    if (stranded.length === 0) this.#limbo.delete(position);
    this.#land(delivery, 1);
  }
}
