/**
 * Reads the log, at one node after another if need be.
 *
 * Invariant: entries are delivered in the read's order, each once, and none that matches is left
 * out, also where the read goes on at another node.
 * Invariant: no more than a few messages are read ahead of the consumer.
 */

import { SuraftError } from "../errors.js";
import type { Addresses } from "./addresses.js";
import { decodeBatch, decodeProgress, encodeRead } from "./codec.js";
import { throwIfCancelled, type CallBounds, type Connection } from "./connection.js";
import { failureOf } from "./failure.js";
import { messagesOf } from "./messages.js";
import { ReadCursor } from "./read-cursor.js";
import { BackOff, isRetryable } from "./retry.js";
import type { ReadOptions, ReadPart } from "./types.js";

/** Longer than the few seconds between the progress messages of an idle log. */
const TIMEOUT_MS = 15_000;

/** Reads until the read's end; a read that follows ends only by a limit, an abort or a failure. */
export async function* readLog(
  addresses: Addresses,
  options: ReadOptions,
): AsyncGenerator<ReadPart, void, undefined> {
  const cursor = new ReadCursor(options);
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const boundsFromNow = (): CallBounds => ({
    endMs: performance.now() + timeoutMs,
    signal: options.signal,
  });
  const backOff = new BackOff();
  let bounds = boundsFromNow();
  for (let request = cursor.request(); request !== undefined; request = cursor.request()) {
    const connection = addresses.current();
    try {
      await connection.ready(bounds);
      for await (const part of readFrom(connection, request, timeoutMs)) {
        if (!cursor.admits(part)) return;
        cursor.advance(part);
        yield part;
        backOff.reset();
        bounds = boundsFromNow();
      }
      return;
    } catch (error) {
      throwIfCancelled(options.signal);
      if (isOutOfRange(error) && cursor.isTrimmedBelow(Number(error.details["first_index"])))
        return;
      const lagging = options.local === true && cursor.moved && isOutOfRange(error);
      if (!isRetryable(error) && !lagging) {
        throw error;
      }
      addresses.failed(connection.address, error);
      if (!(await backOff.pause(bounds, error.retryDelayMs))) {
        throwIfCancelled(options.signal);
        throw addresses.conclusion(error);
      }
    }
  }
}

/** A node that is behind the one read before; it may catch up. */
function isOutOfRange(error: unknown): error is SuraftError {
  return error instanceof SuraftError && error.kind === "out_of_range";
}

/** Reads from one node. */
async function* readFrom(
  connection: Connection,
  options: ReadOptions,
  timeoutMs: number,
): AsyncGenerator<ReadPart, void, undefined> {
  const { address } = connection;
  const { signal } = options;
  const stream = connection.log.read(encodeRead(options), signal === undefined ? {} : { signal });
  const iterator = messagesOf(stream);
  const step = options.reverse === true ? -1 : 1;
  let silent = false;
  try {
    for (;;) {
      // Only the node's silence counts, not the time that the consumer takes.
      const timer = setTimeout(() => {
        silent = true;
        stream.cancel();
      }, timeoutMs);
      const next = await iterator.next().finally(() => {
        clearTimeout(timer);
      });
      if (next.done === true) {
        return;
      }
      const { batches, progress } = next.value;
      yield {
        batches: batches.map((batch) => decodeBatch(batch, step)),
        progress: decodeProgress(progress),
      };
    }
  } catch (error) {
    if (silent) {
      throw new SuraftError("unavailable", `${address} has not answered for some time`);
    }
    throw failureOf(error, { address, effect: "none" });
  } finally {
    stream.cancel();
  }
}
