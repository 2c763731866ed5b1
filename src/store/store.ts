/**
 * The port to shared storage: four calls, each exactly one request.
 *
 * Invariant: at most one creator of a name succeeds, and an object never changes.
 * Invariant: reads and lists see every object whose create was answered before they began.
 *
 * There is no overwrite, no compare-and-swap and no append: whatever looks mutable is a numbered
 * series of immutable objects. Source: STORE.md.
 */

/** Bounds a request. */
export interface RequestOptions {
  /** Ends the request. A create that is aborted has an unknown outcome. */
  readonly signal: AbortSignal;
}

/** What became of a create. */
export type CreateResult =
  /** These bytes are durable; every get and list that begins from now on sees them. */
  | { readonly type: "created"; readonly version: string }
  /** Something held the name during the call; it may be an earlier try of one's own. */
  | { readonly type: "exists" }
  /** May be stored, may be stored later, may never be. Only a create of the name decides it. */
  | { readonly type: "unknown"; readonly cause: string }
  /** Certainly not stored, and this request never will be. */
  | { readonly type: "refused"; readonly cause: string };

/** What a get found. A request that fails throws a {@link StoreError}. */
export type GetResult =
  | {
      readonly type: "found";
      readonly bytes: Uint8Array;
      /** Tells two objects of one name apart (on GCS: the generation). */
      readonly version: string;
      /** The whole object's size in bytes, also where only a range was asked for. */
      readonly size: number;
    }
  | { readonly type: "absent" };

export interface ListItem {
  readonly name: string;
  readonly version: string;
  readonly size: number;
}

/** One page of a listing, in byte order of the names. */
export interface ListResult {
  readonly items: readonly ListItem[];
  /** Whether names beyond the last item may follow. */
  readonly more: boolean;
}

export type DeleteResult =
  | { readonly type: "deleted" }
  | { readonly type: "absent" }
  /** May have taken effect, or may yet. */
  | { readonly type: "unknown"; readonly cause: string }
  /** This account may not: nothing was deleted, and nothing will be by trying again. */
  | { readonly type: "refused"; readonly cause: string };

export interface ListOptions extends RequestOptions {
  readonly prefix: string;
  /** The first name, inclusive. */
  readonly startAt?: string;
  /** The end, exclusive. */
  readonly endBefore?: string;
  /** The greatest number of items in a page. 1 to 1000. */
  readonly limit: number;
}

/** A byte range `[start, end)` of an object. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * A bucket, or a part of one.
 *
 * Names are one or more `/`-separated parts of `[A-Za-z0-9._-]`, no part `.` or `..`, at most 512
 * bytes; any other name is a {@link StoreError} of kind `invalid` before any request is made.
 */
export interface Store {
  /** For people: the URL that the store was opened with. */
  readonly url: string;
  /** Creates an object. Never retried inside; safe to repeat with the same bytes. */
  create(name: string, bytes: Uint8Array, options: RequestOptions): Promise<CreateResult>;
  /** Reads an object, or a range of it. Throws {@link StoreError}. Safe to retry. */
  get(name: string, options: RequestOptions & { readonly range?: ByteRange }): Promise<GetResult>;
  /** Lists a page of names. Throws {@link StoreError}. Safe to retry. */
  list(options: ListOptions): Promise<ListResult>;
  /** Deletes an object. Used by trimming only. */
  delete(name: string, options: RequestOptions): Promise<DeleteResult>;
  /** Closes connections. Requests under way end as if aborted. */
  close(): Promise<void>;
}

/**
 * What the caller does next:
 * - `unavailable`: retries later;
 * - `invalid`: fixes the call or the configuration (bad name, no such bucket, bad URL);
 * - `forbidden`: gets credentials or permission;
 * - `corrupt`: calls a person: the store itself says that bytes are damaged.
 */
export type StoreErrorKind = "unavailable" | "invalid" | "forbidden" | "corrupt";

/** A store request that failed. The message is for people and names the object and the store. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly kind: StoreErrorKind;

  constructor(kind: StoreErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
