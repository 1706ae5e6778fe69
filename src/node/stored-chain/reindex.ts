/**
 * Makes the indexes of a stored chain anew from its blocks: which block stands at a height, and where a transaction is.
 * It executes nothing. For a node that is stopped; what breaks off is repeated.
 */
import { EMPTY, equalBytes, showHash } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { ChainStore } from "../../chain/store.ts";
import { placeOf } from "../../chain/types/block.ts";
import { canonicalKey, TRANSACTION_RANGE, transactionKeys } from "../../storage/database-keys.ts";
import type { Kv, KvOperation } from "../../storage/kv.ts";
import { stepsOf } from "./rebuild-chain.ts";

export interface Reindexed {
  readonly height: bigint;
  /** The lowest block that is indexed. */
  readonly from: bigint;
  readonly transactions: number;
  /** Places of transactions that there were, those in blocks beside the chain included. */
  readonly before: number;
  /** Heights that named no block or another one. */
  readonly mended: number;
}

export type ReindexFault = "damaged-database";

/** @throws UnfitDatabase, or Error when a disk fails */
export async function reindex(
  genesis: Genesis,
  kv: Kv,
  progress: (done: number, total: number) => void = () => undefined,
): Promise<Verdict<Reindexed, ReindexFault>> {
  const store = new ChainStore(kv, genesis.limits);
  const headHash = store.openHead(computeGenesisHash(genesis), showHash);
  if (headHash === undefined) return refuse("damaged-database", "the database is empty: start the node once");
  let head = store.head(headHash);
  if (head === undefined) return refuse("damaged-database", "the header of the head is missing");
  const { height } = head.summary;
  const [from, first] = [store.lowestBody(), store.firstHeight()];
  const before = await removePlaces(kv);
  const counts = { transactions: 0, mended: 0 };
  while (head.summary.height >= first) {
    const at = head.summary.height;
    const body = at < from ? [] : store.body(head.hash);
    if (body === undefined) return refuse("damaged-database", `the body of block ${at} is missing`);
    const known = store.hashAt(at);
    if (known === undefined || !equalBytes(known, head.hash)) counts.mended++;
    const ids = body.map(({ id }) => id);
    const places = transactionKeys(placeOf(head), ids).map(
      (key): KvOperation => ({ kind: "put", key, value: EMPTY }),
    );
    await kv.write([...places, { kind: "put", key: canonicalKey(at), value: head.hash }], {
      sync: at % 256n === 0n,
    });
    counts.transactions += body.length;
    progress(Number(height - at) + 1, Number(height - first) + 1);
    if (at <= first) break;
    const below = store.head(head.header.previousHash);
    if (below === undefined) return refuse("damaged-database", `the header of block ${at - 1n} is missing`);
    head = below;
  }
  await kv.write([{ kind: "put", key: canonicalKey(height), value: headHash }], { sync: true });
  return accept({ height, from, ...counts, before });
}

/** @returns how many places there were */
async function removePlaces(kv: Kv): Promise<number> {
  let places = 0;
  for await (const step of stepsOf(kv, TRANSACTION_RANGE)) {
    places += step.length;
    await kv.write(
      step.map(([key]) => ({ kind: "delete", key })),
      { sync: false },
    );
  }
  return places;
}
