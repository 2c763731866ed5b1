/** Directories and ports for a test. */

import { mkdtemp, rm } from "node:fs/promises";
import { rmSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const directories = new Set<string>();

process.once("exit", () => {
  const options = { recursive: true, force: true, maxRetries: 10, retryDelay: 20 };
  for (const directory of directories) rmSync(directory, options);
});

/** A new empty directory. It is removed when this process ends, if not before. */
export async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "suraft-test-"));
  directories.add(directory);
  return directory;
}

export async function removeDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  directories.delete(directory);
}

/** Ports that were free a moment ago, all different: members must know one another's in advance. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(close));
  return ports;
}

/** `count` consecutive ports that were free a moment ago. */
export async function freePortRange(count: number): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const [first = 0] = await freePorts(1);
    const servers = await Promise.allSettled(
      Array.from({ length: count }, (_, offset) => listen(first + offset)),
    );
    const bound = servers.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    await Promise.all(bound.map(close));
    if (bound.length === count) return first;
  }
  throw new Error(`no ${count} consecutive ports are free`);
}

/** A server that holds a port of this machine. */
export function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

export function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
