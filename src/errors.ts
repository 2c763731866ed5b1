/**
 * The one error class of suraft's edge. Its kind says what the caller does next; the table of
 * kinds and gRPC codes is in STYLE.md and in `proto/suraft/v1/log.proto`.
 */

/**
 * - `invalid`: fix the call;
 * - `not_served`: this version does not do that;
 * - `conflict`: read again, decide, retry (detail `condition`, and how the log is);
 * - `producer_expired`: open another producer (detail `producer_id`); what became of appends that
 *   had no answer can only be read in the log;
 * - `out_of_range`: move the position (details `first_index`, `next_index`);
 * - `not_leader`: go to the leader (details `leader_id`, `leader_address`);
 * - `unavailable`: back off and retry; certainly not in the log;
 * - `overloaded`: slow down, as `retryDelayMs` says; certainly not in the log;
 * - `unknown_outcome`: may be in the log or not, now or later;
 * - `unauthenticated`, `forbidden`: get credentials or permission;
 * - `corrupt`: stop and call a person (detail `object`);
 * - `cancelled`, `deadline_exceeded`: the caller gave up; an append may be in the log or not.
 */
export type ErrorKind =
  | "invalid"
  | "not_served"
  | "conflict"
  | "producer_expired"
  | "out_of_range"
  | "not_leader"
  | "unavailable"
  | "overloaded"
  | "unknown_outcome"
  | "unauthenticated"
  | "forbidden"
  | "corrupt"
  | "cancelled"
  | "deadline_exceeded";

export interface ErrorDetails {
  /** Sent as the metadata of google.rpc.ErrorInfo: lower_snake_case keys. */
  readonly details?: Readonly<Record<string, string>>;
  /** Sent as google.rpc.RetryInfo. */
  readonly retryDelayMs?: number;
  readonly cause?: unknown;
}

/** A failed call. The message is for people: it says what is wrong and names the thing. */
export class SuraftError extends Error {
  override readonly name = "SuraftError";
  readonly kind: ErrorKind;
  readonly details: Readonly<Record<string, string>>;
  readonly retryDelayMs: number | undefined;

  constructor(kind: ErrorKind, message: string, options: ErrorDetails = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.details = options.details ?? {};
    this.retryDelayMs = options.retryDelayMs;
  }

  /** The same error with further details. */
  withDetails(more: Readonly<Record<string, string>>): SuraftError {
    const { kind, message, retryDelayMs, cause } = this;
    return new SuraftError(kind, message, {
      details: { ...this.details, ...more },
      ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
      cause,
    });
  }
}
