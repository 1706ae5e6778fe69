/**
 * A stopped node's ledger carried on in memory with blocks that others have certified, whatever executing them here
 * comes to: what this node would have gone on with had it not stopped. Nothing is written. It judges seals, and tells
 * at which block the states part.
 */
import { must } from "../../base/assert.ts";
import { byteText, equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import { accept, type Fault, refuse, type Verdict } from "../../base/fault.ts";
import { Epochs, epochOperations, governedBy } from "../../chain/epochs.ts";
import { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import { BlockExecutor } from "../../chain/execution/block-executor.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import type { LedgerView } from "../../chain/state/ledger-view.ts";
import type { StateChange, StateOverlay } from "../../chain/state/state-overlay.ts";
import { treeRoot } from "../../chain/state/state-tree.ts";
import { ChainStore } from "../../chain/store.ts";
import type { Ancestry } from "../../chain/types/ancestry.ts";
import type { BlockHead, SealedBlock } from "../../chain/types/block.ts";
import { selectConsensus } from "../../consensus/select.ts";
import { ED25519, type SignatureRules } from "../../crypto/keys.ts";
import type { Kv } from "../../storage/kv.ts";

/** A block whose execution here gives something else than it says. */
export interface Parting {
  readonly block: BlockHead;
  /** The root of the state that executing it here gives. */
  readonly stateRoot: Hash;
  readonly fault: Fault;
}

/** A quorum has certified the block, so f+1 correct validators have verified each signature in it. */
const CERTIFIED: SignatureRules = { verifySignature: () => true, verifyQuickly: () => true };

export class ReplayedLedger {
  readonly genesis: Genesis;
  readonly store: ChainStore;
  /** The ledger after the last block taken. */
  readonly view: LedgerView;
  /** The head of the stored chain. */
  readonly storedHead: BlockHead;
  /** The first block that gave another result here. */
  parting: Parting | undefined;
  /** Keys that blocks changed since the stored head. */
  readonly changes = new Map<string, StateChange>();
  readonly #pages = new Map<string, Uint8Array | undefined>();
  readonly #heads = new Map<bigint, BlockHead>();
  readonly #epochs = new Map<string, Uint8Array>();
  readonly #executor: BlockExecutor;
  #head: BlockHead;

  /** @throws UnfitDatabase for a database of another chain; Error for one that holds none */
  constructor(genesis: Genesis, kv: Kv) {
    const genesisHash = computeGenesisHash(genesis);
    this.genesis = genesis;
    this.store = new ChainStore(kv, genesis.limits);
    const headHash = this.store.openHead(genesisHash, showHash);
    if (headHash === undefined) throw new Error("the database holds no chain");
    this.#head = must(this.store.head(headHash), "the head's header was written with it");
    this.storedHead = this.#head;
    const { committed } = this.store;
    this.view = {
      get: (key) => {
        const change = this.changes.get(byteText(key));
        return change === undefined ? committed.get(key) : change.value;
      },
      page: (id) => (this.#pages.has(id) ? this.#pages.get(id) : committed.page(id)),
    };
    const epochs = new Epochs(genesis, { get: (key) => this.#epochs.get(byteText(key)) ?? kv.get(key) });
    const { rules } = selectConsensus(genesis, genesisHash, { epochs });
    const signatures = new AcceptedSignatures(genesisHash, rules.kind === "final" ? CERTIFIED : ED25519);
    this.#executor = new BlockExecutor(genesis, rules, signatures, governedBy(genesis));
  }

  get head(): BlockHead {
    return this.#head;
  }

  /** The root of this ledger's state tree. */
  get stateRoot(): Hash {
    return treeRoot(this.view);
  }

  /**
   * Executes the next block. Faults: it does not stand on the head, or its seal is not valid.
   * @param wrote as BlockExecutor.replay has it
   */
  take(
    { block, seal }: SealedBlock,
    wrote?: (index: number, state: StateOverlay) => void,
  ): Verdict<Parting | undefined> {
    const { rules } = this.#executor;
    const { height } = block.summary;
    if (!equalBytes(block.header.previousHash, this.#head.hash)) {
      return refuse(
        "orphan",
        `block ${height} does not stand on block ${this.#head.summary.height} of this node`,
      );
    }
    const wrong = this.#executor.checkBody(block) ?? rules.verifySeal(block, seal);
    if (wrong !== undefined) return { ok: false, fault: wrong };
    const branch = this.#branch();
    const replayed = this.#executor.replay(block, { parent: this.#head, branch, view: this.view }, wrote);
    if (!replayed.ok) return replayed;
    const { executed, stateRoot, misfit } = replayed.value;
    for (const operation of epochOperations(executed))
      if (operation.kind === "put") this.#epochs.set(byteText(operation.key), operation.value);
    for (const [id, change] of executed.diff) this.changes.set(id, change);
    for (const [id, page] of executed.pages) this.#pages.set(id, page);
    this.#heads.set(height, block);
    this.#head = block;
    if (misfit === undefined) return accept(undefined);
    const parting = { block, stateRoot, fault: misfit };
    this.parting ??= parting;
    return accept(parting);
  }

  #branch(): Ancestry {
    return {
      height: this.#head.summary.height,
      headerAt: (height) => {
        const replayed = this.#heads.get(height);
        if (replayed !== undefined) return replayed.header;
        const hash = must(this.store.hashAt(height), "the stored chain has a block at every height");
        return must(this.store.head(hash), "a block on the chain has its header").header;
      },
    };
  }
}
