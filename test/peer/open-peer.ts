/** A client of another node, whose messages the test does not look at unless it says so. */

import { PeerClient, type PeerClientOptions } from "../../src/peer/peer-client.js";

export function openPeer(
  options: Pick<PeerClientOptions, "address"> & Partial<PeerClientOptions>,
): PeerClient {
  return new PeerClient({
    self: { clusterId: "c", nodeId: "n1", incarnation: "i1" },
    nodeId: "n2",
    timeoutMs: 5000,
    receive: () => undefined,
    onReachable: () => undefined,
    onLeaderNamed: () => undefined,
    ...options,
  });
}
