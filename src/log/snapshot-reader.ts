/**
 * Reads a snapshot of the application's state machine, part by part.
 *
 * Invariant: no byte is given before the checksum of its part matched; one part is in memory.
 */

import { crc32c } from "./crc32c.js";
import { objectName } from "./names.js";
import { corruptObject } from "./store-failure.js";
import type { ObjectRef, SnapshotRef } from "../core/manifest.js";
import type { ObjectGetter } from "./object-getter.js";

/** A part is not there any more: the snapshot has been replaced, or is damaged. */
export class PartAbsent extends Error {
  readonly object: string;

  constructor(object: string) {
    super(`${object} does not exist`);
    this.object = object;
  }
}

/**
 * The snapshot's bytes from an offset on, in order. Throws a {@link PartAbsent}; a SuraftError:
 * `corrupt` naming the object, or what the store's failure means; or the signal's reason.
 */
export async function* readSnapshot(
  getter: ObjectGetter,
  { parts }: SnapshotRef,
  { offset, signal }: { readonly offset: number; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void, undefined> {
  let start = 0;
  for (const part of parts) {
    const end = start + part.sizeBytes;
    if (end > offset) {
      const bytes = await readPart(getter, part, signal);
      yield bytes.subarray(Math.max(0, offset - start));
    }
    start = end;
  }
}

async function readPart(
  getter: ObjectGetter,
  { id, sizeBytes, checksum }: ObjectRef,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const name = objectName({ type: "snapshot", id });
  const got = await getter.get(name, signal, { start: 0, end: sizeBytes });
  if (got.type === "absent") throw new PartAbsent(name);
  const { bytes, size } = got;
  if (size !== sizeBytes) throw corruptObject(name, `it has ${size} bytes, not ${sizeBytes}`);
  if (crc32c(bytes) !== checksum) throw corruptObject(name, "its checksum does not match");
  return bytes;
}
