/**
 * Gathers a node's settings: a flag wins over the environment, the environment over the config
 * file, the file over the default.
 *
 * Invariant: names follow from the table of settings alone: `electionTimeoutMs` is
 * `--election-timeout-ms`, `SURAFT_ELECTION_TIMEOUT_MS` and the file's key `electionTimeoutMs`.
 */

import { readFileSync } from "node:fs";
import { isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import type { Document, Node } from "yaml";
import { checkNodeConfig, shorten, type GivenValue } from "../node/config-check.js";
import { nodeConfigKeys, type NodeConfig, type NodeConfigKey } from "../node/config.js";
import { UsageError } from "./exit-code.js";
import { suggest } from "./suggestion.js";

/** `electionTimeoutMs` as a flag: `--election-timeout-ms`. */
export function flagName(key: NodeConfigKey): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `electionTimeoutMs` in the environment: `SURAFT_ELECTION_TIMEOUT_MS`. */
export function environmentName(key: NodeConfigKey): string {
  return `SURAFT_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

export interface NodeConfigSources {
  /** As the command line gave them, by key. */
  readonly flags: Readonly<Partial<Record<NodeConfigKey, unknown>>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The config file's path. */
  readonly file: GivenValue | undefined;
}

export interface GatheredNodeConfig {
  readonly config: NodeConfig;
  /** What is odd but not wrong, for people. */
  readonly warnings: readonly string[];
}

type Given = Partial<Record<NodeConfigKey, GivenValue>>;

/** Gathers and checks. Throws a {@link UsageError} that names every problem at once. */
export function gatherNodeConfig(sources: NodeConfigSources): GatheredNodeConfig {
  const problems: string[] = [];
  const given: Given = {
    ...(sources.file === undefined ? {} : fromFile(sources.file, problems)),
    ...fromEnvironment(sources.environment),
    ...fromFlags(sources.flags),
  };
  const check = checkNodeConfig(given);
  if (check.type === "invalid") {
    problems.push(...check.problems);
  }
  if (check.type === "invalid" || problems.length > 0) {
    throw new UsageError(explain(problems));
  }
  return { config: check.config, warnings: suspects(sources.environment) };
}

function explain(problems: readonly string[]): string {
  const [only] = problems;
  return problems.length === 1 && only !== undefined
    ? `the configuration is wrong: ${only}`
    : `the configuration is wrong:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`;
}

function fromFlags(flags: NodeConfigSources["flags"]): Given {
  const given: Given = {};
  for (const key of nodeConfigKeys) {
    if (flags[key] !== undefined) {
      given[key] = { value: flags[key], source: flagName(key) };
    }
  }
  return given;
}

function fromEnvironment(environment: NodeConfigSources["environment"]): Given {
  const given: Given = {};
  for (const key of nodeConfigKeys) {
    const value = environment[environmentName(key)];
    if (value !== undefined && value !== "") {
      given[key] = { value, source: environmentName(key) };
    }
  }
  return given;
}

/** Names in the environment that look like a setting's with a typo. Others may not be ours. */
function suspects(environment: NodeConfigSources["environment"]): string[] {
  const known = nodeConfigKeys.map(environmentName);
  const all = [...known, "SURAFT_CONFIG", "SURAFT_ADDRESS", "SURAFT_DEBUG"];
  return Object.keys(environment)
    .filter((name) => name.startsWith("SURAFT_") && !all.includes(name))
    .flatMap((name) => {
      const meant = suggest(
        name.slice(7),
        known.map((one) => one.slice(7)),
      );
      return meant === undefined
        ? []
        : [`${name} in the environment is not a setting; did you mean SURAFT_${meant}?`];
    });
}

function readText(file: GivenValue): string {
  const path = String(file.value);
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: "there is no such file",
      EISDIR: "it is a directory",
      EACCES: "no permission to read it",
    };
    const reason = reasons[code ?? ""] ?? (error as Error).message;
    throw new UsageError(`cannot read the config file ${path} (${file.source}): ${reason}`);
  }
}

function fromFile(file: GivenValue, problems: string[]): Given {
  const path = String(file.value);
  const lines = new LineCounter();
  const document = parseText(readText(file), lines, path);
  if (document.contents === null) {
    return {};
  }
  if (!isMap(document.contents)) {
    throw new UsageError(`${path}: must hold lines such as "nodeId: n1"`);
  }
  const given: Given = {};
  for (const { key: node, value } of document.contents.items) {
    const start = isScalar(node) ? (node.range?.[0] ?? 0) : 0;
    const source = `${path}, line ${String(lines.linePos(start).line)}`;
    const key = isScalar(node) ? String(node.value) : undefined;
    if (key === undefined) {
      problems.push(`${source}: a setting's name is plain text`);
    } else if (isKey(key)) {
      given[key] = {
        value: isNode(value) ? plainValue(value, document, source) : undefined,
        source,
      };
    } else {
      const meant = suggest(key, nodeConfigKeys);
      const hint = meant === undefined ? "see suraft serve --help" : `did you mean ${meant}?`;
      problems.push(`${source}: there is no setting "${shorten(key)}"; ${hint}`);
    }
  }
  return given;
}

function parseText(text: string, lineCounter: LineCounter, path: string): Document {
  let document: Document;
  try {
    document = parseDocument(text, { lineCounter, prettyErrors: false });
  } catch (error) {
    // What is nested thousands deep overflows the parser's stack.
    throw new UsageError(`${path}: cannot be read as YAML: ${(error as Error).message}`);
  }
  const [broken] = document.errors;
  if (broken !== undefined) {
    const line = lineCounter.linePos(broken.pos[0]).line;
    const message = shorten(broken.message, 200);
    throw new UsageError(`${path}, line ${String(line)}: not valid YAML: ${message}`);
  }
  return document;
}

/** The value that a node of the document stands for, its aliases followed. */
function plainValue(node: Node, document: Document, source: string): unknown {
  try {
    return node.toJS(document);
  } catch (error) {
    // An alias that leads nowhere, or that multiplies beyond measure.
    throw new UsageError(`${source}: cannot be read as YAML: ${(error as Error).message}`);
  }
}

function isKey(text: string): text is NodeConfigKey {
  return (nodeConfigKeys as readonly string[]).includes(text);
}
