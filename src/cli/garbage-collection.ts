/** How often the process of a node collects its garbage. */

import { setFlagsFromString } from "node:v8";

/** How far the heap, and buffers with it, may grow between two collections, in percent. */
const growingPercent = 400;

/**
 * Collects the whole heap less often. Entries pass through buffers outside V8's heap, which count
 * towards the limit at which V8 collects all of it. By itself it sets that limit a few megabytes
 * above a node's heap of 20 MB, and spends half of a busy node's CPU on marking what stays. Costs
 * up to 64 MiB of memory, where V8's own limit for buffers ends it. A V8 without the flag says so
 * on standard error, and goes on as before.
 */
export function collectGarbageLessOften(): void {
  setFlagsFromString(`--heap-growing-percent=${growingPercent}`);
}
