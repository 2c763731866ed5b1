/**
 * Temporaries of a local store: where bytes become durable before they get their name.
 *
 * Invariant: a temporary is unlinked only once the name that it was linked to is durable, if any.
 * So an object with one link is durable, and one with more may not be yet.
 * Invariant: removing another's temporary does no harm: its link fails, and its create is refused.
 */

import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

import { errorCode } from "./file-calls.js";
import type { FileCalls } from "./file-calls.js";
import type { FileDirectories } from "./file-directories.js";

/** Below the root. "~" is in no object's name. */
export const temporaryDirectory = "~temporary";

/** No create lasts a day. */
const ageMsMax = 24 * 60 * 60 * 1000;

export interface Temporary {
  readonly path: string;
  readonly version: string;
}

export class FileTemporaries {
  readonly #directory: string;
  readonly #calls: FileCalls;
  /** Names the process, so that others see whether it lives, and this store within it. */
  readonly #owner = `${machineIdentity()}-${process.pid}-${randomBytes(6).toString("hex")}`;
  #count = 0;

  constructor(root: string, calls: FileCalls) {
    this.#directory = join(root, temporaryDirectory);
    this.#calls = calls;
  }

  /** Writes the bytes durably. On failure nothing stays. */
  async write(bytes: Uint8Array): Promise<Temporary> {
    this.#count += 1;
    const path = join(this.#directory, `${this.#owner}-${this.#count}`);
    const file = await this.#calls.open(path, "wx");
    try {
      const version = await this.#fill(file, bytes);
      return { path, version };
    } catch (error) {
      await this.remove(path);
      throw error;
    } finally {
      await this.#calls.close(file).catch(() => undefined);
    }
  }

  /** Removes a temporary if it can; if not, a later process does. */
  async remove(path: string): Promise<void> {
    await this.#calls.unlink(path).catch(() => undefined);
  }

  /** Removes what processes that died left behind. */
  async sweep(directories: FileDirectories): Promise<void> {
    const entries = await this.#calls.readdir(this.#directory, { withFileTypes: true });
    let synced = false;
    for (const { name } of entries) {
      const path = join(this.#directory, name);
      const stats = await this.#calls.lstat(path, { bigint: true }).catch(() => undefined);
      if (stats === undefined || !isStale(name, Number(stats.mtimeMs))) continue;
      if (stats.nlink > 1n && !synced) {
        await directories.syncAll();
        synced = true;
      }
      await this.remove(path);
    }
  }

  async #fill(file: number, bytes: Uint8Array): Promise<string> {
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await this.#calls.write(file, bytes, at, bytes.length - at);
      at += bytesWritten;
    }
    // The kernel's own times tick every few milliseconds: a name deleted and created again within
    // one tick, likely on the same inode, would not show it.
    const seconds = nextMicroseconds() / 1e6;
    await this.#calls.futimes(file, seconds, seconds);
    const stats = await this.#calls.fstat(file, { bigint: true });
    await this.#calls.fsync(file);
    return fileVersion(stats);
  }
}

/** The version of an object. Neither linking nor unlinking changes it. */
export function fileVersion(stats: { readonly mtimeNs: bigint; readonly ino: bigint }): string {
  return `${stats.mtimeNs / 1000n}-${stats.ino}`;
}

let lastMicroseconds = 0;

/** The time, never twice the same in this process. Two apart, as times are rounded down. */
function nextMicroseconds(): number {
  const now = Math.floor((performance.timeOrigin + performance.now()) * 1000);
  lastMicroseconds = Math.max(now, lastMicroseconds + 2);
  return lastMicroseconds;
}

/** Where process ids mean the same: one boot of one machine, one namespace of processes. */
function machineIdentity(): string {
  const parts = [hostname()];
  try {
    parts.push(readFileSync("/proc/sys/kernel/random/boot_id", "utf8"));
    parts.push(readlinkSync("/proc/self/ns/pid"));
  } catch {
    // Not on Linux: the host's name has to do.
  }
  return createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 12);
}

function isStale(name: string, mtimeMs: number): boolean {
  const [machine, pid] = name.split("-");
  const isHere = machine === machineIdentity() && /^\d+$/.test(pid ?? "");
  return (isHere && !isAlive(Number(pid))) || Date.now() - mtimeMs > ageMsMax;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== "ESRCH";
  }
}
