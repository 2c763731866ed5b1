/** A store in a directory: on a small disk of its own, which can be full, where one may be mounted. */

import { mkdirSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { command, commandLater, mountPrefix, onEnd, succeeds } from "./machine.js";
import type { FaultStore, SmallDisk } from "./stores.js";

const diskMebibytes = 1024;

export class DirectoryStore implements FaultStore {
  readonly name = "directory";
  readonly description: string;
  readonly url: string;
  readonly disk: SmallDisk | undefined;
  readonly #unmount: (() => void) | undefined;

  constructor(scratch: string) {
    const disk = join(scratch, "disk");
    mkdirSync(disk, { recursive: true });
    const mount = ["mount", "-t", "tmpfs", "-o", `size=${diskMebibytes}m`];
    if (succeeds(...mount, `${mountPrefix}${process.pid}`, disk)) {
      this.#unmount = onEnd(() => command("umount", "--lazy", disk));
      this.disk = new Tmpfs(disk);
      this.description = "a directory on a tmpfs of its own";
    } else {
      this.description = "a directory (no full disk: this user may not mount one)";
    }
    this.url = `file://${join(disk, "store")}`;
  }

  urlFor(_nodeId: string): string {
    return this.url;
  }

  proxyOf(_nodeId: string): undefined {
    return undefined;
  }

  quiet(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#unmount?.();
    return Promise.resolve();
  }
}

/** Its limit sinks to what is in it: full at once, and no memory is spent on ballast. */
class Tmpfs implements SmallDisk {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async fill(): Promise<void> {
    const { blocks, bfree, bsize } = await statfs(this.#path);
    // A page more: what is written in the meantime must not make the limit refused.
    const kibibytes = Math.ceil(((blocks - bfree) * bsize) / 1024) + 64;
    await this.#resize(`${kibibytes}k`);
  }

  async empty(): Promise<void> {
    await this.#resize(`${diskMebibytes}m`);
  }

  async #resize(size: string): Promise<void> {
    await commandLater("mount", "-o", `remount,size=${size}`, this.#path);
  }
}
