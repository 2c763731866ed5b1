/** The nodes that a client may call, and the one that it calls now. */

import { SuraftError } from "../errors.js";
import { Connection } from "./connection.js";

const CONNECTIONS_MAX = 32;

const addressPattern = /^(?:\[[0-9A-Fa-f:.%a-z]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/;

/** Takes a list such as `10.0.0.1:7101,10.0.0.2:7101` apart. Throws `invalid`. */
export function parseAddresses(text: string): readonly string[] {
  const addresses = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  for (const address of addresses) {
    const port = Number(addressPattern.exec(address)?.[1]);
    if (!(port > 0 && port <= 65_535)) {
      throw new SuraftError("invalid", `"${address}" is not an address: write host:port`);
    }
  }
  if (addresses.length === 0) {
    throw new SuraftError("invalid", "no address is given: write host:port[,host:port]");
  }
  return [...new Set(addresses)];
}

/** Opens connections when they are first needed and keeps them. */
export class Addresses {
  readonly list: readonly string[];
  readonly #onFailure: (error: SuraftError) => void;
  readonly #connections = new Map<string, Connection>();
  #preferred: string;
  #closed = false;

  constructor(list: readonly string[], onFailure: (error: SuraftError) => void = () => undefined) {
    const [first] = list;
    if (first === undefined) {
      throw new SuraftError("invalid", "a client needs at least one address");
    }
    this.list = list;
    this.#onFailure = onFailure;
    this.#preferred = first;
  }

  /** The connection that calls go to now. */
  current(): Connection {
    return this.at(this.#preferred);
  }

  /** The connection to an address. Throws `cancelled` once the client is closed. */
  at(address: string): Connection {
    if (this.#closed) {
      throw new SuraftError("cancelled", "the client is closed");
    }
    const open = this.#connections.get(address);
    if (open !== undefined) {
      return open;
    }
    this.#dropOldest();
    const connection = new Connection(address);
    this.#connections.set(address, connection);
    return connection;
  }

  /** A call failed: directs later calls to where they may succeed. */
  failed(address: string, error: SuraftError): void {
    this.#onFailure(error);
    const leader = error.details["leader_address"];
    if (error.kind === "not_leader" && leader !== undefined && leader !== "") {
      this.#preferred = leader;
    } else if (error.kind !== "overloaded" && address === this.#preferred) {
      // Unless another call has moved on already.
      const next = (this.list.indexOf(address) + 1) % this.list.length;
      this.#preferred = this.list[next] ?? address;
    }
  }

  /** The error to give up with, after one node after another was tried. */
  conclusion(error: SuraftError): SuraftError {
    if (error.details["unreachable"] === undefined || this.list.length === 1) {
      return error;
    }
    const list = this.list.join(", ");
    return new SuraftError("unavailable", `no node can be reached at ${list}`, {
      details: { unreachable: list },
      cause: error,
    });
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#connections.values()) {
      connection.close();
    }
    this.#connections.clear();
  }

  #dropOldest(): void {
    for (const [address, connection] of this.#connections) {
      if (this.#connections.size < CONNECTIONS_MAX) {
        return;
      }
      connection.close();
      this.#connections.delete(address);
    }
  }
}
