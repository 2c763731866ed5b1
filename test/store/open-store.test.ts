import { resolve } from "node:path";
import { expect } from "chai";

import { openStore } from "../../src/store/open-store.js";
import { parseStoreUrl } from "../../src/store/store-url.js";
import { StoreError } from "../../src/store/store.js";

function failure(url: string, options: Parameters<typeof openStore>[1] = {}): StoreError {
  try {
    void openStore(url, options).close();
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
  throw new Error(`${url} was opened`);
}

describe("openStore", () => {
  it("reads a bucket and a prefix", () => {
    const rest = { apiEndpoint: undefined, authentication: undefined, latency: undefined };
    const cases = {
      "gs://my-bucket": "",
      "gs://my-bucket/": "",
      "GS://my-bucket/": "",
      "gs://my-bucket/a": "a/",
      "gs://my-bucket/a/b//": "a/b/",
    };
    for (const [url, prefix] of Object.entries(cases)) {
      const expected = { type: "gs", bucket: "my-bucket", prefix, ...rest };
      expect(parseStoreUrl(url), url).to.deep.equal(expected);
    }
  });

  it("reads a directory", () => {
    const cases = {
      "file:///a/b": "/a/b",
      "file:///a/b/": "/a/b",
      "file:///a%20b": "/a b",
      "file:///a b": "/a b",
      "file://localhost/a": "/a",
    };
    for (const [url, directory] of Object.entries(cases)) {
      expect(parseStoreUrl(url), url).to.deep.equal({
        type: "file",
        directory,
        latency: undefined,
      });
    }
  });

  it("reads parameters", () => {
    expect(parseStoreUrl("memory:x?latency=50&latencyP99=300")).to.deep.equal({
      type: "memory",
      name: "x",
      latency: { medianMs: 50, p99Ms: 300 },
    });
    const url = "gs://my-bucket/a?apiEndpoint=http://127.0.0.1:4443&auth=none&latency=1.5";
    expect(parseStoreUrl(url)).to.deep.equal({
      type: "gs",
      bucket: "my-bucket",
      prefix: "a/",
      apiEndpoint: "http://127.0.0.1:4443",
      authentication: "none",
      latency: { medianMs: 1.5, p99Ms: 1.5 },
    });
  });

  const meant: Readonly<Record<string, string>> = {
    "": "gs://bucket/prefix, file:///directory or memory:",
    "/var/lib/suraft": "did you mean file:///var/lib/suraft?",
    "./data": `did you mean file://${resolve("data")}?`,
    "my-bucket/log": `did you mean gs://my-bucket/log or file://${resolve("my-bucket/log")}?`,
    memory: "did you mean gs://memory or",
    "s3://bucket": 'unknown scheme "s3"',
    "https://storage.googleapis.com/bucket": 'unknown scheme "https"',
    "gcs://my-bucket/a": "did you mean gs://my-bucket/a?",
    "gs:/my-bucket/a": "did you mean gs://my-bucket/a?",
    "gs:my-bucket": "did you mean gs://my-bucket?",
    "gs://": "names no bucket",
    "gs:///a": "names no bucket",
    "gs://My-Bucket": "no bucket can be called",
    "gs://my-bucket/a b": "has the prefix",
    "gs://my-bucket/a/../b": "has the prefix",
    "gs://my-bucket#a": "fragment",
    "gs://my-bucket?latencie=30": "known are latency, latencyP99, apiEndpoint, auth",
    "gs://my-bucket?apiEndpoint=127.0.0.1:4443": "write https://host or http://host:port",
    "gs://my-bucket?apiEndpoint=http://host/path": "write https://host or http://host:port",
    "gs://my-bucket?auth=yes": "write default or none",
    "file:data": `did you mean file://${resolve("data")}?`,
    "file://data/a": "did you mean file:///data/a?",
    "file://./data": `did you mean file://${resolve("data")}?`,
    "file:///": "names the root directory",
    "file://": "names no absolute directory",
    "file:///a%00b": "is no file URL",
    "file:///a?apiEndpoint=http://host": "unknown parameter",
    "memory://x": "did you mean memory:x?",
    "memory:a b": "names a store",
    "memory:?latency=soon": "write milliseconds",
    "memory:?latency=-1": "write milliseconds",
    "memory:?latency=1&latency=2": "more than once",
    "memory:?latencyP99=3": "without latency",
    "memory:?latency=30&latencyP99=20": "latencyP99 >= latency",
  };
  for (const [url, message] of Object.entries(meant)) {
    it(`says what to write instead of ${JSON.stringify(url)}`, () => {
      const error = failure(url);
      expect(error.kind).to.equal("invalid");
      expect(error.message).to.contain(message).and.to.contain(JSON.stringify(url));
    });
  }
});

describe("openStore under STORAGE_EMULATOR_HOST", () => {
  const variable = "STORAGE_EMULATOR_HOST";
  const before = process.env[variable];

  beforeEach(() => {
    process.env[variable] = "127.0.0.1:4443";
  });

  afterEach(() => {
    if (before === undefined) delete process.env[variable];
    else process.env[variable] = before;
  });

  it("refuses a bucket, and says how to ask for the emulator", () => {
    const error = failure("gs://my-bucket/a");
    expect(error.kind).to.equal("invalid");
    expect(error.message)
      .to.contain(variable)
      .and.to.contain("gs://my-bucket/a?apiEndpoint=http://127.0.0.1:4443");
  });

  it("opens a bucket when asked for the emulator, or for an endpoint", async () => {
    for (const [url, options] of [
      ["gs://my-bucket", { allowEmulator: true }],
      ["gs://my-bucket", { apiEndpoint: "http://127.0.0.1:4443" }],
      ["gs://my-bucket?apiEndpoint=http://127.0.0.1:4443", {}],
    ] as const) {
      await openStore(url, options).close();
    }
  });

  it("minds no other store", async () => {
    await openStore("memory:").close();
    await openStore("file:///nowhere").close();
  });
});
