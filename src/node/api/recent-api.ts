/** A replica's pool and the record of its engine as JSON-RPC asks for them. */
import { type Address, equalBytes, type Hash } from "../../base/bytes.ts";
import type { Mempool } from "../../mempool/mempool.ts";
import type { PoolEvent } from "../../mempool/pool-ports.ts";
import type { NodeEvents } from "../../rpc/api.ts";
import type { BlockStages, PooledView, RecentApi, TransactionStages } from "../../rpc/recent-api.ts";
import { EngineRecord } from "./engine-record.ts";
import { TxStages } from "./tx-stages.ts";

interface Subscribable<T> {
  subscribe(listener: (event: T) => void): () => void;
}

export interface RecentSources {
  readonly pool: Pick<Mempool, "hashes" | "getByHash" | "isExecutable">;
  readonly events: {
    readonly engine: Subscribable<NodeEvents["consensus"]>;
    readonly pool: Subscribable<PoolEvent>;
    readonly heads: Subscribable<{ readonly sealed: { readonly block: { readonly hash: Hash } } }>;
  };
}

export class ReplicaRecent implements RecentApi {
  readonly #pool: RecentSources["pool"];
  readonly #record = new EngineRecord();

  readonly #stages = new TxStages();
  #receivedMs: number | undefined;

  /** @param now ms since the Unix epoch */
  constructor({ pool, events }: RecentSources, now: () => number) {
    this.#pool = pool;
    events.engine.subscribe((event) => {
      this.#record.note(event);
      this.#stages.engine(event.event, event.atMs);
    });
    events.pool.subscribe((event) => {
      if (event.kind === "added") this.#stages.pooled(event.transaction.id, now(), this.#receivedMs);
    });
    events.heads.subscribe(({ sealed }) => this.#stages.included(sealed.block.hash, now()));
  }

  /** Whatever the pool takes meanwhile was received at this time. */
  receive<T>(atMs: number, take: () => T): T {
    this.#receivedMs = atMs;
    try {
      return take();
    } finally {
      this.#receivedMs = undefined;
    }
  }

  /** Whether a user's transactions are being taken at this moment. */
  get isByRpc(): boolean {
    return this.#receivedMs !== undefined;
  }

  stagesOf(txid: Hash): TransactionStages | undefined {
    return this.#stages.ofTransaction(txid);
  }

  blockStagesOf(blockHash: Hash): BlockStages {
    return this.#stages.ofBlock(blockHash);
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
