/**
 * The deep check of a stored chain: everything that the database says is computed again from what it holds. Headers and
 * their links, the rules of each head, every certificate, every signature of the bodies that are here, roots of bodies and
 * receipts, the index, the state against the root of the head, checkpoints. What was pruned is passed over. It executes
 * nothing (verify-chain.ts does) and changes nothing.
 */
import { must } from "../../base/assert.ts";
import { equalBytes, type Hash, hex, hex0x, showHash } from "../../base/bytes.ts";
import { accept, type Fault, fault, refuse, type Verdict } from "../../base/fault.ts";
import { Epochs } from "../../chain/epochs.ts";
import { AcceptedSignatures } from "../../chain/execution/accepted-signatures.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { hashStateKey, hashStateValue } from "../../chain/state/state-proof.ts";
import { updateTree } from "../../chain/state/state-tree.ts";
import { ChainStore } from "../../chain/store.ts";
import { type BlockHead, txRootOf } from "../../chain/types/block.ts";
import { receiptsRootOf } from "../../chain/types/receipt.ts";
import { isCoinbase } from "../../chain/types/transaction.ts";
import type { ValidatorSet } from "../../chain/types/validator-set.ts";
import { Reader } from "../../codec/reader.ts";
import type { Consensus } from "../../consensus/engine.ts";
import { selectConsensus } from "../../consensus/select.ts";
import {
  bodyRange,
  CHECKPOINT_RANGE,
  type IndexedPlace,
  keyOfStateKey,
  placeOfTransactionKey,
  STATE_RANGE,
  TRANSACTION_RANGE,
  transactionKeys,
} from "../../storage/database-keys.ts";
import type { Kv } from "../../storage/kv.ts";
import { stepsOf } from "./rebuild-chain.ts";
import { damageOf, readStored } from "./stored-damage.ts";

/** How much of each kind was computed again and found right. */
export interface CheckedCounts {
  headers: number;
  certificates: number;
  signatures: number;
  transactions: number;
  receipts: number;
  indexEntries: number;
  stateEntries: number;
  checkpoints: number;
}

export interface StoredReport extends CheckedCounts {
  readonly height: bigint;
  readonly headHash: Hash;
  /** Lowest height of a header besides block 0, and of a body. */
  readonly first: bigint;
  readonly lowestBody: bigint;
  /** The first thing that is wrong; its height where it is a block's. */
  readonly fault: (Fault & { readonly height?: bigint }) | undefined;
}

/** @throws UnfitDatabase, or Error when a disk fails */
export async function checkStored(
  genesis: Genesis,
  kv: Kv,
  progress: (done: bigint, total: bigint) => void = () => undefined,
): Promise<StoredReport> {
  const genesisHash = computeGenesisHash(genesis);
  const store = new ChainStore(kv, genesis.limits);
  const opened = readStored(() => store.openHead(genesisHash, showHash) ?? genesisHash);
  if (!opened.ok)
    return { ...nothingChecked(), ...UNKNOWN_PLACE, headHash: genesisHash, fault: opened.fault };
  const headHash = opened.value;
  const epochs = new Epochs(genesis, kv);
  const consensus = selectConsensus(genesis, genesisHash, { epochs });
  const signatures = new AcceptedSignatures(genesisHash);
  const check = new StoredCheck({ genesisHash, kv, store, epochs, consensus, signatures });
  const wrong = await check.run(headHash, progress).catch(damageOf);
  const place = readStored(() => ({
    height: store.head(headHash)?.summary.height ?? 0n,
    first: store.firstHeight(),
    lowestBody: store.lowestBody(),
  }));
  return { ...check.counts, headHash, ...(place.ok ? place.value : UNKNOWN_PLACE), fault: wrong };
}

/** Shown of a database that does not say where it ends. */
const UNKNOWN_PLACE = { height: 0n, first: 1n, lowestBody: 1n };

function nothingChecked(): CheckedCounts {
  return {
    ...{ headers: 0, certificates: 0, signatures: 0, transactions: 0 },
    ...{ receipts: 0, indexEntries: 0, stateEntries: 0, checkpoints: 0 },
  };
}

interface CheckPorts {
  readonly genesisHash: Hash;
  readonly kv: Kv;
  readonly store: ChainStore;
  readonly epochs: Epochs;
  readonly consensus: Consensus;
  readonly signatures: AcceptedSignatures;
}

type Wrong = (Fault & { readonly height?: bigint }) | undefined;

class StoredCheck {
  readonly counts: CheckedCounts = nothingChecked();
  readonly #ports: CheckPorts;

  constructor(ports: CheckPorts) {
    this.#ports = ports;
  }

  async run(headHash: Hash, progress: (done: bigint, total: bigint) => void): Promise<Wrong> {
    const { store } = this.#ports;
    const head = store.head(headHash);
    if (head === undefined) return fault("missing", "the header of the head is missing");
    const top = head.summary.height;
    let parent: BlockHead | undefined;
    for (let height = store.firstHeight(); height <= top; height++) {
      const found = this.#checkHeight(height, parent);
      if (!found.ok) return { ...found.fault, height };
      parent = found.value;
      progress(height, top);
    }
    if (parent !== undefined && !equalBytes(parent.hash, headHash))
      return { ...fault("wrong-index", "the index names another block at the head's height"), height: top };
    return (await this.#state(head)) ?? (await this.#index()) ?? (await this.#checkpoints());
  }

  /** The header at a height, when it and its block are right. */
  #checkHeight(height: bigint, parent: BlockHead | undefined): Verdict<BlockHead> {
    const read = readStored(() => {
      const header = this.#header(height, parent);
      const wrong = header.ok ? this.#block(header.value, parent) : undefined;
      return wrong === undefined ? header : { ok: false as const, fault: wrong };
    });
    return read.ok ? read.value : read;
  }

  #header(height: bigint, parent: BlockHead | undefined): Verdict<BlockHead> {
    const { store, genesisHash } = this.#ports;
    const hash = store.hashAt(height);
    if (hash === undefined) return refuse("wrong-index", "no block at this height");
    const head = store.head(hash);
    if (head === undefined) return refuse("missing", `the header of ${showHash(hash)} is missing`);
    if (!equalBytes(head.hash, hash) || head.summary.height !== height)
      return refuse(
        "wrong-hash",
        `the header stored for ${showHash(hash)} is that of ${showHash(head.hash)}`,
      );
    const before = parent?.hash ?? (height === 1n ? genesisHash : undefined);
    if (before !== undefined && !equalBytes(before, head.header.previousHash))
      return refuse("not-a-chain", `the block is on ${showHash(head.header.previousHash)}`);
    this.counts.headers++;
    return accept(head);
  }

  #block(head: BlockHead, parent: BlockHead | undefined): Fault | undefined {
    const { store, consensus } = this.#ports;
    const { height } = head.summary;
    const below = parent ?? store.head(head.header.previousHash);
    const headerAt = (at: bigint) => this.#headerAt(at);
    const misfit = below && consensus.rules.checkHead(below, head, { height: height - 1n, headerAt });
    if (misfit !== undefined) return misfit;
    const seal = store.seal(head.hash);
    if (seal === undefined) return fault("missing", "the seal is missing");
    const badSeal = consensus.rules.verifySeal(head, seal);
    if (badSeal !== undefined) return badSeal;
    if (consensus.rules.kind === "final") this.counts.certificates++;
    return height < store.lowestBody() ? undefined : this.#body(head);
  }

  #headerAt(height: bigint) {
    const { store } = this.#ports;
    const hash = must(store.hashAt(height), "heights below a checked block are indexed");
    return must(store.head(hash), "headers below a checked block are here").header;
  }

  #body({ hash, summary }: BlockHead): Fault | undefined {
    const { store, kv, signatures } = this.#ports;
    const [body, receipts] = [store.body(hash), store.receipts(hash)];
    if (body === undefined || receipts === undefined)
      return fault("missing", `${body === undefined ? "the body" : "the receipts"} are missing`);
    if (body.length !== summary.txCount || !equalBytes(txRootOf(body), summary.txRoot))
      return fault("wrong-body", "the stored body is not the one that the header commits to");
    if (receipts.length !== body.length || !equalBytes(receiptsRootOf(receipts), summary.receiptsRoot))
      return fault("wrong-receipts", "the stored receipts are not those that the header commits to");
    const signed = body.filter((transaction) => !isCoinbase(transaction));
    signatures.validateTogether(signed);
    const unsigned = signed.find((transaction) => !signatures.validate(transaction));
    if (unsigned !== undefined) return fault("bad-signature", `transaction ${hex0x(unsigned.id)}`);
    const ids = body.map(({ id }) => id);
    const keys = transactionKeys({ height: summary.height, hash }, ids);
    const lost = keys.findIndex((key) => kv.get(key) === undefined);
    if (lost >= 0) return fault("wrong-index", `transaction ${lost} is not in the index`);
    this.counts.signatures += signed.length;
    this.counts.transactions += body.length;
    this.counts.receipts += receipts.length;
    return undefined;
  }

  /** The tree of all entries, made anew, must have the root that the head commits to. */
  async #state(head: BlockHead): Promise<Wrong> {
    const { kv } = this.#ports;
    const pages = new Map<string, Uint8Array>();
    let root: Hash | undefined;
    for await (const step of stepsOf(kv, STATE_RANGE)) {
      const changes = step.map(([key, value]) => ({
        keyHash: hashStateKey(keyOfStateKey(key)),
        valueHash: hashStateValue(value),
      }));
      const update = updateTree({ page: (id) => pages.get(id) }, changes);
      root = update.root;
      for (const [id, page] of update.pages) {
        if (page === undefined) pages.delete(id);
        else pages.set(id, page);
      }
      this.counts.stateEntries += step.length;
    }
    if (root !== undefined && !equalBytes(root, head.summary.stateRoot))
      return fault(
        "wrong-state",
        `the stored state has the root ${hex0x(root)}, the head ${hex0x(head.summary.stateRoot)}`,
      );
    return this.#pages(pages);
  }

  #pages(pages: ReadonlyMap<string, Uint8Array>): Wrong {
    const { store } = this.#ports;
    for (const [id, page] of pages) {
      const stored = store.committed.page(id);
      if (stored === undefined || !equalBytes(stored, page))
        return fault(
          "wrong-state",
          "a page of the state tree is not what the state gives: quorate reindex --state",
        );
    }
    return undefined;
  }

  /** Whatever the index names must be there. */
  async #index(): Promise<Wrong> {
    const { kv } = this.#ports;
    /** How many transactions the bodies hold that were looked up, by height and the start of the hash. */
    const known = new Map<string, number>();
    for await (const step of stepsOf(kv, TRANSACTION_RANGE)) {
      for (const [key] of step) {
        const place = placeOfTransactionKey(key);
        const id = `${place.height} ${hex(place.blockStart)}`;
        const count = known.get(id) ?? (await this.#transactionsIn(place));
        known.set(id, count);
        if (place.index >= count) {
          const block = `block ${place.height} (${hex(place.blockStart)}...)`;
          return fault("wrong-index", `the index names transaction ${place.index} of ${block}, not here`);
        }
        this.counts.indexEntries++;
      }
    }
    return undefined;
  }

  /** 0 where the body is not here. */
  async #transactionsIn(place: IndexedPlace): Promise<number> {
    const [body] = await this.#ports.kv.entries({ ...bodyRange(place), limit: 1 });
    return body === undefined ? 0 : new Reader(body[1]).u32();
  }

  /** The set that signs at a height: that of the block there, or of the newest one. */
  #setAt(height: bigint): ValidatorSet {
    const { store, epochs } = this.#ports;
    const head = store.head(store.hashAt(height) ?? store.headHash());
    return must(
      epochs.setOf(must(head, "the head is stored").summary.epoch),
      "an epoch that began has its set",
    );
  }

  async #checkpoints(): Promise<Wrong> {
    const { kv, store, consensus } = this.#ports;
    for await (const step of stepsOf(kv, CHECKPOINT_RANGE)) {
      for (const [key, certificate] of step) {
        const height = new Reader(key.subarray(1)).u64();
        const opened = consensus.certificates?.openCheckpoint((at) => this.#setAt(at), certificate);
        if (opened?.ok !== true)
          return { ...(opened?.fault ?? fault("wrong-checkpoint", "nobody certifies")), height };
        const hash = store.hashAt(height);
        if (hash !== undefined && !equalBytes(hash, opened.value.hash))
          return { ...fault("wrong-checkpoint", "it certifies another block"), height };
        this.counts.checkpoints++;
      }
    }
    return undefined;
  }
}
