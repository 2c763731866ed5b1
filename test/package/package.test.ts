/**
 * The package as its users get it: packed, unpacked into a project of its own beside nothing but its
 * declared dependencies, compiled against and run.
 */

import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { expect } from "chai";
import { makeDirectory, removeDirectory } from "../process/scratch.js";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Uses every export that the README names, as a user would. */
const program = `
import { connect, SuraftError, type Appended, type ReadPart } from "suraft/client";
import { openStoreReader } from "suraft/store-reader";
import { createNode, type NodeOptions } from "suraft/node";
import { MemorySnapshots, startReplica, type LogEntry, type StateMachine } from "suraft/replica";
import { startTestCluster, type TestCluster } from "suraft/testing";

class Counter implements StateMachine<number> {
  #count = 0;
  apply(entries: readonly LogEntry[]): readonly number[] {
    return entries.map(() => ++this.#count);
  }
  *buildSnapshot(): Iterable<Uint8Array> {
    yield Buffer.from(String(this.#count));
  }
  async installSnapshot(content: AsyncIterable<Uint8Array>): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    this.#count = Number(Buffer.concat(chunks).toString());
  }
}

const cluster: TestCluster = await startTestCluster();
const appended: Appended = await cluster.client.append([{ payload: Buffer.from("a") }]);
const replica = await startReplica({
  client: cluster.client,
  machine: new Counter(),
  snapshots: new MemorySnapshots(),
});
const { result } = await replica.propose({ payload: Buffer.from("b") });
const parts: ReadPart[] = [];
for await (const part of cluster.client.read()) parts.push(part);
await replica.close();
await cluster.close();

const options: NodeOptions = { nodeId: "n1", store: "memory:", listen: "127.0.0.1:0" };
const node = createNode(options);
await node.start();
await node.ready({ signal: AbortSignal.timeout(10_000) });
const client = connect([node.address]);
const { nextIndex } = await client.tail();
client.close();
await node.stop({ timeoutMs: 0 });

let kind = "none";
try {
  createNode({ nodeId: "n1", store: "ftp://nowhere" });
} catch (error) {
  if (error instanceof SuraftError) kind = error.kind;
}
try {
  openStoreReader("ftp://nowhere");
} catch (error) {
  if (!(error instanceof SuraftError)) kind = "not typed";
}
console.log(JSON.stringify({ first: appended.firstIndex, result, nextIndex, kind, hasPort: node.port > 0 }));
`;

/** What the README's pieces of TypeScript, in order, take for given. */
const preludes = [
  `declare const lines: readonly string[];`,
  `import type { Client } from "suraft/client"; declare const client: Client;`,
  `import { connect } from "suraft/client";`,
];

function readmePieces(): readonly string[] {
  const text = readFileSync(join(root, "README.md"), "utf8");
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");
}

const settings = {
  compilerOptions: {
    target: "es2023",
    lib: ["es2023"],
    module: "nodenext",
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmitOnError: true,
    outDir: "out",
  },
  include: ["*.ts"],
};

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string>>;
}

describe("the packed package", function () {
  this.timeout(120_000);
  let directory: string;
  let installed: string;

  before(async () => {
    directory = await makeDirectory();
    const modules = join(directory, "node_modules");
    installed = join(modules, "suraft");
    await mkdir(installed, { recursive: true });
    const packed = await run(
      "npm",
      ["pack", "--ignore-scripts", "--silent", "--pack-destination", directory],
      { cwd: root },
    );
    const archive = join(directory, packed.stdout.trim());
    await run("tar", ["-xzf", archive, "--strip-components=1", "-C", installed]);
    const { dependencies } = await manifest();
    for (const name of [...Object.keys(dependencies), "@types/node"]) {
      await mkdir(dirname(join(modules, name)), { recursive: true });
      await symlink(join(root, "node_modules", name), join(modules, name));
    }
    await writeFile(join(directory, "package.json"), JSON.stringify({ type: "module" }));
    await writeFile(join(directory, "tsconfig.json"), JSON.stringify(settings));
    await writeFile(join(directory, "program.ts"), program);
    for (const [at, piece] of readmePieces().entries()) {
      const file = `${preludes[at] ?? ""}\n${piece}\nexport {};\n`;
      await writeFile(join(directory, `readme-${at}.ts`), file);
    }
  });

  after(async () => {
    await removeDirectory(directory);
  });

  async function manifest(): Promise<Manifest> {
    return JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as Manifest;
  }

  it("has the declarations and the code of every export", async () => {
    const targets = Object.values((await manifest()).exports);
    const files = await readdir(installed, { recursive: true });
    const wanted = targets.flatMap((path) => {
      const file = path.replace(/^\.\//, "");
      return file.endsWith(".js") ? [file, file.replace(/\.js$/, ".d.ts")] : [file];
    });
    expect(files).to.include.members(wanted);
  });

  it("holds no tests, examples or benchmarks", async () => {
    const folders = await readdir(join(installed, "dist"));
    expect(folders.sort()).to.deep.equal(["gen", "src"]);
  });

  it("is used by a user's program in every part", async () => {
    const parts = Object.keys((await manifest()).exports).filter((part) => !part.endsWith(".json"));
    const used = parts.filter((part) => program.includes(`"suraft${part.slice(1)}"`));
    expect(used).to.deep.equal(parts);
  });

  it("is shown in the README by code that compiles as well", () => {
    expect(readmePieces()).to.have.length(preludes.length);
  });

  it("compiles in a user's strict project, declarations and all, and runs", async () => {
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    const compiled = await run(process.execPath, [tsc, "-p", directory]).catch((error: unknown) => {
      const { stdout } = error as { readonly stdout: string };
      throw new Error(stdout);
    });
    expect(compiled.stdout).to.equal("");
    const { stdout } = await run(process.execPath, [join(directory, "out", "program.js")]);
    expect(JSON.parse(stdout)).to.deep.equal({
      first: 1,
      result: 2,
      nextIndex: 1,
      kind: "invalid",
      hasPort: true,
    });
  });
});
