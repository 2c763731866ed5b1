/** The real text that the main job appends. */

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

export interface TextFile {
  /** For people. */
  readonly name: string;
  /** The lines' bytes, without the newlines. */
  readonly lines: readonly Buffer[];
}

export const linesMin = 5_000;
const linesMax = 20_000;

/** Where machines keep a long text. */
const candidates = [
  "/var/lib/dpkg/status",
  "/lib/apk/db/installed",
  "/var/log/dpkg.log",
  "/var/log/syslog",
  "/var/log/messages",
  "/var/log/system.log",
  "/var/log/install.log",
  "/usr/share/dict/words",
];

const newline = 0x0a;

/** The first of the machine's texts that is long enough, or else this repository's own files. */
export function findTextFile(repository: string): TextFile {
  for (const path of candidates) {
    const lines = readLines(path);
    if (lines.length >= linesMin) return { name: path, lines: lines.slice(0, linesMax) };
  }
  const lines = ["proto", "src", "test", "package-lock.json"]
    .flatMap((name) => filesBelow(join(repository, name)))
    .flatMap(readLines);
  if (lines.length < linesMin) throw new Error("this machine has no text of 5,000 lines");
  const name = "the repository's own files: the machine has no readable text of 5,000 lines";
  return { name, lines: lines.slice(0, linesMax) };
}

function readLines(path: string): readonly Buffer[] {
  let text: Buffer;
  try {
    if (!statSync(path).isFile()) return [];
    text = readFileSync(path);
  } catch {
    return [];
  }
  const lines: Buffer[] = [];
  let start = 0;
  for (let end = text.indexOf(newline); end >= 0; end = text.indexOf(newline, start)) {
    lines.push(text.subarray(start, end));
    start = end + 1;
  }
  if (start < text.length) lines.push(text.subarray(start));
  return lines;
}

function filesBelow(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  const names = readdirSync(path, { recursive: true, encoding: "utf8" }).sort();
  return names.map((name) => join(path, name));
}
