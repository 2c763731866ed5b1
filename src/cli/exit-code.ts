/** What the command line tells the shell. */

import { SuraftError, type ErrorKind } from "../errors.js";

/** The exit codes, for scripts: they never change their meaning. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  unavailable: 3,
  unknownOutcome: 4,
  conditionUnmet: 5,
  damaged: 6,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const codeOfKind: Readonly<Record<ErrorKind, ExitCode>> = {
  invalid: exitCodes.failure,
  not_served: exitCodes.failure,
  conflict: exitCodes.failure,
  producer_expired: exitCodes.failure,
  out_of_range: exitCodes.failure,
  not_leader: exitCodes.unavailable,
  unavailable: exitCodes.unavailable,
  overloaded: exitCodes.unavailable,
  unknown_outcome: exitCodes.unknownOutcome,
  unauthenticated: exitCodes.failure,
  forbidden: exitCodes.failure,
  corrupt: exitCodes.failure,
  cancelled: exitCodes.interrupted,
  deadline_exceeded: exitCodes.unavailable,
};

/** The exit code for a command that ended with `error`. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) {
    return exitCodes.usage;
  }
  if (error instanceof DamagedLogError) {
    return exitCodes.damaged;
  }
  if (!(error instanceof SuraftError)) {
    return exitCodes.failure;
  }
  // A node or a transfer that is in another one's way has no condition.
  const isUnmet = error.kind === "conflict" && error.details["condition"] !== undefined;
  return isUnmet ? exitCodes.conditionUnmet : codeOfKind[error.kind];
}

/** The call of the command itself is wrong. The message is for people and may have several lines. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command cannot do its work, for a reason outside of suraft (a port in use, a full disk). */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** The command has done its work, and found the log damaged. */
export class DamagedLogError extends CommandError {}

/** For the end of `--help`. */
export const exitCodeHelp = `Exit codes:
  0    done
  1    failed (the message says why)
  2    wrong usage or configuration: nothing was done
  3    no node could do it in time: certainly not done, try again later
  4    unknown outcome: entries may be in the log or not
  5    the log is not as demanded (index, key, fencing token, newest snapshot): nothing was done
  6    the log in the store is damaged (suraft verify)
  130  interrupted (Ctrl-C); 143 if by SIGTERM`;
