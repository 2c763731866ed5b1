/**
 * Runs a transcript: a text of commands (`> ...`), each followed by the exact effects it causes.
 * Lines that begin with `#` tell the story. {@link runTranscript} returns the text with the
 * effects as they are; `transcripts/README.md` lists the commands.
 */

import { assert } from "../../src/core/assert.js";
import { ledgerBounds } from "../../src/core/ledger/snapshot.js";
import type { LedgerBounds } from "../../src/core/ledger/snapshot.js";
import type { CoreSettings } from "../../src/core/options.js";
import type { Message } from "../../src/core/protocol.js";
import { AppendWords } from "./transcript-appends.js";
import { describeEffects, describeSegment, EpochNames } from "./transcript-text.js";
import { msPerTick, World } from "./transcript-world.js";
import type { Process, Scene } from "./transcript-world.js";
import type { StoreRequest } from "./transcript-store.js";

/** Ticks and sizes small enough to be followed by eye. */
const defaults: CoreSettings & LedgerBounds & { readonly grace: number } = {
  electionTicksMin: 10,
  electionTicksMax: 20,
  heartbeatTicks: 4,
  storeTimeoutTicks: 30,
  repeatTicks: 5,
  window: 4,
  segmentBytesMax: 100,
  segmentEntriesMax: 8,
  queueBytesMax: 200,
  readAhead: 8,
  leaseTicks: 0,
  grace: 3_600_000,
  ...ledgerBounds,
};

/** A transfer may take so long. */
const transferTicks = 12;

/** A run that goes on so long never comes to rest. */
const stepsMax = 1000;

/** The transcript with the effects that its commands cause now. */
export function runTranscript(text: string): string {
  const lines: string[] = [];
  const script = new Script();
  for (const line of text.split("\n")) {
    if (line.startsWith("> ")) {
      lines.push(line);
      try {
        lines.push(...script.run(line.slice(2)));
      } catch (error) {
        throw new Error(`${String(error)}\n${lines.join("\n")}`, { cause: error });
      }
    } else if (line === "" || line.startsWith("#")) {
      lines.push(line);
    }
  }
  script.end();
  return lines.join("\n");
}

class Script {
  readonly #epochs = new EpochNames();
  readonly #appends = new AppendWords();
  #world: World | undefined;
  #lines: string[] = [];
  /** Processes, and kinds of message, that are not told of. */
  #hushed = new Set<string>();

  run(command: string): readonly string[] {
    this.#lines = [];
    const [verb = "", ...words] = command.split(" ");
    if (verb === "nodes") this.#nodes(words);
    else this.#direct(verb, words);
    this.#theWorld.check();
    return this.#lines;
  }

  end(): void {
    this.#theWorld.end();
  }

  get #theWorld(): World {
    assert(this.#world !== undefined, "a transcript begins with its nodes");
    return this.#world;
  }

  #nodes(words: readonly string[]): void {
    const given = words.filter((word) => word.includes("=")).map((word) => word.split("="));
    for (const [name = ""] of given) assert(name in defaults, `${name} is a setting`);
    const changes = Object.fromEntries(given.map(([name, value]) => [name, Number(value)]));
    const { grace, ...settings } = { ...defaults, ...changes };
    const names = words.filter((word) => !word.includes("="));
    this.#world = new World(names, settings, grace);
    for (const name of names) this.#world.start(name, name);
  }

  #direct(verb: string, words: readonly string[]): void {
    const [first = "", second = "", third = ""] = words;
    const world = this.#theWorld;
    switch (verb) {
      case "start":
        return world.start(first, third === "" ? first : third);
      case "clone":
        return world.clone(world.process(first), third);
      case "crash":
        return world.crash(world.process(first));
      case "tick":
        return this.#tick(first, second === "" ? 1 : Number(second));
      case "append":
        return this.#append(world.process(first), words.slice(1));
      case "read":
        for (const word of words.slice(1)) {
          this.#tell(world.step(world.process(first), { type: "read", readId: Number(word) }));
        }
        return;
      case "cancel":
        this.#tell(
          world.step(world.process(first), { type: "readCancelled", readId: Number(second) }),
        );
        return;
      case "transfer":
        return this.#tell(
          world.step(world.process(first), {
            type: "transfer",
            target: second === "" ? undefined : second,
            timeoutTicks: transferTicks,
          }),
        );
      case "force":
        return this.#tell(world.step(world.process(first), { type: "force" }));
      case "stop":
        return this.#tell(world.step(world.process(first), { type: "stop" }));
      case "deliver":
        return this.#letters(first, second, (letter) => this.#tell(world.deliver(letter)));
      case "drop":
        return this.#letters(first, second, (letter) => world.drop(letter));
      case "lead":
        return this.#lead(world.process(first));
      case "pass":
        for (let tick = 0; tick < Number(first); tick++) {
          this.#tick("*", 1);
          this.#run([]);
        }
        return;
      case "run":
        return this.#run(words);
      case "hush":
        for (const word of words) this.#hushed.add(word);
        return;
      case "unhush":
        for (const word of words) this.#hushed.delete(word);
        return;
      case "sleep":
        world.process(first).ageMs += Number(second);
        return;
      case "manifest":
        return this.#manifest(words);
      case "free":
        for (const position of range(first)) world.store.free(position);
        return;
      case "forget":
        return world.store.forgetLedger(Number(first));
      case "damage":
        return world.store.corrupt(Number(first));
      case "remove":
        return world.store.remove(Number(first));
      case "log":
        return this.#log();
      default:
        return this.#request(verb, words);
    }
  }

  /** Every process's clock, or one's. */
  #tick(name: string, count: number): void {
    const world = this.#theWorld;
    for (let tick = 0; tick < count; tick++) {
      const ticking = name === "*" ? world.processes : [world.process(name)];
      for (const process of ticking.filter(({ alive }) => alive)) {
        this.#tell(world.step(process, { type: "tick" }), true);
      }
    }
  }

  #append(process: Process, words: readonly string[]): void {
    const appends = words.map((word) => this.#appends.read(word));
    const nowMs = process.ticks * msPerTick;
    this.#tell(this.#theWorld.step(process, { type: "append", appends, nowMs }));
  }

  /** What happens to the messages on a link: `a->b`, `*->b` and so on, of one kind or of all. */
  #letters(link: string, kind: string, happens: (letter: World["letters"][number]) => void): void {
    const [from = "", to = ""] = link.split("->");
    const chosen = this.#theWorld.letters.filter(
      (letter) =>
        (from === "*" || from === letter.from.name) &&
        (to === "*" || to === letter.to.name) &&
        (kind === "" || kind === kindOf(letter.message)),
    );
    assert(chosen.length > 0, "there is such a message");
    for (const letter of chosen) happens(letter);
  }

  /** What happens to a store request: `a create 3`, `a get 3`, or all of a process, `a *`. */
  #request(verb: string, [name = "", kind = "", position = ""]: readonly string[]): void {
    const world = this.#theWorld;
    const named = ({ process, effect, position: at }: StoreRequest<Process>): boolean =>
      process.name === name &&
      (kind === "*" ||
        (effect.type === (kinds[kind] ?? kind) && (position === "" || at === Number(position))));
    const isOpen = happenings[verb];
    assert(isOpen !== undefined, `${verb} is a command`);
    const chosen = world.store.find((request) => named(request) && isOpen(request));
    assert(chosen.length > 0, "there is such a request");
    for (const request of kind === "*" ? chosen : chosen.slice(0, 1)) {
      if (verb === "land") world.store.land(request);
      else if (verb === "lose") this.#tell(world.fail(request, "unknown"));
      else if (verb === "refuse") this.#tell(world.fail(request, "refused"));
      else if (verb === "fail") this.#tell(world.fail(request, "unavailable"));
      else this.#tell(world.answer(request));
    }
  }

  /** Delivers and answers, oldest first, until nothing is under way; of the processes named, or all. */
  #run(names: readonly string[]): void {
    const world = this.#theWorld;
    const takesPart = ({ name, alive }: Process): boolean =>
      alive && (names.length === 0 || names.includes(name));
    for (let steps = 0; steps < stepsMax; steps++) {
      const letter = world.letters.find(({ from, to }) => takesPart(from) && takesPart(to));
      if (letter !== undefined) {
        this.#tell(world.deliver(letter));
        continue;
      }
      const [request] = world.store.find(
        (candidate) => takesPart(candidate.process) && isUnderWay(candidate),
      );
      if (request === undefined) return;
      this.#tell(world.answer(request));
    }
    assert(false, "a run comes to rest");
  }

  /** `floor=3 checkpoint=5`: the next manifest. */
  #manifest(words: readonly string[]): void {
    const given = Object.fromEntries(words.map((word) => word.split("=")));
    const floor = Number(given["floor"] ?? 0);
    this.#theWorld.writeManifest(floor, Number(given["checkpoint"] ?? floor));
  }

  /** Untold: the process is elected, claims, and everything comes to rest. */
  #lead(process: Process): void {
    const hushed = this.#hushed;
    this.#hushed = new Set(this.#theWorld.processes.map(({ name }) => name));
    this.#tick("*", 1);
    this.#run([]);
    while (process.core.view.role !== "leader") {
      this.#tick(process.name, 1);
      this.#run([]);
      assert(process.ticks < stepsMax, `${process.name} comes to lead`);
    }
    this.#hushed = hushed;
  }

  #log(): void {
    for (const { segment, valid } of this.#theWorld.log()) {
      const text = describeSegment(segment, this.#epochs);
      this.#lines.push(`${segment.position}: ${text}${valid ? "" : ", void"}`);
    }
  }

  #tell({ process, effects }: Scene, timed = false): void {
    if (this.#hushed.has(process.name)) return;
    const told = effects.filter(
      (effect) => effect.type !== "send" || !this.#hushed.has(kindOf(effect.message)),
    );
    const speaker = timed ? `${process.name}@${process.ticks}` : process.name;
    for (const line of describeEffects(told, this.#epochs)) {
      this.#lines.push(`${speaker} ${line}`);
    }
  }
}

/** Which requests a command about the store may mean. */
const happenings: Readonly<Record<string, (request: StoreRequest<Process>) => boolean>> = {
  answer: ({ told }) => !told,
  land: ({ answer }) => answer === undefined,
  lose: ({ told, effect }) => !told && effect.type === "create",
  refuse: (request) => isUnderWay(request) && request.effect.type === "create",
  fail: ({ told, effect }) => !told && effect.type !== "create",
};

/** What a command calls otherwise than the core. */
const kinds: Readonly<Record<string, string>> = {
  manifest: "readManifest",
  ledger: "readLedger",
  leases: "listLeases",
  lease: "createLease",
};

/** `3`, or `3-5`. */
function range(text: string): readonly number[] {
  const [first = "", last = first] = text.split("-");
  return Array.from({ length: Number(last) - Number(first) + 1 }, (_, at) => Number(first) + at);
}

function isUnderWay({ answer, told }: StoreRequest<Process>): boolean {
  return answer === undefined && !told;
}

function kindOf(message: Message): string {
  switch (message.type) {
    case "voteRequest":
    case "voteResponse":
      return message.preVote ? "pre-vote" : "vote";
    case "heartbeatRequest":
    case "heartbeatResponse":
      return "heartbeat";
    case "barrierRequest":
    case "barrierResponse":
      return "barrier";
    case "standNow":
      return "stand";
  }
}
