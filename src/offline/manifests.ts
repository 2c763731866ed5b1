/**
 * All manifests that there are: each of them, one against the next (PROTOCOL.md section 10), and what
 * they tell of the log.
 *
 * Invariant: two manifests are held at a time, and of the others only the states that they tell.
 */

import { decodeManifest } from "../log/manifest-codec.js";
import { manifestName, manifestPrefix, parseManifestName } from "../log/names.js";
import { isCorrupt } from "../log/store-failure.js";
import { sameWalk } from "../core/walk.js";
import { inOrder } from "./in-order.js";
import type { ManifestView } from "../core/manifest.js";
import type { Findings } from "./findings.js";
import type { Source } from "./source.js";
import type { ToldStates } from "./told-states.js";

export interface ManifestCheck {
  /** The manifest that the log is judged by; undefined if none can be read. */
  readonly manifest: ManifestView | undefined;
  readonly count: number;
}

/** Opens the source at the manifest that counts, and checks all of them. */
export async function checkManifests(
  source: Source,
  findings: Findings,
  told: ToldStates,
): Promise<ManifestCheck> {
  const greatest = await openAtGreatest(source);
  let count = 0;
  let hasFounding = false;
  let last: ManifestView | undefined;
  for await (const read of manifests(source, findings)) {
    if (read.type === "gone") continue;
    count++;
    hasFounding ||= read.number === 0;
    if (read.type === "damaged") continue;
    const { manifest } = read;
    if (last !== undefined) {
      for (const reason of contradictions(last, manifest)) {
        findings.add("contradiction", { object: manifestName(manifest.number), reason });
      }
    }
    if (greatest !== undefined && manifest.number < greatest.number && manifest.number > 0) {
      const reason = `manifest ${greatest.number} counts`;
      const { number } = manifest;
      findings.add("oldManifest", { object: manifestName(number), reason, position: number });
    }
    if (manifest.number <= (greatest?.number ?? manifest.number)) told.add(manifest);
    last = manifest;
  }
  const found = greatest ?? last;
  if (greatest === undefined && last !== undefined) source.openAt(last);
  if (found !== undefined && !hasFounding) {
    const reason = "the founding manifest is never deleted, and is not there";
    findings.add("missing", { object: manifestName(0), reason });
  }
  return { manifest: found, count };
}

/** The greatest manifest; undefined if it is damaged, which is then found with the others. */
async function openAtGreatest(source: Source): Promise<ManifestView | undefined> {
  try {
    await source.open();
    return source.manifest;
  } catch (error) {
    if (isCorrupt(error)) return undefined;
    throw error;
  }
}

type Read =
  | { readonly type: "read"; readonly number: number; readonly manifest: ManifestView }
  | { readonly type: "damaged"; readonly number: number }
  /** Deleted since it was listed. */
  | { readonly type: "gone" };

async function* manifests(source: Source, findings: Findings): AsyncGenerator<Read, void> {
  const numbers = async function* (): AsyncGenerator<{ number: number; size: number }, void> {
    for await (const { name, size } of source.list({ prefix: manifestPrefix })) {
      const number = parseManifestName(name);
      if (number !== undefined) yield { number, size };
      else findings.add("unknownName", { object: name, reason: "it is no manifest's name" });
    }
  };
  yield* inOrder(numbers(), {
    run: ({ number }) => readOne(source, findings, number),
    sizeOf: ({ size }) => size,
    width: 16,
    bytesMax: 16 * 1024 * 1024,
  });
}

async function readOne(source: Source, findings: Findings, number: number): Promise<Read> {
  const object = manifestName(number);
  const looked = await source.look(object);
  if (looked.type === "absent") return { type: "gone" };
  const decoded = looked.type === "damaged" ? looked : decodeManifest(looked.value.bytes, number);
  if (decoded.type === "ok") return { type: "read", number, manifest: decoded.manifest };
  const reason = decoded.type === "newer" ? "a newer suraft wrote it" : decoded.reason;
  findings.add("damaged", { object, reason });
  return { type: "damaged", number };
}

/** What a later manifest may not say after an earlier one. */
function contradictions(before: ManifestView, after: ManifestView): string[] {
  const earlier = `manifest ${before.number}`;
  const reasons: string[] = [];
  const say = (isWrong: boolean, reason: string): void => {
    if (isWrong) reasons.push(reason);
  };
  say(after.clusterId !== before.clusterId, `it is of another cluster than ${earlier}`);
  say(after.graceMs !== before.graceMs, `its grace is not that of ${earlier}`);
  say(after.floor.tail < before.floor.tail, `its floor is below that of ${earlier}`);
  say(after.firstIndex < before.firstIndex, `it is trimmed less than ${earlier}`);
  const moved = after.floor.tail === before.floor.tail && !sameWalk(after.floor, before.floor);
  say(moved, `its floor is in another state than that of ${earlier}`);
  const kept = new Set(after.archives.map(({ id }) => `${id.manifest}-${id.nonce}`));
  const dropped = before.archives.filter(
    ({ id, nextIndex }) => !kept.has(`${id.manifest}-${id.nonce}`) && nextIndex > after.firstIndex,
  );
  say(dropped.length > 0, `${earlier} names an archive that it does not, though it is not trimmed`);
  return reasons;
}
