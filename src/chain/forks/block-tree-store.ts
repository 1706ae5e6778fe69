/**
 * The block tree on disk: one record a block, the set of blocks without a child, and the reorganisations. Written
 * ahead of the head and harmless if it never moves there. Layouts are this database's own business, no protocol's.
 *
 *   0x0c -> work u8+bytes (big-endian, no leading zeros) | flags u8 | sequence u64 | mark u8 | rules version u16
 *   0x0e -> at u64 (ms) | ancestor 32 | old head 32 | new head 32 | depth u32 | entered u32 | returned u32
 */
import { asHash, EMPTY, type Hash } from "../../base/bytes.ts";
import { REORGS_KEPT_MAX } from "../../base/limits.ts";
import { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import {
  blockHashOfLeafKey,
  bodyKey,
  canonicalKey,
  headKey,
  LEAF_RANGE,
  leafKey,
  nodeKey,
  REORG_RANGE,
  receiptsKey,
  reorgKey,
  sealKey,
  transactionKeys,
  undoKey,
} from "../../storage/database-keys.ts";
import type { Kv, KvOperation } from "../../storage/kv.ts";
import { headOperations } from "../block-operations.ts";
import { type BlockHead, placeOf } from "../types/block.ts";
import type { SignedTransaction } from "../types/transaction.ts";
import type { TreeNode } from "./block-tree.ts";

/** Raised when a rule of block validity changes: what an older release called invalid is judged anew. */
const RULES_VERSION = 1;

const [HAS_BODY, COMPLETE, DOOMED] = [1, 2, 4];
const MARKS = [undefined, "invalid", "invalidated"] as const;

export interface Reorg {
  /** When this node saw it, ms since the Unix epoch. */
  readonly atMs: number;
  readonly ancestor: Hash;
  readonly oldHead: Hash;
  readonly newHead: Hash;
  /** How many blocks were undone. */
  readonly depth: number;
  /** How many blocks were executed in their place. */
  readonly entered: number;
  /** Transactions of the undone blocks that the new ones do not hold, coinbases aside. */
  readonly dropped: number;
}

export class TreeStore {
  readonly #kv: Kv;
  readonly #headOf: (hash: Hash) => BlockHead | undefined;

  constructor(kv: Kv, headOf: (hash: Hash) => BlockHead | undefined) {
    this.#kv = kv;
    this.#headOf = headOf;
  }

  node(hash: Hash): TreeNode | undefined {
    const record = this.#kv.get(nodeKey(hash));
    const head = record === undefined ? undefined : this.#headOf(hash);
    return record === undefined || head === undefined ? undefined : readNode(new Reader(record), head);
  }

  isLeaf(hash: Hash): boolean {
    return this.#kv.get(leafKey(hash)) !== undefined;
  }

  async leaves(): Promise<Hash[]> {
    return (await this.#kv.entries(LEAF_RANGE)).map(([key]) => blockHashOfLeafKey(key));
  }

  /** The newest first. */
  async reorgs(countMax: number): Promise<Reorg[]> {
    const entries = await this.#kv.entries({ ...REORG_RANGE, limit: countMax, reverse: true });
    return entries.map(([, value]) => readReorg(new Reader(value)));
  }

  /** The number of the newest reorganisation, or 0 when there was none. */
  async lastReorg(): Promise<bigint> {
    const [last] = await this.#kv.entries({ ...REORG_RANGE, limit: 1, reverse: true });
    return last === undefined ? 0n : new Reader(last[0].subarray(1)).u64();
  }
}

export function nodeOperations(nodes: readonly TreeNode[]): KvOperation[] {
  return nodes.map((node) => ({ kind: "put", key: nodeKey(node.head.hash), value: encodeNode(node) }));
}

/** Block 0, where every tree begins. */
export function rootOperations(zero: BlockHead, work: bigint): KvOperation[] {
  const known = { hasBody: true, isComplete: true, hasInvalidAncestor: false };
  const node: TreeNode = { head: zero, work, ...known, sequence: 0, mark: undefined };
  return [...nodeOperations([node]), leafOperation(zero)];
}

/**
 * The heads of a snapshot, on the chain up to the block whose state it has. Their bodies are not here and count as if they
 * were: nothing below that block is executed again.
 * @param base height of that block
 */
export function assumedTreeOperations(
  heads: readonly { readonly head: BlockHead; readonly work: bigint }[],
  base: bigint,
): KvOperation[] {
  return heads.flatMap(({ head, work }) => {
    const { height } = head.summary;
    const isBelow = height <= base;
    const known = { hasBody: isBelow, isComplete: isBelow, hasInvalidAncestor: false };
    const sequence = isBelow ? Number(height) : 0;
    const [place] = nodeOperations([{ head, work, ...known, sequence, mark: undefined }]);
    const onChain: KvOperation = { kind: "put", key: canonicalKey(height), value: head.hash };
    return [...headOperations(head), ...(place === undefined ? [] : [place]), ...(isBelow ? [onChain] : [])];
  });
}

/** A new block is a leaf, its parent none any more. */
export function leafOperations(head: BlockHead): KvOperation[] {
  return [leafOperation(head), { kind: "delete", key: leafKey(head.header.previousHash) }];
}

export function leafOperation({ hash }: BlockHead): KvOperation {
  return { kind: "put", key: leafKey(hash), value: EMPTY };
}

/** Everything that is stored of a block that is not on the chain, with the transactions of its body. */
export function dropOperations(head: BlockHead, transactions: readonly SignedTransaction[]): KvOperation[] {
  const place = placeOf(head);
  const keys = [bodyKey, sealKey, receiptsKey, undoKey].map((keyOf) => keyOf(place));
  const ids = transactions.map(({ id }) => id);
  const operations = [...keys, ...transactionKeys(place, ids)].map(
    (key): KvOperation => ({ kind: "delete", key }),
  );
  return [...dropHeadOperations(head.hash), ...operations];
}

/** What is stored of a block under its hash alone. */
export function dropHeadOperations(hash: Hash): KvOperation[] {
  return [nodeKey, leafKey, headKey].map((keyOf) => ({ kind: "delete", key: keyOf(hash) }));
}

/** Appends number `number`. Beyond the bound the oldest one leaves. */
export function reorgOperations(number: bigint, reorg: Reorg): KvOperation[] {
  const { atMs, ancestor, oldHead, newHead, depth, entered, dropped } = reorg;
  const writer = new Writer(128).u64(BigInt(atMs)).raw(ancestor).raw(oldHead).raw(newHead);
  const value = writer.u32(depth).u32(entered).u32(dropped).finish();
  const operations: KvOperation[] = [{ kind: "put", key: reorgKey(number), value }];
  if (number > BigInt(REORGS_KEPT_MAX)) {
    operations.push({ kind: "delete", key: reorgKey(number - BigInt(REORGS_KEPT_MAX)) });
  }
  return operations;
}

function encodeNode(node: TreeNode): Uint8Array {
  const flags =
    (node.hasBody ? HAS_BODY : 0) | (node.isComplete ? COMPLETE : 0) | (node.hasInvalidAncestor ? DOOMED : 0);
  return new Writer(64)
    .bytes8(bigEndian(node.work))
    .u8(flags)
    .u64(BigInt(node.sequence))
    .u8(MARKS.indexOf(node.mark))
    .u16(RULES_VERSION)
    .finish();
}

function readNode(reader: Reader, head: BlockHead): TreeNode {
  const work = reader.bytes8(32).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const flags = reader.u8();
  const sequence = Number(reader.u64());
  const mark = MARKS[reader.u8()];
  const isOutdated = reader.u16() !== RULES_VERSION && mark !== "invalidated";
  return {
    head,
    work,
    hasBody: (flags & HAS_BODY) !== 0,
    isComplete: (flags & COMPLETE) !== 0,
    sequence,
    mark: isOutdated ? undefined : mark,
    hasInvalidAncestor: !isOutdated && (flags & DOOMED) !== 0,
  };
}

function bigEndian(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; rest > 0n; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return Uint8Array.from(bytes);
}

function readReorg(reader: Reader): Reorg {
  return {
    atMs: Number(reader.u64()),
    ancestor: asHash(reader.raw(32)),
    oldHead: asHash(reader.raw(32)),
    newHead: asHash(reader.raw(32)),
    depth: reader.u32(),
    entered: reader.u32(),
    dropped: reader.u32(),
  };
}
