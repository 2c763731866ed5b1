/** A stored manifest in the core's words. */

import { logStart } from "../core/walk.js";
import { assert } from "../core/assert.js";
import type { ManifestView } from "../core/manifest.js";
import type { Manifest } from "./manifest-codec.js";

/** `G` unless the cluster was founded with another: an hour. */
const graceMs = 3_600_000;

/** A founding manifest; this version writes no other. */
export function viewOf(manifest: Manifest): ManifestView {
  const { number, clusterId, members, nonce, formatVersion } = manifest;
  assert(manifest.floorPosition === 0, "no manifest has raised the floor");
  return {
    number,
    clusterId,
    members,
    graceMs,
    floor: logStart,
    firstIndex: logStart.nextIndex,
    marks: [],
    checkpoint: undefined,
    archives: [],
    snapshots: [],
    nonce,
    formatVersion,
  };
}
