/**
 * The clients that use the ledger: producers, appends on conditions, holders of tokens, keyed entries,
 * trimming, and questions about outcomes.
 */

import type { AppendOptions } from "../../../src/core/types.js";
import { makeAppend, type AppendResult, type Demand, type SimStream } from "../content.js";
import type { ClientPlan, LedgerPlan } from "../plan.js";
import { ProducerClient, type Connection, type Content } from "./producer-client.js";
import type { Random } from "../random.js";
import type { RunChecks } from "../run-checks.js";
import type { SimProcess } from "../sim-process.js";

export interface LedgerClientsOptions {
  readonly plan: LedgerPlan;
  readonly clients: ClientPlan;
  readonly random: Random;
  readonly checks: RunChecks;
  readonly target: () => SimProcess | undefined;
}

const keyNames = ["a", "bb", "ccc", "dddd", "eeeee"];
const tokenNames = ["red", "green", "blue"];
const clientsMax = 20;
const sessionsMax = 3;

export class LedgerClients {
  readonly #options: LedgerClientsOptions;
  readonly #producers: ProducerClient[] = [];
  readonly #sessions: (Connection | undefined)[] = [];
  #checksums = 0;
  /** What the clients have heard of: the log goes at least so far, and this token was set last. */
  #nextIndex = 1;
  #token = "red";

  constructor(options: LedgerClientsOptions) {
    this.#options = options;
    for (let made = 0; made < options.plan.producers; made++) {
      this.#producers.push(this.#makeProducer());
    }
  }

  /** Some client does something. */
  act(): void {
    const { random } = this.#options;
    const draw = random.next();
    if (draw < 0.5) random.pick(this.#producers).act();
    else if (draw < 0.85) this.#appendOnConditions();
    else if (draw < 0.95) this.#askOutcome();
    else this.#control();
  }

  #makeProducer(): ProducerClient {
    const { plan, random } = this.#options;
    const { numbersMax, impatience, mischief } = plan;
    return new ProducerClient({
      random: random.fork("producer"),
      numbersMax,
      impatience,
      mischief,
      draw: () => this.#content(),
      connect: () => this.#connect(),
      twin: (twin) => {
        if (this.#producers.length < clientsMax) this.#producers.push(twin);
      },
    });
  }

  #connect(): Connection | undefined {
    const { random, target } = this.#options;
    const process = target();
    if (process === undefined) return undefined;
    if (process.role !== "leader" && random.chance(0.8)) return undefined;
    const stream: SimStream = { refusedId: Infinity, loggedId: 0 };
    return {
      stream,
      isOpen: () => process.alive && !process.faulted,
      append: (demands) => this.#give(process, demands),
    };
  }

  #give(process: SimProcess, demands: readonly Demand[]): void {
    const { checks } = this.#options;
    const appends = demands.map((demand) => {
      const ended = (result: AppendResult): void => {
        this.#hears(result, demand.entryCount);
        demand.ended?.(result);
      };
      return makeAppend(checks.nextOperation(), process.serial, { ...demand, ended });
    });
    process.append(appends);
  }

  #hears(result: AppendResult, entryCount: number): void {
    if (result.type === "committed") this.#heardOf(result.firstIndex + entryCount);
    if (result.type !== "answered" || result.answer.type !== "refused") return;
    const { refusal } = result.answer;
    if ("nextIndex" in refusal) this.#heardOf(refusal.nextIndex);
  }

  #heardOf(nextIndex: number): void {
    this.#nextIndex = Math.max(this.#nextIndex, nextIndex);
  }

  #content(): Content {
    const { random, plan } = this.#options;
    const demand = this.#demand();
    const options = random.chance(plan.mischief) ? this.#conditions() : undefined;
    const checksum = ++this.#checksums;
    return { demand: options === undefined ? demand : { ...demand, options }, checksum };
  }

  /** Entries, some of them with a key. */
  #demand(): Demand {
    const { random, clients } = this.#options;
    const entryCount = 1 + random.below(clients.entriesMax);
    const sizeBytes = random.within(clients.appendBytes);
    if (random.chance(0.6)) return { entryCount, sizeBytes };
    const offset = random.below(entryCount);
    return { entryCount, sizeBytes, keys: [{ offset, key: random.pick(keyNames) }] };
  }

  /** One to four appends of one stream: their sender expects them to stand one behind the other. */
  #appendOnConditions(): void {
    const { random } = this.#options;
    const session = this.#session();
    if (session === undefined) return;
    let expectedNextIndex = this.#nextIndex + (random.chance(0.7) ? 0 : random.below(5) - 2);
    const isSequence = random.chance(0.4);
    const count = random.chance(0.5) ? 1 : 1 + random.below(4);
    const demands = Array.from({ length: count }, (): Demand => {
      const demand = { ...this.#demand(), stream: session.stream };
      const options = isSequence ? { expectedNextIndex } : this.#conditions();
      expectedNextIndex += demand.entryCount;
      return random.chance(0.2) ? demand : { ...demand, options };
    });
    session.append(demands);
  }

  /** One of a few sessions, which last until something of them is refused. */
  #session(): Connection | undefined {
    const { random } = this.#options;
    const at = random.below(sessionsMax);
    const session = this.#sessions[at];
    const isUsable = session?.isOpen() === true && session.stream.refusedId === Infinity;
    if (isUsable && random.chance(0.9)) return session;
    const opened = this.#connect();
    if (opened !== undefined) this.#sessions[at] = opened;
    return opened;
  }

  #conditions(): AppendOptions {
    const { random } = this.#options;
    const draw = random.next();
    const back = random.below(random.pick([2, 10, 50]));
    const since = Math.max(1, this.#nextIndex - back);
    if (draw < 0.2) return { expectedNextIndex: since };
    if (draw < 0.5) {
      const sinceIndex = random.chance(0.3) ? 1 : since;
      return { keyConditions: [{ key: random.pick(keyNames), sinceIndex }] };
    }
    const held = random.chance(0.7) ? this.#token : random.pick(tokenNames);
    if (random.chance(0.6)) return { fencingToken: held };
    this.#token = random.pick(tokenNames);
    const setFencingToken = this.#token;
    return random.chance(0.5) ? { setFencingToken } : { fencingToken: held, setFencingToken };
  }

  #askOutcome(): void {
    const { random, checks } = this.#options;
    const process = this.#options.target();
    // A copied machine's claim may stand before the machine sends it: its reads prove nothing.
    if (process === undefined || process.copied) return;
    const { id, numberCount } = random.pick(this.#producers);
    const producerId = id ?? 1 + random.below(checks.log.ledger.nextProducerId + 1);
    const sequence = 1 + random.below(numberCount + 2);
    process.askOutcome(checks.nextOperation(), { producerId, sequence });
  }

  #control(): void {
    const { random, checks } = this.#options;
    const process = this.#options.target();
    if (process === undefined) return;
    const producerId = 1 + random.below(checks.log.ledger.nextProducerId + 1);
    const firstIndex = Math.max(1, this.#nextIndex + random.below(8) - 4);
    const expectedFirstIndex = 1 + random.below(this.#nextIndex);
    const control = random.pick<NonNullable<AppendOptions["control"]>>([
      { type: "open" },
      { type: "close", producerId },
      { type: "trim", firstIndex },
      { type: "trim", firstIndex, expectedFirstIndex },
    ]);
    this.#give(process, [{ entryCount: 0, sizeBytes: 1, options: { control } }]);
  }
}
