/**
 * The ledger of a stopped home, for what reads or mends it: the shipped chain with its rules, nobody else.
 *
 * This folder: the chain of a home on disk: files of blocks, rollback, pruning, migrations, deep checks and what they
 * find. Not here: the chain while it grows (chain).
 */
import { showHash } from "../../base/bytes.ts";
import { Chain } from "../../chain/chain.ts";
import { Epochs } from "../../chain/epochs.ts";
import { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { ChainStore } from "../../chain/store.ts";
import { selectConsensus } from "../../consensus/select.ts";
import { RememberedSignatures, SignatureMeter } from "../../crypto/signature-meter.ts";
import type { Kv } from "../../storage/kv.ts";

/**
 * Opens the chain in `kv`, or writes block 0 into an empty one.
 * @param now ms since the Unix epoch, by which a block is early; nothing is if left out
 * @throws UnfitDatabase when the database is another chain's or of another format
 */
export function openLedger(genesis: Genesis, kv: Kv, now?: () => number): Promise<Chain> {
  const genesisHash = computeGenesisHash(genesis);
  const meter = new SignatureMeter();
  // The sets of later epochs follow from the blocks that are in there.
  const epochs = new Epochs(genesis, kv);
  const sources = { signatureRules: new RememberedSignatures(meter), epochs };
  const { rules } = selectConsensus(genesis, genesisHash, sources);
  const signatures = new AcceptedSignatures(genesisHash, meter);
  return Chain.open(genesis, { kv, rules, signatures, ...(now === undefined ? {} : { now }) });
}

/** The height of the head in `kv`, or 0 for an empty one. @throws UnfitDatabase */
export function storedHeight(genesis: Genesis, kv: Kv): bigint {
  const store = new ChainStore(kv, genesis.limits);
  const hash = store.openHead(computeGenesisHash(genesis), showHash);
  return hash === undefined ? 0n : (store.head(hash)?.summary.height ?? 0n);
}
