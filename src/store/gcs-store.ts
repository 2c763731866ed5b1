/**
 * A store in a bucket of Google Cloud Storage.
 *
 * Invariant: a create is one upload with `ifGenerationMatch=0`, never repeated here.
 * Invariant: `created` is answered only if the reply describes this very object.
 * Invariant: bytes are returned only if they have the checksum that the server names.
 */

import { reasonText } from "./abort.js";
import { encodeUpload, isDecimal, isRecord, isSize, parseObject } from "./gcs-upload.js";
import { createOutcome, deleteOutcome, isBucketMissing, readError } from "./gcs-outcome.js";
import type { GcsConnection, GcsConnectionOptions, GcsRequest } from "./gcs-connection.js";
import type { HttpOutcome, HttpReply } from "./gcs-request.js";
import { readDownload } from "./gcs-download.js";
import { checkList, checkName, checkRange, isListed, isObjectName } from "./object-name.js";
import { StoreError } from "./store.js";
import type {
  ByteRange,
  CreateResult,
  DeleteResult,
  GetResult,
  ListItem,
  ListOptions,
  ListResult,
  RequestOptions,
  Store,
} from "./store.js";

export interface GcsStoreOptions extends GcsConnectionOptions {
  readonly url: string;
  readonly bucket: string;
  /** Empty, or ends in "/". */
  readonly prefix: string;
}

/** An upload's reply has four fields. */
const metadataBytesMax = 64 * 1024;
/** A thousand items of long names, from a server that sends fields nobody asked for. */
const pageBytesMax = 16 * 1024 * 1024;
/** Larger objects are read by ranges. */
const objectBytesMax = 512 * 1024 * 1024;

export class GcsStore implements Store {
  readonly url: string;
  readonly #options: GcsStoreOptions;
  readonly #objectsPath: string;
  readonly #uploadPath: string;
  #connection: Promise<GcsConnection> | undefined;
  #isClosed = false;

  constructor(options: GcsStoreOptions) {
    this.url = options.url;
    this.#options = options;
    const bucketPath = `b/${encodeURIComponent(options.bucket)}/o`;
    this.#objectsPath = `/storage/v1/${bucketPath}`;
    this.#uploadPath =
      `/upload/storage/v1/${bucketPath}?uploadType=multipart&ifGenerationMatch=0` +
      "&fields=name,generation,size,crc32c&name=";
  }

  async create(name: string, bytes: Uint8Array, options: RequestOptions): Promise<CreateResult> {
    checkName(name);
    const key = this.#options.prefix + name;
    const upload = encodeUpload(bytes);
    const outcome = await this.#send("create", {
      method: "POST",
      path: this.#uploadPath + encodeURIComponent(key),
      headers: { "content-type": upload.contentType },
      body: upload.body,
      replyBytesMax: metadataBytesMax,
      signal: options.signal,
    });
    const expected = { name: key, size: bytes.length, crc32c: upload.crc32c };
    const result = createOutcome(outcome, expected);
    if (result.type !== "forbidden") return result;
    // An account that may create but not delete is forbidden to touch an object that stands.
    const exists = await this.#exists(name, options).catch(() => false);
    return exists ? { type: "exists" } : { type: "refused", cause: result.cause };
  }

  async get(
    name: string,
    options: RequestOptions & { readonly range?: ByteRange },
  ): Promise<GetResult> {
    checkName(name);
    const { range } = options;
    if (range !== undefined) checkRange(range);
    // HTTP knows no empty range.
    if (range !== undefined && range.start === range.end) return this.#look(name, options);
    try {
      return await this.#download(name, options);
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== "corrupt") throw error;
      // A byte may have changed on its way here: a node that believes in damage is lost for good.
      return await this.#download(name, options);
    }
  }

  async #download(
    name: string,
    { range, signal }: RequestOptions & { readonly range?: ByteRange },
  ): Promise<GetResult> {
    const outcome = await this.#send("read", {
      method: "GET",
      path: `${this.#objectPath(name)}?alt=media`,
      headers: range === undefined ? {} : { range: `bytes=${range.start}-${range.end - 1}` },
      replyBytesMax: objectBytesMax,
      signal,
    });
    const what = `get ${name} of ${this.url}`;
    if (isAbsent(outcome)) return { type: "absent" };
    if (outcome.type === "failed") throw readError(what, outcome);
    if (outcome.status === 200 || outcome.status === 206) {
      return readDownload(outcome, { what, range });
    }
    // The range begins at or after the end.
    if (outcome.status === 416 && range !== undefined) return this.#look(name, { signal });
    throw readError(what, outcome);
  }

  async list(options: ListOptions): Promise<ListResult> {
    checkList(options);
    const items: ListItem[] = [];
    for (let pageToken: string | undefined; ;) {
      const page = await this.#listPage(options, pageToken);
      items.push(...page.items);
      // Else a server that answers so for ever would be asked for ever.
      if (pageToken !== undefined && page.nextPageToken === pageToken) {
        throw new StoreError("unavailable", `list of ${this.url}: the same page comes again`);
      }
      pageToken = page.nextPageToken;
      // A page may be empty and not the last, or hold only names that are none of ours.
      if (items.length > 0 || pageToken === undefined) {
        return { items, more: pageToken !== undefined };
      }
    }
  }

  async delete(name: string, options: RequestOptions): Promise<DeleteResult> {
    checkName(name);
    const outcome = await this.#send("read", {
      method: "DELETE",
      path: this.#objectPath(name),
      replyBytesMax: metadataBytesMax,
      signal: options.signal,
    });
    return deleteOutcome(outcome);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const connection = await this.#connection?.catch(() => undefined);
    await connection?.close();
  }

  async #exists(name: string, options: RequestOptions): Promise<boolean> {
    return (await this.#look(name, options)).type === "found";
  }

  /** Gets none of an object's bytes, only what is known of it. */
  async #look(name: string, options: RequestOptions): Promise<GetResult> {
    const outcome = await this.#send("read", {
      method: "GET",
      path: `${this.#objectPath(name)}?fields=generation,size`,
      replyBytesMax: metadataBytesMax,
      signal: options.signal,
    });
    if (isAbsent(outcome)) return { type: "absent" };
    const metadata = outcome.type === "reply" ? parseObject(outcome.body) : undefined;
    const { generation, size } = metadata ?? {};
    if (!isOk(outcome) || !isDecimal(generation) || !isSize(size)) {
      throw readError(`look at ${name} of ${this.url}`, outcome);
    }
    return { type: "found", bytes: new Uint8Array(), version: generation, size: Number(size) };
  }

  async #listPage(options: ListOptions, pageToken: string | undefined): Promise<Page> {
    const { prefix } = this.#options;
    const query = new URLSearchParams({
      prefix: prefix + options.prefix,
      maxResults: String(options.limit),
      projection: "noAcl",
      fields: "nextPageToken,items(name,generation,size)",
    });
    if (options.startAt !== undefined) query.set("startOffset", prefix + options.startAt);
    if (options.endBefore !== undefined) query.set("endOffset", prefix + options.endBefore);
    if (pageToken !== undefined) query.set("pageToken", pageToken);
    const outcome = await this.#send("read", {
      method: "GET",
      path: `${this.#objectsPath}?${query.toString()}`,
      replyBytesMax: pageBytesMax,
      signal: options.signal,
    });
    const page = isOk(outcome) ? readPage(outcome.body, prefix, options) : undefined;
    if (page !== undefined) return page;
    throw readError(`list "${options.prefix}" of ${this.url}`, outcome);
  }

  #objectPath(name: string): string {
    return `${this.#objectsPath}/${encodeURIComponent(this.#options.prefix + name)}`;
  }

  async #send(kind: "create" | "read", request: GcsRequest): Promise<HttpOutcome> {
    let connection: GcsConnection;
    try {
      if (this.#isClosed) throw new Error("the store was closed");
      this.#connection ??= this.#open();
      connection = await this.#connection;
    } catch (error) {
      this.#connection = undefined;
      return { type: "failed", sent: false, kind: "unavailable", cause: reasonText(error) };
    }
    return connection.send(kind, request);
  }

  /** Loads what only this backend needs: a node on another one does without. */
  async #open(): Promise<GcsConnection> {
    const { GcsConnection } = await import("./gcs-connection.js");
    return GcsConnection.open(this.#options);
  }
}

interface Page {
  readonly items: readonly ListItem[];
  readonly nextPageToken: string | undefined;
}

/**
 * Reads a page of a listing; undefined if it is not the one that was asked for. Objects that the port
 * cannot name are left out.
 */
function readPage(body: Buffer, prefix: string, options: ListOptions): Page | undefined {
  const page = parseObject(body);
  const { items = [], nextPageToken } = page ?? {};
  if (page === undefined || !Array.isArray(items) || items.length > options.limit) return undefined;
  if (nextPageToken !== undefined && typeof nextPageToken !== "string") return undefined;
  const read: ListItem[] = [];
  let last = "";
  for (const item of items) {
    if (!isRecord(item)) return undefined;
    const { name, generation, size } = item;
    if (typeof name !== "string" || !isDecimal(generation) || !isSize(size)) return undefined;
    if (!name.startsWith(prefix)) return undefined;
    const ours = name.slice(prefix.length);
    if (!isObjectName(ours)) continue;
    if (ours <= last || !isListed(ours, options)) return undefined;
    last = ours;
    read.push({ name: ours, version: generation, size: Number(size) });
  }
  return { items: read, nextPageToken };
}

function isOk(outcome: HttpOutcome): outcome is HttpReply {
  return outcome.type === "reply" && outcome.status === 200;
}

/** The object is not there, though its bucket is. */
function isAbsent(outcome: HttpOutcome): boolean {
  return outcome.type === "reply" && outcome.status === 404 && !isBucketMissing(outcome);
}
