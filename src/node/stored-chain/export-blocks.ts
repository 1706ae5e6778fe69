/**
 * Writes blocks of a stored chain as a block file (chain/block-file.ts). Bodies and certificates go as they are stored:
 * whoever imports the file checks every one of them. One block is in memory at a time.
 */
import { must } from "../../base/assert.ts";
import { equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import { accept, type Fault, fault, type Verdict } from "../../base/fault.ts";
import { encodeBlockFileHead, encodeBlockRecord, encodeSealedParts } from "../../chain/block-file.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { ChainStore } from "../../chain/store.ts";
import type { Kv } from "../../storage/kv.ts";

export interface ExportBlocksPorts {
  readonly kv: Kv;
  /** Appends bytes to the file. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Called after each block. */
  readonly progress?: (done: number, total: number) => void;
}

/** The first and the last height that are exported. The whole chain is where they are left out. */
export interface ExportRange {
  readonly from?: bigint | undefined;
  readonly to?: bigint | undefined;
}

export interface ExportedBlocks {
  readonly from: bigint;
  readonly to: bigint;
  readonly blocks: number;
  readonly transactions: number;
  readonly bytes: number;
  /** The hash of the last block. */
  readonly lastHash: Hash;
}

export type ExportBlocksFault = "no-blocks" | "bad-range" | "not-here" | "damaged-database";

/**
 * What was written before a fault is no file of blocks.
 * @throws UnfitDatabase when the database is another chain's or of another format; Error when the disk fails.
 */
export async function exportBlocks(
  genesis: Genesis,
  range: ExportRange,
  { kv, write, progress }: ExportBlocksPorts,
): Promise<Verdict<ExportedBlocks, ExportBlocksFault>> {
  const genesisHash = computeGenesisHash(genesis);
  const store = new ChainStore(kv, genesis.limits);
  const headHash = store.openHead(genesisHash, showHash);
  const top = headHash === undefined ? 0n : must(store.head(headHash), "a head is stored").summary.height;
  const { from = 1n, to = top } = range;
  const wrong = checkRange(store, top, { from, to });
  if (wrong !== undefined) return { ok: false, fault: wrong };
  const head = encodeBlockFileHead({ genesisHash, first: from, last: to });
  await write(head);
  let bytes = head.length;
  let transactions = 0;
  let lastHash = genesisHash;
  for (let height = from; height <= to; height++) {
    const found = readStored(store, height);
    if (found === undefined) return { ok: false, fault: damaged(height) };
    const record = encodeBlockRecord(found.sealed);
    await write(record);
    bytes += record.length;
    transactions += found.transactions;
    lastHash = found.hash;
    progress?.(Number(height - from) + 1, Number(to - from) + 1);
  }
  return accept({ from, to, blocks: Number(to - from) + 1, transactions, bytes, lastHash });
}

function checkRange(
  store: ChainStore,
  top: bigint,
  { from, to }: Required<{ [K in keyof ExportRange]: bigint }>,
): Fault<ExportBlocksFault> | undefined {
  if (top === 0n)
    return fault("no-blocks", "the chain has no block but block 0, which the genesis file says all of");
  if (from < 1n || from > to || to > top) {
    const detail = `heights ${from} to ${to}: --from is at least 1, --to at least --from and at most the head's height, ${top}`;
    return fault("bad-range", detail);
  }
  const lowest = store.lowestBody();
  if (from >= lowest) return undefined;
  const detail = `this home has the bodies of blocks from height ${lowest} on, and none of height ${from}: say --from ${lowest}, or export from an archive node`;
  return fault("not-here", detail);
}

function readStored(store: ChainStore, height: bigint) {
  const hash = store.hashAt(height);
  if (hash === undefined) return undefined;
  const [head, body, seal] = [store.head(hash), store.bodyBytes(hash), store.seal(hash)];
  if (head === undefined || body === undefined || seal === undefined || !equalBytes(head.hash, hash))
    return undefined;
  return { hash, sealed: encodeSealedParts(head, body, seal), transactions: head.summary.txCount };
}

function damaged(height: bigint): Fault<ExportBlocksFault> {
  const detail = `block ${height} is not whole in the database: "quorate verify --deep" says what is wrong with it`;
  return fault("damaged-database", detail);
}
