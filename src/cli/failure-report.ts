/** Tells the user how a command ended: one line, a hint where there is one, never a stack trace. */

import { CommanderError } from "commander";
import { SuraftError } from "../errors.js";
import { CommandError, exitCodeOf, exitCodes, UsageError, type ExitCode } from "./exit-code.js";
import { Interrupted } from "./interruption.js";
import { styled } from "./terminal.js";

/** Prints what is to be said about the error and answers the exit code. */
export function reportFailure(error: unknown): ExitCode {
  if (error instanceof CommanderError) {
    // commander has printed it: help, the version or what is wrong with the usage.
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  if (error instanceof Interrupted) {
    return error.exitCode;
  }
  if (error instanceof SuraftError && error.cause instanceof Interrupted) {
    return error.cause.exitCode;
  }
  const expected =
    error instanceof SuraftError || error instanceof UsageError || error instanceof CommandError;
  const message = error instanceof Error ? error.message : String(error);
  printError(expected ? message : `unexpected: ${message}`);
  const hint = expected ? hintFor(error) : "set SURAFT_DEBUG=1 to see where it comes from";
  if (hint !== undefined) {
    process.stderr.write(`${styled(process.stderr, "dim", hint)}\n`);
  }
  if (process.env["SURAFT_DEBUG"] !== undefined && error instanceof Error) {
    process.stderr.write(`${error.stack ?? ""}\n`);
    if (error.cause !== undefined) {
      process.stderr.write(`cause: ${inspectCause(error.cause)}\n`);
    }
  }
  return exitCodeOf(error);
}

function inspectCause(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : JSON.stringify(cause);
}

/** Prints an error's line. */
export function printError(message: string): void {
  process.stderr.write(`${styled(process.stderr, "red", "error:")} ${message}\n`);
}

/** Prints a line about something odd that does not stop the command. */
export function printWarning(message: string): void {
  process.stderr.write(`${styled(process.stderr, "yellow", "warning:")} ${message}\n`);
}

function hintFor(error: SuraftError | UsageError | CommandError): string | undefined {
  if (!(error instanceof SuraftError)) {
    return undefined;
  }
  switch (error.kind) {
    case "unknown_outcome": {
      const { producer_id: producerId, sequence } = error.details;
      return producerId === undefined || sequence === undefined
        ? undefined
        : `what became of it: suraft outcome --settle ${producerId} ${sequence}`;
    }
    case "unavailable":
      return error.details["unreachable"] === undefined
        ? undefined
        : "name a node by --address or SURAFT_ADDRESS, or start a cluster: suraft dev";
    case "corrupt":
      // A file may be damaged as well, or what says where the log is.
      return /^(log|archive)\//.test(error.details["object"] ?? "")
        ? "an object of the store is damaged: other ranges of the log can still be read"
        : undefined;
    default:
      return undefined;
  }
}
