import { expect } from "chai";

import { openStore } from "../../src/store/open-store.js";
import { describeStore } from "./conformance.js";
import { signal, text } from "./expectations.js";

let stores = 0;

describeStore(
  "memory",
  () => {
    stores += 1;
    const url = `memory:conformance-${stores}`;
    return Promise.resolve({ open: () => openStore(url), close: () => Promise.resolve() });
  },
  { acrossProcesses: false },
);

describe("memory: the store's own ways", () => {
  it("keeps stores without a name apart", async () => {
    const [one, two] = [openStore("memory:"), openStore("memory:")];
    await one.create("a", Buffer.from("one"), { signal });
    expect(await text(one, "a")).to.equal("one");
    expect(await text(two, "a")).to.equal("absent");
  });

  it("keeps its bytes to itself", async () => {
    const store = openStore("memory:");
    const given = Buffer.from("bytes");
    await store.create("a", given, { signal });
    given.fill(0);
    const got = await store.get("a", { signal });
    if (got.type === "found") got.bytes.fill(0);
    expect(await text(store, "a")).to.equal("bytes");
  });
});
