/** A node's configuration in the core's terms: ticks and bounds. */

import type { CoreSettings } from "../core/options.js";
import type { NodeConfig } from "./config.js";

/** The timing of a node's core. */
export interface CoreTiming {
  readonly tickMs: number;
  readonly settings: CoreSettings;
}

/** How many gets run ahead of the known log while a node catches up. */
const readAhead = 64;

/**
 * Timeouts are whole ticks. A tick is a quarter of the heartbeat interval, so that heartbeats are
 * on time, but never more than 25 ms, so that a write is repeated and a read is asked on time.
 */
export function coreTiming(config: NodeConfig): CoreTiming {
  const tickMs = Math.max(5, Math.min(25, Math.floor(config.heartbeatIntervalMs / 4)));
  const ticks = (milliseconds: number): number => Math.max(1, Math.round(milliseconds / tickMs));
  return {
    tickMs,
    settings: {
      electionTicksMin: ticks(config.electionTimeoutMs),
      electionTicksMax: ticks(config.electionTimeoutMs * 2),
      heartbeatTicks: ticks(config.heartbeatIntervalMs),
      storeTimeoutTicks: ticks(config.storeTimeoutMs),
      leaseTicks: config.electionQuorum === "storage" ? ticks(config.leaseMs) : 0,
      repeatTicks: ticks(storeRepeatMs(config.store)),
      window: config.window,
      segmentBytesMax: config.segmentBytesMax,
      segmentEntriesMax: config.segmentEntriesMax,
      queueBytesMax: config.queueBytesMax,
      readAhead,
    },
  };
}

/** GCS refuses more than one write a second to a name (STORE.md); a directory does not. */
export function storeRepeatMs(storeUrl: string): number {
  return storeUrl.startsWith("gs:") ? 1000 : 100;
}
