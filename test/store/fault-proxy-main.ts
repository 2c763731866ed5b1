/**
 * The fault proxy by itself, to try things by hand:
 * `node dist/test/store/fault-proxy-main.js --target http://127.0.0.1:4443 --port 4444 --rate 0.3`
 */

import { parseArgs } from "node:util";

import { FaultProxy, everyFault, seeded } from "./fault-proxy.js";

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    port: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    rate: { type: "string", default: "0.2" },
  },
});

if (values.target === undefined) {
  console.error("usage: fault-proxy-main --target URL [--port N] [--seed N] [--rate 0.2]");
  process.exit(2);
}

const proxy = await FaultProxy.start(values.target, Number(values.port));
proxy.source = seeded({
  seed: Number(values.seed),
  rate: Number(values.rate),
  faults: everyFault,
});
console.log(proxy.endpoint);

process.once("SIGINT", () => {
  for (const [type, count] of proxy.counts) console.log(`${type}\t${count}`);
  void proxy.close();
});
