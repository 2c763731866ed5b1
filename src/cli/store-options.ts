/** The options of commands that work on a store, with no node. */

import { InvalidArgumentError, Option, type Command } from "commander";
import { countOption } from "./client-options.js";

export interface StoreOptionValues {
  readonly store: string;
}

/** The text of a store's URL. */
export function storeUrl(text: string): string {
  if (text === "") throw new InvalidArgumentError("Write gs://bucket/prefix or file:///directory.");
  return text;
}

/** Adds it to a command. */
export function addStoreOption(command: Command): Command {
  return command.addOption(
    new Option("--store <url>", "the store: gs://bucket/prefix or file:///directory")
      .makeOptionMandatory()
      .argParser(storeUrl),
  );
}

/** How many requests are under way at once. */
export function parallelOption(): Option {
  return new Option("--parallel <count>", "how many requests are under way at once")
    .default(32)
    .argParser(countOption(1));
}
