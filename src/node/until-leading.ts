/** Waits until a node leads. */

import type { Node } from "./node.js";

/** Resolves to the node's term once it leads; rejects with the signal's reason. */
export async function untilLeading(
  node: Pick<Node, "status" | "watch">,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted();
  const { role, term } = node.status();
  if (role === "leader") return term;
  return await new Promise((resolve, reject) => {
    const aborted = (): void => {
      unwatch();
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    };
    const unwatch = node.watch((status) => {
      if (status.role !== "leader") return;
      unwatch();
      signal.removeEventListener("abort", aborted);
      resolve(status.term);
    });
    signal.addEventListener("abort", aborted, { once: true });
  });
}
