/**
 * Runs fake-gcs-server for a test: in memory, on a free port, without TLS.
 *
 * SURAFT_FAKE_GCS_SERVER is the path of its binary.
 */

import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

import { Child } from "../../process/child.js";

const startMsMax = 15_000;

/** The path of the server's binary, if the environment names it. */
export function emulatorBinary(): string | undefined {
  return process.env["SURAFT_FAKE_GCS_SERVER"];
}

export class Emulator {
  readonly endpoint: string;
  readonly #process: Child;

  private constructor(endpoint: string, child: Child) {
    this.endpoint = endpoint;
    this.#process = child;
  }

  static async start(...buckets: readonly string[]): Promise<Emulator> {
    return await Emulator.startBy([], buckets);
  }

  /** Starts it by a command that runs the command that follows it. */
  static async startBy(prefix: readonly string[], buckets: readonly string[]): Promise<Emulator> {
    const binary = emulatorBinary();
    if (binary === undefined) {
      throw new Error("SURAFT_FAKE_GCS_SERVER does not name the binary of fake-gcs-server");
    }
    const port = await freePort();
    const flags = ["-backend", "memory", "-scheme", "http", "-log-level", "error"];
    const server = [...prefix, binary, ...flags, "-host", "127.0.0.1", "-port", String(port)];
    const [command = binary, ...rest] = server;
    const child = new Child({ command, arguments: rest });
    const emulator = new Emulator(`http://127.0.0.1:${port}`, child);
    await emulator.#answers();
    for (const bucket of buckets) await emulator.#createBucket(bucket);
    return emulator;
  }

  async close(): Promise<void> {
    await this.#process.end();
  }

  async #answers(): Promise<void> {
    const deadline = performance.now() + startMsMax;
    for (;;) {
      const reply = await fetch(`${this.endpoint}/_internal/healthcheck`).catch(() => undefined);
      if (reply?.ok === true) return;
      if (!this.#process.isAlive || performance.now() > deadline) {
        await this.close();
        throw new Error(`fake-gcs-server does not start: ${this.#process.output}`);
      }
      await delay(50);
    }
  }

  async #createBucket(name: string): Promise<void> {
    const reply = await fetch(`${this.endpoint}/storage/v1/b?project=none`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name }),
    });
    if (!reply.ok) throw new Error(`no bucket ${name}: ${await reply.text()}`);
  }
}

/** The server cannot be told to choose one itself and say which. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}
