/** Opens producers: names under which appends are numbered, so that the log takes each once. */

import type { Addresses } from "./addresses.js";
import { callOptions, type CallBounds } from "./connection.js";
import { exactNumber } from "./exact.js";
import { judged } from "./failure.js";
import { callAny } from "./retry.js";

/** Opens a producer at any node; resolves to its id. */
export async function openProducer(addresses: Addresses, bounds: CallBounds): Promise<number> {
  const response = await callAny(addresses, bounds, (connection) =>
    judged(connection, "none", bounds, connection.log.openProducer({}, callOptions(bounds))),
  );
  return exactNumber("producer_id", response.producerId);
}
