/** What a run tells: a table, and for each failure what to do about it. */

import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

import Table from "cli-table3";

import type { Failure, TargetReport } from "./fuzz-run.js";

/** Where failing inputs are kept; git ignores it. */
export const failuresFolder = "fuzz-failures";

const heads = ["target", "inputs", "inputs/s", "accepted", "kept", "blocks", "failures"];
const shownBytesMax = 400;

export function formatTable(reports: readonly TargetReport[]): string {
  const table = new Table({
    head: heads,
    style: { head: [], border: [], compact: true },
    colAligns: ["left", ...heads.slice(1).map(() => "right" as const)],
  });
  for (const report of reports) {
    const { inputs, seconds, accepted, corpus, features, failures } = report;
    table.push([
      report.name,
      inputs.toLocaleString("en-US"),
      Math.round(inputs / Math.max(seconds, 0.001)).toLocaleString("en-US"),
      `${Math.round((100 * accepted) / Math.max(inputs, 1))} %`,
      String(corpus.length),
      String(features),
      String(failures.length),
    ]);
  }
  return table.toString();
}

/** Bytes for people: as text where they are printable, and in hex. */
export function showBytes(bytes: Uint8Array): string {
  const shown = Buffer.from(bytes.subarray(0, shownBytesMax));
  const more = bytes.length > shownBytesMax ? ` … ${bytes.length} bytes in all` : "";
  return `text ${JSON.stringify(shown.toString("latin1"))}${more}\n  hex  ${shown.toString("hex")}${more}`;
}

/** Tells of a failure, saves its input, and says how to judge it again. */
export function tellFailure(target: string, failure: Failure): string {
  const { signature, error, seed, input, original, count } = failure;
  const file = saveInput(target, input);
  const stack = (error.stack ?? error.message).split("\n").slice(0, 6).join("\n  ");
  return [
    `\nFAILS ${target}: ${signature}`,
    `  ${count} times, first by seed ${seed}; ${original.length} bytes made ${input.length}`,
    `  ${showBytes(input)}`,
    `  ${stack}`,
    `  again: npm run fuzz -- --only ${target} --input ${file}`,
  ].join("\n");
}

/** Saves a failing input and returns its file. */
export function saveInput(target: string, input: Uint8Array): string {
  mkdirSync(failuresFolder, { recursive: true });
  const digest = Buffer.from(input).toString("hex").slice(0, 16) || "empty";
  const name = `${target.replaceAll("/", "-")}-${input.length}-${digest}`;
  const file = path.join(failuresFolder, name);
  writeFileSync(file, input);
  return file;
}
