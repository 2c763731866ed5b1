/** Opening a log that is kept up: flat in its length; and catching up over archives, against raw segments. */

import { atMost } from "../aim.js";
import { Child } from "../child.js";
import { freeAddresses } from "../cluster.js";
import type { ColdStartCost, ColdStartQuestion } from "../cold-start-process.js";
import { plotColumns } from "../plot.js";
import type { Section } from "../section.js";

const latencyMs = 30;

const lengths = [1_000, 100_000];
const longLengths = [...lengths, 1_000_000];

export const coldStart: Section = async ({ long }) => {
  const rows = [];
  for (const segments of long ? longLengths : lengths) {
    const cost = await measure({ segments, kept: true, catchUp: false });
    rows.push({
      segments,
      requests: cost.startRequests,
      milliseconds: cost.startMs,
    });
  }
  return {
    title: `Cold start of a node, ${latencyMs} ms added to each store request`,
    rows,
    aims: [
      atMost({
        what: "cold start of the longest log",
        aim: 1.5,
        unit: "of the shortest one's requests",
        got: (rows.at(-1)?.requests ?? NaN) / (rows[0]?.requests ?? NaN),
      }),
    ],
    notes: [
      "until it answers a linearizable read, having been elected alone: the time holds an election",
      "timeout; the checkpoint stands 500 segments before the tail; segments of 4 entries of 100 B",
    ],
    plots: [
      plotColumns(rows, {
        name: "time",
        title: `Cold start of a node, ${latencyMs} ms added to each store request`,
        over: "segments",
        columns: ["milliseconds"],
        x: { label: "segments of the log", scale: "log" },
        y: { label: "ms", scale: "linear" },
      }),
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
