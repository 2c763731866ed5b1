/** A client's process: runs one load and reports. */

import { delayLoad } from "./delay-load.js";
import { etcdLoad } from "./peers/etcd-load.js";
import { redisLoad } from "./peers/redis-load.js";
import { libraryLoad } from "./library-load.js";
import { overloadLoad } from "./overload-load.js";
import { readLoad } from "./read-load.js";
import { sessionLoad } from "./session-load.js";
import { storeLoad } from "./store-load.js";
import { tailLoad } from "./tail-load.js";
import { unaryLoad } from "./unary-load.js";
import { answerParent } from "./child.js";
import type { Load, LoadResult } from "./load.js";

function run(load: Load): Promise<Omit<LoadResult, "cpuMs">> {
  switch (load.type) {
    case "unary":
      return unaryLoad(load);
    case "session":
      return sessionLoad(load);
    case "library":
      return libraryLoad(load);
    case "read":
      return readLoad(load);
    case "delay":
      return delayLoad(load);
    case "overload":
      return overloadLoad(load);
    case "tail":
      return tailLoad(load);
    case "etcd":
      return etcdLoad(load);
    case "redis":
      return redisLoad(load);
    case "store":
      return storeLoad(load);
  }
}

answerParent(async (question): Promise<LoadResult> => {
  const cpuBefore = process.cpuUsage();
  const measured = await run(question as Load);
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ...measured, cpuMs: (user + system) / 1000 };
});
