/** Opening a log that is kept up: flat in its length; and catching up over archives, against raw segments. */

import { Child } from "../child.js";
import { freeAddresses } from "../cluster.js";
import type { ColdStartCost, ColdStartQuestion } from "../cold-start-process.js";
import type { Section } from "../section.js";

const latencyMs = 30;

export const coldStart: Section = async () => {
  const rows = [];
  for (const segments of [1_000, 100_000, 1_000_000]) {
    const cost = await measure({ segments, kept: true, catchUp: false });
    rows.push({
      segments: segments.toLocaleString("en"),
      requests: cost.startRequests,
      milliseconds: cost.startMs,
    });
  }
  return {
    title: `Cold start of a node, ${latencyMs} ms added to each store request`,
    rows,
    notes: [
      "until it answers a linearizable read, having been elected alone: the time holds an election",
      "timeout; the checkpoint stands 500 segments before the tail; segments of 4 entries of 100 B",
    ],
  };
};

export const catchUp: Section = async () => {
  const rows = [];
  for (const kept of [false, true]) {
    const cost = await measure({ segments: 100_000, kept, catchUp: true });
    rows.push({
      log: kept ? "archived" : "raw segments",
      requests: cost.catchUpRequests,
      milliseconds: cost.catchUpMs,
      "MB/s": cost.bytes / 1000 / cost.catchUpMs,
    });
  }
  return {
    title: `Reading the first 83,616 of 100,000 segments, with no node, ${latencyMs} ms added to each request`,
    rows,
    notes: ["as many as upkeep has put into archives by then: all but the last 16,384"],
  };
};

async function measure(
  options: Pick<ColdStartQuestion, "segments" | "kept" | "catchUp">,
): Promise<ColdStartCost> {
  const [address = ""] = await freeAddresses(1);
  const question: ColdStartQuestion = { ...options, latencyMs, address };
  const { child, value } = await Child.start<ColdStartCost>("cold-start-process.js", question);
  await child.stop();
  return value;
}
