/** An example as its users run it: a process, and where it serves. */

import { fileURLToPath } from "node:url";
import { Child } from "../process/child.js";
import { freePorts } from "../process/scratch.js";

export type ExampleName = "kv" | "lock";

export interface ServiceOptions {
  readonly name: ExampleName;
  /** Flags without the dashes. */
  readonly flags: Readonly<Record<string, string>>;
  /** A directory of its own. */
  readonly directory: string;
}

const startMsMax = 30_000;

export function exampleMain(name: ExampleName): string {
  return fileURLToPath(new URL(`../../examples/${name}/main.js`, import.meta.url));
}

export class ServiceProcess {
  readonly url: string;
  readonly #options: ServiceOptions;
  readonly #http: string;
  #child: Child | undefined;

  private constructor(options: ServiceOptions, port: number) {
    this.#options = options;
    this.#http = `127.0.0.1:${port}`;
    this.url = `http://${this.#http}`;
  }

  /** Starts it at a port of its own, which it keeps, and waits until it serves. */
  static async start(options: ServiceOptions): Promise<ServiceProcess> {
    const [port = 0] = await freePorts(1);
    const service = new ServiceProcess(options, port);
    await service.start();
    return service;
  }

  async start(): Promise<void> {
    const { name, flags, directory } = this.#options;
    const given = Object.entries({ ...flags, http: this.#http }).flatMap(([flag, value]) => [
      `--${flag}`,
      value,
    ]);
    this.#child = new Child({
      command: process.execPath,
      arguments: [exampleMain(name), ...given],
      directory,
    });
    await this.#child.printed(/serves on http/, startMsMax);
  }

  /** As kill -9 does. */
  async kill(): Promise<void> {
    await this.#child?.end();
  }

  /** As Ctrl-C does; resolves to the exit code. */
  async stop(): Promise<number | null> {
    this.#child?.kill("SIGINT");
    return (await this.#child?.exit(startMsMax))?.code ?? null;
  }
}
