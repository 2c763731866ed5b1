/** A client's process that holds many followers of one node. */

import type { ReadResponse } from "../../gen/suraft/v1/log_pb.js";
import { answerParent } from "./child.js";
import { connect, logCalls } from "./log-client.js";

/** What the process is asked. */
export type FollowQuestion =
  /** Opens followers at the tail, over so many connections, and waits until each was answered. */
  | {
      readonly type: "open";
      readonly address: string;
      readonly followers: number;
      readonly connections: number;
    }
  /** Waits until every follower was given so many entries since it was opened. */
  | { readonly type: "deliver"; readonly entries: number }
  /** Takes no message any more; what is on its way stays where it is. */
  | { readonly type: "stall" };

class Follower {
  readonly answered: Promise<void>;
  readonly #stream: AsyncIterable<ReadResponse> & { pause(): void };
  #entries = 0;
  #wanted = Infinity;
  #delivered: () => void = () => undefined;

  constructor(calls: ReturnType<typeof logCalls>) {
    const stream = calls.read({ start: { case: "lastCount", value: 0n }, follow: true });
    this.#stream = stream;
    this.answered = new Promise((resolve, reject) => {
      stream.on("error", reject);
      stream.on("data", ({ batches }: ReadResponse) => {
        resolve();
        for (const { entries } of batches) this.#entries += entries.length;
        if (this.#entries >= this.#wanted) this.#delivered();
      });
    });
  }

  async deliver(entries: number): Promise<void> {
    if (this.#entries >= entries) return;
    this.#wanted = entries;
    await new Promise<void>((resolve) => (this.#delivered = resolve));
  }

  stall(): void {
    this.#stream.pause();
  }
}

let followers: readonly Follower[] = [];

answerParent(async (question) => {
  const asked = question as FollowQuestion;
  switch (asked.type) {
    case "open": {
      const calls = Array.from({ length: asked.connections }, () =>
        logCalls(connect(asked.address)),
      );
      followers = Array.from({ length: asked.followers }, (_, number) => {
        const own = calls[number % calls.length];
        if (own === undefined) throw new Error("followers need a connection");
        return new Follower(own);
      });
      await Promise.all(followers.map(({ answered }) => answered));
      return undefined;
    }
    case "deliver":
      await Promise.all(followers.map((follower) => follower.deliver(asked.entries)));
      return undefined;
    case "stall":
      for (const follower of followers) follower.stall();
      return undefined;
  }
});
