/** Producers for a load, opened before anything is measured. */

import { connect, logCalls } from "./log-client.js";

const opensAtOnce = 256;

export async function openProducers(address: string, count: number): Promise<readonly bigint[]> {
  const connection = connect(address);
  const { openProducer } = logCalls(connection);
  const ids: bigint[] = [];
  while (ids.length < count) {
    const opens = Array.from({ length: Math.min(opensAtOnce, count - ids.length) }, () =>
      openProducer({}, { timeoutMs: 30_000 }),
    );
    ids.push(...(await Promise.all(opens)).map(({ producerId }) => producerId));
  }
  connection.close();
  return ids;
}
