/** The clocks of the nodes' processes: libfaketime moves the wall clock, of each node by itself. */

import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const library = "libfaketimeMT.so.1";

/** The library, if this machine has it. */
export function findFaketime(): string | undefined {
  const below = (directory: string): readonly string[] => {
    try {
      return readdirSync(directory, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => join(directory, name));
    } catch {
      return [];
    }
  };
  const places = ["/usr/lib", "/usr/local/lib", ...below("/usr/lib")];
  return places.map((place) => join(place, "faketime", library)).find((path) => existsSync(path));
}

export class Clocks {
  readonly #library: string;
  readonly #directory: string;

  /** Files that set the clocks are kept in the directory. */
  constructor(path: string, directory: string, nodes: readonly string[]) {
    this.#library = path;
    this.#directory = directory;
    for (const node of nodes) this.set(node, "+0");
  }

  /** For a node's process. Timers go by the monotonic clock, which is left alone. */
  environmentFor(nodeId: string): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: this.#file(nodeId),
      FAKETIME_CACHE_DURATION: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    };
  }

  /** Takes effect within a second: `+3600` and the like, in seconds. */
  set(nodeId: string, offset: string): void {
    writeFileSync(this.#file(nodeId), `${offset}\n`);
  }

  #file(nodeId: string): string {
    return join(this.#directory, `clock-${nodeId}`);
  }
}
