/** A node's configuration in upkeep's terms. */

import { storeRepeatMs } from "./core-settings.js";
import type { UpkeepSettings } from "../core/upkeep/protocol.js";
import type { NodeConfig } from "./config.js";

/** How many deletes are under way at once: they are never urgent. */
const deletesMax = 8;

export function upkeepSettings(config: NodeConfig): UpkeepSettings {
  const { checkpointSegments, archiveBytesMax, archiveSegments, snapshotsKept } = config;
  return {
    checkpointSegments,
    archiveBytesMin: Math.floor(archiveBytesMax / 2),
    archiveSegmentsMin: archiveSegments,
    archiveBytesMax,
    // Followers that are a little behind need not change to an archive.
    keptSegments: checkpointSegments,
    repeatMs: storeRepeatMs(config.store),
    deletesMax,
    snapshotsKept,
  };
}
