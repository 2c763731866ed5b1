/** Times as people write and read them. */

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `250ms`, `30s`, `10m`, `2h`, `7d` in milliseconds; undefined if the text is none of these. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text.trim());
  const unit = unitMs[match?.[2] ?? ""];
  return match === null || unit === undefined ? undefined : Math.round(Number(match[1]) * unit);
}

/** The protocol's timestamps begin here. */
const yearOneMs = Date.parse("0001-01-01T00:00:00Z");

/**
 * A point in time, in milliseconds since 1970: ISO 8601 (`2026-11-21`, `2026-11-21T10:00:00Z`; without
 * a zone it is local time, a bare date is UTC) or a duration, meaning that long ago. Undefined if it is neither, or before
 * the year 1.
 */
export function parseTime(text: string, nowMs: number): number | undefined {
  const ago = parseDuration(text);
  if (ago !== undefined) {
    return nowMs - ago < yearOneMs ? undefined : nowMs - ago;
  }
  if (
    !/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)
  ) {
    return undefined;
  }
  const time = Date.parse(text.replace(" ", "T"));
  return time >= yearOneMs ? time : undefined;
}

/** `45s`, `12m`, `3h 05m`, `2d 04h`: short and of a steady width. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1000);
  const pad = (value: number): string => String(value).padStart(2, "0");
  if (seconds < 60) {
    return `${String(seconds)}s`;
  }
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) {
    return `${String(minutes)}m ${pad(seconds % 60)}s`;
  }
  const hours = Math.floor(minutes / 60);
  return hours < 24
    ? `${String(hours)}h ${pad(minutes % 60)}m`
    : `${String(Math.floor(hours / 24))}d ${pad(hours % 24)}h`;
}
