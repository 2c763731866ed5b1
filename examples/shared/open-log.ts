/** How the examples come to a log: that of a cluster that runs, or of a node that they run themselves. */

import { connect, SuraftError, type Client } from "suraft/client";
import { createNode, type EmbeddedNode } from "suraft/node";

export interface LogOptions {
  /** `host:port,...` of a cluster that runs. Without it a node is run in this process. */
  readonly address?: string | undefined;
  /** For a node in this process; see the settings of `suraft serve`. */
  readonly store: string;
  readonly nodeId: string;
  /** By default what `members` says, else a free port of 127.0.0.1. */
  readonly listen?: string | undefined;
  /** `id=host:port,...`; without it the node is alone. */
  readonly members?: string | undefined;
}

export interface OpenLog {
  readonly client: Client;
  /** Where the log is, for people. */
  readonly place: string;
  /** Rejects when the node in this process can go on no more. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

/** Rejects with a SuraftError. */
export async function openLog(options: LogOptions): Promise<OpenLog> {
  if (options.address !== undefined) {
    const client = connect(options.address.split(","), { timeoutMs: 10_000 });
    return {
      client,
      place: options.address,
      failed: new Promise<never>(() => undefined),
      close: () => Promise.resolve(client.close()),
    };
  }
  const { store, nodeId } = options;
  const members = membersIn(options.members);
  const listen = options.listen ?? members?.[nodeId] ?? "127.0.0.1:0";
  const node = createNode({ nodeId, store, listen, ...(members === undefined ? {} : { members }) });
  await node.start();
  const client = connect(addressesOf(node, members), { timeoutMs: 10_000 });
  return {
    client,
    place: `node ${nodeId} at ${node.address}, store ${store}`,
    failed: node.failed,
    close: async () => {
      client.close();
      await node.stop();
    },
  };
}

/** Its own node first: the others are for when that one is in trouble. */
function addressesOf(
  { address }: EmbeddedNode,
  members: Readonly<Record<string, string>> | undefined,
): readonly string[] {
  return [...new Set([address, ...Object.values(members ?? {})])];
}

function membersIn(text: string | undefined): Readonly<Record<string, string>> | undefined {
  if (text === undefined) return undefined;
  return Object.fromEntries(
    text.split(",").map((part) => {
      const [id = "", address = ""] = part.split("=");
      if (id === "" || address === "") {
        throw new SuraftError("invalid", `members: "${part}" is not id=host:port`);
      }
      return [id, address] as const;
    }),
  );
}
