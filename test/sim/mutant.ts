/** A deliberate bug: an edit of the compiled core whose text must stand there exactly once. */

import type { Profile } from "./plan.js";

interface Edit {
  /** Of the compiled core. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export interface Mutant {
  readonly name: string;
  /** Of PROTOCOL.md. */
  readonly section: string;
  readonly edits: readonly Edit[];
  /** It must be found within so many seeds. */
  readonly seedsMax: number;
  /** Only runs of this kind count, where the bug takes circumstances that others rarely have. */
  readonly profile?: Profile;
}

export function mutant(
  section: string,
  name: string,
  seedsMax: number,
  ...edits: readonly (readonly [file: string, find: string, replace: string])[]
): Mutant {
  return {
    section,
    name,
    seedsMax,
    edits: edits.map(([file, find, replace]) => ({ file, find, replace })),
  };
}
