/**
 * Re-executes a stored chain from its genesis with the node's own code: every seal, transaction, receipt and state
 * root again, and what the database holds compared with it. It reads one block after another and keeps only the
 * state in memory. It changes nothing.
 */
import { must } from "../../base/assert.ts";
import { equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import { accept, type Fault, fault, type Verdict } from "../../base/fault.ts";
import { Chain, type HeadChange } from "../../chain/chain.ts";
import { Epochs } from "../../chain/epochs.ts";
import { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { ChainStore } from "../../chain/store.ts";
import { withBody } from "../../chain/types/block.ts";
import type { Transition } from "../../chain/types/transition.ts";
import { selectConsensus } from "../../consensus/select.ts";
import { HISTORY_BUCKETS } from "../../storage/database-keys.ts";
import type { Kv, KvOperation } from "../../storage/kv.ts";
import { MemoryKv } from "../../storage/memory.ts";
import { damageOf } from "./stored-damage.ts";

export interface ChainReport {
  readonly height: bigint;
  readonly headHash: string;
  readonly transactions: number;
  readonly fault: (Fault & { readonly height: bigint }) | undefined;
}

/** @param progress is called after each block. @throws Error when the database is of another chain or format. */
export async function verifyChain(
  genesis: Genesis,
  kv: Kv,
  progress: (done: bigint, total: bigint) => void = () => undefined,
): Promise<ChainReport> {
  const genesisHash = computeGenesisHash(genesis);
  const stored = new ChainStore(kv, genesis.limits);
  const start = await readStart(stored, genesisHash);
  if (!start.ok) return { height: 0n, headHash: "", transactions: 0, fault: { ...start.fault, height: 0n } };
  const { headHash, total, transitions } = start.value;
  const scratch = withoutHistory(new MemoryKv());
  // The sets of later epochs follow from the blocks that are executed here.
  const epochs = new Epochs(genesis, scratch, transitions);
  const { rules } = selectConsensus(genesis, genesisHash, { epochs });
  const chain = await Chain.open(genesis, {
    kv: scratch,
    rules,
    signatures: new AcceptedSignatures(genesisHash),
  });
  const reexecuted: { last?: HeadChange } = {};
  chain.onHeadChange((change) => {
    reexecuted.last = change;
  });
  let transactions = 0;
  for (let height = 1n; height <= total; height++) {
    const wrong = await verifyHeight(height, { stored, chain, reexecuted }).catch(damageOf);
    if (wrong !== undefined) {
      return { height: total, headHash: shown(headHash), transactions, fault: { ...wrong, height } };
    }
    transactions += reexecuted.last?.sealed.block.transactions.length ?? 0;
    progress(height, total);
  }
  return { height: total, headHash: shown(headHash ?? genesisHash), transactions, fault: undefined };
}

/** What the database says of itself before any block of it is looked at. */
async function readStart(stored: ChainStore, genesisHash: Hash): Promise<Verdict<StoredStart>> {
  try {
    const headHash = stored.openHead(genesisHash, showHash);
    const total = headHash === undefined ? 0n : (stored.head(headHash)?.summary.height ?? 0n);
    return accept({ headHash, total, transitions: await stored.transitions() });
  } catch (error) {
    return { ok: false, fault: damageOf(error) };
  }
}

interface StoredStart {
  readonly headHash: Hash | undefined;
  readonly total: bigint;
  readonly transitions: readonly Transition[];
}

interface Verification {
  readonly stored: ChainStore;
  readonly chain: Chain;
  readonly reexecuted: { readonly last?: HeadChange };
}

async function verifyHeight(
  height: bigint,
  { stored, chain, reexecuted }: Verification,
): Promise<Fault | undefined> {
  const hash = stored.hashAt(height);
  if (hash === undefined) return fault("missing", "no block at this height");
  const [head, transactions, seal] = [stored.head(hash), stored.body(hash), stored.seal(hash)];
  if (head === undefined || transactions === undefined || seal === undefined) {
    return fault("missing", `header, body or seal of ${showHash(hash)} is missing`);
  }
  if (!equalBytes(head.hash, hash)) {
    return fault("wrong-hash", `the header stored for ${showHash(hash)} has the hash ${showHash(head.hash)}`);
  }
  const result = await chain.importBlock({ block: withBody(head, transactions), seal });
  if (result.kind === "invalid") return result.fault;
  if (result.kind !== "imported") return fault("not-a-chain", `the block is ${result.kind}`);
  const receipts = stored.receipts(hash) ?? [];
  const expected = reexecuted.last?.receipts ?? [];
  const same =
    receipts.length === expected.length &&
    receipts.every((bytes, i) => equalBytes(bytes, must(expected[i], "both lists have the same length")));
  return same ? undefined : fault("wrong-receipts", "the stored receipts are not what execution gives");
}

function shown(hash: Uint8Array | undefined): string {
  return hash === undefined ? "" : showHash(hash);
}

/** Keeps what the next block needs: meta, heights, heads, state and tree; drops bodies, seals, receipts and indexes. */
function withoutHistory(kv: Kv): Kv {
  const isKept = ({ key }: KvOperation) => !HISTORY_BUCKETS.has(key[0]);
  return {
    get: (key) => kv.get(key),
    entries: (range) => kv.entries(range),
    write: (operations, options) => kv.write(operations.filter(isKept), options),
    close: () => kv.close(),
  };
}
