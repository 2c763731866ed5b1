/** The options of every command that talks to a cluster. */

import { InvalidArgumentError, Option, type Command } from "commander";
import { parseAddresses } from "../client/addresses.js";
import { connect, type Client } from "../client/client.js";
import { SuraftError } from "../errors.js";
import { styled } from "./terminal.js";
import { parseDuration } from "./time.js";

/** Where `suraft dev` has its nodes. */
const DEV_ADDRESSES = "127.0.0.1:7101,127.0.0.1:7102,127.0.0.1:7103";

export interface ClientOptionValues {
  readonly address: readonly string[];
  readonly timeout: number;
}

function addressList(text: string): readonly string[] {
  try {
    return parseAddresses(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof SuraftError ? `${error.message}.` : "");
  }
}

/** A timer of Node's that is to wait longer fires at once. */
const durationMsMax = 24 * 86_400_000;

/** Parses an option such as `10s`. */
export function durationOption(text: string): number {
  const parsed = parseDuration(text);
  if (parsed === undefined || parsed === 0 || parsed > durationMsMax) {
    throw new InvalidArgumentError("Write a duration such as 500ms, 10s or 2m, 24d at most.");
  }
  return parsed;
}

/** Parses an option that is a whole number of at least `min`. */
export function countOption(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || !Number.isSafeInteger(value)) {
      throw new InvalidArgumentError(`It must be a whole number of at least ${String(min)}.`);
    }
    return value;
  };
}

/** Parses an option that is text of 1 to `bytesMax` bytes. */
export function textOption(bytesMax: number): (text: string) => string {
  return (text) => {
    const bytes = Buffer.byteLength(text);
    if (bytes < 1 || bytes > bytesMax) {
      throw new InvalidArgumentError(`It must be 1 to ${String(bytesMax)} bytes long.`);
    }
    return text;
  };
}

/** Adds them to a command. */
export function addClientOptions(command: Command): Command {
  return command
    .addOption(
      new Option("-a, --address <host:port,...>", "the nodes to call, tried in this order")
        .env("SURAFT_ADDRESS")
        .default(parseAddresses(DEV_ADDRESSES), "the nodes of suraft dev")
        .argParser(addressList),
    )
    .addOption(
      new Option("--timeout <duration>", "how long to try")
        .default(10_000, "10s")
        .argParser(durationOption),
    );
}

/** Opens a client that says on a terminal, once, why it waits. */
export function openClient(options: ClientOptionValues): Client {
  let told = !process.stderr.isTTY;
  const startedMs = performance.now();
  return connect(options.address, {
    timeoutMs: options.timeout,
    onRetry: (error) => {
      if (!told && performance.now() - startedMs > 1000) {
        told = true;
        const line = `${error.message}; trying on (Ctrl-C stops)`;
        process.stderr.write(`${styled(process.stderr, "dim", line)}\n`);
      }
    },
  });
}
