/**
 * What an HTTP outcome proves. Pure functions; the table is STORE.md's.
 *
 * Invariant: what is not certain is `unknown`.
 */

import { errorBytesMax } from "./gcs-request.js";
import type { HttpOutcome, HttpReply } from "./gcs-request.js";
import { parseObject, isRecord, readUploaded } from "./gcs-upload.js";
import type { Expected } from "./gcs-upload.js";
import { StoreError } from "./store.js";
import type { CreateResult, DeleteResult, StoreErrorKind } from "./store.js";

/** A cause goes into logs and messages. */
const causeCharactersMax = 400;

/** `forbidden`: this try did nothing; only a look at the name tells whether it exists. */
export type CreateOutcome = CreateResult | { readonly type: "forbidden"; readonly cause: string };

/** What became of a create with `ifGenerationMatch=0`. */
export function createOutcome(outcome: HttpOutcome, expected: Expected): CreateOutcome {
  if (outcome.type === "failed") {
    return { type: outcome.sent ? "unknown" : "refused", cause: outcome.cause };
  }
  const cause = replyText(outcome);
  switch (outcome.status) {
    case 200: {
      const version = readUploaded(outcome.body, expected);
      return version === undefined ? { type: "unknown", cause } : { type: "created", version };
    }
    case 412:
      return { type: "exists" };
    case 403:
      return { type: "forbidden", cause };
    case 400:
    case 401:
    case 404:
    case 413:
      return { type: "refused", cause };
    default:
      return { type: "unknown", cause };
  }
}

export function deleteOutcome(outcome: HttpOutcome): DeleteResult {
  if (outcome.type === "failed") return { type: "unknown", cause: outcome.cause };
  if (outcome.status === 204 || outcome.status === 200) return { type: "deleted" };
  if (outcome.status === 404 && !isBucketMissing(outcome)) return { type: "absent" };
  const isRefused = outcome.status === 403 && replyKind(outcome) === "forbidden";
  return { type: isRefused ? "refused" : "unknown", cause: replyText(outcome) };
}

/** The error of a read that failed, or was answered by other than what was asked for. */
export function readError(what: string, outcome: HttpOutcome, problem?: string): StoreError {
  const cause = outcome.type === "failed" ? outcome.cause : replyText(outcome);
  const kind = outcome.type === "failed" ? outcome.kind : replyKind(outcome);
  return new StoreError(kind, `${what}: ${problem === undefined ? "" : `${problem}; `}${cause}`);
}

/** A 404 of an object says which: the object, or the bucket. */
export function isBucketMissing(reply: HttpReply): boolean {
  return /bucket does not exist|no such bucket/i.test(bodyText(reply));
}

function replyKind(reply: HttpReply): StoreErrorKind {
  switch (reply.status) {
    case 400:
    case 404:
      return "invalid";
    case 401:
      return "forbidden";
    case 403:
      // Google also says so of limits that were reached.
      return /limitExceeded|quotaExceeded/i.test(bodyText(reply)) ? "unavailable" : "forbidden";
    default:
      return "unavailable";
  }
}

/** As much of a body as may say what went wrong. */
function bodyText(reply: HttpReply): string {
  return reply.body.toString("utf8", 0, errorBytesMax);
}

/** A reply in a line for people: its status and what Google says of it. */
export function replyText(reply: HttpReply): string {
  const body = reply.body.subarray(0, errorBytesMax);
  const error = parseObject(body)?.["error"];
  const message = isRecord(error) ? error["message"] : undefined;
  const text = typeof message === "string" ? message : body.toString("utf8", 0, 200);
  const line = text.replace(/[\s\p{Cc}]+/gu, " ").trim();
  const short = line.length > causeCharactersMax ? `${line.slice(0, causeCharactersMax)}…` : line;
  return `HTTP ${reply.status}: ${short}`;
}
