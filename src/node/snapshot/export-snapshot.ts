/**
 * Writes the snapshot of a chain, from the database of a stopped node or from one that is frozen: at its head where blocks
 * are certified, so many blocks below it where they are mined. Each section is checked before it is written: a damaged
 * database makes no snapshot.
 *
 * This folder: snapshots as files of a home and as parts from peers: writing, keeping, fetching, importing. Not here:
 * what a snapshot must say (chain/snapshot).
 */
import { must } from "../../base/assert.ts";
import { type Hash, hex0x, showHash } from "../../base/bytes.ts";
import { type Fault, fault, refuse, type Verdict } from "../../base/fault.ts";
import { Epochs } from "../../chain/epochs.ts";
import { ReorgBatch } from "../../chain/forks/reorg-batch.ts";
import {
  type CertifiedProof,
  SnapshotCheck,
  type SnapshotContext,
  type SnapshotFacts,
} from "../../chain/snapshot/snapshot-check.ts";
import { encodeEpochBreak, encodeEpochEnd } from "../../chain/snapshot/snapshot-epochs.ts";
import {
  encodeSection,
  encodeSnapshotBlock,
  encodeSnapshotChain,
  encodeSnapshotEnd,
  encodeSnapshotHead,
  firstSnapshotBlock,
  SECTION,
  type SnapshotFormat,
} from "../../chain/snapshot/snapshot-format.ts";
import {
  encodeSnapshotHeaders,
  type MinedProof,
  SNAPSHOT_HEADERS_MAX,
} from "../../chain/snapshot/snapshot-headers.ts";
import { encodeStateChunk, PATHS_END, type StateChunk, spanOf } from "../../chain/snapshot/state-chunk.ts";
import type { LedgerView } from "../../chain/state/ledger-view.ts";
import type { StateDiff } from "../../chain/state/state-overlay.ts";
import { proveKey } from "../../chain/state/state-tree.ts";
import { ChainStore } from "../../chain/store.ts";
import { type BlockHead, withBody } from "../../chain/types/block.ts";
import { type Transition, transitionId } from "../../chain/types/transition.ts";
import { endsEpoch } from "../../chain/types/validator-set.ts";
import { type Slices, type SortPorts, sortState, subtrees } from "./sorted-state.ts";

export interface ExportPorts extends Pick<SortPorts, "kv" | "scratch">, Partial<Slices> {
  /**
   * Where blocks are mined: the block whose state is written, at least the depth below the head. Left out, as
   * high as can be.
   */
  readonly height?: bigint | undefined;
  /** Appends bytes to the snapshot. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Called after each chunk with the part of the state that is written, 0 to 1. */
  readonly progress?: (part: number) => void;
  /** The certificate of the checkpoint at the head, where the database does not have it yet. */
  readonly checkpoint?: Uint8Array | undefined;
}

const UNSLICED: Slices = { pause: () => Promise.resolve(), slice: (work) => work() };

export interface ExportedSnapshot extends SnapshotFacts {
  readonly bytes: number;
}

export type ExportFault = "no-blocks" | "no-undo-data" | "damaged-database";

/**
 * What was written before a fault is no snapshot.
 * @throws UnfitDatabase when the database is another chain's or of another format; Error when the disk fails.
 */
export async function exportSnapshot(
  context: SnapshotContext,
  ports: ExportPorts,
): Promise<Verdict<ExportedSnapshot, ExportFault>> {
  const store = new ChainStore(ports.kv, context.genesis.limits);
  const { proof } = context;
  const headHash = store.openHead(context.genesisHash, showHash);
  const head = headHash === undefined ? undefined : store.head(headHash);
  if (head === undefined || head.summary.height === 0n) {
    return refuse("no-blocks", "the chain has no block but block 0, which the genesis file says all of");
  }
  const { pause = UNSLICED.pause, slice = UNSLICED.slice } = ports;
  const chain = { ...ports, store, head, pause, slice };
  return proof.kind === "mined"
    ? exportMined({ ...context, proof }, chain)
    : exportCertified({ ...context, proof }, chain);
}

interface ExportedChain extends Omit<ExportPorts, keyof Slices>, Slices {
  readonly store: ChainStore;
  readonly head: BlockHead;
}

type Exported = Promise<Verdict<ExportedSnapshot, ExportFault>>;

async function exportCertified(context: SnapshotContext<CertifiedProof>, chain: ExportedChain): Exported {
  const { store, head } = chain;
  const { summary } = head;
  const epoch = endsEpoch(summary) ? summary.epoch + 1n : summary.epoch;
  const breaks = await store.transitions();
  const format = breaks.length > 0 ? 4 : epoch > 0n ? 2 : 1;
  // What the chain holds its node has accepted.
  const accepted = [...context.proof.accepted, ...breaks.map((one) => hex0x(transitionId(one)))];
  const out = new CheckedWriter({ ...context, proof: { ...context.proof, accepted } }, { ...chain, format });
  await out.begin();
  return out.ended(
    (await writeChain(out, context, head)) ??
      (await writeEpochs(out, { context, store, epoch, breaks })) ??
      (await writeBlocks(out, context.proof, chain)) ??
      (await writeState(out, { view: store.committed, changes: new Map() }, chain)),
  );
}

/** The state of a lower block is that of the head with the blocks above undone. */
async function exportMined(context: SnapshotContext<MinedProof>, chain: ExportedChain): Exported {
  const { store, head: tip, slice, pause } = chain;
  const highest = tip.summary.height - BigInt(context.proof.depth);
  const height = chain.height ?? highest;
  if (height > highest || height < 1n) {
    const detail =
      `the chain has ${tip.summary.height} blocks; its snapshot is of a block that has ${context.proof.depth} on top ` +
      "(snapshots.depth, or --depth)";
    return refuse("no-blocks", detail);
  }
  const undone = new ReorgBatch(store.committed);
  let head = tip;
  while (head.summary.height > height) {
    const [undo, below] = [store.undo(head.hash), store.head(head.header.previousHash)];
    if (undo === undefined || below === undefined) {
      const detail = `block ${head.summary.height} cannot be undone here: it was pruned, or is older than the snapshot that this chain began from`;
      return refuse("no-undo-data", detail);
    }
    slice(() => undone.undo(undo, below.summary.stateRoot));
    await pause();
    head = below;
  }
  const out = new CheckedWriter(context, { ...chain, format: 3 });
  await out.begin();
  return out.ended(
    (await writeChain(out, context, head)) ??
      (await writeHeaders(out, store, tip)) ??
      (await writeBlock(out, store, height)) ??
      (await writeState(out, { view: undone.view, changes: undone.diff }, chain)),
  );
}

interface FileFacts extends Pick<ExportPorts, "write">, Slices {
  readonly format: SnapshotFormat;
}

/** Writes sections that a reader will accept. */
class CheckedWriter {
  readonly check: SnapshotCheck;
  bytes = 0;
  readonly #facts: FileFacts;

  constructor(context: SnapshotContext, facts: FileFacts) {
    this.check = new SnapshotCheck(context, facts.format);
    this.#facts = facts;
  }

  begin(): Promise<void> {
    return this.#append(encodeSnapshotHead(this.#facts.format));
  }

  async section(kind: number, payload: Uint8Array): Promise<Fault<ExportFault> | undefined> {
    const { slice, pause } = this.#facts;
    const checked = slice(() => this.check.accept(kind, payload));
    if (!checked.ok) return damaged(checked.fault.detail);
    await this.#append(encodeSection(kind, payload));
    await pause();
    return undefined;
  }

  /** Writes the last section, unless something was wrong before. */
  async ended(wrong: Fault<ExportFault> | undefined): Exported {
    const fault = wrong ?? (await this.section(SECTION.end, encodeSnapshotEnd(this.check.counts())));
    if (fault !== undefined) return { ok: false, fault };
    const facts = must(this.check.facts(), "a snapshot that ended has its facts");
    return { ok: true, value: { ...facts, bytes: this.bytes } };
  }

  async #append(bytes: Uint8Array): Promise<void> {
    await this.#facts.write(bytes);
    this.bytes += bytes.length;
  }
}

function damaged(detail: string): Fault<"damaged-database"> {
  return fault(
    "damaged-database",
    `what the database holds makes no valid snapshot: ${detail}. "quorate verify" says where its chain is wrong`,
  );
}

function writeChain(
  out: CheckedWriter,
  { genesisHash }: SnapshotContext,
  { hash: headHash, summary }: BlockHead,
): Promise<Fault<ExportFault> | undefined> {
  return out.section(SECTION.chain, encodeSnapshotChain({ genesisHash, height: summary.height, headHash }));
}

interface EpochsOfChain {
  readonly context: SnapshotContext;
  readonly store: ChainStore;
  /** The epoch of the block after the head. */
  readonly epoch: bigint;
  readonly breaks: readonly Transition[];
}

/** The end of each epoch before this one, or the transition that opened the next. */
async function writeEpochs(
  out: CheckedWriter,
  { context, store, epoch, breaks }: EpochsOfChain,
): Promise<Fault<ExportFault> | undefined> {
  const epochs = new Epochs(context.genesis, store.kv);
  for (let next = 1n; next <= epoch; next++) {
    const found = epochs.find(next);
    const hash = found && store.hashAt(found.firstHeight - 1n);
    const [head, seal] = hash === undefined ? [] : [store.head(hash), store.seal(hash)];
    if (found === undefined || head === undefined || seal === undefined) {
      return damaged(`the end of epoch ${next - 1n} is missing`);
    }
    const { members } = found.validators;
    const transition = breaks.find((one) => one.epoch === next);
    const wrong =
      transition === undefined
        ? await out.section(SECTION.epoch, encodeEpochEnd({ head, seal, members }))
        : await out.section(SECTION.transition, encodeEpochBreak({ head, seal, transition }));
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

async function writeBlocks(
  out: CheckedWriter,
  { recentHeads }: CertifiedProof,
  { store, head, checkpoint }: Pick<ExportedChain, "store" | "head" | "checkpoint">,
): Promise<Fault<ExportFault> | undefined> {
  const { height } = head.summary;
  const certificate = checkpoint ?? (await store.lastCheckpoint());
  let wrong = certificate && (await out.section(SECTION.checkpoint, certificate));
  const first = firstSnapshotBlock(height, out.check.checkpoint, recentHeads);
  for (let at = first; at <= height && wrong === undefined; at++) wrong = await writeBlock(out, store, at);
  return wrong;
}

async function writeBlock(
  out: CheckedWriter,
  store: ChainStore,
  height: bigint,
): Promise<Fault<ExportFault> | undefined> {
  const hash = store.hashAt(height);
  const [found, transactions] = hash === undefined ? [] : [store.head(hash), store.body(hash)];
  const [seal, receipts] = hash === undefined ? [] : [store.seal(hash), store.receipts(hash)];
  if (found === undefined || transactions === undefined || seal === undefined || receipts === undefined)
    return damaged(`block ${height} is missing`);
  const block = withBody(found, transactions);
  return out.section(SECTION.block, encodeSnapshotBlock({ block, seal, receipts }));
}

/** All headers, up to the head. */
async function writeHeaders(
  out: CheckedWriter,
  store: ChainStore,
  { summary: { height: tip } }: BlockHead,
): Promise<Fault<ExportFault> | undefined> {
  for (let from = 1n; from <= tip; from += BigInt(SNAPSHOT_HEADERS_MAX)) {
    const heads: BlockHead[] = [];
    for (let at = from; at <= tip && heads.length < SNAPSHOT_HEADERS_MAX; at++) {
      const hash = store.hashAt(at);
      const head = hash === undefined ? undefined : store.head(hash);
      if (head === undefined) return damaged(`the header of block ${at} is missing`);
      heads.push(head);
    }
    const wrong = await out.section(SECTION.headers, encodeSnapshotHeaders(heads));
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

interface ExportedState {
  readonly view: LedgerView;
  /** What it has different from the database. */
  readonly changes: StateDiff;
}

async function writeState(
  out: CheckedWriter,
  { view, changes }: ExportedState,
  { scratch, progress, ...given }: ExportedChain,
): Promise<Fault<ExportFault> | undefined> {
  await sortState({ scratch, changes, ...given });
  for await (const { depth, path, entries } of subtrees(scratch, 0, new Uint8Array(32) as Hash)) {
    const siblings = proveKey(view, path).siblings.slice(0, depth);
    if (siblings.length !== depth) return damaged("the state tree has fewer entries than the state");
    const chunk: StateChunk = { depth, path, siblings, entries };
    const wrong = await out.section(SECTION.state, encodeStateChunk(chunk));
    if (wrong !== undefined) return wrong;
    progress?.(Number((spanOf(chunk).to * 10_000n) / PATHS_END) / 10_000);
  }
  return undefined;
}
