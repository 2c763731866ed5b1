/** A node within a program, as `import { createNode } from "suraft/node"` gives it. */

export { SuraftError, type ErrorKind } from "../errors.js";
export {
  createNode,
  type EmbeddedNode,
  type NodeLogEvent,
  type NodeOptions,
} from "./create-node.js";
