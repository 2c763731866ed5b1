/** Conformance: what a store refuses, and what it does once told to stop. */

import { expect } from "chai";

import type { Context } from "./conformance-context.js";
import { expectInvalid, expectKind, signal, text } from "./expectations.js";

const bytes = Buffer.from("abc");

const forbiddenNames = [
  "",
  "/",
  "/a",
  "a/",
  "a//b",
  ".",
  "..",
  "a/..",
  "../a",
  "a/./b",
  "a b",
  "a\0b",
  "a\n",
  "ä",
  "a\\b",
  "a%2fb",
  "a?b",
  "a~",
  "x".repeat(513),
];

export function describeRefusals({ scope, store, fixture }: Context): void {
  it("refuses a forbidden name", async () => {
    for (const name of forbiddenNames) {
      await expectInvalid(() => store().create(name, bytes, { signal }), name);
      await expectInvalid(() => store().get(name, { signal }), name);
      await expectInvalid(() => store().delete(name, { signal }), name);
    }
  });

  it("refuses a page of no or too many items, bounds that no name has, and odd ranges", async () => {
    for (const limit of [0, -1, 1001, 1.5, Number.NaN]) {
      await expectInvalid(() => store().list({ prefix: "", limit, signal }), String(limit));
    }
    for (const bound of ["a b", "\0", "~", "x".repeat(514)]) {
      await expectInvalid(() => store().list({ prefix: bound, limit: 1, signal }), bound);
      await expectInvalid(
        () => store().list({ prefix: "", startAt: bound, limit: 1, signal }),
        bound,
      );
      await expectInvalid(
        () => store().list({ prefix: "", endBefore: bound, limit: 1, signal }),
        bound,
      );
    }
    for (const [start, end] of [
      [-1, 1],
      [2, 1],
      [0.5, 1],
      [0, Infinity],
    ] as const) {
      await expectInvalid(() => store().get("a", { range: { start, end }, signal }), `${start}`);
    }
  });

  it("begins nothing once the signal is aborted", async () => {
    const name = `${scope()}/a`;
    const aborted = AbortSignal.abort(new Error("enough"));
    const created = await store().create(name, bytes, { signal: aborted });
    expect(created).to.deep.equal({ type: "refused", cause: "enough" });
    await expectKind("unavailable", () => store().get(name, { signal: aborted }));
    await expectKind("unavailable", () => store().list({ prefix: "", limit: 1, signal: aborted }));
    expect(await store().delete(name, { signal: aborted })).to.include({ type: "unknown" });
    expect(await store().get(name, { signal })).to.deep.equal({ type: "absent" });
  });

  it("says unknown or refused of a create that is aborted, and a repeat settles it", async () => {
    const prefix = scope();
    for (let round = 0; round < 20; round++) {
      const name = `${prefix}/${round}`;
      const controller = new AbortController();
      const creating = store().create(name, Buffer.from(name), { signal: controller.signal });
      for (let turn = 0; turn < round; turn++) await new Promise(setImmediate);
      controller.abort();
      const result = await creating;
      const settled = await store().create(name, Buffer.from(name), { signal });
      if (result.type === "refused") expect(settled.type).to.equal("created");
      if (result.type === "created") expect(settled.type).to.equal("exists");
      expect(settled.type).to.be.oneOf(["created", "exists"]);
      expect(await text(store(), name)).to.equal(name);
    }
  });

  it("begins nothing once it is closed, and keeps its objects", async () => {
    const name = `${scope()}/a`;
    const closed = fixture().open();
    await closed.create(name, bytes, { signal });
    await closed.close();
    await closed.close();
    expect(await closed.create(`${name}-b`, bytes, { signal })).to.include({ type: "refused" });
    await expectKind("unavailable", () => closed.get(name, { signal }));
    await expectKind("unavailable", () => closed.list({ prefix: "", limit: 1, signal }));
    expect(await closed.delete(name, { signal })).to.include({ type: "unknown" });
    expect((await store().get(name, { signal })).type).to.equal("found");
  });
}
