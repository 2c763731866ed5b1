/** `npm run example:kv`: a process of the key-value store. */

import { flagHelp, runMain, runService, serviceFlags } from "../shared/run-service.js";
import { startKvServer } from "./kv-server.js";
import { openKvStore } from "./kv-store.js";

await runMain(async (args) => {
  if (args.includes("--help")) {
    process.stdout.write(
      `A key-value store on a log. examples/kv/README.md\n\n${flagHelp("kv")}\n`,
    );
    return;
  }
  await runService("kv", serviceFlags("kv", args), async ({ client, snapshots, http }) => {
    const store = await openKvStore({ client, snapshots });
    const server = await startKvServer(store, http);
    return {
      address: server.address,
      failed: store.failed,
      close: async () => {
        await store.close();
        await server.close();
      },
    };
  });
});
