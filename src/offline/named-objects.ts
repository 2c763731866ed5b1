/** Snapshots, which are checked whole, and objects that no manifest names. */

import { crc32c } from "../log/crc32c.js";
import { trailerBytes } from "../log/fields.js";
import { objectName, parseObjectName } from "../log/names.js";
import { readFixed32 } from "../log/wire.js";
import type { ManifestView, ObjectId, SnapshotRef } from "../core/manifest.js";
import type { NamedObject } from "../core/upkeep/protocol.js";
import type { VerifyContext } from "./verify-context.js";

const partBytes = 8 * 1024 * 1024;
const kinds = ["archive", "checkpoint", "snapshot"] as const;

/** Checks a snapshot that was named before the walk began. */
export async function checkSnapshot(context: VerifyContext, snapshot: SnapshotRef): Promise<void> {
  const { findings, source, walk } = context;
  const object = objectName({ type: "snapshot", id: snapshot.id });
  const { nextIndex } = snapshot;
  if (walk.isSound && nextIndex > walk.walk.nextIndex) {
    const reason = `it covers entries below ${nextIndex}; the next one is ${walk.walk.nextIndex}`;
    findings.add("contradiction", { object, reason });
  }
  const outcome = await readWhole(context, object, snapshot);
  if (outcome === undefined) return;
  if (outcome.type === "damaged") {
    findings.add("damaged", { object, reason: outcome.reason });
    return;
  }
  const { snapshots } = await source.refresh();
  if (!snapshots.some(({ id }) => id.nonce === snapshot.id.nonce)) return;
  findings.add("missing", { object, reason: "the manifest names it, and it is not there" });
}

/** What is wrong with an object that was named, if anything. Reads it in parts. */
async function readWhole(
  { source, progressed }: VerifyContext,
  object: string,
  { sizeBytes, checksum }: SnapshotRef,
): Promise<{ type: "damaged"; reason: string } | { type: "absent" } | undefined> {
  const bodyEnd = sizeBytes - trailerBytes;
  let computed = 0;
  let written = 0;
  for (let start = 0, end = 0; end < sizeBytes; start = end) {
    end = start + partBytes + trailerBytes > sizeBytes ? sizeBytes : start + partBytes;
    const looked = await source.look(object, { start, end });
    if (looked.type !== "found") return looked;
    const { bytes, size } = looked.value;
    if (size !== sizeBytes || bytes.length !== end - start) {
      return { type: "damaged", reason: `it has ${size} bytes, not ${sizeBytes}` };
    }
    computed = crc32c(bytes.subarray(0, Math.max(0, bodyEnd - start)), computed);
    if (end === sizeBytes) written = readFixed32(bytes, bytes.length - trailerBytes + 1);
    progressed(bytes.length);
  }
  if (computed === checksum && written === checksum) return undefined;
  return { type: "damaged", reason: "its checksum does not match its bytes" };
}

/**
 * Lists what no manifest names. What is named by a later manifest than was read when it was listed is no
 * orphan: the manifest is read again behind the listing.
 */
export async function checkOrphans(context: VerifyContext): Promise<void> {
  const { source, findings } = context;
  const unnamed: NamedObject[] = [];
  let named = namesIn(source.manifest);
  for (const kind of kinds) {
    for await (const { name } of source.list({ prefix: `${kind}/` })) {
      const parsed = parseObjectName(name);
      if (parsed === undefined || parsed.type !== kind) {
        findings.add("unknownName", { object: name, reason: `it is no ${kind}'s name` });
      } else if (!named.has(name)) {
        if (unnamed.length < unnamedMax) unnamed.push(parsed);
        else findings.add("orphan", { object: name, reason: "no manifest names it" });
      }
    }
  }
  if (unnamed.length === 0) return;
  const { number } = await source.refresh();
  named = namesIn(source.manifest);
  for (const name of unnamed) {
    const object = objectName(name);
    if (named.has(object)) continue;
    const mayCome = name.id.manifest > number;
    const reason = mayCome
      ? `manifest ${name.id.manifest} may name it yet`
      : `manifest ${number} does not name it, and no later one will`;
    findings.add("orphan", { object, reason });
  }
}

const unnamedMax = 10_000;

function namesIn({ archives, checkpoint, snapshots }: ManifestView): Set<string> {
  const names = new Set<string>();
  const add = (type: NamedObject["type"], id: ObjectId): void => {
    names.add(objectName({ type, id }));
  };
  for (const { id } of archives) add("archive", id);
  for (const { id } of snapshots) add("snapshot", id);
  if (checkpoint !== undefined) add("checkpoint", checkpoint.ledger.id);
  return names;
}
