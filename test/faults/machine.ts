/**
 * What a run changes on this machine outside of its own files, and how all of it is undone.
 *
 * Invariant: everything is undone when the process ends, in whatever order it came to that, short of
 * SIGKILL. After a SIGKILL the kernel ends the children, and the next run removes what else is left:
 * names of namespaces, links and mounts hold the process's id.
 */

import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { killLiving } from "../process/child.js";

const execute = promisify(execFile);
const undos = new Set<() => void>();

process.prependListener("exit", () => {
  // They write where this removes.
  killLiving();
  for (const undo of [...undos].toReversed()) undo();
});

/** Does it when it is called, else when the process ends. Its failures are nobody's. */
export function onEnd(undo: () => void): () => void {
  const once = (): void => {
    if (!undos.delete(once)) return;
    try {
      undo();
    } catch {
      // It is gone already, or this is the end anyway.
    }
  };
  undos.add(once);
  return once;
}

/** Runs a command to its end and gives what it printed. Throws with what it said. */
export function command(...words: readonly string[]): string {
  const [name = "", ...rest] = words;
  return execFileSync(name, rest, { stdio: "pipe", encoding: "utf8" });
}

/** Runs a command without waiting in the way of others. */
export async function commandLater(...words: readonly string[]): Promise<void> {
  const [name = "", ...rest] = words;
  await execute(name, rest);
}

/** Whether a command runs and succeeds. */
export function succeeds(...words: readonly string[]): boolean {
  try {
    command(...words);
    return true;
  } catch {
    return false;
  }
}

/** A command before a child's, so that the kernel kills the child should this process be killed. */
export function tiedPrefix(): readonly string[] {
  const prefix = ["setpriv", "--pdeathsig", "KILL", "--"];
  return succeeds(...prefix, "true") ? prefix : [];
}

export const namespacePrefix = "suraft-faults-";
export const bridgePrefix = "suraft";
export const linkPrefix = "sf";
export const mountPrefix = "suraft-faults-";
const scratchPrefix = "suraft-faults-";
const keptName = "kept";

/** A folder that goes when the process ends, unless it is kept. */
export class Scratch {
  readonly path = mkdtempSync(join(tmpdir(), `${scratchPrefix}${process.pid}-`));
  #kept = false;

  constructor() {
    onEnd(() => {
      if (!this.#kept) rmSync(this.path, { recursive: true, force: true });
    });
  }

  keep(): void {
    this.#kept = true;
    writeFileSync(join(this.path, keptName), "");
  }
}

/** Removes what runs left that were killed outright. */
export function removeLeftovers(): void {
  for (const name of listed("ip", "netns", "list")) {
    if (isLeftover(name, namespacePrefix)) succeeds("ip", "netns", "del", name);
  }
  for (const line of listed("ip", "-o", "link", "show")) {
    const name = /^\d+: ([^:@]+)/.exec(line)?.[1] ?? "";
    const leftover = isLeftover(name, bridgePrefix) || isLeftover(name, linkPrefix);
    if (leftover) succeeds("ip", "link", "del", name);
  }
  for (const line of mounts()) {
    const [source = "", path = ""] = line.split(" ");
    if (isLeftover(source, mountPrefix)) succeeds("umount", "--lazy", path);
  }
  for (const name of readdirSync(tmpdir())) {
    const path = join(tmpdir(), name);
    if (!isLeftover(name, scratchPrefix) || existsSync(join(path, keptName))) continue;
    rmSync(path, { recursive: true, force: true });
  }
}

function listed(...words: readonly string[]): readonly string[] {
  try {
    return command(...words)
      .split("\n")
      .map((line) => line.replace(/ \(id: \d+\)$/, ""));
  } catch {
    return [];
  }
}

function mounts(): readonly string[] {
  try {
    return readFileSync("/proc/self/mounts", "utf8").split("\n");
  } catch {
    return [];
  }
}

/** Whether the name is one of a process that is no more. */
function isLeftover(name: string, prefix: string): boolean {
  const pid = new RegExp(`^${prefix}(\\d+)(-|$)`).exec(name)?.[1];
  if (pid === undefined || Number(pid) === process.pid) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch {
    return true;
  }
}
