/**
 * The ledger of an indexer: the shipped chain over a store of its own. Each block is judged as a node judges it (form,
 * certificate or proof of work, link to its parent) and executed, and the roots that come out must be those that the
 * certified head names. So receipts, events and every change of the state are proved before a row is made of them,
 * whoever sent the block. It knows no SQL and asks no node.
 */
import { assert, must } from "../base/assert.ts";
import { byteText, type Hash } from "../base/bytes.ts";
import { accept, type Verdict } from "../base/fault.ts";
import { Chain } from "../chain/chain.ts";
import { branchesOf } from "../chain/chain-mode.ts";
import { Epochs } from "../chain/epochs.ts";
import { AcceptedSignatures } from "../chain/execution/accepted-signatures.ts";
import { missingModules, modulesOn } from "../chain/execution/modules-in-force.ts";
import type { Genesis } from "../chain/genesis/genesis.ts";
import { computeGenesisHash, executeGenesis } from "../chain/genesis/genesis-state.ts";
import type { ModuleSet } from "../chain/modules/module-set.ts";
import type { StateChange, StateDiff } from "../chain/state/state-overlay.ts";
import type { BlockHead, SealedBlock } from "../chain/types/block.ts";
import type { ModuleVersion } from "../chain/types/module-version.ts";
import { selectConsensus } from "../consensus/select.ts";
import { ED25519, type SignatureRules } from "../crypto/keys.ts";
import { HISTORY_BUCKETS, keyOfStateKey, STATE_RANGE } from "../storage/database-keys.ts";
import type { Kv, KvOperation } from "../storage/kv.ts";
import { StagedKv } from "./staged-kv.ts";

/** A block of the chain with all that it did. */
export interface LedgerBlock {
  readonly sealed: SealedBlock;
  /** Encoded, in the order of the transactions. */
  readonly receipts: readonly Uint8Array[];
  /** What it changed in the state. */
  readonly diff: StateDiff;
}

/** A quorum has certified the block, so f+1 correct validators have verified each signature in it. */
const CERTIFIED: SignatureRules = { verifySignature: () => true, verifyQuickly: () => true };

export class VerifiedLedger {
  readonly #chain: Chain;
  readonly #kv: StagedKv;
  /** Blocks that the head moved over, since they were last asked for; of `forkable` ones the diff comes later. */
  #entered: Omit<LedgerBlock, "diff">[] = [];
  /** State changes of the last write. */
  #changes: StateChange[] = [];

  private constructor(chain: Chain, kv: StagedKv) {
    this.#chain = chain;
    this.#kv = kv;
    chain.onHeadChange(({ sealed, receipts }) => this.#entered.push({ sealed, receipts }));
    kv.onWrite = (operations) => {
      this.#changes = stateChanges(operations);
    };
  }

  /**
   * @param genesis with the code of its modules
   * @throws UnfitDatabase when the store is of another chain
   */
  static async open(genesis: Genesis, base: Kv): Promise<VerifiedLedger> {
    const genesisHash = computeGenesisHash(genesis);
    const isFinal = genesis.consensus.type === "pbft";
    // Rows hold the history, and what is final is never undone.
    const kv = new StagedKv(base, (key) => !isFinal || !HISTORY_BUCKETS.has(key[0]));
    const { rules } = selectConsensus(genesis, genesisHash, { epochs: new Epochs(genesis, kv) });
    assert((rules.kind === "final") === isFinal, "what a quorum signs is final");
    const signatures = new AcceptedSignatures(genesisHash, isFinal ? CERTIFIED : ED25519);
    const chain = await Chain.open(genesis, { kv, rules, signatures, now: () => Date.now() });
    return new VerifiedLedger(chain, kv);
  }

  get head(): BlockHead {
    return this.#chain.head;
  }

  get isForkable(): boolean {
    return this.#chain.mode.kind === "forkable";
  }

  hashAt(height: bigint): Hash | undefined {
    return this.#chain.store.hashAt(height);
  }

  /** The modules that run behind the head: they read what their older versions wrote. */
  modules(): ModuleSet {
    return modulesOn(this.#chain.genesis, this.#chain.committed).set;
  }

  /** The versions without whose files the next block cannot be executed. */
  missing(): readonly ModuleVersion[] {
    const { genesis, committed, head, rules } = this.#chain;
    return missingModules(genesis, committed, head, rules);
  }

  /** Block 0 and the accounts of the genesis. */
  genesisBlock(): LedgerBlock {
    const { block, diff, receipts } = executeGenesis(this.#chain.genesis);
    return { sealed: { block, seal: new Uint8Array(0) }, receipts, diff };
  }

  /**
   * Takes a block whose parent is known. The blocks that the head moved over to reach its new place, ascending: this one,
   * where blocks are final; where they are mined, none or several, the first of which may stand below the old head.
   * Faults: what is wrong with the block; `early`, `orphan` and `unready` are no verdict on it.
   * @throws SafetyViolation when two certified blocks conflict
   */
  async take(sealed: SealedBlock): Promise<Verdict<readonly LedgerBlock[]>> {
    const result = await this.#chain.importBlock(sealed);
    switch (result.kind) {
      case "invalid":
        return { ok: false, fault: result.fault };
      case "orphan":
        return {
          ok: false,
          fault: { code: "orphan", detail: `the parent of block ${result.height} is not known` },
        };
      case "early":
        return { ok: false, fault: { code: "early", detail: `its time is ahead of this machine's clock` } };
      case "unready":
        return { ok: false, fault: { code: "unready", detail: "the file of a module is not here" } };
      case "imported":
      case "known":
        return accept(this.#takeEntered());
      default:
        return { ok: false, fault: { code: "too-light", detail: "its branch has too little work" } };
    }
  }

  /**
   * Goes back to `height` and up again, so that {@link take}'s answer tells anew of the blocks above it. Only where
   * blocks are mined.
   */
  async replayAbove(height: bigint): Promise<readonly LedgerBlock[]> {
    const branches = branchesOf(this.#chain);
    const first = must(this.hashAt(height + 1n), "there is a block above the one to go back to");
    await this.#chain.enqueue(() => branches.invalidate(first));
    this.#entered = [];
    await this.#chain.enqueue(() => branches.reconsider(first));
    return this.#takeEntered();
  }

  /** Stores what was taken. To be called when the rows of these blocks are committed. */
  flush(): Promise<void> {
    return this.#kv.flush();
  }

  async close(): Promise<void> {
    await this.#chain.settled();
    await this.#kv.close();
  }

  #takeEntered(): readonly LedgerBlock[] {
    const entered = this.#entered.filter(({ sealed: { block } }) => this.#isOnChain(block));
    this.#entered = [];
    if (!this.isForkable) return entered.map((one) => ({ ...one, diff: diffOf(this.#changes) }));
    return this.#withDiffs(entered);
  }

  #isOnChain({ hash, summary }: BlockHead): boolean {
    const at = this.hashAt(summary.height);
    return at !== undefined && byteText(at) === byteText(hash);
  }

  /** What each block left is what the next one that touched the same key found, or what is there now. */
  #withDiffs(entered: readonly Omit<LedgerBlock, "diff">[]): readonly LedgerBlock[] {
    const { store, committed } = this.#chain;
    const found = new Map<string, Uint8Array | undefined>();
    const blocks: LedgerBlock[] = [];
    for (const one of entered.toReversed()) {
      const undo = must(store.undo(one.sealed.block.hash), "a block on the chain has undo data");
      const changes = [...undo].map(([id, { key }]) => ({
        key,
        value: found.has(id) ? found.get(id) : committed.get(key),
      }));
      for (const [id, { value }] of undo) found.set(id, value);
      blocks.push({ ...one, diff: diffOf(changes) });
    }
    return blocks.reverse();
  }
}

function stateChanges(operations: readonly KvOperation[]): StateChange[] {
  return operations
    .filter(({ key }) => key[0] === STATE_RANGE.from[0])
    .map((operation) => ({
      key: keyOfStateKey(operation.key),
      value: operation.kind === "put" ? operation.value : undefined,
    }));
}

function diffOf(changes: readonly StateChange[]): StateDiff {
  return new Map(changes.map((change) => [byteText(change.key), change]));
}
