/** Opens the store that a URL names. The one place that knows all backends. */

import { FileStore } from "./file-store.js";
import { GcsStore } from "./gcs-store.js";
import { LatencyStore } from "./latency-store.js";
import { MemoryObjects, MemoryStore } from "./memory-store.js";
import { parseEndpoint, parseStoreUrl } from "./store-url.js";
import type { GcsLocation, StoreLocation } from "./store-url.js";
import { StoreError } from "./store.js";
import type { Store } from "./store.js";

export interface OpenStoreOptions {
  /**
   * For `gs://`: another endpoint than Google's, as `https://host` or `http://host:port`. The URL
   * parameter of the same name comes first. Over http no credentials are sent.
   */
  readonly apiEndpoint?: string;
  /** For `gs://`: takes the endpoint of STORAGE_EMULATOR_HOST, which is otherwise an error. */
  readonly allowEmulator?: boolean;
  /** For `file://`: the disk failed; stop the process. See {@link FileStore}. */
  readonly onFatal?: (error: StoreError) => void;
}

/** The objects of `memory:NAME`, for as long as the process lives. */
const namedObjects = new Map<string, MemoryObjects>();

/**
 * Opens a store. Makes no request yet. Throws a {@link StoreError} of kind `invalid`.
 *
 * - `gs://bucket/prefix`: a bucket, or the part of it below a prefix. Parameters: `apiEndpoint`, and
 *   `auth=none` or `auth=default` for whether credentials are sent.
 * - `file:///directory`: a local directory, made on first use.
 * - `memory:`: in this process; `memory:NAME` is one store wherever it is opened.
 *
 * Every URL takes `latency=30`, milliseconds added to each request, and `latencyP99=300`, which
 * makes them vary with that 99th percentile: for benchmarks.
 */
export function openStore(url: string, options: OpenStoreOptions = {}): Store {
  const location = parseStoreUrl(url);
  const store = openBackend(url, location, options);
  return location.latency === undefined ? store : new LatencyStore(store, location.latency);
}

function openBackend(url: string, location: StoreLocation, options: OpenStoreOptions): Store {
  switch (location.type) {
    case "memory":
      return new MemoryStore(url, memoryObjects(location.name));
    case "file": {
      const { onFatal } = options;
      const { directory } = location;
      return new FileStore({ url, directory, ...(onFatal === undefined ? {} : { onFatal }) });
    }
    case "gs": {
      const { bucket, prefix, authentication } = location;
      const apiEndpoint = gcsEndpoint(url, location, options);
      return new GcsStore({ url, bucket, prefix, authentication, apiEndpoint });
    }
  }
}

function memoryObjects(name: string | undefined): MemoryObjects {
  const known = name === undefined ? undefined : namedObjects.get(name);
  if (known !== undefined) return known;
  const objects = new MemoryObjects();
  if (name !== undefined) namedObjects.set(name, objects);
  return objects;
}

/** The variable redirects Google's library silently: a log must not end up in an emulator so. */
function gcsEndpoint(
  url: string,
  location: GcsLocation,
  options: OpenStoreOptions,
): string | undefined {
  const asked = location.apiEndpoint ?? parseEndpoint(url, options.apiEndpoint);
  const emulator = process.env["STORAGE_EMULATOR_HOST"];
  if (asked !== undefined || emulator === undefined || emulator === "") return asked;
  if (options.allowEmulator !== true) {
    throw new StoreError(
      "invalid",
      `STORAGE_EMULATOR_HOST is set (${emulator}): unset it to use Google Cloud Storage, ` +
        `or ask for it: ${url}${url.includes("?") ? "&" : "?"}apiEndpoint=${withScheme(emulator)}`,
    );
  }
  return parseEndpoint(url, withScheme(emulator));
}

function withScheme(host: string): string {
  return /^https?:\/\//.test(host) ? host.replace(/\/+$/, "") : `http://${host}`;
}
