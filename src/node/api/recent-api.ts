/** A replica's pool and the record of its engine as JSON-RPC asks for them. */
import { type Address, equalBytes } from "../../base/bytes.ts";
import type { Mempool } from "../../mempool/mempool.ts";
import type { NodeEvents } from "../../rpc/api.ts";
import type { PooledView, RecentApi } from "../../rpc/recent-api.ts";
import { EngineRecord } from "./engine-record.ts";

export interface RecentSources {
  readonly pool: Pick<Mempool, "hashes" | "getByHash" | "isExecutable">;
  readonly events: {
    readonly engine: { subscribe(listener: (news: NodeEvents["consensus"]) => void): () => void };
  };
}

export class ReplicaRecent implements RecentApi {
  readonly #pool: RecentSources["pool"];
  readonly #record = new EngineRecord();

  constructor({ pool, events }: RecentSources) {
    this.#pool = pool;
    events.engine.subscribe((news) => this.#record.note(news));
  }

  waiting(countMax: number, sender: Address | undefined): readonly PooledView[] {
    const found: PooledView[] = [];
    for (const hash of this.#pool.hashes()) {
      if (found.length >= countMax) break;
      const transaction = this.#pool.getByHash(hash);
      if (transaction === undefined || (sender !== undefined && !equalBytes(transaction.from, sender)))
        continue;
      found.push({ transaction, executable: this.#pool.isExecutable(transaction) });
    }
    return found;
  }

  engineEvents(votesMax: number): readonly NodeEvents["consensus"][] {
    return this.#record.recent(votesMax);
  }
}
