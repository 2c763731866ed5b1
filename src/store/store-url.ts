/**
 * Reads a store's URL: `gs://bucket/prefix`, `file:///directory`, `memory:`, with parameters.
 *
 * A URL that cannot be used is a {@link StoreError} of kind `invalid` that says what to write instead.
 */

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { isObjectName } from "./object-name.js";
import { StoreError } from "./store.js";

/** How long a simulated store takes, for benchmarks: `?latency=50&latencyP99=300`. */
export interface Latency {
  /** The median, added to each request. */
  readonly medianMs: number;
  /** The 99th percentile of a log-normal tail; equal to the median where all take the same time. */
  readonly p99Ms: number;
}

/** Whether requests carry Google's credentials. By default those over https do. */
export type GcsAuthentication = "default" | "none";

export interface GcsLocation {
  readonly type: "gs";
  readonly bucket: string;
  /** Empty, or ends in "/". */
  readonly prefix: string;
  readonly apiEndpoint: string | undefined;
  readonly authentication: GcsAuthentication | undefined;
}

export type StoreLocation = { readonly latency: Latency | undefined } & (
  | GcsLocation
  | { readonly type: "file"; readonly directory: string }
  | { readonly type: "memory"; readonly name: string | undefined }
);

const forms = "gs://bucket/prefix, file:///directory or memory:";
const commonParameters = ["latency", "latencyP99"];
const gcsParameters = [...commonParameters, "apiEndpoint", "auth"];

/** Parses a store's URL. Throws a {@link StoreError} of kind `invalid`. */
export function parseStoreUrl(url: string): StoreLocation {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(url)?.[1]?.toLowerCase();
  switch (scheme) {
    case "gs":
      return parseGcs(url);
    case "file":
      return parseFile(url);
    case "memory":
      return parseMemory(url);
    case undefined:
      throw withoutScheme(url);
    default:
      throw unknownScheme(url, scheme);
  }
}

function invalid(url: string, problem: string, cause?: unknown): StoreError {
  const message = `the store URL ${JSON.stringify(url)} ${problem}`;
  return new StoreError("invalid", message, cause === undefined ? {} : { cause });
}

function withoutScheme(url: string): StoreError {
  const path = `file://${resolve(url)}`;
  if (url.trim() === "") return invalid(url, `is empty: write ${forms}`);
  if (/^[./~]/.test(url)) return invalid(url, `has no scheme: did you mean ${path}?`);
  return invalid(url, `has no scheme: did you mean gs://${url} or ${path}?`);
}

function unknownScheme(url: string, scheme: string): StoreError {
  const rest = url.slice(scheme.length + 1).replace(/^\/*/, "");
  if (scheme === "gcs") return invalid(url, `has no known scheme: did you mean gs://${rest}?`);
  return invalid(url, `has the unknown scheme "${scheme}": write ${forms}`);
}

/** Splits off the parameters; a misspelled one is an error, not a silent default. */
function splitParameters(url: string, known: readonly string[]): [string, URLSearchParams] {
  if (url.includes("#")) throw invalid(url, `has a fragment ("#…"), which means nothing here`);
  const question = url.indexOf("?");
  const [base, query] = question < 0 ? [url, ""] : [url.slice(0, question), url.slice(question)];
  const parameters = new URLSearchParams(query);
  for (const name of new Set(parameters.keys())) {
    if (!known.includes(name)) {
      throw invalid(url, `has the unknown parameter "${name}": known are ${known.join(", ")}`);
    }
    if (parameters.getAll(name).length > 1) throw invalid(url, `has "${name}" more than once`);
  }
  return [base, parameters];
}

function parseLatency(url: string, parameters: URLSearchParams): Latency | undefined {
  const [median, p99] = ["latency", "latencyP99"].map((name) => {
    const text = parameters.get(name);
    if (text === null) return undefined;
    const value = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && value <= 60_000) return value;
    throw invalid(url, `has ${name}=${text}: write milliseconds, 0 to 60000`);
  });
  if (median === undefined) {
    if (p99 === undefined) return undefined;
    throw invalid(url, "has latencyP99 without latency");
  }
  if (p99 !== undefined && (p99 < median || median === 0)) {
    throw invalid(url, "needs latencyP99 >= latency > 0");
  }
  return { medianMs: median, p99Ms: p99 ?? median };
}

function parseGcs(url: string): StoreLocation {
  const [base, parameters] = splitParameters(url, gcsParameters);
  const match = /^gs:\/\/([^/]*)(?:\/(.*))?$/i.exec(base);
  if (match === null) {
    throw invalid(url, `is no gs:// URL: did you mean gs://${base.replace(/^gs:\/*/i, "")}?`);
  }
  const bucket = match[1] ?? "";
  const prefix = (match[2] ?? "").replace(/\/+$/, "");
  if (bucket === "") throw invalid(url, "names no bucket: write gs://bucket/prefix");
  if (!/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/.test(bucket)) {
    throw invalid(
      url,
      `names "${bucket}", which no bucket can be called (a-z, 0-9, ".", "_", "-")`,
    );
  }
  if (prefix !== "" && !isObjectName(prefix)) {
    throw invalid(url, `has the prefix "${prefix}": write "/"-separated parts of [A-Za-z0-9._-]`);
  }
  return {
    type: "gs",
    bucket,
    prefix: prefix === "" ? "" : `${prefix}/`,
    apiEndpoint: parseEndpoint(url, parameters.get("apiEndpoint") ?? undefined),
    authentication: parseAuthentication(url, parameters.get("auth")),
    latency: parseLatency(url, parameters),
  };
}

/** An API endpoint is an origin: `https://host` or `http://host:port`. */
export function parseEndpoint(url: string, endpoint: string | undefined): string | undefined {
  if (endpoint === undefined) return undefined;
  const parsed = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const isOrigin =
    parsed !== undefined &&
    (parsed.protocol === "http:" || parsed.protocol === "https:") &&
    parsed.pathname === "/" &&
    parsed.search === "" &&
    parsed.username === "";
  if (isOrigin) return parsed.origin;
  throw invalid(url, `has apiEndpoint=${endpoint}: write https://host or http://host:port`);
}

function parseAuthentication(url: string, auth: string | null): GcsAuthentication | undefined {
  if (auth === null) return undefined;
  if (auth === "default" || auth === "none") return auth;
  throw invalid(url, `has auth=${auth}: write default or none`);
}

function parseFile(url: string): StoreLocation {
  const [base, parameters] = splitParameters(url, commonParameters);
  const match = /^file:(\/\/([^/]*))?(.*)$/i.exec(base);
  const host = match?.[2] ?? "";
  const path = match?.[3] ?? "";
  const isAbsolute = path.startsWith("/");
  if (match?.[1] === undefined || (host !== "" && host !== "localhost") || !isAbsolute) {
    const meant = host === "." || !isAbsolute ? resolve(host + path) : `/${host}${path}`;
    throw invalid(url, `names no absolute directory: did you mean file://${meant}?`);
  }
  return {
    type: "file",
    directory: parseDirectory(url, path),
    latency: parseLatency(url, parameters),
  };
}

function parseDirectory(url: string, path: string): string {
  let directory: string;
  try {
    directory = resolve(fileURLToPath(new URL(`file://${path}`)));
  } catch (error) {
    throw invalid(url, `is no file URL: ${String(error)}`, error);
  }
  if (directory.includes("\0")) throw invalid(url, "is no file URL: a path has no zero byte");
  if (directory === resolve("/")) {
    throw invalid(url, "names the root directory: write file:///directory");
  }
  return directory;
}

function parseMemory(url: string): StoreLocation {
  const [base, parameters] = splitParameters(url, commonParameters);
  const name = base.slice("memory:".length);
  if (name.startsWith("/")) {
    const rest = name.replace(/^\/+/, "");
    throw invalid(url, `is no memory: URL: did you mean memory:${rest}?`);
  }
  if (name !== "" && !isObjectName(name)) {
    throw invalid(url, `names a store "${name}": write parts of [A-Za-z0-9._-]`);
  }
  return {
    type: "memory",
    name: name === "" ? undefined : name,
    latency: parseLatency(url, parameters),
  };
}
