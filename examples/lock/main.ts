/** `npm run example:lock`: a process of the lock service; or a program that runs while it holds a lock. */

import { parseArgs } from "node:util";
import { SuraftError } from "suraft/client";
import { flagHelp, runMain, runService, serviceFlags } from "../shared/run-service.js";
import { startLockServer } from "./lock-server.js";
import { openLockService } from "./lock-service.js";
import { runWhileHeld } from "./run-while-held.js";

const help = `Locks on a log. examples/lock/README.md

  [FLAGS]                              serves
${flagHelp("lock")}

  run [FLAGS] LOCK -- COMMAND...       runs a command while it holds the lock (LOCK_TOKEN is its token)
  --url URL                            a process of the service (http://127.0.0.1:8080); may be repeated
  --ttl MS                             the lock is free so long after this program has died (10000)
`;

await runMain(async (args) => {
  if (args.includes("--help")) process.stdout.write(help);
  else if (args[0] === "run") await run(args.slice(1));
  else await serve(args);
});

async function serve(args: readonly string[]): Promise<void> {
  await runService("lock", serviceFlags("lock", args), async ({ client, snapshots, http }) => {
    const service = await openLockService({ client, snapshots });
    const server = await startLockServer(service, http);
    return {
      address: server.address,
      failed: service.failed,
      close: async () => {
        await service.stop();
        await server.close();
      },
    };
  });
}

async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parsed(args);
  const [lock, ...command] = positionals;
  if (lock === undefined || command.length === 0) {
    throw new SuraftError("invalid", "say which lock and what to run: run LOCK -- COMMAND...");
  }
  const ended = new AbortController();
  process.once("SIGINT", () => ended.abort());
  process.once("SIGTERM", () => ended.abort());
  process.exitCode = await runWhileHeld({
    urls: values.url,
    ttlMs: Number(values.ttl),
    lock,
    command,
    signal: ended.signal,
  });
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        url: { type: "string", multiple: true, default: ["http://127.0.0.1:8080"] },
        ttl: { type: "string", default: "10000" },
      },
    });
  } catch (error) {
    throw new SuraftError("invalid", error instanceof Error ? error.message : String(error));
  }
}
