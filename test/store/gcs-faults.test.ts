import { FakeGcs } from "./fake-gcs.js";
import { describeGcsFaults } from "./gcs-faults.js";

describeGcsFaults("fake", async () => {
  const fake = await FakeGcs.start("bucket-1");
  return {
    endpoint: fake.endpoint,
    bucket: "bucket-1",
    createdCount: (name) => fake.created.get(name) ?? 0,
    close: () => fake.close(),
  };
});
