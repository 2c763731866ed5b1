/**
 * Child processes of the tests.
 *
 * Invariant: every wait is bounded, and its failure shows what the child printed.
 * Invariant: a child leads a process group of its own and dies, with its own children, when this
 * process ends, however it ends short of SIGKILL.
 */

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Takes standard output as it comes; it is not kept in {@link Child.output} then. */
  readonly onOutput?: (chunk: Buffer) => void;
}

const outputCharactersMax = 1_000_000;
const living = new Set<Child>();

// Before anything else that is done at the end: files can be removed only after their writers.
process.prependOnceListener("exit", killLiving);

/** Kills every child that lives, without waiting for its end. */
export function killLiving(): void {
  for (const child of living) child.kill("SIGKILL");
}

export class Child {
  readonly exited: Promise<Exit>;
  /** The last of what it printed, on both streams, as text. */
  output = "";
  readonly #name: string;
  readonly #process: ChildProcess;
  #exit: Exit | undefined;
  readonly #printed = new Set<() => void>();

  constructor(options: ChildOptions) {
    this.#name = [options.command, ...options.arguments].join(" ");
    this.#process = spawn(options.command, options.arguments, {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, ...options.environment },
      ...(options.directory === undefined ? {} : { cwd: options.directory }),
    });
    living.add(this);
    const { stdout, stderr } = this.#process;
    stdout?.on("data", (chunk: Buffer) => {
      options.onOutput?.(chunk);
      if (options.onOutput === undefined) this.#print(chunk);
    });
    stderr?.on("data", (chunk: Buffer) => this.#print(chunk));
    this.exited = this.#untilEnd();
  }

  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error(`${this.#name} did not start`);
    return pid;
  }

  get isAlive(): boolean {
    return this.#exit === undefined;
  }

  /** Sends a signal to the process and all of its group. */
  kill(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch {
      // The group has ended.
    }
  }

  /** Ends it at once and waits for that. */
  async end(): Promise<void> {
    this.kill("SIGKILL");
    await this.exited;
  }

  /** Waits until the process ends. Rejects if it does not. */
  async exit(timeoutMs: number): Promise<Exit> {
    return await within(this.exited, timeoutMs, () => this.#story("did not end"));
  }

  /** Waits until the output so far, or the output to come, matches. */
  async printed(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    let listener: () => void = () => undefined;
    const found = new Promise<RegExpExecArray>((resolve, reject) => {
      listener = () => {
        const match = pattern.exec(this.output);
        if (match !== null) resolve(match);
        else if (!this.isAlive) reject(new Error(this.#story(`ended without ${String(pattern)}`)));
      };
      this.#printed.add(listener);
      listener();
    });
    return await within(found, timeoutMs, () =>
      this.#story(`did not print ${String(pattern)}`),
    ).finally(() => this.#printed.delete(listener));
  }

  #print(chunk: Buffer): void {
    this.output = (this.output + chunk.toString()).slice(-outputCharactersMax);
    for (const listener of this.#printed) listener();
  }

  async #untilEnd(): Promise<Exit> {
    const [code, signal] = (await once(this.#process, "close")) as [
      number | null,
      NodeJS.Signals | null,
    ];
    this.#exit = { code, signal };
    living.delete(this);
    for (const listener of this.#printed) listener();
    return this.#exit;
  }

  #story(failure: string): string {
    const tail = this.output.split("\n").slice(-30).join("\n");
    return `${this.#name} ${failure}; it printed:\n${tail}`;
  }
}

/** The promise's outcome, or a rejection with the sentence once the time is over. */
export async function within<T>(
  promise: Promise<T>,
  timeoutMs: number,
  sentence: () => string,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${sentence()} (${timeoutMs} ms)`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
