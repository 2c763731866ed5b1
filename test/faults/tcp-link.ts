/**
 * A TCP proxy from one party to one node, which stalls, delays and cuts what passes through it.
 *
 * Invariant: bytes come out in the order in which they came in, none twice, none lost but with the
 * connection: what is blocked waits, as TCP makes it wait where packets are lost.
 */

import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

const heldBytesMax = 1024 * 1024;

/** What a direction of a link does to what passes. */
export interface Passage {
  blocked: boolean;
  delayMs: number;
}

type Parcel =
  | { readonly type: "bytes"; readonly dueMs: number; readonly bytes: Buffer }
  | { readonly type: "end"; readonly dueMs: number };

export class TcpLink {
  readonly forth: Passage = { blocked: false, delayMs: 0 };
  readonly back: Passage = { blocked: false, delayMs: 0 };
  readonly #server: Server;
  readonly #pumps = new Set<Pump>();
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Opens a link to a port of this machine. */
  static async open(targetPort: number): Promise<TcpLink> {
    const server = createServer({ allowHalfOpen: true });
    const link = new TcpLink(server);
    server.on("connection", (near) => link.#serve(near, targetPort));
    await new Promise<void>((done, fail) => {
      server.once("error", fail).listen(0, "127.0.0.1", done);
    });
    return link;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Lets go on what the passages allow by now. */
  change(): void {
    for (const pump of this.#pumps) pump.flow();
  }

  /** Resets every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }

  #serve(near: Socket, targetPort: number): void {
    const far = connect({ host: "127.0.0.1", port: targetPort, allowHalfOpen: true });
    this.#pump(near, far, this.forth);
    this.#pump(far, near, this.back);
  }

  #pump(from: Socket, to: Socket, passage: Passage): void {
    const pump = new Pump(from, to, passage);
    this.#pumps.add(pump);
    this.#sockets.add(to);
    to.setNoDelay(true);
    to.on("error", () => from.resetAndDestroy());
    to.on("close", () => {
      pump.stop();
      this.#pumps.delete(pump);
      this.#sockets.delete(to);
    });
  }
}

/** One direction of one connection. */
class Pump {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #passage: Passage;
  readonly #parcels: Parcel[] = [];
  #heldBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, passage: Passage) {
    this.#from = from;
    this.#to = to;
    this.#passage = passage;
    from.on("data", (bytes: Buffer) => {
      this.#heldBytes += bytes.length;
      if (this.#heldBytes > heldBytesMax) from.pause();
      this.#parcels.push({ type: "bytes", dueMs: this.#dueMs(), bytes });
      this.flow();
    });
    from.on("end", () => {
      this.#parcels.push({ type: "end", dueMs: this.#dueMs() });
      this.flow();
    });
    to.on("drain", () => this.flow());
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#parcels.length = 0;
  }

  /** Passes on what is due. */
  flow(): void {
    clearTimeout(this.#timer);
    const nowMs = performance.now();
    // What waited comes all at once.
    this.#to.cork();
    while (!this.#passage.blocked && !this.#to.writableNeedDrain) {
      const [parcel] = this.#parcels;
      if (parcel === undefined) break;
      if (parcel.dueMs > nowMs) {
        this.#timer = setTimeout(() => this.flow(), parcel.dueMs - nowMs);
        break;
      }
      this.#parcels.shift();
      if (parcel.type === "end") this.#to.end();
      else {
        this.#heldBytes -= parcel.bytes.length;
        this.#to.write(parcel.bytes);
      }
    }
    this.#to.uncork();
    if (this.#heldBytes <= heldBytesMax && this.#from.isPaused()) this.#from.resume();
  }

  #dueMs(): number {
    return performance.now() + this.#passage.delayMs;
  }
}
