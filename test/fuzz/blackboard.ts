/**
 * Where the process that fuzzes writes what it is about to judge, for the process that watches it. A
 * file: it is still there when the process is not.
 *
 * Invariant: written before an input is judged, so that it stands there whatever the input does.
 */

import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

const headBytes = 12;

/** What the fuzzing process is to do. */
export interface FuzzTask {
  readonly names: readonly string[];
  readonly seed: number;
  readonly runsMax?: number;
  readonly secondsMax?: number;
  /** A file that holds the one input to judge. */
  readonly input?: string;
  /** The blackboard's file. */
  readonly blackboard: string;
}

/** What stands on it. */
export interface Written {
  /** How often it was written. */
  readonly count: number;
  readonly target: string;
  readonly bytes: Uint8Array;
}

export class Blackboard {
  readonly #file: number;
  #count = 0;

  constructor(path: string) {
    this.#file = openSync(path, "w");
  }

  write(target: string, bytes: Uint8Array): void {
    this.#count += 1;
    const name = Buffer.from(target);
    const head = Buffer.alloc(headBytes);
    [this.#count, name.length, bytes.length].forEach((value, at) =>
      head.writeUInt32LE(value, 4 * at),
    );
    writeSync(this.#file, Buffer.concat([head, name, bytes]), 0, undefined, 0);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Reads a blackboard; undefined if nothing was written yet. */
export function readBlackboard(path: string): Written | undefined {
  let whole: Buffer;
  try {
    whole = readFileSync(path);
  } catch {
    return undefined;
  }
  if (whole.length < headBytes) return undefined;
  const [count = 0, nameLength = 0, length = 0] = [0, 4, 8].map((at) => whole.readUInt32LE(at));
  const start = headBytes + nameLength;
  return {
    count,
    target: whole.toString("utf8", headBytes, start),
    bytes: Uint8Array.from(whole.subarray(start, start + length)),
  };
}
