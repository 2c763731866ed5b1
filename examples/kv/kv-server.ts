/** The key-value store over HTTP. README.md has the calls. */

import { SuraftError } from "suraft/client";
import {
  startJsonServer,
  type JsonAnswer,
  type JsonRequest,
  type JsonServer,
} from "../shared/json-server.js";
import type { Changed, KvStore } from "./kv-store.js";

/** Serves a store at `host:port`. */
export async function startKvServer(store: KvStore, address: string): Promise<JsonServer> {
  return await startJsonServer(address, (request) => answer(store, request));
}

async function answer(store: KvStore, request: JsonRequest): Promise<JsonAnswer> {
  const { method, path, query, signal } = request;
  const [what, key] = path;
  if (what === "watch" && method === "GET" && path.length === 1) {
    const prefix = query.get("prefix") ?? "";
    return { status: 200, lines: store.watch({ prefix, from: numberIn(query, "from"), signal }) };
  }
  if (what !== "keys" || key === undefined || path.length !== 2) {
    throw new SuraftError("not_served", "there are /keys/KEY and /watch");
  }
  const version = numberIn(query, "if");
  const bounds = { signal, ...(version === undefined ? {} : { if: version }) };
  switch (method) {
    case "GET": {
      const found = await store.get(key, { signal, local: query.get("local") === "true" });
      return found === undefined
        ? { status: 404, body: { kind: "absent", message: `${key} is not set` } }
        : { status: 200, body: { key, ...found } };
    }
    case "PUT":
      return changed(key, await store.put(key, await request.text(), bounds));
    case "DELETE":
      return changed(key, await store.delete(key, bounds));
    default:
      throw new SuraftError("not_served", `${method} is not served`);
  }
}

function changed(key: string, outcome: Changed): JsonAnswer {
  if (outcome.type === "done") return { status: 200, body: { key, version: outcome.version } };
  const { value, version = 0 } = outcome.found ?? {};
  const message = `${key} has version ${version}`;
  return { status: 412, body: { kind: "conflict", message, key, value, version } };
}

function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  if (text !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new SuraftError("invalid", `${name} must be a whole number of at least 0`);
}
