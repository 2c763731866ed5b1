/** suraft beside what else holds a log: the same payload, the same number in flight, an fsync for each answer. */

import { atLeast, type Aim } from "../aim.js";
import { BenchCluster } from "../cluster.js";
import { entriesPerSecond, runLoad, type Load } from "../load.js";
import { PeerServer } from "../peers/peer-server.js";
import { plotColumns } from "../plot.js";
import { payloadBytes, timing, type BenchContext, type Section } from "../section.js";

const inFlights = [1, 64, 256];
const entriesPerBatch = 100;

interface Servers {
  readonly three: BenchCluster;
  readonly one: BenchCluster;
  readonly etcd: PeerServer | undefined;
  readonly redis: PeerServer | undefined;
}

export const peers: Section = async (context) => {
  const servers = await start();
  const rows = [];
  for (const inFlight of inFlights) rows.push(await measure(servers, inFlight, context));
  await Promise.all(Object.values(servers).map((server) => server?.stop()));
  const missing = [
    servers.etcd === undefined ? "etcd (Debian: etcd-server)" : [],
    servers.redis === undefined ? "Redis (Debian: redis-server)" : [],
  ].flat();
  return {
    title: "Appends of 1 KiB beside etcd's puts and Redis's XADD, in entries/s",
    rows,
    aims: aimsOf(rows),
    notes: [
      "suraft: a cluster of three nodes, and of one; etcd and Redis: one server each; all on one disk",
      "session: an entry in each append; batched: 100 entries, as the client library sends them under load",
      "unary and etcd: the same gRPC client; Redis: appendfsync always, a connection for each in flight",
      ...missing.map((name) => `${name} is not installed: left out`),
    ],
    plots: [
      plotColumns(rows, {
        name: "rate",
        title: "Entries of 1 KiB, durable when answered",
        over: "in flight",
        columns: Object.keys(rows[0] ?? {}).slice(1),
        x: { label: "calls, appends or connections in flight", scale: "log" },
        y: { label: "entries/s", scale: "log" },
      }),
    ],
  };
};

async function start(): Promise<Servers> {
  return {
    three: await BenchCluster.start(),
    one: await BenchCluster.start({ nodeCount: 1 }),
    etcd: await PeerServer.etcd(),
    redis: await PeerServer.redis(),
  };
}

type PeerRow = Awaited<ReturnType<typeof measure>>;

async function measure(servers: Servers, inFlight: number, context: BenchContext) {
  const { three, one, etcd, redis } = servers;
  const shared = { inFlight, payloadBytes, ...timing(context) };
  const rate = async (load: Load): Promise<number> => entriesPerSecond(await runLoad(load));
  const unary = (address: string): Promise<number> => rate({ type: "unary", address, ...shared });
  const session = (address: string, entriesPerAppend: number): Promise<number> =>
    rate({ type: "session", address, sessions: 1, entriesPerAppend, entriesMax: 0, ...shared });
  const peer = async (type: "etcd" | "redis", server: PeerServer | undefined): Promise<number> =>
    server === undefined ? NaN : await rate({ type, address: server.address, ...shared });
  return {
    "in flight": inFlight,
    unary: await unary(three.leader),
    session: await session(three.leader, 1),
    batched: await session(three.leader, entriesPerBatch),
    "unary, 1 node": await unary(one.leader),
    "session, 1 node": await session(one.leader, 1),
    "etcd put": await peer("etcd", etcd),
    "Redis XADD": await peer("redis", redis),
  };
}

function aimsOf(rows: readonly PeerRow[]): readonly Aim[] {
  const best = (of: (row: PeerRow) => number): number => Math.max(...rows.map(of));
  const sessions = best(({ session, batched }) => Math.max(session, batched));
  const timesEtcd = sessions / best((row) => row["etcd put"]);
  return [
    atLeast({ what: "sessions at their best", aim: 10, unit: "times etcd's best", got: timesEtcd }),
    ...rows.map((row) =>
      atLeast({
        what: `session, ${row["in flight"]} in flight, an entry each`,
        aim: 1,
        unit: "of Redis's rate",
        got: row.session / row["Redis XADD"],
      }),
    ),
  ];
}
