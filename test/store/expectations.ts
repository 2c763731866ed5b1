/** What the tests of stores expect, in words of their own. */

import { expect } from "chai";

import { nameAfter } from "../../src/store/object-name.js";
import { StoreError } from "../../src/store/store.js";
import type { ListOptions, Store } from "../../src/store/store.js";

/** Never aborted. */
export const signal: AbortSignal = new AbortController().signal;

/** Every name of a listing, page by page; checks each page. */
export async function listAll(store: Store, options: ListOptions): Promise<string[]> {
  const names: string[] = [];
  for (let { startAt } = options; ;) {
    const page = await store.list({ ...options, ...(startAt === undefined ? {} : { startAt }) });
    expect(page.items.length).to.be.at.most(options.limit);
    names.push(...page.items.map(({ name }) => name));
    const last = names.at(-1);
    if (!page.more) return names;
    // Else nobody could go on from here.
    expect(page.items.length).to.be.greaterThan(0);
    startAt = nameAfter(last ?? "");
  }
}

/** What a name holds, as text. */
export async function text(store: Store, name: string): Promise<string> {
  const found = await store.get(name, { signal });
  return found.type === "found" ? Buffer.from(found.bytes).toString() : found.type;
}

/** Runs what must throw a {@link StoreError} of this kind. */
export async function expectKind(
  kind: StoreError["kind"],
  run: () => Promise<unknown>,
): Promise<StoreError> {
  const error: unknown = await run().then(
    (result) => result,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof StoreError)) throw new Error(`${kind} expected, not ${String(error)}`);
  expect(error.kind, error.message).to.equal(kind);
  return error;
}

/** Runs what must be refused as invalid, with a message for people. */
export async function expectInvalid(run: () => Promise<unknown>, what: string): Promise<void> {
  const error = await expectKind("invalid", run);
  expect(error.message, what).to.have.length.greaterThan(10);
}
