/**
 * One manifest read: a listing of `manifest/` to its last page, then a get of the last name that returns
 * the very object listed (PROTOCOL.md section 10). Pure: the caller asks the store.
 *
 * A listing spans pages and is no snapshot. It is right all the same: the greatest manifest is never
 * deleted, so whatever was the greatest when the listing began is listed, or a greater one is.
 *
 * Invariant: no name is asked for that was not listed: the next number may be absent because it was
 * deleted.
 */

/** What to ask the store for. */
export type ManifestQuestion =
  /** A page of manifests, from the number on. */
  | { readonly type: "list"; readonly startAt: number }
  /** The object that was listed with this version. */
  | { readonly type: "get"; readonly number: number }
  /** The object that the answer to `get` returned is the one. */
  | { readonly type: "found"; readonly number: number }
  /** There is no manifest. */
  | { readonly type: "none" }
  /** They change too fast to be read. */
  | { readonly type: "givenUp" };

/** A manifest as a page of a listing shows it. */
export interface ListedManifest {
  readonly number: number;
  /** The store's: another object under the same name has another one. */
  readonly version: string;
}

/** How often what was listed may turn out deleted or replaced. */
const triesMax = 10;

export class ManifestRead {
  #last: ListedManifest | undefined;
  #tries = 1;

  /** The read begins when this is sent. */
  begin(): ManifestQuestion {
    this.#last = undefined;
    return { type: "list", startAt: 0 };
  }

  /** A page has come, in the order of the numbers. */
  listed(page: readonly ListedManifest[], more: boolean): ManifestQuestion {
    this.#last = page.at(-1) ?? this.#last;
    if (this.#last === undefined) return { type: "none" };
    const { number } = this.#last;
    return more ? { type: "list", startAt: number + 1 } : { type: "get", number };
  }

  /** The get has returned an object of this version, or none. */
  got(version: string | undefined): ManifestQuestion {
    const last = this.#last;
    if (last !== undefined && version === last.version) {
      return { type: "found", number: last.number };
    }
    if (this.#tries >= triesMax) return { type: "givenUp" };
    this.#tries++;
    return this.begin();
  }
}
