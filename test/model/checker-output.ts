/** What Spin's verifier and its playback print, read. */

/** What a search came to. */
export interface Search {
  readonly states: number;
  readonly depth: number;
  readonly memoryMiB: number;
  readonly violated: boolean;
  /** Every state within the model's bounds was seen; false where memory, time or depth ended the search. */
  readonly complete: boolean;
}

/** A counterexample, told by the model's own words. */
export interface Playback {
  readonly property: string;
  readonly steps: readonly string[];
}

function numberAfter(text: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Reads the verifier's summary. One that was cut short is an incomplete search. */
export function readSearch(output: string): Search {
  const states = numberAfter(output, /^\s*([\d.e+]+) states, stored/m);
  const depth = numberAfter(output, /depth reached (\d+)/);
  const errors = numberAfter(output, /errors: (\d+)/);
  const memoryMiB = numberAfter(output, /^\s*([\d.]+)\s+total actual memory usage/m);
  const cut = /Search not completed|max search depth too small|reached -DMEMLIM|out of memory/;
  return {
    states: states ?? 0,
    depth: depth ?? 0,
    memoryMiB: memoryMiB ?? 0,
    violated: (errors ?? 0) > 0,
    complete: errors === 0 && states !== undefined && !cut.test(output),
  };
}

/** Reads a playback: a line for each step, then the broken property. */
export function readPlayback(output: string): Playback {
  const lines = output.split("\n").map((line) => line.trim());
  const end = lines.findIndex((line) => line.startsWith("broken: "));
  const line = lines[end];
  if (line === undefined) return { property: "an assertion without a name", steps: [] };
  const steps = lines.slice(0, end).filter((step) => step !== "" && !step.startsWith("using "));
  return { property: line.slice("broken: ".length), steps };
}
