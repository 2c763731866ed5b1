/** Assertions stay on in production: a broken invariant ends the process before it can do harm. */

/** A bug in suraft, never bad input. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Throws {@link InvariantError} unless the invariant holds. */
export function assert(holds: boolean, invariant: string): asserts holds {
  if (!holds) throw new InvariantError(`broken invariant: ${invariant}`);
}
