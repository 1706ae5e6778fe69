/** How the validators of a later epoch follow from those of genesis, as a node tells it: for receipts. */

import type { Client } from "../../sdk/client.ts";
import { type EpochLink, linksOf } from "../../sdk/epoch-chain.ts";
import { ask } from "../rpc.ts";

export class EpochLinks {
  readonly #client: Pick<Client, "call">;
  readonly #links: EpochLink[] = [];

  constructor(client: Pick<Client, "call">) {
    this.#client = client;
  }

  /** The links up to an epoch. They are fewer where the node does not have them. */
  async upTo(epoch: number): Promise<readonly EpochLink[]> {
    while (this.#links.length < epoch) {
      const more = linksOf(await ask(this.#client.call("chain_getEpochs", { from: this.#links.length })));
      if (more.length === 0) break;
      this.#links.push(...more);
    }
    return this.#links.slice(0, epoch);
  }
}

/** The epoch in a summary as a node shows it: u64 behind chain id and height. */
export function epochOfSummary(summary: string): number {
  return Number.parseInt(summary.slice(2 + 32, 2 + 48), 16) || 0;
}
