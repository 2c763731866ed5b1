/** Appends by a tool that knows nothing of suraft but an address: grpcurl, or else buf curl. */

import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { SuraftError } from "../../src/errors.js";
import type { Appended, NewEntry } from "../../src/client/types.js";

const run = promisify(execFile);
const commandMsMax = 20_000;

/** A command line that appends one entry. */
export interface AppendCommand {
  readonly name: string;
  /** Rejects as a client does: `unknown_outcome` unless the append is certainly not in the log. */
  append(address: string, entry: NewEntry): Promise<Appended>;
}

/** What grpcurl and buf curl call the codes after which an append is certainly not in the log. */
const refusal =
  /Code: (?:Unavailable|ResourceExhausted)|"code": ?"(?:unavailable|resource_exhausted)"/;

export function findAppendCommand(repository: string): AppendCommand {
  const grpcurl = findOnPath("grpcurl");
  if (grpcurl !== undefined) {
    return command("grpcurl", grpcurl, (address, data) => {
      const limit = String(commandMsMax / 1000);
      const method = "suraft.v1.LogService/Append";
      return ["-plaintext", "-max-time", limit, "-d", data, address, method];
    });
  }
  const buf = join(repository, "node_modules", ".bin", "buf");
  return command("buf curl", buf, (address, data) => {
    const url = `http://${address}/suraft.v1.LogService/Append`;
    return ["curl", "--protocol", "grpc", "--http2-prior-knowledge", "-d", data, url];
  });
}

function command(
  name: string,
  path: string,
  argumentsFor: (address: string, data: string) => readonly string[],
): AppendCommand {
  return {
    name,
    append: async (address, entry) => {
      const given = argumentsFor(address, requestJson(entry));
      try {
        const { stdout } = await run(path, given, { timeout: commandMsMax });
        return appendedIn(stdout);
      } catch (error) {
        const printed = error instanceof Error ? error.message : String(error);
        throw new SuraftError(refusal.test(printed) ? "unavailable" : "unknown_outcome", printed);
      }
    },
  };
}

function requestJson({ payload, headers = [] }: NewEntry): string {
  const entry = {
    payload: base64(payload),
    headers: headers.map(({ key, value }) => ({ key, value: base64(value) })),
  };
  return JSON.stringify({ entries: [entry] });
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function appendedIn(json: string): Appended {
  const answer = JSON.parse(json) as Readonly<Record<string, string>>;
  const { firstIndex, lastIndex, term, timestamp } = answer;
  if (firstIndex === undefined || timestamp === undefined) throw new Error(`odd answer: ${json}`);
  return {
    firstIndex: Number(firstIndex),
    lastIndex: Number(lastIndex),
    term: Number(term),
    timestampMs: Date.parse(timestamp),
    repeat: false,
  };
}

function findOnPath(name: string): string | undefined {
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}
