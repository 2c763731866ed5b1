/**
 * A program that uses the lock service as it is meant to be used: in turn takes the lock, reads a counter
 * from the resource and writes it one higher, both under its token, until it is killed.
 *
 * Arguments: the resource's URL, the name to give there, the session's time, the service's URLs.
 */

import { openLockSession, type LockSession } from "../../examples/lock/lock-client.js";

const [resource = "", name = "", ttl = "1000", ...urls] = process.argv.slice(2);

async function call(method: string, token: number, value = 0): Promise<number | undefined> {
  const query = `token=${token}&name=${name}&value=${value}`;
  const response = await fetch(`${resource}/?${query}`, { method });
  const { value: found } = (await response.json()) as { readonly value: number };
  return response.status === 200 ? found : undefined;
}

async function turn(session: LockSession): Promise<void> {
  const lease = await session.acquire("counter");
  const value = await call("GET", lease.token);
  if (value !== undefined && !lease.lost.aborted) await call("PUT", lease.token, value + 1);
  if (!lease.lost.aborted) await lease.release();
}

for (;;) {
  try {
    const session = await openLockSession({ urls, ttlMs: Number(ttl) });
    while (!session.lost.aborted) await turn(session);
  } catch (error) {
    // A lost session, or a service that is away: another try with a new session.
    process.stderr.write(`${name}: ${String(error)}\n`);
  }
}
