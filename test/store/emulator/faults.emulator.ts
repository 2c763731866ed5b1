import { describeGcsFaults } from "../gcs-faults.js";
import { Emulator } from "./emulator.js";

describeGcsFaults("fake-gcs-server", async () => {
  const emulator = await Emulator.start("bucket-1");
  return {
    endpoint: emulator.endpoint,
    bucket: "bucket-1",
    close: () => emulator.close(),
  };
});
