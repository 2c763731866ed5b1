/**
 * Lists the objects of a local store in byte order of their names.
 *
 * A directory is read whole for each page, since what is created between two pages has to show: a
 * page out of 100,000 files costs about a fifth of a second. Little of that is spent in JavaScript:
 * only the names of the page are sorted and looked at closely.
 */

import type { Dirent } from "node:fs";
import { join } from "node:path";

import { errorCode } from "./file-calls.js";
import type { FileCalls } from "./file-calls.js";
import { isListed, isObjectName } from "./object-name.js";
import type { ListOptions } from "./store.js";

/** The first names that a listing asks for, at most `count`. */
export async function listNames(
  root: string,
  calls: FileCalls,
  options: ListOptions & { readonly count: number },
): Promise<readonly string[]> {
  const found: string[] = [];
  const base = options.prefix.slice(0, options.prefix.lastIndexOf("/") + 1);
  if (base === "" || isObjectName(base.slice(0, -1))) await walk(base);
  return found;

  async function walk(directory: string): Promise<void> {
    const entries = await readDirectory(join(root, directory), calls);
    const keys: string[] = [];
    for (const entry of entries) {
      const key = orderKey(directory, entry);
      if (key !== undefined && isWanted(key, options)) keys.push(key);
    }
    for (let after = ""; found.length < options.count;) {
      const batch = leastAfter(keys, after, options.count - found.length);
      for (const key of batch) await visit(key);
      after = batch.at(-1) ?? "";
      if (after === "") return;
    }
  }

  async function visit(key: string): Promise<void> {
    if (found.length >= options.count) return;
    if (!key.endsWith("/")) {
      if (isObjectName(key)) found.push(key);
    } else if (isObjectName(key.slice(0, -1))) {
      await walk(key);
    }
  }
}

/** A directory sorts as the names in it do: with its "/". */
function orderKey(directory: string, entry: Dirent): string | undefined {
  if (entry.isFile()) return directory + entry.name;
  if (entry.isDirectory()) return `${directory}${entry.name}/`;
  return undefined;
}

/** Whether a listing asks for this name, or may ask for one in this directory. */
function isWanted(key: string, options: ListOptions): boolean {
  if (!key.endsWith("/")) return isListed(key, options);
  const { prefix, startAt = "", endBefore } = options;
  return (
    (key.startsWith(prefix) || prefix.startsWith(key)) &&
    (key > startAt || startAt.startsWith(key)) &&
    (endBefore === undefined || key < endBefore)
  );
}

/** The `count` least of the keys that are greater than `after`, in order. */
function leastAfter(keys: readonly string[], after: string, count: number): readonly string[] {
  const least: string[] = [];
  let bound: string | undefined;
  for (const key of keys) {
    if (key <= after || (bound !== undefined && key >= bound)) continue;
    least.push(key);
    // Twice as many as needed: the greater half cannot matter, nor what is above it.
    if (least.length < 2 * count) continue;
    least.sort();
    least.length = count;
    bound = least.at(-1);
  }
  return least.sort().slice(0, count);
}

async function readDirectory(path: string, calls: FileCalls): Promise<readonly Dirent[]> {
  try {
    return await calls.readdir(path, { withFileTypes: true });
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}
