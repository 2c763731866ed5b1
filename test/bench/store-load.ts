/** Creates objects in a store by its own port: what an append cannot be faster than. */

import { openStore } from "../../src/store/open-store.js";
import { Meter, type Measured } from "./meter.js";
import type { StoreLoad } from "./load.js";

export async function storeLoad(load: StoreLoad): Promise<Measured> {
  const store = openStore(load.url);
  const bytes = new Uint8Array(load.bytes).fill(7);
  const meter = new Meter(load);
  let created = 0;
  const createWhileOpen = async (): Promise<void> => {
    while (meter.isOpen) {
      const name = `log/${String(created++).padStart(20, "0")}`;
      const startedMs = performance.now();
      const { type } = await store.create(name, bytes, { signal: AbortSignal.timeout(10_000) });
      if (type === "created") meter.done(startedMs, { entries: 1, bytes: load.bytes });
      else meter.failed(`${name}: ${type}`);
    }
  };
  await Promise.all(Array.from({ length: load.inFlight }, createWhileOpen));
  await store.close();
  return meter.result({ early: false });
}
