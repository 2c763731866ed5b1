/**
 * Ctrl-C and SIGTERM.
 *
 * Invariant: the first asks the command to end, in its own way and in bounded time; the second ends
 * the process. A signal that comes twice at once counts once: npm passes on what the terminal has
 * sent already.
 */

import { exitCodes, type ExitCode } from "./exit-code.js";

const TWICE_AT_ONCE_MS = 500;

const codes: Readonly<Record<string, ExitCode>> = {
  SIGINT: exitCodes.interrupted,
  SIGTERM: exitCodes.terminated,
  SIGHUP: exitCodes.terminated,
};

/** The command ended because it was asked to. Nothing is printed about it. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode) {
    super("interrupted");
    this.exitCode = exitCode;
  }
}

export interface InterruptionOptions {
  /** Before the process ends at the second signal. */
  readonly beforeExit?: () => void;
}

/**
 * Aborts at the first signal, with an {@link Interrupted} as its reason. Stays in place until the
 * process ends.
 */
export function interruption(options: InterruptionOptions = {}): AbortSignal {
  const controller = new AbortController();
  let firstAtMs: number | undefined;
  for (const [name, code] of Object.entries(codes)) {
    process.on(name, () => {
      const nowMs = performance.now();
      if (firstAtMs === undefined) {
        firstAtMs = nowMs;
        controller.abort(new Interrupted(code));
      } else if (nowMs - firstAtMs > TWICE_AT_ONCE_MS) {
        options.beforeExit?.();
        process.exit(code);
      }
    });
  }
  return controller.signal;
}
