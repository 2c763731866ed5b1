/**
 * Finds the manifest that counts, or founds the cluster (PROTOCOL.md sections 7 and 10).
 *
 * What a manifest read is, `core/manifest-read.ts` says.
 *
 * Invariant: a cluster is founded only where no manifest and no segment was seen, and whoever
 * founds takes what a manifest read finds afterwards, never what it meant to write.
 */

import { randomBytes, randomUUID } from "node:crypto";

import { assert } from "../core/assert.js";
import { ManifestRead } from "../core/manifest-read.js";
import { logStart } from "../core/walk.js";
import { SuraftError } from "../errors.js";
import { nameAfter } from "../store/object-name.js";
import { settle } from "../store/settle.js";
import { decodeManifest, encodeManifest, formatVersion } from "./manifest-codec.js";
import { listAll } from "./list-all.js";
import {
  manifestName,
  manifestPrefix,
  parseManifestName,
  parseSegmentName,
  segmentName,
  segmentPrefix,
} from "./names.js";
import { corruptObject, storeFailure } from "./store-failure.js";
import type { ListedManifest } from "../core/manifest-read.js";
import type { ManifestMember, ManifestView } from "../core/manifest.js";
import type { BackoffOptions } from "../store/backoff.js";
import type { Store } from "../store/store.js";

export interface OpenClusterOptions {
  /** Who the members are, if the cluster is to be founded. */
  readonly members: readonly ManifestMember[];
  /** `G`, if the cluster is to be founded. An hour by default. */
  readonly graceMs?: number;
  readonly signal: AbortSignal;
  /** How long to wait before the founding manifest is sent again. */
  readonly backoff?: BackoffOptions;
}

/** Whether there is a manifest. */
export type FoundManifest =
  { readonly type: "found"; readonly manifest: ManifestView } | { readonly type: "absent" };

/** `G` of a cluster that is founded without one. */
export const graceMsDefault = 3_600_000;

const pageItems = 1000;

/**
 * Reads the manifest that counts. Throws a SuraftError: `corrupt` naming the object; `invalid` if
 * a newer suraft wrote it; what the store's failure means; or the signal's reason. Safe to retry.
 */
export async function readManifest(store: Store, signal: AbortSignal): Promise<FoundManifest> {
  return await translated(signal, undefined, () => readLast(store, signal));
}

/**
 * The cluster's manifest, founding the cluster if the store is empty. Any number of nodes may do so
 * at once: all get the same manifest. Throws as {@link readManifest} does. Safe to retry.
 */
export async function openCluster(
  store: Store,
  options: OpenClusterOptions,
): Promise<ManifestView> {
  const { signal } = options;
  const before = await readManifest(store, signal);
  if (before.type === "found") return before.manifest;
  const segment = await translated(signal, undefined, () => firstSegment(store, signal));
  if (segment === undefined) await found(store, options);
  // Begun after segments were seen, or after the founding was settled.
  const after = await readManifest(store, signal);
  if (after.type === "found") return after.manifest;
  if (segment !== undefined) {
    const reason = "an import that has not ended, or a log that has lost it";
    throw corruptObject(manifestName(0), `it is missing, though ${segment} is there: ${reason}`);
  }
  throw corruptObject(manifestName(0), "the manifest was there and is gone");
}

/** The founding manifest is settled when it returns: created by somebody. */
async function found(store: Store, options: OpenClusterOptions): Promise<void> {
  const { members, graceMs = graceMsDefault, signal, backoff } = options;
  if (members.length === 0) {
    throw new SuraftError(
      "invalid",
      `no cluster in ${store.url}, and no members to found one with`,
    );
  }
  const name = manifestName(0);
  const bytes = encodeManifest(foundingManifest(members, graceMs));
  const settled = await translated(signal, name, () =>
    settle(store, name, bytes, { ...backoff, signal }),
  );
  switch (settled.type) {
    case "mine":
    case "theirs":
    case "deleted":
      return;
    case "unknown":
    case "refused":
      signal.throwIfAborted();
      throw new SuraftError("unavailable", `${name} in ${store.url}: ${settled.cause}`);
  }
}

/** The manifest of a new cluster, whose log is empty. */
export function foundingManifest(
  members: readonly ManifestMember[],
  graceMs: number = graceMsDefault,
): ManifestView {
  return {
    number: 0,
    clusterId: randomUUID(),
    members,
    graceMs,
    floor: logStart,
    firstIndex: logStart.nextIndex,
    marks: [],
    checkpoint: undefined,
    archives: [],
    snapshots: [],
    nonce: randomBytes(16).toString("hex"),
    formatVersion,
  };
}

async function readLast(store: Store, signal: AbortSignal): Promise<FoundManifest> {
  const read = new ManifestRead();
  let bytes: Uint8Array | undefined;
  for (let question = read.begin(); ;) {
    switch (question.type) {
      case "list": {
        const { manifests, more } = await listPage(store, question.startAt, signal);
        question = read.listed(manifests, more);
        break;
      }
      case "get": {
        const name = manifestName(question.number);
        const result = await translated(signal, name, () => store.get(name, { signal }));
        bytes = result.type === "found" ? result.bytes : undefined;
        question = read.got(result.type === "found" ? result.version : undefined);
        break;
      }
      case "found":
        assert(bytes !== undefined, "what was found was read");
        return { type: "found", manifest: decode(bytes, question.number) };
      case "none":
        return { type: "absent" };
      case "givenUp": {
        const message = `the manifests in ${store.url} change too fast to be read`;
        throw new SuraftError("unavailable", message);
      }
    }
  }
}

/** One page of the manifests from a number on; more than one where names of nothing known fill it. */
async function listPage(
  store: Store,
  startNumber: number,
  signal: AbortSignal,
): Promise<{ manifests: readonly ListedManifest[]; more: boolean }> {
  for (let startAt = manifestName(startNumber); ;) {
    const page = await store.list({ prefix: manifestPrefix, startAt, limit: pageItems, signal });
    const manifests = page.items.flatMap(({ name, version }) => {
      const number = parseManifestName(name);
      return number === undefined ? [] : [{ number, version }];
    });
    const last = page.items.at(-1);
    if (manifests.length > 0 || !page.more) return { manifests, more: page.more };
    if (last === undefined) throw new SuraftError("unavailable", `${store.url}: an empty page`);
    startAt = nameAfter(last.name);
  }
}

/** The name of the first segment, if there is one. */
async function firstSegment(store: Store, signal: AbortSignal): Promise<string | undefined> {
  for await (const { name } of listAll(store, { prefix: segmentPrefix, signal })) {
    const position = parseSegmentName(name);
    if (position !== undefined) return segmentName(position);
  }
  return undefined;
}

function decode(bytes: Uint8Array, number: number): ManifestView {
  const decoded = decodeManifest(bytes, number);
  switch (decoded.type) {
    case "ok":
      return decoded.manifest;
    case "newer":
      throw new SuraftError(
        "invalid",
        `${manifestName(number)} was written by a newer suraft: it has format version ` +
          `${decoded.formatVersion}, and this one knows ${formatVersion}`,
      );
    case "corrupt":
      throw corruptObject(manifestName(number), decoded.reason);
  }
}

/** Runs store requests; what they fail with is what the failure means to suraft's callers. */
async function translated<T>(
  signal: AbortSignal,
  object: string | undefined,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    signal.throwIfAborted();
    throw storeFailure(error, object);
  }
}
