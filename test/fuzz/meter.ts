/**
 * Counts what a decoder does with an input, by V8's own coverage: how many blocks of our code ran, and
 * which. The count is the same on every machine and under every load, so that a bound on it can
 * be asserted; which blocks ran tells an input that led somewhere new.
 *
 * Rejected: Jazzer.js. It brings libFuzzer as a native addon, instruments CommonJS only without
 * more ado, and would want a runner of its own; V8 counts blocks of ES modules as they are.
 */

import inspector from "node:inspector";

/** What one input did. */
export interface Reading {
  /** Blocks of suraft's code that ran, each as often as it ran. */
  readonly work: number;
  /** Which ones, and roughly how often each. */
  readonly features: readonly string[];
}

const ours = new URL("../../src/", import.meta.url).href;

export class Meter {
  readonly #session = new inspector.Session();

  constructor() {
    this.#session.connect();
    this.#post("Profiler.enable");
    this.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** Forgets what ran so far. */
  reset(): void {
    this.#post("Profiler.takePreciseCoverage");
  }

  /** What ran since the last reset or reading. */
  read(): Reading {
    const { result } = this.#post("Profiler.takePreciseCoverage") as {
      readonly result: readonly inspector.Profiler.ScriptCoverage[];
    };
    let work = 0;
    const features: string[] = [];
    for (const { url, functions } of result) {
      if (!url.startsWith(ours)) continue;
      const file = url.slice(ours.length);
      for (const { ranges } of functions) {
        for (const { startOffset, count } of ranges) {
          if (count === 0) continue;
          work += count;
          features.push(`${file}:${startOffset}:${Math.floor(Math.log2(count) / 3)}`);
        }
      }
    }
    return { work, features };
  }

  /** Code runs at its own speed again. */
  close(): void {
    this.#post("Profiler.stopPreciseCoverage");
    this.#session.disconnect();
  }

  /** Answers come at once: the session is this thread's own. */
  #post(method: string, parameters?: object): unknown {
    let answer: unknown;
    this.#session.post(method, parameters, (error, result: unknown) => {
      if (error !== null) throw error;
      answer = result;
    });
    return answer;
  }
}
