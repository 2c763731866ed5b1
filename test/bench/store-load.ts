/** Requests of a store by its own port: what an append, or a delivery, cannot be faster than. */

import { openStore } from "../../src/store/open-store.js";
import type { Store } from "../../src/store/store.js";
import { Meter, type Measured } from "./meter.js";
import type { StoreLoad } from "./load.js";

/** Does one request; returns what it should not have come to, if it did. */
type Request = () => Promise<string | undefined>;

export async function storeLoad(load: StoreLoad): Promise<Measured> {
  const store = openStore(load.url);
  const bytes = new Uint8Array(load.bytes).fill(7);
  const request = load.request === "create" ? creates(store, bytes) : await gets(store, bytes);
  const meter = new Meter(load);
  const requestWhileOpen = async (): Promise<void> => {
    while (meter.isOpen) {
      const startedMs = performance.now();
      const problem = await request();
      if (problem === undefined) meter.done(startedMs, { entries: 1, bytes: load.bytes });
      else meter.failed(problem);
    }
  };
  await Promise.all(Array.from({ length: load.inFlight }, requestWhileOpen));
  await store.close();
  return meter.result({ early: false });
}

function creates(store: Store, bytes: Uint8Array): Request {
  let created = 0;
  return async () => {
    const name = `log/${String(created++).padStart(20, "0")}`;
    const { type } = await store.create(name, bytes, { signal: AbortSignal.timeout(10_000) });
    return type === "created" ? undefined : `${name}: ${type}`;
  };
}

async function gets(store: Store, bytes: Uint8Array): Promise<Request> {
  const name = "read/0";
  await store.create(name, bytes, { signal: AbortSignal.timeout(10_000) });
  return async () => {
    const { type } = await store.get(name, { signal: AbortSignal.timeout(10_000) });
    return type === "found" ? undefined : `${name}: ${type}`;
  };
}
