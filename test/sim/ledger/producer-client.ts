/**
 * A client that wants each of its appends to be made exactly once: it numbers them, and sends a
 * number again, to any node, until it knows what became of it.
 *
 * It keeps the rules of a sound client, but for its mischief: a second session under its id, a number
 * left out, one sent again that is answered already.
 */

import type { Answer } from "../../../src/core/protocol.js";
import type { AppendResult, Demand, SimStream } from "../content.js";
import type { Random } from "../random.js";

/** What one of its numbers is. */
export interface Content {
  readonly demand: Demand;
  readonly checksum: number;
}

/** Its appends to one process, in order, until something goes wrong. */
export interface Connection {
  readonly stream: SimStream;
  /** Whether the process still takes calls. */
  readonly isOpen: () => boolean;
  readonly append: (demands: readonly Demand[]) => void;
}

export interface ProducerClientOptions {
  readonly random: Random;
  readonly numbersMax: number;
  readonly impatience: number;
  readonly mischief: number;
  /** Something new to append. */
  readonly draw: () => Content;
  readonly connect: () => Connection | undefined;
  /** A second session under an id, which knows what the first one knows. */
  readonly twin: (twin: ProducerClient) => void;
}

export class ProducerClient {
  readonly #options: ProducerClientOptions;
  #id: number | undefined;
  #opening = false;
  /** Its numbers: number 1 first. */
  #contents: Content[] = [];
  /** Whether a number is known to stand in the log. */
  #known: boolean[] = [];
  #connection: Connection | undefined;

  constructor(options: ProducerClientOptions) {
    this.#options = options;
  }

  get id(): number | undefined {
    return this.#id;
  }

  get numberCount(): number {
    return this.#contents.length;
  }

  /** Does something: opens, appends, or sends again. */
  act(): void {
    const { random, impatience, mischief } = this.#options;
    if (this.#opening) return;
    if (random.chance(mischief)) this.#twin();
    if (random.chance(impatience)) this.#connection = undefined;
    const connection = this.#connection;
    if (connection === undefined || !connection.isOpen()) return this.#begin();
    if (this.#unknownCount() < this.#options.numbersMax) this.#append(connection);
  }

  /** Connects to some process and sends again whatever it does not know to be made. */
  #begin(): void {
    const { random, mischief, connect } = this.#options;
    const connection = connect();
    this.#connection = connection;
    if (connection === undefined) return;
    if (this.#id === undefined) return this.#open(connection);
    let from = this.#known.indexOf(false);
    if (from < 0) from = this.#contents.length;
    if (random.chance(mischief)) from = random.below(from + 1);
    const numbers = this.#contents.map((_, at) => at + 1).slice(from);
    if (numbers.length > 0) this.#send(connection, numbers);
    else this.#append(connection);
  }

  #open(connection: Connection): void {
    this.#opening = true;
    const ended = (result: AppendResult): void => {
      this.#opening = false;
      if (result.type !== "committed") this.#connection = undefined;
      else this.#id = result.openedId;
    };
    connection.append([
      { entryCount: 0, sizeBytes: 1, options: { control: { type: "open" } }, ended },
    ]);
  }

  #append(connection: Connection): void {
    const { random, draw, numbersMax, mischief } = this.#options;
    const first = this.#contents.length + 1;
    const count = 1 + random.below(numbersMax);
    for (let made = 0; made < count; made++) {
      this.#contents.push(draw());
      this.#known.push(false);
    }
    const numbers = Array.from({ length: count }, (_, at) => first + at);
    if (random.chance(mischief)) numbers.splice(random.below(count), 1);
    if (numbers.length > 0) this.#send(connection, numbers);
  }

  #send(connection: Connection, numbers: readonly number[]): void {
    const { stream } = connection;
    const demands = numbers.flatMap((sequence) => {
      const content = this.#contents[sequence - 1];
      const producerId = this.#id;
      if (content === undefined || producerId === undefined) return [];
      const { demand, checksum } = content;
      const producer = { producerId, sequence, checksum };
      const options = { ...demand.options, producer };
      const ended = (result: AppendResult): void => {
        if (this.#id === producerId) this.#ended(connection, sequence, result);
      };
      return [{ ...demand, options, stream, ended }];
    });
    connection.append(demands);
  }

  #ended(connection: Connection, sequence: number, result: AppendResult): void {
    if (result.type === "committed") {
      this.#known[sequence - 1] = true;
      return;
    }
    if (result.type === "answered") this.#answered(sequence, result.answer);
    const isRepeat = result.type === "answered" && result.answer.type === "repeat";
    if (!isRepeat && this.#connection === connection) this.#connection = undefined;
  }

  #answered(sequence: number, answer: Answer): void {
    if (answer.type === "repeat") {
      this.#known[sequence - 1] = true;
      return;
    }
    switch (answer.refusal.type) {
      case "producerExpired":
      case "producerUnknown":
      case "producerClosed":
      case "sequenceReused":
        // Nothing of the old id is sent any more; what is under way of it goes its way.
        this.#id = undefined;
        this.#contents = [];
        this.#known = [];
        return;
      case "sequenceGap":
        return;
      default:
        // A refused append uses up no number: something else is appended under it.
        this.#contents[sequence - 1] = this.#options.draw();
    }
  }

  #unknownCount(): number {
    return this.#known.filter((known) => !known).length;
  }

  #twin(): void {
    if (this.#id === undefined) return;
    const twin = new ProducerClient(this.#options);
    twin.#id = this.#id;
    twin.#contents = [...this.#contents];
    twin.#known = [...this.#known];
    this.#options.twin(twin);
  }
}
