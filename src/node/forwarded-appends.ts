/**
 * The appends that one follower hands on to this node: each of its clients' streams gets an appender
 * of its own, so that a failure of one ends no other.
 *
 * Invariant: appends are numbered in the order they came, and each is answered once by its number.
 * Invariant: a stream that the follower closed is remembered no longer than its appends take.
 */

import { SuraftError } from "../errors.js";
import { forwardedAppendFields } from "../log/append-options.js";
import { scanAppend } from "../log/append-scan.js";
import { takeRepeated } from "../log/repeated-messages.js";
import { appendsField } from "../peer/forward-request.js";
import type { AppendBounds, ScannedAppend } from "../log/append-scan.js";
import type { ForwardListener, ForwardSink } from "../peer/node-service.js";
import type { Acknowledged, Appender, AppenderOptions, AppendListener } from "./node.js";

export type OpenAppender = (listener: AppendListener, options: AppenderOptions) => Appender;

export interface ForwardedAppendsOptions {
  readonly limits: AppendBounds;
  readonly openAppender: OpenAppender;
  readonly listener: ForwardListener;
}

export class ForwardedAppends implements ForwardSink {
  readonly #options: ForwardedAppendsOptions;
  /** By the follower's numbers for them. */
  readonly #streams = new Map<number, ForwardedStream>();
  /** All streams and single appends that still may get an answer. */
  readonly #open = new Set<ForwardedStream>();
  #appendCount = 0;
  #answeredCount = 0;
  #stopped = false;

  constructor(options: ForwardedAppendsOptions) {
    this.#options = options;
  }

  get isIdle(): boolean {
    return this.#answeredCount === this.#appendCount;
  }

  /** How many streams, and single appends without an answer, are kept. */
  get openCount(): number {
    return this.#open.size;
  }

  take(request: Uint8Array): void {
    const problem = takeRepeated(request, appendsField, (append) => {
      this.#take(append);
      return true;
    });
    // The follower has scanned the same bytes: what is wrong now is the follower.
    if (problem !== undefined) throw new SuraftError("invalid", `no ForwardRequest: ${problem}`);
  }

  #take(append: Uint8Array): void {
    const scan = scanAppend(append, this.#options.limits, forwardedAppendFields);
    switch (scan.type) {
      case "invalid":
        throw new SuraftError("invalid", scan.reason);
      case "closedStream": {
        const stream = this.#streams.get(scan.stream);
        this.#streams.delete(scan.stream);
        if (stream?.isIdle === true) this.#open.delete(stream);
        return;
      }
      case "append":
        this.#appendCount++;
        if (this.#stopped) return this.#refuse(this.#appendCount);
        return this.#streamOf(scan.stream).append(this.#appendCount, scan.append);
    }
  }

  /** Refuses every append that comes from now on. */
  stop(): void {
    this.#stopped = true;
  }

  #refuse(number: number): void {
    this.#answeredCount++;
    this.#options.listener.failed(number, stopping);
  }

  close(): void {
    for (const stream of this.#open) stream.close();
    this.#open.clear();
    this.#streams.clear();
  }

  #streamOf(number: number): ForwardedStream {
    const known = number === 0 ? undefined : this.#streams.get(number);
    if (known !== undefined) return known;
    const { openAppender, listener } = this.#options;
    const options = number === 0 ? { forwarded: true, single: true as const } : { forwarded: true };
    const stream = new ForwardedStream(listener, (own) => openAppender(own, options), {
      answered: (count) => {
        this.#answeredCount += count;
        if (stream.isIdle && this.#streams.get(number) !== stream) this.#open.delete(stream);
      },
    });
    this.#open.add(stream);
    if (number !== 0) this.#streams.set(number, stream);
    return stream;
  }
}

interface StreamEvents {
  /** So many of its appends have their answers. */
  readonly answered: (count: number) => void;
}

/** One client's stream. */
class ForwardedStream implements AppendListener {
  readonly #listener: ForwardListener;
  readonly #appender: Appender;
  readonly #events: StreamEvents;
  /** Of each append without an answer its number, then how many entries it has. */
  #outstanding: number[] = [];
  #head = 0;

  constructor(
    listener: ForwardListener,
    open: (own: AppendListener) => Appender,
    events: StreamEvents,
  ) {
    this.#listener = listener;
    this.#events = events;
    this.#appender = open(this);
  }

  get isIdle(): boolean {
    return this.#head === this.#outstanding.length;
  }

  append(number: number, append: ScannedAppend): void {
    this.#outstanding.push(number, append.run.entryCount);
    this.#appender.append(append);
  }

  close(): void {
    this.#appender.close();
  }

  acknowledged(acknowledged: Acknowledged): void {
    const { appendCount, producerId } = acknowledged;
    if (producerId !== undefined) this.#listener.opened(this.#shift().number, producerId);
    else if (acknowledged.repeat === true) this.#acknowledge(this.#shift().number, acknowledged);
    else this.#acknowledgeRuns(acknowledged);
    this.#events.answered(appendCount);
  }

  failed(error: SuraftError): void {
    this.#listener.failed(this.#shift().number, error);
    this.#events.answered(1);
  }

  /** Appends of other streams may stand between: each run of neighbours is a range. */
  #acknowledgeRuns(acknowledged: Acknowledged): void {
    let { firstIndex, appendCount: left } = acknowledged;
    while (left > 0) {
      const { number, entryCount: first } = this.#shift();
      let appendCount = 1;
      let entryCount = first;
      while (appendCount < left && this.#outstanding[this.#head] === number + appendCount) {
        entryCount += this.#shift().entryCount;
        appendCount++;
      }
      this.#acknowledge(number, { ...acknowledged, appendCount, firstIndex, entryCount });
      firstIndex += entryCount;
      left -= appendCount;
    }
  }

  #acknowledge(firstAppend: number, acknowledged: Acknowledged): void {
    this.#listener.acknowledged({ ...acknowledged, firstAppend });
  }

  #shift(): { readonly number: number; readonly entryCount: number } {
    const number = this.#outstanding[this.#head] ?? 0;
    const entryCount = this.#outstanding[this.#head + 1] ?? 0;
    this.#head += 2;
    if (this.#head === this.#outstanding.length) {
      this.#outstanding = [];
      this.#head = 0;
    } else if (this.#head >= 4096 && this.#head * 2 > this.#outstanding.length) {
      this.#outstanding.splice(0, this.#head);
      this.#head = 0;
    }
    return { number, entryCount };
  }
}

const stopping = new SuraftError("not_leader", "the leader is stopping");
