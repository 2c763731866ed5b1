/** The lock service over HTTP. README.md has the calls. */

import { SuraftError } from "suraft/client";
import {
  fieldsIn,
  startJsonServer,
  type JsonAnswer,
  type JsonRequest,
  type JsonServer,
} from "../shared/json-server.js";
import type { LockService } from "./lock-service.js";

/** A caller that waits longer asks again: it keeps its place in line. */
const waitMsMax = 20_000;

/** Serves locks at `host:port`. */
export async function startLockServer(service: LockService, address: string): Promise<JsonServer> {
  return await startJsonServer(address, (request) => answer(service, request));
}

async function answer(service: LockService, request: JsonRequest): Promise<JsonAnswer> {
  const { method, path, query, signal } = request;
  const [what, name, ...more] = path;
  if (more.length === 0 && what === "sessions") {
    if (name === undefined && method === "POST") {
      const { ttlMs } = await fieldsIn(request);
      const session = await service.open(Number(ttlMs), { signal });
      return { status: 200, body: { session } };
    }
    const session = numberOf("the session", name);
    if (method === "PUT") await service.renew(session, { signal });
    else if (method === "DELETE") await service.close(session, { signal });
    else throw notServed();
    return { status: 200, body: { session } };
  }
  if (more.length > 0 || what !== "locks" || name === undefined) throw notServed();
  switch (method) {
    case "GET": {
      const { holder, token, waiting } = (await service.holder(name, { signal })) ?? {};
      return { status: 200, body: { lock: name, holder, token, waiting: waiting?.length ?? 0 } };
    }
    case "POST": {
      const { session, waitMs = 0 } = await fieldsIn(request);
      const wanted = {
        session: numberOf("the session", session),
        lock: name,
        waitMs: Math.min(waitMsMax, Number(waitMs)),
      };
      return { status: 200, body: await service.acquire(wanted, { signal }) };
    }
    case "DELETE": {
      await service.release(numberOf("the session", query.get("session")), name, { signal });
      return { status: 200, body: { type: "released" } };
    }
    default:
      throw notServed();
  }
}

function numberOf(what: string, value: unknown): number {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  if (typeof number === "number" && Number.isSafeInteger(number) && number > 0) return number;
  throw new SuraftError("invalid", `${what} must be a whole number above 0`);
}

function notServed(): SuraftError {
  return new SuraftError("not_served", "there are /sessions, /sessions/ID and /locks/NAME");
}
