import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";

import { withDeadline } from "../../src/store/abort.js";
import { openStore } from "../../src/store/open-store.js";
import type { Store } from "../../src/store/store.js";
import { expectKind, signal, text } from "./expectations.js";
import { FakeGcs } from "./fake-gcs.js";

const bytes = Buffer.from("bytes");

describe("gcs: credentials", () => {
  let fake: FakeGcs;
  let tokens: TokenServer;
  let store: Store;
  let directory: string;
  const variable = "GOOGLE_APPLICATION_CREDENTIALS";
  const before = process.env[variable];

  beforeEach(async () => {
    fake = await FakeGcs.start("bucket-1");
    tokens = await TokenServer.start();
    directory = await mkdtemp(join(tmpdir(), "suraft-credentials-"));
    await writeFile(join(directory, "subject"), "subject-token");
    const credentials = {
      type: "external_account",
      audience:
        "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      token_url: `${tokens.endpoint}/token`,
      credential_source: { file: join(directory, "subject") },
    };
    await writeFile(join(directory, "credentials.json"), JSON.stringify(credentials));
    process.env[variable] = join(directory, "credentials.json");
    store = openStore(`gs://bucket-1?apiEndpoint=${fake.endpoint}&auth=default`);
  });

  afterEach(async () => {
    if (before === undefined) delete process.env[variable];
    else process.env[variable] = before;
    await store.close();
    await fake.close();
    await tokens.close();
    await rm(directory, { recursive: true });
  });

  it("sends the token of the application's default credentials, fetched once", async () => {
    fake.behaviour.token = "token-1";
    expect((await store.create("a", bytes, { signal })).type).to.equal("created");
    expect(await text(store, "a")).to.equal("bytes");
    expect(tokens.count).to.equal(1);
  });

  it("fetches a new token for the next try after a 401", async () => {
    fake.behaviour.token = "token-1";
    await store.create("a", bytes, { signal });
    fake.behaviour.token = "token-2";
    expect(await store.create("b", bytes, { signal })).to.include({ type: "refused" });
    expect((await store.create("b", bytes, { signal })).type).to.equal("created");
    fake.behaviour.token = "token-3";
    await expectKind("forbidden", () => store.get("b", { signal }));
    expect(await text(store, "b")).to.equal("bytes");
    expect(tokens.count).to.equal(3);
  });

  it("refuses, and sends nothing, without a token", async () => {
    tokens.status = 403;
    expect(await store.create("a", bytes, { signal })).to.include({ type: "refused" });
    await expectKind("forbidden", () => store.get("a", { signal }));
    process.env[variable] = join(directory, "none.json");
    const other = openStore(`gs://bucket-1?apiEndpoint=${fake.endpoint}&auth=default`);
    const refused = await other.create("a", bytes, { signal });
    expect(refused.type === "refused" && refused.cause).to.contain("no credentials");
    await expectKind("forbidden", () => other.get("a", { signal }));
    await other.close();
    expect(fake.requests).to.deep.equal([]);
  });

  it("keeps the deadline while a token does not come", async () => {
    tokens.status = undefined;
    const result = await withDeadline(signal, 100, (deadline) =>
      store.create("a", bytes, { signal: deadline }),
    );
    expect(result).to.include({ type: "refused" });
    expect(fake.requests).to.deep.equal([]);
  });
});

/** Exchanges any subject token for "token-1", "token-2" and so on. */
class TokenServer {
  count = 0;
  /** Undefined: never answers. */
  status: number | undefined = 200;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<TokenServer> {
    const server = createServer();
    const tokens = new TokenServer(server);
    server.on("request", (request, response) => {
      request.resume();
      tokens.count += 1;
      if (tokens.status === undefined) return;
      response.writeHead(tokens.status, { "content-type": "application/json" });
      const token = { access_token: `token-${tokens.count}`, token_type: "Bearer" };
      response.end(JSON.stringify({ ...token, expires_in: 3600, issued_token_type: "x" }));
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return tokens;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
