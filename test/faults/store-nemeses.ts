/** Faults between the nodes and the store, by the store's own fault proxy. */

import { everyFault, inOrder, seeded } from "../store/fault-proxy.js";
import type { Fault as StoreFault, FaultSource } from "../store/fault-proxy.js";
import type { FaultNode } from "./cluster.js";
import type { Field } from "./field.js";
import type { Nemesis } from "./nemeses.js";
import type { Fault } from "./plan.js";

/** Requests are given up after 700 ms here. */
const lateFaults: readonly StoreFault[] = [
  { type: "delay", ms: 500 },
  { type: "late", ms: 1200 },
  { type: "late", ms: 3000 },
  { type: "late", ms: 5000 },
  { type: "lose_reply" },
  { type: "answer_after", status: 503 },
];

/** A node, or all: not always the same ones. */
function victims(fault: Fault, field: Field): readonly FaultNode[] {
  const { nodes } = field.cluster;
  if (fault.form < 0.4) return nodes;
  const node = field.pick(fault);
  return node === undefined ? nodes : [node];
}

function named(nodes: readonly FaultNode[]): string {
  return nodes.map(({ nodeId }) => nodeId).join(" ");
}

/**
 * Damages what comes of a path once at most: an object that comes damaged twice in a row is taken for a
 * damaged object, and rightly.
 */
function flippingOnce(source: FaultSource): FaultSource {
  const flipped = new Set<string>();
  return (request) => {
    const fault = source(request);
    if (fault.type !== "flip_reply") return fault;
    if (flipped.has(request.path)) return { type: "pass" };
    flipped.add(request.path);
    return fault;
  };
}

export const storeNoise: Nemesis = (fault, field) => {
  const nodes = victims(fault, field);
  const rate = 0.05 + 0.55 * fault.strength;
  const faults = [...everyFault, ...lateFaults];
  const noise = seeded({ seed: field.seed + fault.number, rate, faults });
  const heal = field.trouble(nodes, flippingOnce(noise));
  const text = `${Math.round(rate * 100)} % of the store requests of ${named(nodes)} fail somehow`;
  return Promise.resolve({ text, heal });
};

export const storeOutage: Nemesis = (fault, field) => {
  const nodes = victims(fault, field);
  const outages: readonly StoreFault[] = [
    { type: "hang" },
    { type: "lose_request" },
    { type: "answer", status: 503 },
    { type: "answer", status: 429 },
  ];
  const outage = outages[Math.floor(fault.strength * outages.length)] ?? { type: "hang" };
  const heal = field.trouble(nodes, () => outage);
  const how = "status" in outage ? `answers ${outage.status}` : outage.type;
  return Promise.resolve({ text: `no store for ${named(nodes)}: ${how}`, heal });
};

export const storeLate: Nemesis = (fault, field) => {
  const nodes = victims(fault, field);
  const rate = 0.1 + 0.6 * fault.strength;
  const late = seeded({ seed: field.seed + fault.number, rate, faults: lateFaults });
  const pass = inOrder([]);
  // Only creates: an upload is a POST.
  const source: FaultSource = (request) =>
    request.method === "POST" ? late(request) : pass(request);
  const heal = field.trouble(nodes, source);
  const text = `${Math.round(rate * 100)} % of the creates of ${named(nodes)} come late`;
  return Promise.resolve({ text, heal });
};
