/**
 * Collects a reader's batches into responses.
 *
 * Invariant: a response that says where the read is holds, together with those before it, all that
 * was to be delivered before that place.
 */

import type { Batch } from "../log/read-cut.js";
import type { Node } from "../node/node.js";
import type { Responses } from "../rpc/handlers.js";
import { batchSize, encodeReadResponse, type TailProgress } from "./read-response.js";
import type { Readership } from "./readership.js";

export interface ReadOutputOptions {
  readonly readership: Readership;
  /** Where the read begins. */
  readonly readIndex: number;
  readonly reverse: boolean;
}

export class ReadOutput {
  readonly #options: ReadOutputOptions;
  readonly #node: Node;
  readonly #responses: Responses<Uint8Array>;
  #batches: Batch[] = [];
  #sizeBytes = 0;
  #readIndex: number;
  /** The first response says how far the log is. */
  #progressDue = true;
  #writtenSinceTick = false;

  constructor(node: Node, responses: Responses<Uint8Array>, options: ReadOutputOptions) {
    this.#node = node;
    this.#responses = responses;
    this.#options = options;
    this.#readIndex = options.readIndex;
  }

  /** About how much a response holds. */
  get responseBytes(): number {
    return this.#options.readership.responseBytes;
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0;
  }

  /** Whether the response that is being collected has room for the batch. */
  fits(batch: Batch): boolean {
    return this.isEmpty || this.#sizeBytes + batchSize(batch) <= this.responseBytes;
  }

  add(batch: Batch): void {
    this.#batches.push(batch);
    this.#sizeBytes += batchSize(batch);
  }

  /** All that is to be delivered before this index was added. */
  reached(index: number): void {
    this.#readIndex = index;
  }

  /** Sends what was collected, once the transport has taken most of what was sent before. */
  async flush(): Promise<void> {
    if (this.isEmpty && !this.#progressDue) {
      return;
    }
    const { responseBytes } = this;
    if (this.#responses.bufferedBytes >= responseBytes) {
      await this.#responses.drained(responseBytes);
    }
    this.#write();
  }

  /** Sends the rest, and how far the log and the read are. */
  async finish(): Promise<void> {
    this.#progressDue = true;
    await this.flush();
  }

  /** To be called now and then: a reader that was sent nothing meanwhile hears how far it is. */
  tick(): void {
    const isSilent = !this.#writtenSinceTick && this.#responses.bufferedBytes === 0;
    this.#writtenSinceTick = false;
    if (!isSilent || !this.isEmpty) return;
    this.#progressDue = true;
    this.#write();
  }

  #write(): void {
    this.#responses.write(this.#encode());
    this.#batches = [];
    this.#sizeBytes = 0;
    this.#progressDue = false;
    this.#writtenSinceTick = true;
  }

  #encode(): Buffer {
    if (this.#progressDue) {
      const progress = { ...progressOf(this.#node), readIndex: this.#readIndex };
      return encodeReadResponse(this.#batches, progress);
    }
    const { readership, reverse } = this.#options;
    return reverse
      ? encodeReadResponse(this.#batches, undefined)
      : readership.encode(this.#batches);
  }
}

/** How far the log is, by the node's knowledge. */
export function progressOf(node: Node): TailProgress {
  return {
    nextIndex: node.log.nextIndex,
    firstIndex: node.log.firstIndex,
    ageMs: Math.max(0, Math.round(node.tailAgeMs())),
  };
}
