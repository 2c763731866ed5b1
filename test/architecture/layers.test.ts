/**
 * The layers and the house rules that no other tool holds, read from the sources.
 *
 * cli -> client, service, node, offline; service -> node, log, core, rpc; node -> core, log, peer,
 * store; offline -> log, core, store; log -> store, core; peer -> rpc, core; client -> rpc,
 * log, store;
 * replica -> client; embed -> service, node; testing -> client, embed; core -> nothing.
 */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** What each layer may import besides itself. */
const layers: Readonly<Record<string, readonly string[]>> = {
  core: [],
  store: [],
  rpc: [],
  client: ["rpc", "log", "store"],
  log: ["store", "core"],
  offline: ["log", "core", "store"],
  peer: ["rpc", "core"],
  node: ["core", "log", "peer", "store"],
  service: ["node", "log", "core", "rpc"],
  replica: ["client"],
  embed: ["service", "node"],
  testing: ["client", "embed"],
  cli: ["client", "service", "node", "offline"],
};

/** Open to every layer but core. */
const sharedFiles = ["src/errors.ts"];

/** Generated types stop at the codecs. */
const codecLayers = ["rpc", "service", "peer", "log", "client"];

/** Files of other layers that may name generated types, and why. */
const codecFiles: Readonly<Record<string, string>> = {};

interface Source {
  /** Relative to the root of the repository. */
  readonly path: string;
  readonly text: string;
  /** The text without comments, and with empty strings in place of strings. */
  readonly code: string;
}

function sourcesBelow(directory: string): readonly Source[] {
  return readdirSync(join(root, directory), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => sourceAt(join(directory, name)));
}

function sourceAt(path: string): Source {
  const text = readFileSync(join(root, path), "utf8");
  return { path, text, code: codeOf(text) };
}

/** Leaves out comments and the contents of strings; line numbers stay. */
function codeOf(text: string): string {
  const pattern =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;
  return text.replace(pattern, (found) => {
    const newlines = "\n".repeat(found.split("\n").length - 1);
    if (found.startsWith("/")) return newlines;
    // Code within a template counts.
    const code = found.startsWith("`") ? [...found.matchAll(/\$\{([^{}]*)\}/g)] : [];
    return `""${code.map((match) => ` + ${match[1]}`).join("")}${newlines}`;
  });
}

/** Every module named by an import or export, type imports and `import()` too. */
function importsOf({ text }: Source): readonly string[] {
  const uncommented = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/[^\n]*/gm, "");
  const statement = /\b(?:from|import)\s*\(?\s*(["'])([^"'\n]+)\1/g;
  return [...uncommented.matchAll(statement)].map((match) => match[2] ?? "");
}

/** A module's place in the repository; undefined for a package. */
function targetOf(source: Source, module: string): string | undefined {
  if (!module.startsWith(".")) return undefined;
  return normalize(join(dirname(source.path), module)).replace(/\.js$/, ".ts");
}

/** The first folder below src; the name itself for a file in src. */
function layerOf(path: string): string {
  return relative("src", path).split("/")[0] ?? "";
}

/** What an import breaks; undefined if nothing. */
function breach(source: Source, module: string): string | undefined {
  const from = layerOf(source.path);
  const target = targetOf(source, module);
  if (target === undefined) {
    return from === "core" ? "core imports no package, not even of Node" : undefined;
  }
  if (target.startsWith("gen/")) {
    const isCodec = codecLayers.includes(from) || source.path in codecFiles;
    return isCodec ? undefined : "generated types stop at the codecs";
  }
  if (!target.startsWith("src/")) return "src imports nothing but src, gen and packages";
  if (sharedFiles.includes(target)) return from === "core" ? "core imports nothing" : undefined;
  const to = layerOf(target);
  if (to === from || layers[from]?.includes(to) === true) return undefined;
  return `${from} may not import ${to}`;
}

/** Every line of code in which a pattern is found. */
function found(sources: readonly Source[], pattern: RegExp): readonly string[] {
  return sources.flatMap(({ path, code }) =>
    code
      .split("\n")
      .flatMap((line, index) =>
        pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [],
      ),
  );
}

const src = sourcesBelow("src");
const test = sourcesBelow("test");
const examples = sourcesBelow("examples");

describe("the layers", () => {
  it("are read from the sources that there are", () => {
    expect(src.map(({ path }) => path)).to.include.members(["src/core/core.ts", "src/errors.ts"]);
    expect(src.flatMap(importsOf).length).to.be.greaterThan(src.length);
  });

  it("are all named here", () => {
    const folders = new Set(src.map(({ path }) => layerOf(path)));
    for (const shared of sharedFiles) folders.delete(layerOf(shared));
    expect([...folders].filter((folder) => !(folder in layers))).to.deep.equal([]);
  });

  it("import only what stands below them", () => {
    const breaches = src.flatMap((source) =>
      importsOf(source).flatMap((module) => {
        const why = breach(source, module);
        return why === undefined ? [] : [`${source.path} imports ${module}: ${why}`];
      }),
    );
    expect(breaches).to.deep.equal([]);
  });

  it("have no cycle", () => {
    const below = (layer: string, seen: readonly string[]): void => {
      expect(seen, `${seen.join(" -> ")} -> ${layer}`).not.to.include(layer);
      for (const next of layers[layer] ?? []) below(next, [...seen, layer]);
    };
    for (const layer of Object.keys(layers)) below(layer, []);
  });

  it("are closed to examples, which know the package by its name alone", () => {
    const foreign = examples.flatMap((source) => {
      const own = source.path.split("/").slice(0, 2).join("/");
      return importsOf(source)
        .filter((module) => {
          const target = targetOf(source, module);
          if (target === undefined) return !/^(node:|suraft\/)/.test(module);
          return !target.startsWith(`${own}/`) && !target.startsWith("examples/shared/");
        })
        .map((module) => `${source.path} imports ${module}`);
    });
    expect(foreign).to.deep.equal([]);
    expect(examples.flatMap(importsOf)).to.include("suraft/replica");
  });

  it("keep a client of nodes apart from the store: it loads no library of a store", () => {
    const reached = new Set<string>(["src/client/index.ts"]);
    for (const path of reached) {
      const source = sourceAt(path);
      for (const module of importsOf(source)) {
        const target = targetOf(source, module);
        if (target?.startsWith("src/") === true) reached.add(target);
      }
    }
    expect(reached.size).to.be.greaterThan(10);
    expect([...reached].filter((path) => /^src\/(log|store|core)\//.test(path))).to.deep.equal([]);
  });

  it("would be seen to be broken", () => {
    const breaks = (path: string, text: string): boolean => {
      const source = { path, text, code: codeOf(text) };
      return importsOf(source).some((module) => breach(source, module) !== undefined);
    };
    expect(breaks("src/core/a.ts", `import type { A } from "../log/names.js";`)).to.equal(true);
    expect(breaks("src/core/a.ts", `import { a } from "node:fs";`)).to.equal(true);
    expect(breaks("src/core/a.ts", `import { a } from "../errors.js";`)).to.equal(true);
    expect(breaks("src/core/a.ts", `import { a } from "./walk.js";`)).to.equal(false);
    expect(breaks("src/log/a.ts", `export * from "../node/node.js";`)).to.equal(true);
    expect(breaks("src/log/a.ts", `import {\n  a,\n} from "../core/types.js";`)).to.equal(false);
    expect(breaks("src/store/a.ts", `const a = await import("../node/node.js");`)).to.equal(true);
    expect(breaks("src/node/a.ts", `import "../../gen/suraft/v1/log_pb.js";`)).to.equal(true);
    expect(breaks("src/rpc/a.ts", `import "../../gen/suraft/v1/log_pb.js";`)).to.equal(false);
    expect(breaks("src/rpc/a.ts", `// import "../node/node.js";`)).to.equal(false);
    expect(breaks("src/rpc/a.ts", `import "../../test/core/samples.js";`)).to.equal(true);
  });
});

describe("the house", () => {
  const all = [...src, ...examples, ...test];

  it("has files of at most 500 lines", () => {
    const long = all.filter(({ text }) => text.split("\n").length - 1 > 500);
    expect(long.map(({ path }) => path)).to.deep.equal([]);
  });

  it("names files and folders in kebab case, with the house's words", () => {
    const paths = all.map(({ path }) => path);
    const kebab = /^[a-z][a-z0-9]*(-[a-z0-9]+)*(\.[a-z]+\.ts|\.ts)?$/;
    const odd = paths.filter((path) => !path.split("/").every((part) => kebab.test(part)));
    expect(odd).to.deep.equal([]);
    const banned = /(^|[/-])(manager|helpers?|utils?|info|common|misc)([.-/]|$)/;
    expect(paths.filter((path) => banned.test(path))).to.deep.equal([]);
  });

  it("keeps clocks, timers, randomness and the process out of core", () => {
    const core = src.filter(({ path }) => layerOf(path) === "core");
    const impure =
      /\bMath\.random\b|\bDate\b|\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b|\bqueueMicrotask\b|\bprocess\b|\bperformance\b|\bcrypto\b|\bconsole\b|\bglobalThis\b|\basync\b|\bawait\b|\bPromise\b/;
    expect(found(core, impure)).to.deep.equal([]);
    expect(found([sample("const now = Date.now();")], impure)).to.have.lengthOf(1);
    expect(found([sample("exit(process.pid);")], impure)).to.have.lengthOf(1);
  });

  it("has no enum, no any, no non-null assertion and no default export", () => {
    const banned =
      /\benum\s+\w|(?::|<|\bas|\|)\s*any\b|\bany\[\]|[\w)\]]!(?=[.;,)\]\s[]|$)(?!\s*=)|\bexport default\b/;
    expect(found(all, banned)).to.deep.equal([]);
    const examples = ["enum A {}", "let a: any;", "a as any", "f(a!)", "a!.b", "a[0]!;"];
    for (const example of examples) expect(found([sample(example)], banned)).to.have.lengthOf(1);
    for (const fine of ["if (!a) return;", "a !== b", "a != b", 'say("any!")', "// any!"]) {
      expect(found([sample(fine)], banned)).to.deep.equal([]);
    }
  });

  function sample(text: string): Source {
    return { path: "src/core/sample.ts", text, code: codeOf(text) };
  }
});
