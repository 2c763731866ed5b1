/** Ten times the load that a cluster can carry, and what is left of it afterwards. */

import { setTimeout as sleep } from "node:timers/promises";
import { atLeast, atMost, type Aim } from "../aim.js";
import { BenchCluster, type ClusterUse } from "../cluster.js";
import { entriesPerSecond, runLoad, type LoadResult } from "../load.js";
import { profilePath, timing, type BenchContext, type Section } from "../section.js";

const KIB = 1024;
const MIB = 1024 ** 2;
const times = 10;
const inFlight = 32;
/** Memory wants some time to show that it does not grow. */
const secondsMin = 12;
const sampleMs = 500;
/** What a heap varies by between two collections. */
const flatMiB = 32;

interface Scenario {
  readonly name: string;
  readonly storeParameters: string;
  readonly config: Readonly<Record<string, number>>;
  readonly queueBytes: number;
  readonly payloadBytes: number;
  readonly inFlightMax: number;
}

/** Archiving begins after a gigabyte, and would be taken for what the overload leaves behind. */
const unarchived = { checkpointSegments: 100_000 };

const scenarios: readonly Scenario[] = [
  {
    // A window so narrow that a client on the same cores can offer ten times what goes through.
    name: "a slow store",
    storeParameters: "latency=100",
    config: {
      ...unarchived,
      window: 2,
      segmentEntriesMax: 4,
      appendEntriesMax: 4,
      entryBytesMax: 4 * KIB,
      appendBytesMax: 8 * KIB,
      segmentBytesMax: 64 * KIB,
      queueBytesMax: 64 * KIB,
    },
    queueBytes: 64 * KIB,
    payloadBytes: KIB,
    inFlightMax: 20_000,
  },
  {
    // As much as the cores can do, and more appends under way than may wait by default.
    name: "busy cores",
    storeParameters: "latency=0",
    config: unarchived,
    queueBytes: 64 * MIB,
    payloadBytes: 16 * KIB,
    inFlightMax: 8_192,
  },
];

const places = ["leader", "follower"] as const;

export const overload: Section = async (context) => {
  const rows: OverloadRow[] = [];
  const aims: Aim[] = [];
  for (const scenario of scenarios) {
    const phases = await measure(scenario, context);
    rows.push(...phases.map((phase) => row(scenario, phase)));
    aims.push(...aimsOf(scenario, phases));
  }
  return {
    title: "Overload: unary appends at ten times the rate that was carried before",
    rows,
    aims,
    notes: [
      "a slow store: 100 ms added, a window of 2 segments of 4 entries of 1 KiB, 64 KiB may wait",
      "busy cores: the defaults, entries of 16 KiB, up to 128 MiB of them offered at once where 64 MiB may wait;",
      "what is offered is what the client's process can do on these cores",
      `before and after: ${inFlight} in flight. RSS in MiB and the event loop's delay are those of the node that is called;`,
      "RSS: the greatest in the second third of the time, and in the last third",
    ],
  };
};

interface Phase {
  readonly when: "before" | "overload" | "after";
  readonly at: (typeof places)[number];
  readonly result: LoadResult;
  readonly use: ClusterUse;
  /** Of the node that is called, all along. */
  readonly rssMiB: readonly number[];
}

async function measure(scenario: Scenario, context: BenchContext): Promise<readonly Phase[]> {
  const { storeParameters, config, payloadBytes, inFlightMax } = scenario;
  const cluster = await BenchCluster.start({ storeParameters, config });
  const carried = async (when: Phase["when"]): Promise<Phase> => {
    const load = { type: "unary", address: cluster.leader, inFlight, payloadBytes } as const;
    const { result, use } = await cluster.observe(() => runLoad({ ...load, ...timing(context) }));
    return { when, at: "leader", result, use, rssMiB: [use.leader.rssMiB] };
  };
  const overloaded = async (at: Phase["at"], appendsPerSecond: number): Promise<Phase> => {
    const seconds = Math.max(secondsMin, context.seconds);
    const load = { type: "overload", address: cluster[at], inFlightMax, payloadBytes } as const;
    const rssMiB: number[] = [];
    const { result, use } = await cluster.observe(
      async () => {
        const running = runLoad({ ...load, appendsPerSecond, warmUpSeconds: 0, seconds });
        for (let sample = 0; sample * sampleMs < seconds * 1000; sample++) {
          await Promise.race([running, sleep(sampleMs)]);
          const called = (await cluster.processes())[places.indexOf(at)];
          rssMiB.push(called?.rssMiB ?? NaN);
        }
        return await running;
      },
      profilePath(context, `overload-${scenario.name.replaceAll(" ", "-")}-${at}`),
    );
    return { when: "overload", at, result, use, rssMiB };
  };
  const before = await carried("before");
  const rate = entriesPerSecond(before.result) * times;
  const phases = [before];
  for (const at of places) {
    phases.push(await overloaded(at, rate), await carried("after"));
  }
  await cluster.stop();
  return phases;
}

/** The most memory in the second third of a phase, and in the last. */
function memoryOf({ rssMiB }: Phase): { readonly middle: number; readonly end: number } {
  const [first, second] = [rssMiB.length / 3, (rssMiB.length * 2) / 3];
  return {
    middle: Math.max(...rssMiB.slice(Math.floor(first), Math.ceil(second))),
    end: Math.max(...rssMiB.slice(Math.floor(second))),
  };
}

type OverloadRow = ReturnType<typeof row>;

function row({ name }: Scenario, phase: Phase) {
  const { when, at, result, use } = phase;
  const { refusals, latency, seconds } = result;
  const memory = memoryOf(phase);
  const called = at === "leader" ? use.leader : use.followers[0];
  return {
    limit: name,
    when: when === "overload" ? `ten times, at the ${at}` : when,
    "offered /s": refusals === undefined ? "" : refusals.offered / seconds,
    "accepted /s": entriesPerSecond(result),
    refused: refusals?.refused ?? "",
    "without delay": refusals?.withoutDelay ?? "",
    "p50 ms": latency.p50Ms,
    "p99 ms": latency.p99Ms,
    "max ms": latency.maxMs,
    "RSS second third": when === "overload" ? Math.round(memory.middle) : "",
    "last third": Math.round(memory.end),
    "loop p99 ms": called?.delayP99Ms ?? NaN,
    "loop max ms": called?.delayMaxMs ?? NaN,
    elections: use.terms,
  };
}

function aimsOf(scenario: Scenario, phases: readonly Phase[]): readonly Aim[] {
  const [before] = phases;
  if (before === undefined) return [];
  const carriedPerSecond = entriesPerSecond(before.result);
  const queueEntries = scenario.queueBytes / scenario.payloadBytes;
  let overloadedAt: Phase["at"] = "leader";
  return phases.flatMap((phase) => {
    const { when, result, use } = phase;
    if (when === "before") return [];
    if (when === "overload") overloadedAt = phase.at;
    const what = `overload of ${scenario.name}, at the ${overloadedAt}`;
    if (when === "after") {
      const got = entriesPerSecond(result) / carriedPerSecond;
      return [atLeast({ what: `${what}, afterwards`, aim: 0.9, unit: "of the rate before", got })];
    }
    const { refused = NaN, withoutDelay = NaN } = result.refusals ?? {};
    const memory = memoryOf(phase);
    const queueMs = (queueEntries / entriesPerSecond(result)) * 1000;
    const lateness = result.latency.p99Ms / (queueMs + before.result.latency.p50Ms);
    return [
      atLeast({ what, aim: 1, unit: "refused", got: refused }),
      atMost({ what, aim: 0, unit: "of them without a retry delay", got: withoutDelay }),
      atLeast({
        what,
        aim: 0.5,
        unit: "of the rate before, accepted",
        got: entriesPerSecond(result) / carriedPerSecond,
      }),
      atMost({
        what,
        aim: 1.5,
        unit: "of a full queue's time, the p99 of accepted",
        got: lateness,
      }),
      atMost({
        what,
        aim: flatMiB,
        unit: "MiB more in the last third than in the one before",
        got: memory.end - memory.middle,
      }),
      atMost({ what, aim: 0, unit: "elections", got: use.terms }),
    ];
  });
}
