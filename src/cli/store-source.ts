/** Commands that can read straight from a store, with no node: their options, and what they read from. */

import { Option, type Command } from "commander";
import { durationOption, openClient, type ClientOptionValues } from "./client-options.js";
import { UsageError } from "./exit-code.js";
import { storeUrl } from "./store-options.js";
import { WalkNotice } from "./walk-notice.js";
import type { Client } from "../client/client.js";
import type { StoreReader } from "../client/store-reader.js";

export interface SourceOptionValues extends ClientOptionValues {
  readonly store?: string;
  readonly local?: true;
}

/** Adds them to a command. */
export function addStoreOption(command: Command): Command {
  return command.addOption(
    new Option("--store <url>", "read straight from this store: no node is needed").argParser(
      storeUrl,
    ),
  );
}

/** How often a read that follows a store looks for more. */
export function pollIntervalOption(): Option {
  return new Option(
    "--poll-interval <duration>",
    "with --store and --follow: how often to look",
  ).argParser(durationOption);
}

/** Options that only a node can serve are refused where a store is named. */
export function checkSource(options: SourceOptionValues, command: Command): void {
  if (options.store === undefined) return;
  if (options.local) {
    throw new UsageError("--local asks a node for what it holds: it cannot be used with --store");
  }
  if (command.getOptionValueSource("address") === "cli") {
    throw new UsageError("give either --store or --address: with --store no node is asked");
  }
}

/** What a command reads from. */
export interface Source {
  /** A client of the nodes, or a reader of the store that was named. */
  readonly log: Client | StoreReader;
  /** To be ended before anything is printed. */
  readonly notice: WalkNotice;
}

export async function openSource(
  options: SourceOptionValues & { readonly pollInterval?: number },
): Promise<Source> {
  const { store, timeout, pollInterval } = options;
  const notice = new WalkNotice();
  if (store === undefined) return { log: openClient(options), notice };
  // A client of nodes does not wait for what a store needs.
  const { openStoreReader } = await import("../client/store-reader.js");
  const log = openStoreReader(store, {
    timeoutMs: timeout,
    ...(pollInterval === undefined ? {} : { pollIntervalMs: pollInterval }),
    onWalk: (nextIndex) => notice.show(nextIndex),
  });
  return { log, notice };
}
