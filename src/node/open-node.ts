/** Opens a node on its store: checks the store, finds or founds the cluster, joins it. */

import type { Logger } from "winston";
import { storeFailure } from "../log/store-failure.js";
import { checkStore } from "../store/check-store.js";
import { CountingStore } from "../store/counting-store.js";
import { openStore } from "../store/open-store.js";
import { AgeClock } from "../log/age-clock.js";
import { readCoreStart } from "./core-start.js";
import { LogNode } from "./log-node.js";
import { describeRetention } from "./retention.js";
import type { ManifestView } from "../core/manifest.js";
import type { Store } from "../store/store.js";
import type { NodeConfig } from "./config.js";
import type { NodeMember } from "./node.js";

export interface OpenNodeOptions {
  readonly config: NodeConfig;
  readonly logger: Logger;
  /** The process must end: a bug, or a node that may go on no more. */
  readonly onFatal: (error: Error) => void;
}

/** A node that does not take part yet, and the store that it stands on. */
export interface OpenedNode {
  readonly node: LogNode;
  readonly store: Store;
}

/** A store that does not answer for so long when a node starts has failed it. */
const startTimeoutMs = 30_000;

/** Throws a SuraftError that says what to change. Founds the cluster in an empty store. */
export async function openNode(options: OpenNodeOptions): Promise<OpenedNode> {
  const { config, logger, onFatal } = options;
  const store = new CountingStore(open(config, onFatal));
  try {
    const clock = new AgeClock();
    const signal = AbortSignal.timeout(startTimeoutMs);
    await checkStore(store, { signal });
    const cluster = { members: config.members, graceMs: config.graceMs };
    const start = await readCoreStart(store, clock, { ...cluster, signal });
    const { clusterId, number, members: founding } = start.manifest;
    warnOfStrangers(config, founding, logger);
    warnOfGrace(config, start.manifest, logger);
    logger.info(`cluster ${clusterId} in ${store.url}, manifest ${number}`);
    const retention = describeRetention(config);
    if (retention !== undefined) logger.info(`retention: ${retention}`);
    const address = config.advertise;
    const node = new LogNode({ config, address, founding, store, clock, start, logger, onFatal });
    return { node, store };
  } catch (error) {
    await store.close();
    throw storeFailure(error);
  }
}

function open(config: NodeConfig, onFatal: (error: Error) => void): Store {
  const { apiEndpoint, allowEmulator } = config;
  const endpoint = apiEndpoint === undefined ? {} : { apiEndpoint };
  try {
    return openStore(config.store, { ...endpoint, allowEmulator, onFatal });
  } catch (error) {
    throw storeFailure(error);
  }
}

/** Every node of a cluster has one grace: what one may still use, no other may delete. */
function warnOfGrace(config: NodeConfig, { graceMs }: ManifestView, logger: Logger): void {
  if (graceMs === config.graceMs) return;
  const own = `this node's graceMs, ${config.graceMs}, counts for nothing`;
  logger.warn(`${own}: the cluster was founded with ${graceMs}`);
}

/** A configuration with other members than the cluster's is likely to be another cluster's. */
function warnOfStrangers(
  { members }: NodeConfig,
  founding: readonly NodeMember[],
  logger: Logger,
): void {
  // Without a list of its own it names itself alone: it comes to join.
  if (members.length === 1) return;
  const strangers = members.filter((member) => !founding.some(sameNode(member)));
  if (strangers.length === 0) return;
  const names = strangers.map(({ nodeId }) => nodeId).join(", ");
  const ids = founding.map(({ nodeId }) => nodeId).join(", ");
  logger.warn(
    `${names} named in this node's members, but the cluster was founded with ${ids}; ` +
      "who belongs to it now, the log says",
  );
}

function sameNode(member: NodeMember): (other: NodeMember) => boolean {
  return ({ nodeId }) => nodeId === member.nodeId;
}
