/**
 * The command line as a whole: its commands, and what all of them share.
 *
 * Invariant: a command's module, with the libraries that it needs, is loaded only where the
 * command line names it: an append does not wait for what a node needs.
 */

import { Command } from "commander";
import { version } from "../node/version.js";
import { exitCodeHelp } from "./exit-code.js";
import { hasColours, styled } from "./terminal.js";

interface CommandModule {
  readonly name: string;
  readonly summary: string;
  /** Declares its description, options and action. */
  readonly load: () => Promise<(command: Command) => void>;
}

const commands: readonly CommandModule[] = [
  {
    name: "dev",
    summary: "run a cluster on this machine",
    load: async () => (await import("./commands/dev.js")).declareDev,
  },
  {
    name: "append",
    summary: "append entries",
    load: async () => (await import("./commands/append.js")).declareAppend,
  },
  {
    name: "outcome",
    summary: "say what became of an append",
    load: async () => (await import("./commands/outcome.js")).declareOutcome,
  },
  {
    name: "read",
    summary: "print entries",
    load: async () => (await import("./commands/read.js")).declareRead,
  },
  {
    name: "tail",
    summary: "say how far the log is",
    load: async () => (await import("./commands/tail.js")).declareTail,
  },
  {
    name: "status",
    summary: "show all nodes",
    load: async () => (await import("./commands/status.js")).declareStatus,
  },
  {
    name: "members",
    summary: "show, add and remove nodes",
    load: async () => (await import("./commands/members.js")).declareMembers,
  },
  {
    name: "trim",
    summary: "let go of old entries",
    load: async () => (await import("./commands/trim.js")).declareTrim,
  },
  {
    name: "snapshot",
    summary: "put, list and get snapshots",
    load: async () => (await import("./commands/snapshot.js")).declareSnapshot,
  },
  {
    name: "transfer",
    summary: "hand the leadership over",
    load: async () => (await import("./commands/transfer.js")).declareTransfer,
  },
  {
    name: "verify",
    summary: "check a whole log in its store",
    load: async () => (await import("./commands/verify.js")).declareVerify,
  },
  {
    name: "export",
    summary: "write a log's entries to a file",
    load: async () => (await import("./commands/export.js")).declareExport,
  },
  {
    name: "import",
    summary: "make a new log of such a file",
    load: async () => (await import("./commands/import.js")).declareImport,
  },
  {
    name: "serve",
    summary: "run a node",
    load: async () => (await import("./commands/serve.js")).declareServe,
  },
];

const examples = `
Examples:
  suraft dev                          three nodes on this machine
  suraft append "hello" "world"       append two entries, print their indexes
  suraft read --follow                print entries as they come

${exitCodeHelp}`;

/**
 * Makes the program for these arguments (without node and the script). Its `parseAsync` throws
 * whatever a command ends with.
 */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command("suraft")
    .description("A shared log: totally ordered, durable, over an object store.")
    .version(`suraft ${version}`, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print a command's help")
    .configureOutput({
      getOutHasColors: () => hasColours(process.stdout),
      getErrHasColors: () => hasColours(process.stderr),
      outputError: (text, writeError) => {
        writeError(text.replace(/^error:/, styled(process.stderr, "red", "error:")));
      },
    })
    .configureHelp({
      styleTitle: (title) => `\u001b[1m${title}\u001b[22m`,
      subcommandTerm: (command) => command.name(),
    })
    .showHelpAfterError("(--help shows what there is)")
    .addHelpText("after", examples)
    .exitOverride();
  for (const { name, summary, load } of commands) {
    const command = program.command(name).summary(summary);
    if (args.includes(name)) {
      (await load())(command);
    }
  }
  return program;
}
