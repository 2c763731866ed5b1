/** Another log or store, where it is installed: one server on loopback, over a directory of its own. */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { freeAddresses } from "../cluster.js";
import { emptyDirectory, makeDirectory } from "../directories.js";

const startTimeoutMs = 10_000;

export class PeerServer {
  readonly address: string;
  readonly #process: ChildProcess;
  readonly #directory: string;

  private constructor(address: string, process: ChildProcess, directory: string) {
    this.address = address;
    this.#process = process;
    this.#directory = directory;
  }

  /** etcd, with its defaults: an fsync before each answer. Undefined where it is not installed. */
  static async etcd(): Promise<PeerServer | undefined> {
    return await PeerServer.#start("etcd", ({ address, other, directory }) => [
      ["--data-dir", directory],
      ["--listen-client-urls", `http://${address}`],
      ["--advertise-client-urls", `http://${address}`],
      ["--listen-peer-urls", `http://${other}`],
      ["--initial-advertise-peer-urls", `http://${other}`],
      ["--initial-cluster", `default=http://${other}`],
      ["--log-level", "error"],
    ]);
  }

  /** Redis, with an fsync before each answer. Undefined where it is not installed. */
  static async redis(): Promise<PeerServer | undefined> {
    return await PeerServer.#start("redis-server", ({ address, directory }) => {
      const [host = "", port = ""] = address.split(":");
      return [
        ["--bind", host],
        ["--port", port],
        ["--dir", directory],
        ["--appendonly", "yes"],
        ["--appendfsync", "always"],
        ["--save", ""],
      ];
    });
  }

  static async #start(
    program: string,
    options: (given: {
      readonly address: string;
      readonly other: string;
      readonly directory: string;
    }) => readonly (readonly string[])[],
  ): Promise<PeerServer | undefined> {
    const [address = "", other = ""] = await freeAddresses(2);
    const directory = await makeDirectory("peer");
    const child = spawn(program, options({ address, other, directory }).flat(), {
      stdio: "ignore",
    });
    const server = new PeerServer(address, child, directory);
    try {
      await once(child, "spawn");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    // It is no child that ends with its parent.
    process.once("exit", () => child.kill("SIGKILL"));
    await server.#answering(program);
    return server;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exited = once(this.#process, "exit");
      this.#process.kill("SIGKILL");
      await exited;
    }
    await emptyDirectory(this.#directory);
  }

  async #answering(program: string): Promise<void> {
    const untilMs = performance.now() + startTimeoutMs;
    while (!(await isListening(this.address))) {
      if (this.#process.exitCode !== null || performance.now() > untilMs) {
        await this.stop();
        throw new Error(`${program} does not start`);
      }
      await sleep(50);
    }
  }
}

function isListening(address: string): Promise<boolean> {
  const [host = "", port = ""] = address.split(":");
  const socket = connect({ host, port: Number(port) });
  return new Promise<boolean>((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
  }).finally(() => socket.destroy());
}
