/**
 * A node of the development cluster as a process of its own: started, started again, stopped.
 *
 * Invariant: at most one process of a node runs.
 * Invariant: no node outlives `suraft dev`: it stops when the channel to its parent closes, however
 * the parent ended.
 */

import { fork, type ChildProcess } from "node:child_process";
import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { DevCluster, DevNode } from "./dev-cluster.js";

const mainFile = fileURLToPath(new URL("../main.js", import.meta.url));

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;
/** A process that lived longer was well: its next death begins a new count. */
const WELL_AFTER_MS = 30_000;
const LOG_BYTES_MAX = 16 * 1024 * 1024;

/** How a process ended. */
export interface NodeDeath {
  /** For people: "was killed by SIGKILL", "ended with exit code 1". */
  readonly how: string;
  /** What it wrote about it at the end. */
  readonly lastError: string | undefined;
  readonly restartInMs: number;
}

export interface NodeProcessEvents {
  readonly died: (death: NodeDeath) => void;
  /** It cannot be started again. */
  readonly failed: (error: Error) => void;
}

export class NodeProcess {
  readonly node: DevNode;
  readonly #cluster: DevCluster;
  readonly #events: NodeProcessEvents;
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #delayMs = FIRST_DELAY_MS;
  #startedMs = 0;
  #logStart = 0;
  #stopping = false;

  constructor(node: DevNode, cluster: DevCluster, events: NodeProcessEvents) {
    this.node = node;
    this.#cluster = cluster;
    this.#events = events;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    const { nodeId, address } = this.node;
    const members = this.#cluster.nodes.map((node) => `${node.nodeId}=${node.address}`).join(",");
    keepSmall(this.node.logFile);
    const log = openSync(this.node.logFile, "a");
    this.#logStart = fstatSync(log).size;
    this.#startedMs = performance.now();
    const child = fork(
      mainFile,
      ["serve", "--node-id", nodeId, "--listen", address, "--advertise", address]
        .concat(["--members", members, "--store", this.#cluster.store])
        .concat(["--log-format", "text"]),
      {
        stdio: ["ignore", log, log, "ipc"],
        // Ctrl-C goes to the terminal's foreground group: the nodes are stopped by us alone.
        detached: true,
        execArgv: [],
        env: environment(),
      },
    );
    closeSync(log);
    this.#child = child;
    child.once("error", () => undefined);
    child.once("exit", (code, signal) => {
      this.#ended(code, signal);
    });
  }

  /** Asks the process to end; resolves once it has. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined) {
      return;
    }
    await new Promise<void>((resolve) => {
      child.once("exit", () => {
        resolve();
      });
      // All nodes are stopped together: by the channel's end they know so, and hand nothing over.
      if (child.connected) child.disconnect();
      else child.kill("SIGTERM");
    });
  }

  /** Ends the process at once. */
  kill(): void {
    this.#stopping = true;
    clearTimeout(this.#timer);
    this.#child?.kill("SIGKILL");
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    this.#child = undefined;
    if (this.#stopping) {
      return;
    }
    if (performance.now() - this.#startedMs > WELL_AFTER_MS) {
      this.#delayMs = FIRST_DELAY_MS;
    }
    const restartInMs = this.#delayMs;
    this.#delayMs = Math.min(LONGEST_DELAY_MS, this.#delayMs * 2);
    this.#timer = setTimeout(() => {
      try {
        this.start();
      } catch (error) {
        this.#events.failed(error instanceof Error ? error : new Error(String(error)));
      }
    }, restartInMs);
    const how =
      signal === null ? `ended with exit code ${String(code)}` : `was killed by ${signal}`;
    this.#events.died({ how, lastError: this.#lastError(), restartInMs });
  }

  /** The last line that begins with "error:" which this process has written. */
  #lastError(): string | undefined {
    let file: number | undefined;
    try {
      file = openSync(this.node.logFile, "r");
      const size = fstatSync(file).size;
      const start = Math.max(this.#logStart, size - 8192);
      const buffer = Buffer.alloc(Math.max(0, size - start));
      readSync(file, buffer, 0, buffer.length, start);
      const lines = buffer.toString("utf8").split("\n");
      return lines.findLast((line) => line.startsWith("error: "))?.slice("error: ".length);
    } catch {
      return undefined;
    } finally {
      if (file !== undefined) {
        closeSync(file);
      }
    }
  }
}

/** A config file meant for another node must not reach these; single settings may. */
function environment(): NodeJS.ProcessEnv {
  const { SURAFT_CONFIG: _, ...rest } = process.env;
  return { ...rest, NO_COLOR: "1" };
}

/** A log file that has grown great is set aside; the one set aside before is dropped. */
function keepSmall(file: string): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat !== undefined && stat.size > LOG_BYTES_MAX) {
    renameSync(file, `${file}.old`);
  }
}
