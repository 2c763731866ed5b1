/** Ports for a cluster that wants some in a row. */

import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

async function portFrom(wanted: number): Promise<number | undefined> {
  const server = createServer();
  server.listen(wanted, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return undefined;
  }
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** The first of so many ports in a row that were free just now. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = await portFrom(0);
    let free = first !== undefined && first + count < 65_536;
    for (let next = 1; free && next < count; next += 1) {
      free = (await portFrom((first ?? 0) + next)) !== undefined;
    }
    if (free && first !== undefined) {
      return first;
    }
  }
}
