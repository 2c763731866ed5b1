/** A process that races others for names. Arguments: a store's URL, and what to call its bytes. */

import { openStore } from "../../src/store/open-store.js";
import type { CreateResult } from "../../src/store/store.js";

export interface RaceQuestion {
  readonly name: string;
  /** How many creates to send at once. */
  readonly racers: number;
}

export interface RaceAnswer {
  readonly results: readonly { readonly type: CreateResult["type"]; readonly bytes: string }[];
}

const [url = "", label = ""] = process.argv.slice(2);
const store = openStore(url);
const { signal } = new AbortController();

process.on("message", (question: RaceQuestion) => {
  void race(question).then((answer) => process.send?.(answer));
});
process.on("disconnect", () => void store.close());
process.send?.("ready");

async function race({ name, racers }: RaceQuestion): Promise<RaceAnswer> {
  const contents = Array.from({ length: racers }, (_, n) => `${name} by ${label}.${n}`);
  const results = await Promise.all(
    contents.map(async (bytes) => {
      const { type } = await store.create(name, Buffer.from(bytes), { signal });
      return { type, bytes };
    }),
  );
  return { results };
}
