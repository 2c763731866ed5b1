/**
 * Where the benchmark's stores stand. Nothing is deleted before its end: for some minutes ext4 looks
 * through the inodes that were deleted in a neighbourhood before it takes one for a new file, and after
 * some thousands of them a create costs most of a millisecond of CPU. Files are emptied, so that
 * the disk is free again.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp, readdir, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

let root: string | undefined;

/** Makes a directory; `emptyDirectory` it. */
export async function makeDirectory(name: string): Promise<string> {
  root ??= mkdtempSync(join(tmpdir(), "suraft-bench-"));
  return await mkdtemp(join(root, `${name}-`));
}

/** Nothing in the directory is wanted any more. */
export async function emptyDirectory(directory: string): Promise<void> {
  const items = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const item of items) {
    if (item.isFile()) await truncate(join(item.parentPath, item.name));
  }
}

/** Deletes all directories, at the end of the benchmark. */
export function removeDirectories(): void {
  if (root !== undefined) rmSync(root, { recursive: true, force: true });
}
