/**
 * A genesis whose later validator sets a client follows as it meets them: each step is signed by the set before it, so it
 * does not matter which node brings it. Loaded where a client has a genesis.
 */
import type { Endpoint } from "./endpoint.ts";
import { type EpochAnswer, type EpochLink, linksOf, ProvedSets } from "./epoch-chain.ts";
import { openGenesis, type TrustedGenesis } from "./trusted-genesis.ts";

export class FollowedGenesis {
  readonly trusted: TrustedGenesis & { readonly sets: ProvedSets };

  /** @throws RangeError for a text that is no genesis */
  constructor(genesis: string | TrustedGenesis) {
    const opened =
      typeof genesis === "string" ? openGenesis(genesis) : ({ ok: true, value: genesis } as const);
    if (!opened.ok) throw new RangeError(`genesis: ${opened.fault.detail}`);
    this.trusted = { ...opened.value, sets: new ProvedSets(opened.value) };
  }

  get newest(): bigint {
    return this.trusted.sets.newest;
  }

  /** Asks one node after the other until the set of the epoch is proved, or none leads further. */
  async follow(epoch: bigint, endpoints: readonly Endpoint[], timeoutMs: number): Promise<void> {
    for (const endpoint of endpoints) {
      while (this.newest < epoch) if (!(await this.#ask(endpoint, timeoutMs))) break;
      if (this.newest >= epoch) return;
    }
  }

  /** @returns whether it led further */
  async #ask(endpoint: Endpoint, timeoutMs: number): Promise<boolean> {
    const { sets } = this.trusted;
    const from = sets.newest;
    let links: readonly EpochLink[];
    try {
      const answer = await endpoint.call("chain_getEpochs", { from: Number(from) }, { timeoutMs });
      links = linksOf(answer as EpochAnswer);
    } catch {
      return false; // it has none, or what it said has not even the form
    }
    for (const [i, link] of links.entries()) {
      // Another call may have followed meanwhile.
      if (from + BigInt(i) < sets.newest) continue;
      try {
        if (!sets.extend(link).ok) break;
      } catch {
        break;
      }
    }
    return sets.newest > from;
  }
}

/** The epoch that the summary in a proof names, unchecked: u64 behind chain id and height. */
export function epochOfProof(proof: unknown): bigint {
  const { summary } = (proof ?? {}) as { summary?: unknown };
  if (typeof summary !== "string" || !/^0x[0-9a-f]{48}/.test(summary)) return 0n;
  return BigInt(`0x${summary.slice(2 + 32, 2 + 48)}`);
}
