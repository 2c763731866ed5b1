/** The life of an example's process: its flags, its start, its end. */

import { parseArgs } from "node:util";
import { SuraftError, type Client } from "suraft/client";
import { DirectorySnapshots, type SnapshotStore } from "suraft/replica";
import { openLog } from "./open-log.js";

export interface ServiceFlags {
  readonly http: string;
  readonly address: string | undefined;
  readonly store: string;
  readonly "node-id": string;
  readonly listen: string | undefined;
  readonly members: string | undefined;
  readonly snapshots: string;
}

/** What a service stands on. */
export interface ServiceGround {
  readonly client: Client;
  readonly snapshots: SnapshotStore;
  readonly http: string;
}

export interface RunningService {
  readonly address: string;
  /** Rejects when it can go on no more. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

/** Text about the flags, for people. */
export function flagHelp(name: string): string {
  return `  --http HOST:PORT       where to serve HTTP (127.0.0.1:8080; port 0 takes a free one)
  --address LIST         use the cluster at these addresses (host:port,...)
  without --address a node runs in this process:
  --store URL            its log's store (file://DIRECTORY/.suraft-${name})
  --node-id ID           its name (n1)
  --listen HOST:PORT     where it serves gRPC (as members says, else a free port)
  --members LIST         all nodes of a new cluster (id=host:port,...)
  --snapshots DIRECTORY  where this process keeps its snapshots (.suraft-${name}/snapshots-HTTP-PORT)`;
}

/** Takes the flags apart. Throws `invalid`. */
export function serviceFlags(name: string, args: readonly string[]): ServiceFlags {
  const directory = `.suraft-${name}`;
  try {
    const text = { type: "string" } as const;
    const { values } = parseArgs({
      args: [...args],
      options: {
        http: { ...text, default: "127.0.0.1:8080" },
        address: text,
        store: { ...text, default: `file://${process.cwd()}/${directory}` },
        "node-id": { ...text, default: "n1" },
        listen: text,
        members: text,
        snapshots: text,
      },
    });
    const port = values.http.slice(values.http.lastIndexOf(":") + 1);
    return {
      ...values,
      address: values.address,
      listen: values.listen,
      members: values.members,
      snapshots: values.snapshots ?? `${directory}/snapshots-${port}`,
    };
  } catch (error) {
    throw new SuraftError("invalid", error instanceof Error ? error.message : String(error));
  }
}

/** Runs a service until SIGINT, SIGTERM or its failure; says on standard output where it is. */
export async function runService(
  name: string,
  flags: ServiceFlags,
  start: (ground: ServiceGround) => Promise<RunningService>,
): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  const log = await openLog({ ...flags, nodeId: flags["node-id"] });
  try {
    const snapshots = new DirectorySnapshots(flags.snapshots);
    const service = await start({ client: log.client, snapshots, http: flags.http });
    process.stdout.write(`${name} serves on http://${service.address} (log: ${log.place})\n`);
    try {
      await Promise.race([ended, service.failed, log.failed]);
    } finally {
      await service.close();
    }
  } finally {
    await log.close();
  }
}

/** Runs a program's main function; a failure is a line on standard error and exit code 1. */
export async function runMain(main: (args: readonly string[]) => Promise<void>): Promise<void> {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof SuraftError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.kind === "invalid" ? 2 : 1;
  }
}
