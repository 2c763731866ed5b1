/** Snapshots, which are checked whole, and objects that no manifest names. */

import { crc32c } from "../log/crc32c.js";
import { manifestName, objectName, parseObjectName } from "../log/names.js";
import type { ManifestView, ObjectId, ObjectRef, SnapshotRef } from "../core/manifest.js";
import type { NamedObject } from "../core/upkeep/protocol.js";
import type { VerifyContext } from "./verify-context.js";

const kinds = ["archive", "checkpoint", "snapshot"] as const;

/** Checks a snapshot that was named before the walk began. */
export async function checkSnapshot(context: VerifyContext, snapshot: SnapshotRef): Promise<void> {
  const { findings, source, walk } = context;
  const { nextIndex, parts } = snapshot;
  const [first] = parts;
  const object = first === undefined ? manifestName(source.manifest.number) : nameOf(first);
  if (walk.isSound && nextIndex > walk.walk.nextIndex) {
    const reason = `it covers entries below ${nextIndex}; the next one is ${walk.walk.nextIndex}`;
    findings.add("contradiction", { object, reason });
  }
  let whole = 0;
  for (const part of parts) {
    const checksum = await checkPart(context, part, whole);
    if (checksum === undefined) return;
    whole = checksum;
  }
  if (whole === snapshot.checksum) return;
  const reason = `the checksum of the snapshot at index ${nextIndex} is not that of its parts`;
  findings.add("damaged", { object, reason });
}

function nameOf({ id }: ObjectRef): string {
  return objectName({ type: "snapshot", id });
}

/** The checksum of the snapshot up to the part's end, if the part is whole; what is wrong is found. */
async function checkPart(
  { findings, source, progressed }: VerifyContext,
  part: ObjectRef,
  before: number,
): Promise<number | undefined> {
  const { sizeBytes, checksum, id } = part;
  const object = nameOf(part);
  const looked = await source.look(object, { start: 0, end: sizeBytes });
  if (looked.type === "absent") {
    const { snapshots } = await source.refresh();
    const isNamed = snapshots.some(({ parts }) => parts.some((one) => one.id.nonce === id.nonce));
    if (isNamed) {
      findings.add("missing", { object, reason: "the manifest names it, and it is not there" });
    }
    return undefined;
  }
  if (looked.type === "damaged") {
    findings.add("damaged", { object, reason: looked.reason });
    return undefined;
  }
  const { bytes, size } = looked.value;
  const isSized = size === sizeBytes && bytes.length === sizeBytes;
  if (isSized && crc32c(bytes) === checksum) {
    progressed(bytes.length);
    return crc32c(bytes, before);
  }
  const reason = isSized
    ? "its checksum does not match its bytes"
    : `it has ${size} bytes, not ${sizeBytes}`;
  findings.add("damaged", { object, reason });
  return undefined;
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
  for (const { parts } of snapshots) {
    for (const { id } of parts) add("snapshot", id);
  }
  if (checkpoint !== undefined) add("checkpoint", checkpoint.ledger.id);
  return names;
}
