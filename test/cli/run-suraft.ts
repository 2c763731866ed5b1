/** Runs the command line as a user's shell does: its own process, its own pipes. */

import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const mainFile = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Run {
  readonly process: ChildProcessWithoutNullStreams;
  readonly outcome: Promise<Outcome>;
  /** Resolves to the match once standard output matches. */
  seen(pattern: RegExp): Promise<RegExpExecArray>;
}

/** The environment without what would change the command line's behaviour. */
export function cleanEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("SURAFT_"));
  return { ...Object.fromEntries(kept), NO_COLOR: "1", ...extra };
}

/** Starts `suraft` with these arguments. */
export function startSuraft(args: readonly string[], extra: NodeJS.ProcessEnv = {}): Run {
  const child = spawn(process.execPath, [mainFile, ...args], { env: cleanEnvironment(extra) });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  // A command that ends early leaves its input unread.
  child.stdin.on("error", () => undefined);
  const outcome = once(child, "close").then(([code]) => ({
    code: code as number | null,
    stdout,
    stderr,
  }));
  return {
    process: child,
    outcome,
    seen: async (pattern) => {
      for (;;) {
        const match = pattern.exec(stdout);
        if (match !== null) {
          return match;
        }
        if (child.exitCode !== null || child.signalCode !== null) {
          throw new Error(`suraft ended without writing ${String(pattern)}: ${stdout}${stderr}`);
        }
        await Promise.race([once(child.stdout, "data"), once(child, "close")]);
      }
    },
  };
}

/** Runs `suraft` to its end, with this standard input. */
export async function runSuraft(
  args: readonly string[],
  options: { readonly input?: string | Uint8Array; readonly environment?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> {
  const run = startSuraft(args, options.environment);
  run.process.stdin.end(options.input ?? "");
  return run.outcome;
}
