/**
 * The connections to Google Cloud Storage: where it is, who we are, and the sockets.
 *
 * Endpoint and credentials are those of @google-cloud/storage; the requests themselves go by undici,
 * thirty times cheaper and free of that library's retries (STORE.md, PERFORMANCE.md).
 *
 * Invariant: creates and reads have sockets apart, so that no reader holds up a create.
 */

import { Pool } from "undici";

import { reasonText, untilAborted } from "./abort.js";
import { sendRequest } from "./gcs-request.js";
import type { HttpOutcome, HttpRequest } from "./gcs-request.js";
import { StoreError } from "./store.js";
import type { StoreErrorKind } from "./store.js";
import type { GcsAuthentication } from "./store-url.js";

export interface GcsConnectionOptions {
  /** Other than Google's public endpoint. */
  readonly apiEndpoint: string | undefined;
  readonly authentication: GcsAuthentication | undefined;
}

/** More requests than these wait for a socket. */
const socketsMax = 64;
/** The caller's signal is meant to come first. */
const answerMsMax = 120_000;
/** Longer than between a leader's commits, shorter than what lies on the way forgets idle ones. */
const idleMsMax = 60_000;

type Headers = Readonly<Record<string, string>>;

interface Credentials {
  readonly headers: () => Promise<Headers>;
  /** Makes the next headers come with a fresh token. */
  readonly renew: () => Promise<unknown>;
}

/** What a request to send consists of, but for credentials. */
export type GcsRequest = Omit<HttpRequest, "headers"> & { readonly headers?: Headers };

export class GcsConnection {
  readonly #creates: Pool;
  readonly #reads: Pool;
  readonly #credentials: Credentials | undefined;

  private constructor(endpoint: string, credentials: Credentials | undefined) {
    const options = {
      connections: socketsMax,
      pipelining: 1,
      headersTimeout: answerMsMax,
      bodyTimeout: answerMsMax,
      keepAliveTimeout: idleMsMax,
    };
    this.#creates = new Pool(endpoint, options);
    this.#reads = new Pool(endpoint, options);
    this.#credentials = credentials;
  }

  /** Makes no request yet. */
  static async open(options: GcsConnectionOptions): Promise<GcsConnection> {
    const { apiEndpoint } = options;
    const isPlain = apiEndpoint?.startsWith("http:") === true;
    const authentication = options.authentication ?? (isPlain ? "none" : "default");
    if (apiEndpoint !== undefined && authentication === "none") {
      return new GcsConnection(apiEndpoint, undefined);
    }
    const google = await googleAccess(apiEndpoint);
    return new GcsConnection(
      google.endpoint,
      authentication === "none" ? undefined : google.credentials,
    );
  }

  /** Sends a request once. A 401 makes the next one come with a fresh token. */
  async send(kind: "create" | "read", request: GcsRequest): Promise<HttpOutcome> {
    let headers: Headers;
    try {
      headers = await this.#authorize(request.signal);
    } catch (error) {
      const cause = `no credentials: ${reasonText(error)}`;
      return { type: "failed", sent: false, kind: credentialErrorKind(error), cause };
    }
    const pool = kind === "create" ? this.#creates : this.#reads;
    const outcome = await sendRequest(pool, {
      ...request,
      headers: { ...request.headers, ...headers, "accept-encoding": "identity" },
    });
    if (outcome.type === "reply" && outcome.status === 401) {
      await this.#credentials?.renew().catch(() => undefined);
    }
    return outcome;
  }

  /** Requests under way fail. */
  async close(): Promise<void> {
    const reason = new Error("the store was closed");
    await Promise.all([this.#creates.destroy(reason), this.#reads.destroy(reason)]);
  }

  async #authorize(signal: AbortSignal): Promise<Headers> {
    if (this.#credentials === undefined) return {};
    return untilAborted([signal], this.#credentials.headers(), (reason) => {
      throw new StoreError("unavailable", reason);
    });
  }
}

/** Google's own library knows all ways in which credentials and endpoints are configured. */
async function googleAccess(
  apiEndpoint: string | undefined,
): Promise<{ endpoint: string; credentials: Credentials }> {
  // Loaded only where it is needed: it takes longer than the rest of suraft.
  const { Storage } = await import("@google-cloud/storage");
  const storage = new Storage({
    ...(apiEndpoint === undefined ? {} : { apiEndpoint }),
    // No request for an object names a project. Left to look for one, the library asks other
    // services or runs gcloud, and if that fails once it never gets credentials again.
    projectId: "none",
  });
  const auth = storage.authClient;
  const endpoint = storage.apiEndpoint;
  return {
    endpoint,
    credentials: {
      headers: () => auth.getRequestHeaders(endpoint),
      renew: async () => {
        const client = await auth.getClient();
        client.setCredentials({ ...client.credentials, expiry_date: 1 });
      },
    },
  };
}

/** Whether credentials could not be fetched just now, or are missing or refused. */
function credentialErrorKind(error: unknown): StoreErrorKind {
  if (error instanceof StoreError) return error.kind;
  const { status, code } = (error ?? {}) as { status?: unknown; code?: unknown };
  if (typeof status === "number")
    return status >= 400 && status < 500 ? "forbidden" : "unavailable";
  // A file that is not there is a matter of configuration; other codes are the network's.
  return typeof code === "string" && code !== "ENOENT" ? "unavailable" : "forbidden";
}
