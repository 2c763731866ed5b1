/**
 * LogService.Read: one reader.
 *
 * Invariant: what is encoded for a reader and not yet taken by the transport is bounded, by about
 * twice `responseBytes` and the greatest entry; a reader that does not read holds back nobody else.
 * Invariant: the first response and the last one say how far the log and the read are, and where
 * nothing is delivered for some time one says so in between.
 */

import type { EntriesSegment } from "../core/types.js";
import { ReadCut, type Batch } from "../log/read-cut.js";
import { rangeOf, type ReadPlan } from "../log/read-plan.js";
import type { Node } from "../node/node.js";
import type { Responses } from "../rpc/handlers.js";
import type { CallContext } from "../rpc/server-call.js";
import { ReadOutput } from "./read-output.js";
import type { ServedRead } from "./read-request.js";
import type { Readership } from "./readership.js";

export interface ReadSettings {
  /** How often a reader that gets no entries hears how far it is. */
  readonly progressIntervalMs: number;
  /** About how much a response holds at most; several segments share one. */
  readonly responseBytes: number;
}

export const readSettingsDefault: ReadSettings = {
  progressIntervalMs: 2_000,
  responseBytes: 256 * 1024,
};

export interface ReadCall {
  readonly responses: Responses<Uint8Array>;
  readonly context: CallContext;
  readonly progressIntervalMs: number;
  readonly readership: Readership;
}

/** Serves a read to its end. Rejects with a SuraftError, or with the signal's reason. */
export async function serveRead(node: Node, read: ServedRead, call: ReadCall): Promise<void> {
  const leave = call.readership.join();
  try {
    await serve(node, read, call);
  } finally {
    leave();
  }
}

async function serve(
  node: Node,
  { plan, linearizable }: ServedRead,
  { responses, context: { signal }, readership, progressIntervalMs }: ReadCall,
): Promise<void> {
  if (linearizable) await node.barrier(signal);
  const range = await rangeOf(plan, node.log, signal);
  const cut = new ReadCut({ ...plan, ...range });
  const { reverse } = plan;
  const output = new ReadOutput(node, responses, { readership, readIndex: cut.nextIndex, reverse });
  const timer = setInterval(() => output.tick(), progressIntervalMs);
  try {
    // To look for what matches may take long: where the read begins is said before.
    if (plan.filter !== undefined) await output.flush();
    await new Reader(node, plan, { cut, output, readership, signal }).run();
  } finally {
    clearInterval(timer);
  }
  await output.finish();
}

interface ReaderParts {
  readonly cut: ReadCut;
  readonly output: ReadOutput;
  readonly readership: Readership;
  readonly signal: AbortSignal;
}

/** Brings segments from the log through the cut to the output. */
class Reader {
  readonly #node: Node;
  readonly #plan: ReadPlan;
  readonly #parts: ReaderParts;

  constructor(node: Node, plan: ReadPlan, parts: ReaderParts) {
    this.#node = node;
    this.#plan = plan;
    this.#parts = parts;
  }

  async run(): Promise<void> {
    const { cut, output, signal } = this.#parts;
    const { log } = this.#node;
    for (;;) {
      await this.#deliver();
      if (cut.isDone || !this.#plan.follow) return;
      await output.flush();
      await log.waitPast(cut.nextIndex, signal);
    }
  }

  /** Delivers what the log holds, to its end or to a limit. */
  async #deliver(): Promise<void> {
    const { cut, signal } = this.#parts;
    const { log } = this.#node;
    const { reverse } = this.#plan;
    if (cut.isDone || (!reverse && cut.nextIndex >= log.nextIndex)) return;
    const options = { startIndex: cut.nextIndex, signal };
    const source = reverse ? log.segmentsBack(options) : log.segments(options);
    const segments = source[Symbol.asyncIterator]();
    try {
      while (!cut.isDone) {
        const segment = await this.#next(segments);
        if (segment === undefined) return;
        await this.#take(segment);
      }
    } finally {
      await segments.return?.();
    }
  }

  async #take(segment: EntriesSegment): Promise<void> {
    const { cut, output, readership, signal } = this.#parts;
    for (const step of cut.take(segment, output.responseBytes)) {
      if (step.type === "batch") {
        await this.#add(step.batch);
      } else {
        await output.flush();
        await readership.turns.next();
        signal.throwIfAborted();
      }
      output.reached(cut.nextIndex);
    }
    output.reached(cut.nextIndex);
  }

  async #add(batch: Batch): Promise<void> {
    const { output } = this.#parts;
    if (!output.fits(batch)) await output.flush();
    output.add(batch);
  }

  /** What was collected does not wait for a slow store, and is delivered also where it fails. */
  async #next(segments: AsyncIterator<EntriesSegment>): Promise<EntriesSegment | undefined> {
    const { output } = this.#parts;
    const next = segments.next();
    if (!output.isEmpty && !(await settlesThisTurn(next))) await output.flush();
    try {
      const result = await next;
      return result.done === true ? undefined : result.value;
    } catch (error) {
      await output.flush();
      throw error;
    }
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
