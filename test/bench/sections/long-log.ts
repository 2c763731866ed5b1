/** Reads by time and of the last entries of a long log: store requests and time, by a node and without. */

import { Child } from "../child.js";
import { freeAddresses } from "../cluster.js";
import type { LongLogCost, LongLogQuestion } from "../long-log-process.js";
import type { Row } from "../report.js";
import type { Section } from "../section.js";

const segments = 1_000_000;
const latencyMs = 30;

interface Costs {
  readonly direct: readonly LongLogCost[];
  readonly node: readonly LongLogCost[];
}

export const longLog: Section = async () => {
  const rows = [
    ...rowsOf("as written", await measure({ kept: false, parameters: "" })),
    ...rowsOf("archived", await measure({ kept: true, parameters: `?latency=${latencyMs}` })),
  ];
  return {
    title: `A log of ${segments.toLocaleString("en")} segments, of 4 entries of 100 B each, in memory`,
    rows,
    notes: [
      "as written: never archived, no checkpoint: who starts walks it all; no latency added",
      `archived: a checkpoint 500 segments before the tail, archives up to 16,384; ${latencyMs} ms added`,
      "to each request. Reads: 10 entries, linearizable: one of the requests looks for the tail",
    ],
  };
};

async function measure(options: Pick<LongLogQuestion, "kept" | "parameters">): Promise<Costs> {
  const [address = ""] = await freeAddresses(1);
  const question: LongLogQuestion = { segments, address, ...options };
  const { child, value } = await Child.start<Costs>("long-log-process.js", question);
  await child.stop();
  return value;
}

function rowsOf(log: string, { direct, node }: Costs): readonly Row[] {
  return node.map(({ what, milliseconds, requests }, place) => ({
    log,
    what: place === 0 ? "start: to the tail" : what,
    "node: requests": requests,
    "node: ms": milliseconds,
    "no node: requests": direct[place]?.requests ?? 0,
    "no node: ms": direct[place]?.milliseconds ?? 0,
  }));
}
