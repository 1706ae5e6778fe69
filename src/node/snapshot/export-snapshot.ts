/**
 * Writes the snapshot of a chain at its head, from the database of a stopped node or from one that is frozen. The database holds the state by key and the snapshot
 * by key hash, so the entries go through a scratch database, which sorts them; in memory is one chunk at a time. Each
 * section is checked before it is written: a damaged database makes no snapshot.
 */
import { assert, must } from "../../base/assert.ts";
import { concatBytes, type Hash, showHash } from "../../base/bytes.ts";
import { type Fault, fault, refuse, type Verdict } from "../../base/fault.ts";
import { KV_SCAN_STEP } from "../../base/limits.ts";
import { Epochs } from "../../chain/epochs.ts";
import {
  SnapshotCheck,
  type SnapshotContext,
  type SnapshotFacts,
} from "../../chain/snapshot/snapshot-check.ts";
import { encodeEpochEnd } from "../../chain/snapshot/snapshot-epochs.ts";
import {
  encodeSection,
  encodeSnapshotBlock,
  encodeSnapshotChain,
  encodeSnapshotEnd,
  encodeSnapshotHead,
  firstSnapshotBlock,
  SECTION,
} from "../../chain/snapshot/snapshot-format.ts";
import {
  encodeStateChunk,
  entryBytes,
  fitsChunk,
  PATHS_END,
  type StateChunk,
  type StateEntry,
  spanOf,
} from "../../chain/snapshot/state-chunk.ts";
import { hashStateKey } from "../../chain/state/state-proof.ts";
import { proveKey } from "../../chain/state/state-tree.ts";
import { ChainStore } from "../../chain/store.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import { endsEpoch } from "../../chain/types/validator-set.ts";
import { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { keyOfStateKey, STATE_RANGE } from "../../storage/database-keys.ts";
import type { Kv, KvOperation } from "../../storage/kv.ts";

export interface ExportPorts {
  /** The node's database. */
  readonly kv: Kv;
  /** An empty database for sorting, which takes about as much as the state. */
  readonly scratch: Kv;
  /** Appends to the snapshot. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Called after each chunk with the part of the state that is written, 0 to 1. */
  readonly progress?: (part: number) => void;
  /** The certificate of the checkpoint at the head, where the database does not have it yet. */
  readonly checkpoint?: Uint8Array | undefined;
  /** Awaited between slices of work, so that others have their turn. */
  readonly pause?: () => Promise<void>;
  /** Does a slice of work that nothing can interrupt; for whoever measures how long others wait. */
  readonly slice?: <T>(work: () => T) => T;
}

type Slices = Required<Pick<ExportPorts, "pause" | "slice">>;

const UNSLICED: Slices = { pause: () => Promise.resolve(), slice: (work) => work() };

export interface ExportedSnapshot extends SnapshotFacts {
  readonly bytes: number;
}

export type ExportFault = "no-blocks" | "damaged-database" | "break-of-trust";

/**
 * What was written before a fault is no snapshot.
 * @throws UnfitDatabase when the database is another chain's or of another format; Error when the disk fails.
 */
export async function exportSnapshot(
  context: SnapshotContext,
  ports: ExportPorts,
): Promise<Verdict<ExportedSnapshot, ExportFault>> {
  const store = new ChainStore(ports.kv, context.genesis.limits);
  const headHash = store.openHead(context.genesisHash, showHash);
  const head = headHash === undefined ? undefined : store.head(headHash);
  if (head === undefined || head.summary.height === 0n) {
    return refuse("no-blocks", "the chain has no block but block 0, which the genesis file says all of");
  }
  if ((await store.transitions()).length > 0) {
    const detail =
      "the chain holds a transition, a break of trust that a snapshot cannot prove: use quorate backup";
    return refuse("break-of-trust", detail);
  }
  const { summary } = head;
  const epoch = endsEpoch(summary) ? summary.epoch + 1n : summary.epoch;
  const out = new CheckedWriter(context, { ...UNSLICED, ...ports, hasEpochs: epoch > 0n });
  await out.begin();
  const wrong =
    (await writeChain(out, context, head)) ??
    (await writeEpochs(out, { context, store, epoch })) ??
    (await writeBlocks(out, context, { store, head, checkpoint: ports.checkpoint })) ??
    (await writeState(out, store, ports)) ??
    (await out.end());
  if (wrong !== undefined) return { ok: false, fault: wrong };
  return {
    ok: true,
    value: { ...must(out.check.facts(), "a snapshot that ended has its facts"), bytes: out.bytes },
  };
}

interface FileFacts extends Pick<ExportPorts, "write">, Slices {
  readonly hasEpochs: boolean;
}

/** Writes sections that a reader will accept. */
class CheckedWriter {
  readonly check: SnapshotCheck;
  bytes = 0;
  readonly #facts: FileFacts;

  constructor(context: SnapshotContext, facts: FileFacts) {
    this.check = new SnapshotCheck(context, facts);
    this.#facts = facts;
  }

  begin(): Promise<void> {
    return this.#append(encodeSnapshotHead(this.#facts.hasEpochs));
  }

  async section(kind: number, payload: Uint8Array): Promise<Fault<ExportFault> | undefined> {
    const { slice, pause } = this.#facts;
    const checked = slice(() => this.check.accept(kind, payload));
    if (!checked.ok) return damaged(checked.fault.detail);
    await this.#append(encodeSection(kind, payload));
    await pause();
    return undefined;
  }

  end(): Promise<Fault<ExportFault> | undefined> {
    return this.section(SECTION.end, encodeSnapshotEnd(this.check.counts()));
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
  /** Of the block after the head. */
  readonly epoch: bigint;
}

/** The end of each epoch before this one. */
async function writeEpochs(
  out: CheckedWriter,
  { context, store, epoch }: EpochsOfChain,
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
    const wrong = await out.section(SECTION.epoch, encodeEpochEnd({ head, seal, members }));
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

interface ChainAtHead extends Pick<ExportPorts, "checkpoint"> {
  readonly store: ChainStore;
  readonly head: BlockHead;
}

async function writeBlocks(
  out: CheckedWriter,
  { recentHeads }: SnapshotContext,
  { store, head, checkpoint }: ChainAtHead,
): Promise<Fault<ExportFault> | undefined> {
  const { height } = head.summary;
  const certificate = checkpoint ?? (await store.lastCheckpoint());
  let wrong = certificate && (await out.section(SECTION.checkpoint, certificate));
  const first = firstSnapshotBlock(height, out.check.checkpoint, recentHeads);
  for (let at = first; at <= height && wrong === undefined; at++) {
    const hash = store.hashAt(at);
    const [found, transactions] = hash === undefined ? [] : [store.head(hash), store.body(hash)];
    const [seal, receipts] = hash === undefined ? [] : [store.seal(hash), store.receipts(hash)];
    if (found === undefined || transactions === undefined || seal === undefined || receipts === undefined) {
      return damaged(`block ${at} is missing`);
    }
    const block = { ...found, transactions };
    wrong = await out.section(SECTION.block, encodeSnapshotBlock({ block, seal, receipts }));
  }
  return wrong;
}

async function writeState(
  out: CheckedWriter,
  store: ChainStore,
  { kv, scratch, progress, ...given }: ExportPorts,
): Promise<Fault<ExportFault> | undefined> {
  await sortState({ kv, scratch, ...UNSLICED, ...given });
  for await (const { depth, path, entries } of subtrees(scratch, 0, new Uint8Array(32) as Hash)) {
    const siblings = proveKey(store.committed, path).siblings.slice(0, depth);
    if (siblings.length !== depth) return damaged("the state tree has fewer entries than the state");
    const chunk: StateChunk = { depth, path, siblings, entries };
    const wrong = await out.section(SECTION.state, encodeStateChunk(chunk));
    if (wrong !== undefined) return wrong;
    progress?.(Number((spanOf(chunk).to * 10_000n) / PATHS_END) / 10_000);
  }
  return undefined;
}

/** What scratch keys begin with: LevelDB's adapter keeps keys that begin with 0xff for itself. */
const SORTED = Uint8Array.of(0x00);
const SORTED_END = Uint8Array.of(0x01);

type SortPorts = Pick<ExportPorts, "kv" | "scratch"> & Slices;

/** Sorts the state by the hash of its keys: 0x00 | key hash -> key bytes16 | value. */
async function sortState({ kv, scratch, slice, pause }: SortPorts): Promise<void> {
  let from: Uint8Array = STATE_RANGE.from;
  for (;;) {
    const found = await kv.entries({ from, to: STATE_RANGE.to, limit: KV_SCAN_STEP });
    await slice(() => scratch.write(found.map(sortedEntry), { sync: false }));
    await pause();
    if (found.length < KV_SCAN_STEP) return;
    from = concatBytes(must(found.at(-1), "a full step has a last entry")[0], Uint8Array.of(0x00));
  }
}

function sortedEntry([storedKey, value]: readonly [Uint8Array, Uint8Array]): KvOperation {
  const key = keyOfStateKey(storedKey);
  const entry = new Writer(2 + key.length + value.length).bytes16(key).raw(value).finish();
  return { kind: "put", key: concatBytes(SORTED, hashStateKey(key)), value: entry };
}

/** The subtrees that are one chunk each, ascending by path. */
async function* subtrees(
  scratch: Kv,
  depth: number,
  path: Hash,
): AsyncGenerator<Pick<StateChunk, "depth" | "path" | "entries">> {
  const entries = await readSubtree(scratch, depth, path);
  if (entries !== undefined) {
    yield { depth, path, entries };
    return;
  }
  assert(depth < 256, "no two keys have the same hash");
  const right = path.slice() as Hash;
  right[depth >>> 3] =
    must(right[depth >>> 3], "a depth below 256 is a bit of a hash") | (0x80 >>> (depth & 7));
  yield* subtrees(scratch, depth + 1, path);
  yield* subtrees(scratch, depth + 1, right);
}

/** Reads the entries below a path; undefined where they are too many for one chunk. */
async function readSubtree(scratch: Kv, depth: number, path: Hash): Promise<StateEntry[] | undefined> {
  const entries: StateEntry[] = [];
  const to = keyOfPosition(spanOf({ depth, path }).to);
  let bytes = 0;
  let from: Uint8Array = concatBytes(SORTED, path);
  for (;;) {
    const found = await scratch.entries({ from, to, limit: KV_SCAN_STEP });
    for (const [, value] of found) {
      const reader = new Reader(value);
      const entry = { key: reader.bytes16(0xffff), value: reader.raw(reader.remaining) };
      bytes += entryBytes(entry);
      entries.push(entry);
    }
    if (!fitsChunk(bytes, entries.length)) return undefined;
    if (found.length < KV_SCAN_STEP) return entries;
    from = concatBytes(must(found.at(-1), "a full step has a last entry")[0], Uint8Array.of(0x00));
  }
}

function keyOfPosition(position: bigint): Uint8Array {
  if (position === PATHS_END) return SORTED_END;
  const writer = new Writer(33).raw(SORTED);
  for (let shift = 192n; shift >= 0n; shift -= 64n) writer.u64((position >> shift) & 0xffffffffffffffffn);
  return writer.finish();
}
