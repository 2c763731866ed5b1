/** A node of the tests: `suraft serve` in a process of its own, and a client of that node alone. */

import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect, type Client } from "../../src/client/client.js";
import type { NodeView } from "../../src/client/types.js";
import { Child } from "./child.js";

export const commandLine = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

/** How a node's process is started, where not simply so. */
export interface Launch {
  /** A command that runs the command that follows it. */
  readonly prefix: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface NodeProcessOptions {
  readonly nodeId: string;
  /** Where its client reaches it. */
  readonly address: string;
  /** Where it listens, if that is another address. */
  readonly listen?: string;
  readonly store: string;
  /** As `--members` takes it; without it the node is told of none. */
  readonly members?: string;
  /** Further settings, by flag without the dashes. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly launch?: Launch;
}

const plainLaunch: Launch = { prefix: [], environment: {} };

/** Short enough for a test, long enough for a busy machine. */
const hastySettings = { "election-timeout-ms": "300", "heartbeat-interval-ms": "60" };

export class NodeProcess {
  readonly nodeId: string;
  readonly address: string;
  readonly client: Client;
  readonly #options: NodeProcessOptions;
  #child: Child | undefined;

  constructor(options: NodeProcessOptions) {
    this.nodeId = options.nodeId;
    this.address = options.address;
    this.#options = options;
    this.client = connect([options.address]);
  }

  get isAlive(): boolean {
    return this.#child?.isAlive ?? false;
  }

  /** The process that runs now, or the one that ran last. */
  get child(): Child {
    if (this.#child === undefined) throw new Error(`${this.nodeId} was never started`);
    return this.#child;
  }

  start(): Child {
    const { nodeId, address, listen, store, members, settings, launch } = this.#options;
    this.#child = serve(
      {
        "node-id": nodeId,
        listen: listen ?? address,
        store,
        ...(members === undefined ? {} : { members }),
        ...hastySettings,
        ...settings,
      },
      launch,
    );
    return this.#child;
  }

  /** Kills the process and waits for its end. */
  async kill(): Promise<void> {
    await this.#child?.end();
  }

  /** The first view of the node, now or later, that is so. */
  async view(isSo: (view: NodeView) => boolean, timeoutMs = 15_000): Promise<NodeView> {
    const signal = AbortSignal.timeout(timeoutMs);
    let last: NodeView | undefined;
    while (!signal.aborted) {
      try {
        for await (const view of this.client.watchStatus(this.address, { signal })) {
          last = view;
          if (isSo(view)) return view;
        }
      } catch {
        // Not up yet, or it ended: another try, as long as there is time.
        if (!signal.aborted) await wait(20);
      }
    }
    const seen = last === undefined ? "it never answered" : describe(last);
    const printed = this.#child?.output.split("\n").slice(-15).join("\n") ?? "nothing";
    throw new Error(
      `${this.nodeId} did not get there in ${timeoutMs} ms: ${seen}; it printed:\n${printed}`,
    );
  }

  /** Waits until the node takes appends and proves reads. */
  async serving(timeoutMs?: number): Promise<NodeView> {
    return await this.view((view) => view.serving && view.leader !== undefined, timeoutMs);
  }

  async close(): Promise<void> {
    this.client.close();
    await this.kill();
  }
}

/** Runs `suraft serve` with these flags. */
export function serve(flags: Readonly<Record<string, string>>, launch = plainLaunch): Child {
  const given = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const all = [...launch.prefix, process.execPath, commandLine, "serve", ...given];
  const [command = process.execPath, ...rest] = all;
  return new Child({ command, arguments: rest, environment: launch.environment });
}

function describe(view: NodeView): string {
  const leader = view.leader?.nodeId ?? "nobody";
  const state = view.serving ? "serving" : `not serving: ${view.notServingReason}`;
  return `${view.role} in term ${view.term}, led by ${leader}, ${state}`;
}
