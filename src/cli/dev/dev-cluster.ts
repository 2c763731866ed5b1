/**
 * What a development cluster is: a directory, ports, nodes.
 *
 * Invariant: a directory holds one cluster for good. Its nodes and ports stand in `dev.json`, since
 * the log itself names its members; other ones are refused rather than mixed in.
 */

import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { CommandError, UsageError } from "../exit-code.js";

const NODES = 3;
const BASE_PORT = 7101;
const HOST = "127.0.0.1";
/** Nodes whose `suraft dev` was killed end within less. */
const PORT_WAIT_MS = 3000;
const PORT_LOOK_MS = 100;

export interface DevOptions {
  readonly directory: string;
  /** Undefined: as the directory has it, else 3. */
  readonly nodes: number | undefined;
  /** Undefined: as the directory has it, else 7101. */
  readonly basePort: number | undefined;
  /** A port is in use and waited for: nodes of a cluster that was killed may be about to end. */
  readonly onWait: (port: number) => void;
}

export interface DevNode {
  readonly nodeId: string;
  readonly address: string;
  readonly port: number;
  /** Where its log messages go. */
  readonly logFile: string;
}

export interface DevCluster {
  readonly directory: string;
  readonly store: string;
  readonly nodes: readonly DevNode[];
  /** Whether the directory held a cluster before. */
  readonly founded: boolean;
}

const shapeSchema = z.object({
  nodes: z.number().int().min(1).max(99),
  basePort: z.number().int().min(1).max(65_535),
});

type Shape = z.infer<typeof shapeSchema>;

/** Prepares the directory and makes sure that the ports are free. Throws errors for people. */
export async function prepareCluster(options: DevOptions): Promise<DevCluster> {
  const directory = path.resolve(options.directory);
  const before = readShape(path.join(directory, "dev.json"), options.directory);
  const shape = settleShape(before, options);
  const nodes = Array.from({ length: shape.nodes }, (_, index) => {
    const nodeId = `n${String(index + 1)}`;
    const port = shape.basePort + index;
    const logFile = path.join(directory, "logs", `${nodeId}.log`);
    return { nodeId, port, address: `${HOST}:${String(port)}`, logFile };
  });
  for (const { port } of nodes) {
    await untilFree(port, options.onWait);
  }
  prepareDirectory(directory, options.directory);
  if (before === undefined) {
    writeFileSync(path.join(directory, "dev.json"), `${JSON.stringify(shape)}\n`);
  }
  return {
    directory,
    store: pathToFileURL(path.join(directory, "store")).href,
    nodes,
    founded: before !== undefined,
  };
}

function prepareDirectory(directory: string, shown: string): void {
  try {
    for (const part of ["logs", "store"]) {
      makeDirectory(path.join(directory, part));
    }
    accessSync(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(shown, error);
  }
}

function unusable(directory: string, error: unknown): CommandError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    EACCES: "no permission",
    EROFS: "the file system is read-only",
    ENOENT: "it cannot be created there",
    ENOTDIR: "a part of the path is a file",
    EEXIST: "a part of the path is a file",
    ENOSPC: "the disk is full",
  };
  return new CommandError(
    `cannot use the directory ${directory}: ${reasons[code ?? ""] ?? message}`,
  );
}

/** Not mkdir's own `recursive`: in Node 20 that never returns under /proc. */
function makeDirectory(directory: string): void {
  const parent = path.dirname(directory);
  if (parent !== directory && !existsSync(parent)) {
    makeDirectory(parent);
  }
  if (!existsSync(directory) || !statSync(directory).isDirectory()) {
    mkdirSync(directory);
  }
}

function readShape(file: string, shown: string): Shape | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw unusable(shown, error);
  }
  try {
    return shapeSchema.parse(JSON.parse(text));
  } catch {
    throw new CommandError(
      `${file} is damaged; it should be such as {"nodes":${String(NODES)},"basePort":${String(BASE_PORT)}}`,
    );
  }
}

function settleShape(before: Shape | undefined, options: DevOptions): Shape {
  const shape = {
    nodes: options.nodes ?? before?.nodes ?? NODES,
    basePort: options.basePort ?? before?.basePort ?? BASE_PORT,
  };
  if (shape.basePort + shape.nodes - 1 > 65_535) {
    throw new UsageError(
      `--base-port ${String(shape.basePort)} leaves no room for the nodes' ports`,
    );
  }
  if (
    before !== undefined &&
    (shape.nodes !== before.nodes || shape.basePort !== before.basePort)
  ) {
    throw new UsageError(
      `${options.directory} holds a cluster of ${String(before.nodes)} nodes from port ` +
        `${String(before.basePort)} on; leave --nodes and --base-port away, ` +
        "or choose another --directory",
    );
  }
  return shape;
}

/** Waits until a port can be used. Throws an error for people where it cannot. */
async function untilFree(port: number, onWait: DevOptions["onWait"]): Promise<void> {
  const endMs = performance.now() + PORT_WAIT_MS;
  for (let waits = false; ; waits = true) {
    const problem = await portProblem(port);
    if (problem === undefined) return;
    if (problem.code !== "EADDRINUSE" || performance.now() > endMs) {
      const reason =
        problem.code === "EADDRINUSE"
          ? "is in use (by another suraft dev?); stop that, or choose --base-port and --directory"
          : problem.code === "EACCES"
            ? "may not be used by this user; choose --base-port"
            : `cannot be used: ${problem.message}`;
      throw new CommandError(`port ${String(port)} of ${HOST} ${reason}`);
    }
    if (!waits) onWait(port);
    await wait(PORT_LOOK_MS);
  }
}

/** Why a port cannot be listened on; undefined if it can. */
function portProblem(port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen(port, HOST, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}
