/** Why a node can go on no more, in words. */

import type { Fault } from "./protocol.js";
import type { NodeId, Position, Segment } from "./types.js";

/** The object cannot be decoded, or fails its checksum. */
export function damaged(position: Position, reason: string): Fault {
  return { kind: "corrupt", message: reason, position };
}

/** It existed, and exists no more, though the floor lies below. */
export function vanished(position: Position): Fault {
  const message = `the object at position ${position} has vanished from the store`;
  return { kind: "corrupt", message, position };
}

export function misplaced(position: Position): Fault {
  const message = `the object at position ${position} was written for another position`;
  return { kind: "corrupt", message, position };
}

export function contradictory(position: Position): Fault {
  const message = `the object at position ${position} contradicts the one it follows`;
  return { kind: "corrupt", message, position };
}

/** What is known about the log's past cannot be believed. */
export function lostPast(reason: string): Fault {
  return { kind: "corrupt", message: reason };
}

export function cloned({ epoch, position }: Segment): Fault {
  const message = `another process leads as this node, in its own term ${epoch.term}`;
  return { kind: "cloned", message, position };
}

export function duplicate(nodeId: NodeId, by: NodeId): Fault {
  const message = `${by} hears from another live process with the node id ${nodeId}`;
  return { kind: "duplicate", message };
}
