/**
 * Random stories: three nodes, and a store and a network that do what they like. Whatever happens,
 * the promises of PROTOCOL.md section 11 hold. SURAFT_RUNS says how many stories are tried. A
 * failure prints its seed and its events: enough to make it a transcript.
 */

import { expect } from "chai";
import fc from "fast-check";
import type { Effect, Input } from "../../src/core/protocol.js";
import type { Position, Segment } from "../../src/core/types.js";
import { settings } from "./samples.js";
import { World } from "./transcript-world.js";
import type { Process, Scene } from "./transcript-world.js";

/** What happens next, and to which of those that it may happen to. */
const someEvent = fc.record({
  kind: fc.constantFrom(
    ...(["tick", "tick", "tick", "deliver", "deliver", "deliver", "deliver", "drop"] as const),
    ...(["answer", "answer", "answer", "answer", "land", "lose", "refuse", "fail"] as const),
    ...(["append", "append", "read", "restart", "sleep", "calm"] as const),
  ),
  pick: fc.nat(99),
});

type Event = typeof someEvent extends fc.Arbitrary<infer T> ? T : never;

class RandomStory {
  readonly world = new World(["a", "b", "c"], { ...settings, window: 3 }, 3_600_000);
  /** The end of the log in the store when the read began. */
  readonly #reads = new Map<number, Position>();
  /** What each epoch has sent where. */
  readonly #contents = new Map<string, number>();
  readonly #tails = new Map<Process, Position>();
  #names = 0;
  readonly told = { acknowledged: 0, returned: 0, unknown: 0, proven: 0, leaders: 0 };

  constructor() {
    for (const name of ["a", "b", "c"]) this.world.start(name, name);
  }

  happens(event: Event): void {
    this.#happens(event);
    const stopped = this.world.processes.find(({ alive, core }) => alive && core.view.fault);
    if (stopped !== undefined) this.#restart(stopped);
  }

  #restart(process: Process): void {
    this.world.crash(process);
    this.world.start(process.name, process.nodeId);
  }

  #happens({ kind, pick }: Event): void {
    const { world } = this;
    const alive = world.processes.filter((process) => process.alive);
    const process = pickOf(alive, pick);
    const leader = alive.find(({ core }) => core.view.role === "leader");
    switch (kind) {
      case "tick":
        for (let tick = 0; tick <= pick % 6; tick++) this.#step(process, { type: "tick" });
        return;
      case "sleep":
        for (let tick = 0; tick < pick; tick++) this.#step(leader ?? process, { type: "tick" });
        return;
      case "calm":
        return this.#calm(pick % 20);
      case "deliver":
      case "drop": {
        const letter = pickOf(world.letters, pick);
        if (letter === undefined) return;
        if (kind === "drop") world.drop(letter);
        else this.#judge(world.deliver(letter));
        return;
      }
      case "append": {
        const names = Array.from({ length: 1 + (pick % 3) }, () => `append-${this.#names++}`);
        const appends = names.map((name) => ({ name, entryCount: 1, sizeBytes: 30 }));
        return this.#step(leader ?? process, { type: "append", appends, nowMs: pick * 100 });
      }
      case "read": {
        const readId = this.#names++;
        this.#reads.set(readId, world.log().length);
        return this.#step(process, { type: "read", readId });
      }
      case "restart":
        if (process !== undefined && pick % 4 === 0) this.#restart(process);
        return;
      default:
        return this.#storeDoes(kind, pick);
    }
  }

  /** For a while, clocks tick together, and everything is delivered and answered at once. */
  #calm(ticks: number): void {
    const { world } = this;
    for (let tick = 0; tick < ticks; tick++) {
      for (const process of world.processes) {
        if (process.alive) this.#step(process, { type: "tick" });
      }
      for (let steps = 0; steps < 100; steps++) {
        const letter = world.letters[0];
        if (letter !== undefined) this.#judge(world.deliver(letter));
        const [request] = world.store.find(({ told }) => !told);
        if (request !== undefined) this.#judge(world.answer(request));
        if (letter === undefined && request === undefined) break;
      }
    }
  }

  #storeDoes(kind: "answer" | "land" | "lose" | "refuse" | "fail", pick: number): void {
    const { store } = this.world;
    const isFresh = kind === "land" || kind === "refuse";
    const type = kind === "fail" ? "get" : kind === "answer" ? undefined : "create";
    const request = pickOf(
      store.find(
        ({ effect, answer, told }) =>
          (type === undefined || effect.type === type) &&
          (isFresh ? answer === undefined : !told) &&
          (kind !== "refuse" || !told),
      ),
      pick,
    );
    if (request === undefined) return;
    if (kind === "land") store.land(request);
    else if (kind === "answer") this.#judge(this.world.answer(request));
    else if (kind === "lose") this.#judge(this.world.fail(request, "unknown"));
    else if (kind === "refuse") this.#judge(this.world.fail(request, "refused"));
    else this.#judge(this.world.fail(request, "unavailable"));
  }

  /** All that can be done without another clock or client: what is open may be settled. */
  ends(): void {
    this.world.end();
  }

  #step(process: Process | undefined, input: Input): void {
    if (process !== undefined) this.#judge(this.world.step(process, input));
  }

  #judge({ process, effects }: Scene): void {
    const { walk, view } = process.core;
    // The last words of a dead process may come so late that its successor seems to be a second one.
    expect(view.fault?.kind ?? "duplicate", "no fault without damage").to.equal("duplicate");
    expect(walk.tail, "11.4").to.be.at.least(this.#tails.get(process) ?? 0);
    this.#tails.set(process, walk.tail);
    for (const effect of effects) this.#judgeEffect(process, effect);
    const isPromise = ["committed", "returned", "unknown"];
    if (effects.some(({ type }) => isPromise.includes(type))) this.world.check();
  }

  #judgeEffect(process: Process, effect: Effect): void {
    switch (effect.type) {
      case "create":
        return this.#judgeCreate(process, effect.segment);
      case "readReady":
        for (const readId of effect.readIds) {
          expect(process.core.walk.tail, "11.6").to.be.at.least(
            this.#reads.get(readId) ?? Infinity,
          );
          this.told.proven++;
        }
        return;
      case "committed":
        this.told.acknowledged += effect.appends.length;
        return;
      case "returned":
        this.told.returned += effect.appends.length;
        return;
      case "unknown":
        this.told.unknown += effect.appends.length;
        return;
      case "view":
        if (effect.view.role === "leader") this.told.leaders++;
        return;
      default:
        return;
    }
  }

  #judgeCreate(process: Process, segment: Segment): void {
    const { position, checksum, epoch } = segment;
    const name = `${epoch.nonce}/${position}`;
    const before = this.#contents.get(name);
    expect(before ?? checksum, "one content per epoch and position").to.equal(checksum);
    if (before === undefined && segment.type === "entries") {
      expect(position, "11.9").to.be.lessThan(process.core.walk.tail + 3);
    }
    this.#contents.set(name, checksum);
  }
}

function pickOf<T>(values: readonly T[], pick: number): T | undefined {
  return values[pick % Math.max(values.length, 1)];
}

describe("the promises of a core (PROTOCOL 11)", () => {
  it("hold over a store and a network that do what they like", () => {
    const told = { acknowledged: 0, returned: 0, unknown: 0, proven: 0, leaders: 0 };
    fc.assert(
      fc.property(
        fc.array(someEvent, { minLength: 200, maxLength: 800, size: "max" }),
        (events) => {
          const story = new RandomStory();
          for (const event of events) story.happens(event);
          story.ends();
          for (const key of Object.keys(told) as (keyof typeof told)[])
            told[key] += story.told[key];
        },
      ),
      { endOnFailure: true, numRuns: Number(process.env["SURAFT_RUNS"] ?? 30) },
    );
    for (const [what, count] of Object.entries(told)) {
      expect(count, `the stories are not about ${what}`).to.be.greaterThan(20);
    }
  });
});
