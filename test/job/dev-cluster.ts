/** The cluster of `suraft dev`, with its processes, as somebody at a terminal has it. */

import { execFile } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { connect, type Client } from "../../src/client/client.js";
import type { NodeView } from "../../src/client/types.js";
import { Child } from "../process/child.js";
import { commandLine } from "../process/node-process.js";

const run = promisify(execFile);
const nodeCount = 3;
const readyMsMax = 30_000;
const stopMsMax = 20_000;
const killMsMax = 5_000;
const storyLines = 20;

export interface DevNode {
  readonly address: string;
  readonly client: Client;
}

export interface DevClusterOptions {
  readonly directory: string;
  readonly firstPort: number;
}

export class DevCluster {
  readonly nodes: readonly DevNode[];
  readonly #options: DevClusterOptions;
  #dev: Child | undefined;

  constructor(options: DevClusterOptions) {
    this.#options = options;
    this.nodes = Array.from({ length: nodeCount }, (_, offset) => {
      const address = `127.0.0.1:${options.firstPort + offset}`;
      return { address, client: connect([address], { timeoutMs: readyMsMax }) };
    });
  }

  /** Starts it and waits until all nodes serve. */
  async start(): Promise<void> {
    const { directory, firstPort } = this.#options;
    this.#dev = new Child({
      command: process.execPath,
      arguments: [commandLine, "dev", `--directory=${directory}`, `--base-port=${firstPort}`],
    });
    await this.leader();
  }

  /** The leader, once all nodes serve and agree on it. */
  async leader(): Promise<DevNode> {
    const end = performance.now() + readyMsMax;
    for (;;) {
      const views = await Promise.all(this.nodes.map((node) => viewOf(node)));
      const leader = agreedLeader(views);
      const node = this.nodes.find(({ address }) => address === leader);
      if (node !== undefined) return node;
      const story = this.#dev?.output.split("\n").slice(-30).join("\n");
      if (this.#dev?.isAlive !== true) throw new Error(`dev has ended; it printed:\n${story}`);
      if (performance.now() > end) {
        throw new Error(`no leader of all nodes in ${readyMsMax} ms; dev printed:\n${story}`);
      }
      await wait(25);
    }
  }

  /** The nodes that do not lead, once all serve. */
  async followers(): Promise<readonly DevNode[]> {
    const leader = await this.leader();
    return this.nodes.filter((node) => node !== leader);
  }

  /** The process that the node is now. */
  async pidOf(node: DevNode): Promise<number> {
    const nodes = this.#dev === undefined ? [] : await childrenOf(this.#dev.pid);
    const running = nodes.find(({ command }) => command.includes(`--listen ${node.address} `));
    if (running === undefined) throw new Error(`no process of dev serves on ${node.address}`);
    return running.pid;
  }

  /** Kills the node's process outright. Resolves once it is gone. */
  async kill(node: DevNode): Promise<void> {
    await killProcess(await this.pidOf(node));
  }

  /** Ctrl-C: every process of the terminal's foreground group gets the signal. */
  async interrupt(): Promise<void> {
    this.#dev?.kill("SIGINT");
    await this.#dev?.exit(stopMsMax);
  }

  /** The last that the nodes wrote, for somebody who looks for what went wrong. */
  async story(): Promise<string> {
    const directory = join(this.#options.directory, "logs");
    const names = await readdir(directory).catch(() => []);
    const tails = names.map(async (name) => {
      const text = await readFile(join(directory, name), "utf8");
      return `${name}:\n${text.trimEnd().split("\n").slice(-storyLines).join("\n")}`;
    });
    return (await Promise.all(tails)).join("\n");
  }

  /** Ends whatever is left of it, at once. */
  async close(): Promise<void> {
    for (const { client } of this.nodes) client.close();
    if (this.#dev?.isAlive !== true) return;
    const nodes = await childrenOf(this.#dev.pid);
    await this.#dev.end();
    await Promise.all(nodes.map(({ pid }) => killProcess(pid)));
  }
}

interface RunningProcess {
  readonly pid: number;
  readonly command: string;
}

async function childrenOf(parent: number): Promise<readonly RunningProcess[]> {
  const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid=,args="]);
  return stdout.split("\n").flatMap((line) => {
    const [, pid, ppid, command = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return Number(ppid) === parent ? [{ pid: Number(pid), command }] : [];
  });
}

/** Resolves once the process is gone. */
async function killProcess(pid: number): Promise<void> {
  const end = performance.now() + killMsMax;
  while (signalled(pid, "SIGKILL")) {
    if (performance.now() > end) throw new Error(`process ${pid} outlives a SIGKILL`);
    await wait(5);
  }
}

/** False if there is no such process. */
function signalled(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

async function viewOf({ address, client }: DevNode): Promise<NodeView | undefined> {
  try {
    return await client.status({ address, timeoutMs: 1_000 });
  } catch {
    return undefined;
  }
}

/** The address on which all views agree, its own included. */
function agreedLeader(views: readonly (NodeView | undefined)[]): string | undefined {
  const address = views[0]?.leader?.address;
  const agreed = views.every((view) => view?.serving === true && view.leader?.address === address);
  const leads = views.some((view) => view?.role === "leader" && view.address === address);
  return agreed && leads ? address : undefined;
}
