/** Opens a node on its store: checks the store, finds or founds the cluster, joins it. */

import type { Logger } from "winston";
import { SuraftError } from "../errors.js";
import { openCluster } from "../log/manifest.js";
import { storeFailure } from "../log/store-failure.js";
import { checkStore } from "../store/check-store.js";
import { openStore } from "../store/open-store.js";
import { AgeClock } from "./age-clock.js";
import { LogNode } from "./log-node.js";
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
  const store = open(config, onFatal);
  try {
    const clock = new AgeClock();
    const signal = AbortSignal.timeout(startTimeoutMs);
    await checkStore(store, { signal });
    const { ageMs } = clock;
    const manifest = await openCluster(store, { members: config.members, signal });
    const members = knownMembers(config, manifest.members, logger);
    logger.info(`cluster ${manifest.clusterId} in ${store.url}`);
    const start = { manifest: manifest, ledger: undefined, ageMs };
    const address = config.advertise;
    const node = new LogNode({ config, address, members, store, clock, start, logger, onFatal });
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

/**
 * The cluster's own list says who the members are. Where they are reached, this node's
 * configuration says, if it names them: an address may have changed since the founding.
 */
function knownMembers(
  config: NodeConfig,
  founded: readonly NodeMember[],
  logger: Logger,
): readonly NodeMember[] {
  const ids = founded.map(({ nodeId }) => nodeId).join(", ");
  if (!founded.some(({ nodeId }) => nodeId === config.nodeId)) {
    const message =
      `${config.nodeId} is no member of the cluster in ${config.store}; ` +
      `its members are ${ids}, as it was founded`;
    throw new SuraftError("invalid", message);
  }
  const strangers = config.members.filter((member) => !founded.some(sameNode(member)));
  if (strangers.length > 0) {
    const names = strangers.map(({ nodeId }) => nodeId).join(", ");
    logger.warn(`${names} named in this node's members, but the cluster was founded with ${ids}`);
  }
  return founded.map((member) => config.members.find(sameNode(member)) ?? member);
}

function sameNode(member: NodeMember): (other: NodeMember) => boolean {
  return ({ nodeId }) => nodeId === member.nodeId;
}
