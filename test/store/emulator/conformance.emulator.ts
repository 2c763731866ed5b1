import { openStore } from "../../../src/store/open-store.js";
import { describeStore } from "../conformance.js";
import { Emulator } from "./emulator.js";

describeStore("gcs on fake-gcs-server", async () => {
  const emulator = await Emulator.start("bucket-1");
  const url = `gs://bucket-1/some/prefix?apiEndpoint=${emulator.endpoint}`;
  return { url, open: () => openStore(url), close: () => emulator.close() };
});
