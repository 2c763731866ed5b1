/**
 * Where a log is to be trimmed, by a policy of age, count and bytes.
 *
 * Invariant: a pure function of what is in the log and of the time; the log's own timestamps are what age
 * is measured by.
 */

import { formatBytes } from "./config-values.js";
import type { LogPlace } from "../log/log-history.js";
import type { NodeConfig } from "./config.js";

export interface RetentionPolicy {
  readonly ageMs: number | undefined;
  readonly entriesMax: number | undefined;
  readonly bytesMax: number | undefined;
  /** So many of the last entries are kept in any case. */
  readonly entriesMin: number | undefined;
}

/** What of a node's configuration is about retention. */
type RetentionConfig = Pick<NodeConfig, Extract<keyof NodeConfig, `retention${string}`>>;

/** A node's policy, as it is configured. */
export function retentionPolicy(config: RetentionConfig): RetentionPolicy {
  return {
    ageMs: config.retentionAgeMs,
    entriesMax: config.retentionEntriesMax,
    bytesMax: config.retentionBytesMax,
    entriesMin: config.retentionEntriesMin,
  };
}

/** Whether the policy trims anything at all. */
export function isRetaining({ ageMs, entriesMax, bytesMax }: RetentionPolicy): boolean {
  return ageMs !== undefined || entriesMax !== undefined || bytesMax !== undefined;
}

/** What a policy does, for people; undefined if it trims nothing. */
export function describeRetention(config: RetentionConfig): string | undefined {
  const { ageMs, entriesMax, bytesMax, entriesMin } = retentionPolicy(config);
  const kept = [
    ageMs === undefined ? [] : `older than ${ageMs} ms`,
    entriesMax === undefined ? [] : `before the last ${entriesMax}`,
    bytesMax === undefined ? [] : `before the last ${formatBytes(bytesMax)}`,
  ].flat();
  if (kept.length === 0) return undefined;
  const unless = [
    entriesMin === undefined ? [] : `none of the last ${entriesMin}`,
    config.retentionToSnapshot ? "only what the newest snapshot covers" : [],
  ].flat();
  return (
    `entries ${kept.join(" or ")} are trimmed${unless.map((text) => `, ${text}`).join("")}: by the ` +
    `leader, whole segments at a time, every ${config.retentionIntervalMs} ms`
  );
}

/** What a policy is applied to. */
export interface RetainedLog {
  readonly tail: LogPlace;
  /** The last known place for which something holds that holds for all places before it, too. */
  lastPlace(holds: (place: LogPlace) => boolean): LogPlace | undefined;
}

/**
 * The index that the log is to begin at: that of the last known place before which nothing is to be
 * kept. Undefined if there is none.
 */
export function retainedFrom(
  policy: RetentionPolicy,
  log: RetainedLog,
  nowMs: number,
): number | undefined {
  const { ageMs, entriesMax, bytesMax, entriesMin = 0 } = policy;
  const { tail } = log;
  const isSurplus = ({ nextIndex, timestampMs, sizeBytes }: LogPlace): boolean =>
    (ageMs !== undefined && timestampMs < nowMs - ageMs) ||
    (entriesMax !== undefined && tail.nextIndex - nextIndex >= entriesMax) ||
    (bytesMax !== undefined && tail.sizeBytes - sizeBytes >= bytesMax);
  const place = log.lastPlace(
    (before) => tail.nextIndex - before.nextIndex >= entriesMin && isSurplus(before),
  );
  return place?.nextIndex;
}
