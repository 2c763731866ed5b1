/** State machines on the log, as `import { startReplica } from "suraft/replica"` gives it. */

export { SuraftError, type ErrorKind } from "../errors.js";
export { startReplica, type Replica, type ReplicaOptions } from "./replica.js";
export { proposalHeader, type Applied } from "./proposals.js";
export { MemorySnapshots, type Snapshot, type SnapshotStore } from "./snapshots.js";
export { ServiceSnapshots } from "./service-snapshots.js";
export { DirectorySnapshots } from "./directory-snapshots.js";
export type { LogEntry, StateMachine } from "./state-machine.js";
