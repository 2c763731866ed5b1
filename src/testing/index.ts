/** A cluster for tests, as `import { startTestCluster } from "suraft/testing"` gives it. */

export {
  startTestCluster,
  type TestCluster,
  type TestClusterOptions,
  type TestNode,
} from "./test-cluster.js";
