/**
 * Leader election for other programs: runs a command as long as a lock is held.
 *
 * The command finds its fencing token in the environment (LOCK_TOKEN). It is ended when the lock may be
 * another's, and the lock is given back when the command has ended.
 */

import { spawn } from "node:child_process";
import { openLockSession, type LockClientOptions } from "./lock-client.js";

export interface RunOptions extends LockClientOptions {
  readonly lock: string;
  readonly command: readonly string[];
  /** Ends the wait, or the command. */
  readonly signal: AbortSignal;
}

/** How a command ended: its exit code; 75 (try again) if the lock was lost under it. */
export async function runWhileHeld(options: RunOptions): Promise<number> {
  const session = await openLockSession(options);
  try {
    const lease = await session.acquire(options.lock, { signal: options.signal });
    process.stderr.write(`holds ${lease.lock}, token ${lease.token}\n`);
    const over = AbortSignal.any([lease.lost, options.signal]);
    const code = await runCommand(options.command, lease.token, over);
    return lease.lost.aborted ? 75 : code;
  } finally {
    // Where nobody hears it, the session's time ends it.
    if (!session.lost.aborted) await session.close().catch(() => undefined);
  }
}

function runCommand(
  [command = "", ...args]: readonly string[],
  token: number,
  over: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: "inherit",
      env: { ...process.env, LOCK_TOKEN: String(token) },
    });
    // At once: whoever holds the lock next may be at work already.
    const end = (): void => void child.kill("SIGKILL");
    over.addEventListener("abort", end);
    if (over.aborted) end();
    child.once("error", reject);
    child.once("exit", (code) => {
      over.removeEventListener("abort", end);
      resolve(code ?? 1);
    });
  });
}
