/**
 * Snapshots of an application's state machine: puts, lists and gets them, at one node after another if
 * need be.
 *
 * Invariant: a snapshot's bytes are delivered in order, each once, and its end only if the checksum of
 * the whole matched.
 */

import { crc32c } from "@node-rs/crc32";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  GetSnapshotResponse,
  PutSnapshotRequestSchema,
  Snapshot as WireSnapshot,
} from "../../gen/suraft/v1/snapshot_pb.js";
import { SuraftError } from "../errors.js";
import type { Addresses } from "./addresses.js";
import { throwIfCancelled, type CallBounds, type Connection } from "./connection.js";
import { exactNumber, timeOf } from "./exact.js";
import { failureOf } from "./failure.js";
import { messagesOf } from "./messages.js";
import { BackOff, callAny, isRetryable } from "./retry.js";
import type {
  GetSnapshotOptions,
  PutSnapshot,
  PutSnapshotOptions,
  SnapshotContent,
  SnapshotDownload,
  StoredSnapshot,
} from "./types.js";

/** Nodes end a stream that stands still for so long. */
const SILENCE_MS = 60_000;

/** Greater pieces are sent in several messages. */
const CHUNK_BYTES = 256 * 1024;

type Piece = MessageInitShape<typeof PutSnapshotRequestSchema>;

/** Puts a snapshot. A failure of `content` is thrown as it is. */
export async function putSnapshot(
  addresses: Addresses,
  content: SnapshotContent,
  options: PutSnapshotOptions,
): Promise<PutSnapshot> {
  const { nextIndex, signal, timeoutMs = SILENCE_MS } = options;
  if (!Number.isSafeInteger(nextIndex) || nextIndex < 1) {
    throw new SuraftError("invalid", "a snapshot's next index is a whole number of at least 1");
  }
  let isSpent = false;
  const again = (error: unknown): error is SuraftError => !isSpent && isRetryable(error);
  const bounds = { endMs: performance.now() + timeoutMs, signal };
  return await callAny(
    addresses,
    bounds,
    async (connection) => {
      // The time runs anew with each piece.
      bounds.endMs = performance.now() + timeoutMs;
      const source = typeof content === "function" ? content() : content;
      isSpent = typeof content !== "function";
      return await putAt(connection, piecesOf(source, nextIndex), { signal, timeoutMs });
    },
    again,
  );
}

async function putAt(
  connection: Connection,
  pieces: AsyncIterable<Piece>,
  { signal, timeoutMs }: { readonly signal: AbortSignal | undefined; readonly timeoutMs: number },
): Promise<PutSnapshot> {
  const silence = new Silence(timeoutMs);
  const signals = signal === undefined ? [silence.signal] : [silence.signal, signal];
  const source = new SourceWatch();
  try {
    const { snapshot, repeat } = await connection.snapshots.putSnapshot(
      silence.unlessSending(source.watch(pieces)),
      { signal: AbortSignal.any(signals) },
    );
    return { ...decodeSnapshot(snapshot), repeat };
  } catch (error) {
    if (source.failed) throw error;
    const { address } = connection;
    if (silence.signal.aborted) throw silentError(address);
    throw failureOf(error, { address, effect: "none", bounds: { endMs: 0, signal } });
  } finally {
    silence.end();
  }
}

/** Tells a failure of the content from one of the call. */
class SourceWatch {
  failed = false;

  async *watch(pieces: AsyncIterable<Piece>): AsyncGenerator<Piece, void, undefined> {
    const iterator = pieces[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await iterator.next().catch((error: unknown) => {
          this.failed = true;
          throw error;
        });
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
}

async function* piecesOf(
  content: AsyncIterable<Uint8Array>,
  nextIndex: number,
): AsyncGenerator<Piece, void, undefined> {
  yield { piece: { case: "begin", value: { nextIndex: BigInt(nextIndex) } } };
  let checksum = 0;
  for await (const bytes of content) {
    checksum = crc32c(bytes, checksum);
    for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
      yield { piece: { case: "chunk", value: bytes.subarray(offset, offset + CHUNK_BYTES) } };
    }
  }
  yield { piece: { case: "end", value: { checksum } } };
}

/** Lists the snapshots, the newest first. */
export async function listSnapshots(
  addresses: Addresses,
  bounds: CallBounds,
  settings: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
): Promise<readonly StoredSnapshot[]> {
  const { snapshots } = await callAny(addresses, bounds, async (connection) => {
    try {
      return await connection.snapshots.listSnapshots({}, settings);
    } catch (error) {
      throw failureOf(error, { address: connection.address, effect: "none", bounds });
    }
  });
  return snapshots.map(decodeSnapshot);
}

/** Begins to get a snapshot; goes on at another node, from where it is, when one fails. */
export async function getSnapshot(
  addresses: Addresses,
  options: GetSnapshotOptions,
): Promise<SnapshotDownload> {
  const download = new Download(addresses, options);
  const pieces = download.pieces();
  const first = await pieces.next();
  const snapshot = download.snapshot;
  if (first.done === true || snapshot === undefined) {
    throw new SuraftError("unavailable", "a node answered without a snapshot");
  }
  return { snapshot, content: pieces };
}

class Download {
  readonly #addresses: Addresses;
  readonly #options: GetSnapshotOptions;
  readonly #timeoutMs: number;
  snapshot: StoredSnapshot | undefined;
  #offset: number;
  #checksum = 0;

  constructor(addresses: Addresses, options: GetSnapshotOptions) {
    this.#addresses = addresses;
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? SILENCE_MS;
    this.#offset = options.offset ?? 0;
  }

  /** Nothing first, once the snapshot is known; then its bytes. */
  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    const { signal } = this.#options;
    const backOff = new BackOff();
    let bounds = this.#boundsFromNow();
    for (;;) {
      const connection = this.#addresses.current();
      try {
        await connection.ready(bounds);
        for await (const bytes of this.#piecesFrom(connection)) {
          yield bytes;
          backOff.reset();
          bounds = this.#boundsFromNow();
        }
        return this.#judge();
      } catch (error) {
        throwIfCancelled(signal);
        if (!isRetryable(error)) throw error;
        this.#addresses.failed(connection.address, error);
        if (!(await backOff.pause(bounds, error.retryDelayMs))) {
          throwIfCancelled(signal);
          throw this.#addresses.conclusion(error);
        }
      }
    }
  }

  async *#piecesFrom(connection: Connection): AsyncGenerator<Uint8Array, void, undefined> {
    const { signal, nextIndex = 0 } = this.#options;
    const silence = new Silence(this.#timeoutMs);
    const request = {
      nextIndex: BigInt(this.snapshot?.nextIndex ?? nextIndex),
      offset: BigInt(this.#offset),
    };
    const stream = connection.snapshots.getSnapshot(
      request,
      signal === undefined ? {} : { signal },
    );
    silence.signal.addEventListener("abort", () => stream.cancel());
    const messages = messagesOf(stream);
    try {
      for (;;) {
        silence.begin();
        const next = await messages.next().finally(() => silence.end());
        if (next.done === true) break;
        yield this.#take(next.value);
      }
    } catch (error) {
      const { address } = connection;
      if (silence.signal.aborted) throw silentError(address);
      throw failureOf(error, { address, effect: "none", bounds: { endMs: 0, signal } });
    } finally {
      stream.cancel();
    }
    if (this.#offset !== this.snapshot?.sizeBytes) {
      throw new SuraftError("unavailable", `${connection.address} has sent a part of the snapshot`);
    }
  }

  #take({ snapshot, chunk }: GetSnapshotResponse): Uint8Array {
    if (snapshot !== undefined) this.snapshot ??= decodeSnapshot(snapshot);
    this.#offset += chunk.length;
    this.#checksum = crc32c(chunk, this.#checksum);
    return chunk;
  }

  #judge(): void {
    const isWhole = (this.#options.offset ?? 0) === 0;
    if (!isWhole || this.#checksum === this.snapshot?.checksum) return;
    const message = `the snapshot at index ${this.snapshot?.nextIndex} is damaged: its checksum does not match`;
    throw new SuraftError("corrupt", message);
  }

  #boundsFromNow(): CallBounds {
    return { endMs: performance.now() + this.#timeoutMs, signal: this.#options.signal };
  }
}

/** Notices that a node neither takes nor gives anything. */
class Silence {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  begin(): void {
    this.end();
    this.#timer = setTimeout(() => this.#controller.abort(), this.#timeoutMs);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  /** What is sent, with the time running only while the node is to take it, or to answer. */
  async *unlessSending<Sent>(sent: AsyncIterable<Sent>): AsyncGenerator<Sent, void, undefined> {
    for await (const one of sent) {
      this.begin();
      yield one;
      this.end();
    }
    this.begin();
  }
}

function silentError(address: string): SuraftError {
  return new SuraftError("unavailable", `${address} has not answered for some time`);
}

function decodeSnapshot(snapshot: WireSnapshot | undefined): StoredSnapshot {
  if (snapshot === undefined) {
    throw new SuraftError("unavailable", "a node answered without a snapshot");
  }
  return {
    nextIndex: exactNumber("next_index", snapshot.nextIndex),
    sizeBytes: exactNumber("size_bytes", snapshot.sizeBytes),
    checksum: snapshot.checksum,
    timestampMs: timeOf(snapshot.timestamp),
  };
}
