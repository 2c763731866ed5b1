/**
 * Carries out faults: for each kind what it does, and how that ends.
 *
 * Invariant: a fault that was healed leaves nothing behind but what the nodes made of it.
 */

import type { FaultNode } from "./cluster.js";
import type { Field } from "./field.js";
import { clients, storeParty, type NetworkRule } from "./network.js";
import type { Fault, FaultKind } from "./plan.js";
import { storeLate, storeNoise, storeOutage } from "./store-nemeses.js";

/** A fault that was done. */
export interface Harm {
  /** For people. */
  readonly text: string;
  readonly heal: () => Promise<void>;
}

/** Does a fault. Undefined where it met nobody. */
export type Nemesis = (fault: Fault, field: Field) => Promise<Harm | undefined>;

function seize(field: Field, fault: Fault): FaultNode | undefined {
  const node = field.pick(fault);
  if (node !== undefined) node.busy = true;
  return node;
}

function startAgain(field: Field, nodes: readonly FaultNode[]): () => Promise<void> {
  return () => {
    for (const node of nodes) {
      node.busy = false;
      if (!node.process.isAlive) field.cluster.start(node);
    }
    return Promise.resolve();
  };
}

const kill: Nemesis = async (fault, field) => {
  const node = seize(field, fault);
  if (node === undefined) return undefined;
  await field.cluster.kill(node);
  return { text: `kill -9 ${node.nodeId}`, heal: startAgain(field, [node]) };
};

const killAll: Nemesis = async (_fault, field) => {
  const nodes = field.cluster.nodes.filter((node) => !node.busy);
  if (nodes.length === 0) return undefined;
  for (const node of nodes) node.busy = true;
  await Promise.all(nodes.map((node) => field.cluster.kill(node)));
  const names = nodes.map(({ nodeId }) => nodeId).join(" ");
  return { text: `kill -9 ${names}`, heal: startAgain(field, nodes) };
};

const restart: Nemesis = async (fault, field) => {
  const node = seize(field, fault);
  if (node === undefined) return undefined;
  await field.cluster.stop(node);
  return { text: `SIGTERM ${node.nodeId}`, heal: startAgain(field, [node]) };
};

const pause: Nemesis = (fault, field) => {
  const node = seize(field, fault);
  if (node === undefined) return Promise.resolve(undefined);
  const { child } = node.process;
  child.kill("SIGSTOP");
  const heal = (): Promise<void> => {
    child.kill("SIGCONT");
    node.busy = false;
    return Promise.resolve();
  };
  return Promise.resolve({ text: `SIGSTOP ${node.nodeId}`, heal });
};

function blocked(from: readonly string[], to: readonly string[]): readonly NetworkRule[] {
  return from.flatMap((a) => to.map((b): NetworkRule => ({ type: "block", from: a, to: b })));
}

const partition: Nemesis = async (fault, field) => {
  const { nodes } = field.cluster;
  const first = field.pick(fault);
  if (first === undefined || nodes.length < 2) return undefined;
  const minority = Math.max(1, Math.ceil(((nodes.length - 1) / 2) * fault.strength));
  const others = nodes.filter((node) => node !== first);
  const alone = [first, ...others.slice(0, minority - 1)].map(({ nodeId }) => nodeId);
  const rest = nodes.map(({ nodeId }) => nodeId).filter((id) => !alone.includes(id));
  const heal = await field.impose([...blocked(alone, rest), ...blocked(rest, alone)]);
  return { text: `partition ${alone.join(" ")} from ${rest.join(" ")}`, heal };
};

const oneWay: Nemesis = async (fault, field) => {
  const node = field.pick(fault);
  if (node === undefined) return undefined;
  const { nodeId } = node;
  const others = field.cluster.nodes.map((other) => other.nodeId).filter((id) => id !== nodeId);
  const mute = fault.form < 0.5;
  const heal = await field.impose(mute ? blocked([nodeId], others) : blocked(others, [nodeId]));
  return { text: mute ? `nobody hears ${nodeId}` : `${nodeId} hears nobody`, heal };
};

const isolate: Nemesis = async (fault, field) => {
  const node = field.pick(fault);
  if (node === undefined) return undefined;
  const { nodeId } = node;
  const others = field.cluster.nodes.map((other) => other.nodeId).filter((id) => id !== nodeId);
  const all = [...others, clients, storeParty];
  const heal = await field.impose([...blocked([nodeId], all), ...blocked(all, [nodeId])]);
  return { text: `isolate ${nodeId}`, heal };
};

const loss: Nemesis = async (fault, field) => {
  const node = field.pick(fault);
  if (node === undefined) return undefined;
  const share = 0.02 + 0.38 * fault.strength;
  const heal = await field.impose([{ type: "loss", node: node.nodeId, share }]);
  return { text: `${node.nodeId} loses ${Math.round(share * 100)} % of packets`, heal };
};

const slow: Nemesis = async (fault, field) => {
  const node = field.pick(fault);
  if (node === undefined) return undefined;
  const delayMs = Math.round(20 * 20 ** fault.strength);
  const kbit = Math.round(4000 / 20 ** fault.strength);
  const heal = await field.impose([{ type: "slow", node: node.nodeId, delayMs, kbit }]);
  return { text: `${node.nodeId} is slow: ${delayMs} ms, or ${kbit} kbit/s`, heal };
};

const cut: Nemesis = async (fault, field) => {
  const node = field.pick(fault);
  if (node === undefined) return undefined;
  const heal = await field.impose([{ type: "cut", node: node.nodeId }]);
  return { text: `reset the connections of ${node.nodeId}`, heal };
};

const fullDisk: Nemesis = async (_fault, field) => {
  const { disk } = field.store;
  if (disk === undefined) return undefined;
  await disk.fill();
  return { text: "the disk is full", heal: () => disk.empty() };
};

const clock: Nemesis = (fault, { cluster, clocks }) => {
  const node = cluster.nodes[Math.floor(fault.whom * cluster.nodes.length)];
  if (node === undefined || clocks === undefined) return Promise.resolve(undefined);
  const { nodeId } = node;
  const seconds = Math.round(2 * 3600 ** fault.strength);
  const rate = 0.25 * 16 ** fault.strength;
  const offset =
    fault.form < 0.4 ? `+${seconds}` : fault.form < 0.8 ? `-${seconds}` : `+0 x${rate.toFixed(2)}`;
  clocks.set(nodeId, offset);
  const heal = (): Promise<void> => {
    clocks.set(nodeId, "+0");
    return Promise.resolve();
  };
  return Promise.resolve({ text: `the clock of ${nodeId}: ${offset}`, heal });
};

export const nemeses: Readonly<Record<FaultKind, Nemesis>> = {
  kill,
  "kill-all": killAll,
  restart,
  pause,
  partition,
  "one-way": oneWay,
  isolate,
  loss,
  slow,
  cut,
  "store-noise": storeNoise,
  "store-outage": storeOutage,
  "store-late": storeLate,
  "full-disk": fullDisk,
  clock,
};
