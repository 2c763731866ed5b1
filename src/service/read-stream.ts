/**
 * LogService.Read: one reader.
 *
 * Invariant: what is encoded for a reader and not yet taken by the transport is bounded, by about
 * twice `responseBytes` and the greatest entry; a reader that does not read holds back nobody else.
 * Invariant: the first response and the last one say how far the log is.
 */

import type { EntriesSegment } from "../core/types.js";
import type { LogReader } from "../log/log-reader.js";
import type { Node } from "../node/node.js";
import type { Responses } from "../rpc/handlers.js";
import type { CallContext } from "../rpc/server-call.js";
import { ReadCut } from "./read-cut.js";
import { findStart, type ReadPlan } from "./read-request.js";
import { batchSize, encodeReadResponse, type Batch, type Progress } from "./read-response.js";

export interface ReadSettings {
  /** How often a reader that follows an idle log hears how far it is. */
  readonly progressIntervalMs: number;
  /** About how much a response holds; several segments share one. */
  readonly responseBytes: number;
}

export const readSettingsDefault: ReadSettings = {
  progressIntervalMs: 2_000,
  responseBytes: 256 * 1024,
};

/** Serves a read to its end. Rejects with a SuraftError, or with the signal's reason. */
export async function serveRead(
  node: Node,
  plan: ReadPlan,
  call: {
    readonly responses: Responses<Uint8Array>;
    readonly context: CallContext;
    readonly settings: ReadSettings;
  },
): Promise<void> {
  const { responses, settings } = call;
  const { signal } = call.context;
  const { log } = node;
  if (plan.linearizable) {
    await node.barrier(signal);
  }
  const tailIndex = log.nextIndex;
  const startIndex = await findStart(plan.start, log, signal);
  const cut = new ReadCut({
    startIndex,
    endIndex: plan.follow ? plan.endIndex : Math.min(plan.endIndex, tailIndex),
    entriesMax: plan.entriesMax,
    bytesMax: plan.bytesMax,
  });
  const output = new ReadOutput(node, responses, settings.responseBytes);
  for (;;) {
    await deliver(log, { cut, output, signal });
    if (cut.isDone || !plan.follow) {
      break;
    }
    await output.flush();
    await growth({ log, cut, output, signal, intervalMs: settings.progressIntervalMs });
  }
  await output.finish();
}

interface Delivery {
  readonly cut: ReadCut;
  readonly output: ReadOutput;
  readonly signal: AbortSignal;
}

/** Delivers what the log holds, to the tail or to a limit. */
async function deliver(log: LogReader, { cut, output, signal }: Delivery): Promise<void> {
  if (cut.isDone || cut.nextIndex >= log.nextIndex) {
    return;
  }
  const segments = log.segments({ startIndex: cut.nextIndex, signal })[Symbol.asyncIterator]();
  try {
    while (!cut.isDone) {
      const segment = await nextOrFlush(segments, output);
      if (segment === undefined) {
        return;
      }
      for (const batch of cut.take(segment, output.responseBytes)) {
        if (!output.fits(batch)) {
          await output.flush();
        }
        output.add(batch);
      }
    }
  } finally {
    await segments.return?.();
  }
}

/** What was collected does not wait for a slow store, and is delivered also where it fails. */
async function nextOrFlush(
  segments: AsyncIterator<EntriesSegment>,
  output: ReadOutput,
): Promise<EntriesSegment | undefined> {
  const next = segments.next();
  if (!output.isEmpty && !(await settlesThisTurn(next))) {
    await output.flush();
  }
  try {
    const result = await next;
    return result.done === true ? undefined : result.value;
  } catch (error) {
    await output.flush();
    throw error;
  }
}

let endOfTurn: Promise<false> | undefined;

function settlesThisTurn(promise: Promise<unknown>): Promise<boolean> {
  endOfTurn ??= new Promise((resolve) => {
    setImmediate(() => {
      endOfTurn = undefined;
      resolve(false);
    });
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  return Promise.race([settled, endOfTurn]);
}

/** Resolves once the log holds the next entry; meanwhile tells the reader how far it is. */
async function growth(
  options: Delivery & { readonly log: LogReader; readonly intervalMs: number },
): Promise<void> {
  const { log, cut, output, signal, intervalMs } = options;
  const timer = setInterval(() => output.writeProgress(), intervalMs);
  try {
    await log.waitPast(cut.nextIndex, signal);
  } finally {
    clearInterval(timer);
  }
}

/** Collects batches into responses. */
class ReadOutput {
  readonly responseBytes: number;
  readonly #node: Node;
  readonly #responses: Responses<Uint8Array>;
  #batches: Batch[] = [];
  #sizeBytes = 0;
  /** The first response says how far the log is. */
  #progressDue = true;

  constructor(node: Node, responses: Responses<Uint8Array>, responseBytes: number) {
    this.#node = node;
    this.#responses = responses;
    this.responseBytes = responseBytes;
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

  /** Sends what was collected, once the transport has taken most of what was sent before. */
  async flush(): Promise<void> {
    if (this.isEmpty && !this.#progressDue) {
      return;
    }
    if (this.#responses.bufferedBytes >= this.responseBytes) {
      await this.#responses.drained(this.responseBytes);
    }
    this.#write();
  }

  /** Sends the rest, and how far the log is. */
  async finish(): Promise<void> {
    this.#progressDue = true;
    await this.flush();
  }

  /** Tells an idle reader how far the log is; a reader that is behind gets to know anyway. */
  writeProgress(): void {
    if (this.isEmpty && this.#responses.bufferedBytes === 0) {
      this.#progressDue = true;
      this.#write();
    }
  }

  #write(): void {
    this.#responses.write(
      encodeReadResponse(this.#batches, this.#progressDue ? progressOf(this.#node) : undefined),
    );
    this.#batches = [];
    this.#sizeBytes = 0;
    this.#progressDue = false;
  }
}

/** How far the log is, by the node's knowledge. */
export function progressOf(node: Node): Progress {
  return {
    nextIndex: node.log.nextIndex,
    firstIndex: node.log.firstIndex,
    ageMs: Math.max(0, Math.round(node.tailAgeMs())),
  };
}
