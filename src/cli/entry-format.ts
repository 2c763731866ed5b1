/**
 * How entries are printed.
 *
 * - `text`: the payload and a newline. On a terminal control characters are shown as `\x1b`;
 *   elsewhere the bytes go out as they are.
 * - `raw`: the payload's bytes, nothing before, between or behind them.
 * - `json`: a line of JSON for each entry; bytes that are not UTF-8 in base64, under another key.
 */

import { isUtf8 } from "node:buffer";
import { escapeControls } from "./terminal.js";

export const entryFormats = ["text", "raw", "json"] as const;
export type EntryFormat = (typeof entryFormats)[number];

/** An entry to print. */
export interface PrintedEntry {
  readonly index: number;
  readonly term: number;
  readonly timestampMs: number;
  readonly payload: Uint8Array;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array }[];
  /** Empty where it has none. */
  readonly key: string;
}

export interface EntryFormatOptions {
  readonly format: EntryFormat;
  /** Text goes to a terminal. */
  readonly terminal: boolean;
  /** Text begins with the index and the time. */
  readonly verbose: boolean;
}

const newline = Buffer.from("\n");

/** The bytes that stand for an entry. */
export function formatEntry(entry: PrintedEntry, options: EntryFormatOptions): Uint8Array {
  switch (options.format) {
    case "raw":
      return entry.payload;
    case "json":
      return Buffer.from(`${JSON.stringify(jsonOf(entry))}\n`);
    case "text": {
      const prefix = Buffer.from(options.verbose ? prefixOf(entry) : "");
      const payload = options.terminal ? printable(entry.payload) : entry.payload;
      return Buffer.concat([prefix, payload, newline]);
    }
  }
}

function prefixOf(entry: PrintedEntry): string {
  return `${String(entry.index)}\t${new Date(entry.timestampMs).toISOString()}\t`;
}

function printable(payload: Uint8Array): Uint8Array {
  return Buffer.from(escapeControls(Buffer.from(payload).toString("utf8")));
}

/** Text where the bytes are UTF-8, base64 under `<name>Base64` where not. */
function textOrBase64(name: string, bytes: Uint8Array): Record<string, string> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer)
    ? { [name]: buffer.toString("utf8") }
    : { [`${name}Base64`]: buffer.toString("base64") };
}

function jsonOf(entry: PrintedEntry): Record<string, unknown> {
  const headers = entry.headers.map(({ key, value }) => ({ key, ...textOrBase64("value", value) }));
  return {
    index: entry.index,
    term: entry.term,
    timestamp: new Date(entry.timestampMs).toISOString(),
    ...textOrBase64("payload", entry.payload),
    ...(entry.key === "" ? {} : { key: entry.key }),
    ...(headers.length === 0 ? {} : { headers }),
  };
}
