/**
 * Where the state of this node and that of another differ: both state trees are walked from their roots, and the keys
 * found are named, with the transactions that wrote them. The other node keeps its latest state only, so this node's is
 * carried on to the same block first. It knows neither JSON-RPC nor how its findings are shown.
 */
import { must } from "../../base/assert.ts";
import { byteText, equalBytes, type Hash } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { modulesOn } from "../../chain/execution/modules-in-force.ts";
import type { Json } from "../../chain/modules/module.ts";
import { nameStateKey, type StateName } from "../../chain/modules/state-names.ts";
import { checkStateProof, hashStateKey } from "../../chain/state/state-proof.ts";
import { proveKey } from "../../chain/state/state-tree.ts";
import { TreeComparison, type TreeDifference } from "../../chain/state/tree-comparison.ts";
import type { SealedBlock } from "../../chain/types/block.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import { keyOfStateKey, STATE_RANGE } from "../../storage/database-keys.ts";
import type { Kv } from "../../storage/kv.ts";
import { stepsOf } from "./rebuild-chain.ts";
import type { Parting, ReplayedLedger } from "./replayed-ledger.ts";

/** A page of a node's state tree, and the state that it is of. */
export interface TreePageAnswer {
  readonly page: Uint8Array | undefined;
  readonly stateRoot: Hash;
  readonly height: bigint;
}

/** The node that is compared with. */
export interface ComparedNode {
  height(): Promise<bigint>;
  /** Blocks from a height upwards, at least one. */
  blocks(from: bigint): Promise<readonly SealedBlock[]>;
  treePage(id: string): Promise<TreePageAnswer>;
  /**
   * The value under a path of state_query as JSON, or null when there is none. Undefined when this path
   * cannot be asked.
   */
  value(path: string): Promise<Json | undefined>;
  /** Keys of the entries of a declared module's map as bytes, and no more than `most`. */
  keys(module: string, map: string, most: number): Promise<readonly Uint8Array[]>;
}

/** The transaction that wrote an entry. */
export interface EntryWriter {
  readonly height: bigint;
  /** The transaction's position in its block, from 0 on. */
  readonly index: number;
  readonly transaction: SignedTransaction;
}

export interface KeyDifference {
  /** Undefined: neither node's key is known here, only its hash. */
  readonly key: Uint8Array | undefined;
  readonly keyHash: Hash;
  readonly name: StateName | undefined;
  /**
   * The value here as JSON, or null when this node has no entry. Undefined when it could not be told. So is
   * `there`.
   */
  readonly here: Json | undefined;
  readonly there: Json | undefined;
  /** The stored value is not the one of the stored tree: it was damaged, not written. */
  readonly isDamaged: boolean;
  /** Who wrote it here first since the states part. */
  readonly writer: EntryWriter | undefined;
  /** It was written there, and not here: calls that may have done it. */
  readonly suspects: readonly EntryWriter[];
}

export interface StateDifferences {
  /** The block after which both states were compared. */
  readonly height: bigint;
  /** The first block that gives another result here. */
  readonly parting: Parting | undefined;
  /** Executing that block a second time here gave a third state. */
  readonly isUnsteady: boolean;
  /** The keys that differ, ascending by their writers. */
  readonly keys: readonly KeyDifference[];
  /** More keys differ than were named. */
  readonly isCut: boolean;
}

export type DifferenceFault = "behind" | "far-ahead" | "moving" | "not-its-block" | "damaged-page";

/** Blocks by which the other node may be ahead: each is executed here. */
export const COMPARED_BLOCKS_MAX = 10_000n;
/** Differing keys after which the walk ends. */
const KEYS_MAX = 1_000;
/** Walks that a moving head may interrupt. */
const WALKS_MAX = 100;
/** Keys of one map that are asked for, to name a hash by. */
const LISTED_KEYS_MAX = 20_000;
const SUSPECTS_MAX = 3;

/** @param kv of the stopped node: it is only read */
export async function findStateDifferences(
  ledgerOf: () => ReplayedLedger,
  kv: Kv,
  peer: ComparedNode,
): Promise<Verdict<StateDifferences, DifferenceFault>> {
  const ledger = ledgerOf();
  const walked = await walk(ledger, peer);
  if (!walked.ok) return walked;
  const { differences, isCut } = walked.value;
  const keys = await findKeys(differences, { ledger, kv, peer });
  const { parting } = ledger;
  const traced = parting === undefined ? NOTHING_TRACED : await trace(ledgerOf(), peer, parting, keys);
  const named: KeyDifference[] = [];
  for (const difference of differences)
    named.push(await describe(difference, { ledger, peer, keys, traced }));
  named.sort((a, b) => placeOf(a) - placeOf(b));
  const { height } = ledger.head.summary;
  return accept({ height, parting, isUnsteady: traced.isUnsteady, keys: named, isCut });
}

/** Two running nodes: the keys alone. */
export async function walkTwoNodes(
  here: Pick<ComparedNode, "treePage">,
  there: Pick<ComparedNode, "treePage">,
): Promise<
  Verdict<{ readonly height: bigint; readonly differences: readonly TreeDifference[] }, DifferenceFault>
> {
  for (let walk = 0; walk < WALKS_MAX; walk++) {
    const [own, other] = await Promise.all([here.treePage("\0"), there.treePage("\0")]);
    if (own.height !== other.height) continue;
    const comparison = new TreeComparison(own.stateRoot, other.stateRoot, KEYS_MAX);
    const sources = { here: (id: string) => here.treePage(id), there: (id: string) => there.treePage(id) };
    if (await compared(comparison, sources))
      return accept({ height: own.height, differences: comparison.differences });
  }
  return refuse("moving", `the two nodes were at the same height in none of ${WALKS_MAX} looks`);
}

async function walk(
  ledger: ReplayedLedger,
  peer: ComparedNode,
): Promise<Verdict<TreeComparison, DifferenceFault>> {
  for (let walk = 0; walk < WALKS_MAX; walk++) {
    const behind = await catchUp(ledger, peer);
    if (behind !== undefined) return behind;
    const root = await peer.treePage("\0");
    if (root.height !== ledger.head.summary.height) continue;
    const comparison = new TreeComparison(ledger.stateRoot, root.stateRoot, KEYS_MAX);
    const own = async (id: string): Promise<TreePageAnswer> => ({
      ...root,
      page: ledger.view.page(id)?.slice(),
    });
    if (await compared(comparison, { here: own, there: (id) => peer.treePage(id) }))
      return accept(comparison);
  }
  return refuse(
    "moving",
    `the head of the peer moved during each of ${WALKS_MAX} walks: try again when it is idle`,
  );
}

type PageSources = Readonly<Record<"here" | "there", (id: string) => Promise<TreePageAnswer>>>;

/** @returns false when a page was none of the compared states: a head has moved */
async function compared(comparison: TreeComparison, sources: PageSources): Promise<boolean> {
  for (let wanted = comparison.next(); wanted !== undefined; wanted = comparison.next()) {
    const { page } = await sources[wanted.side](wanted.id);
    if (page === undefined || page.length === 0 || !comparison.give(page)) return false;
  }
  return true;
}

/** Executes the peer's blocks up to its head. */
async function catchUp(
  ledger: ReplayedLedger,
  peer: ComparedNode,
): Promise<Verdict<never, DifferenceFault> | undefined> {
  const stored = ledger.storedHead.summary.height;
  const there = await peer.height();
  const own = () => ledger.head.summary.height;
  if (there < own()) {
    const words = `the peer is at height ${there}, this node at ${own()}: name one that is as far`;
    return refuse("behind", words);
  }
  if (there - stored > COMPARED_BLOCKS_MAX) {
    return refuse(
      "far-ahead",
      `the peer is ${there - stored} blocks ahead of height ${stored}, at most ${COMPARED_BLOCKS_MAX} are executed ` +
        "for a comparison, since it keeps its latest state only",
    );
  }
  while (own() < there) {
    for (const sealed of await peer.blocks(own() + 1n)) {
      const taken = ledger.take(sealed);
      if (!taken.ok) {
        const { code, detail } = taken.fault;
        return refuse(
          "not-its-block",
          `block ${sealed.block.summary.height} of the peer: ${code}: ${detail}`,
        );
      }
    }
  }
  return undefined;
}

interface Known {
  readonly ledger: ReplayedLedger;
  readonly kv: Kv;
  readonly peer: ComparedNode;
}

/** The keys behind hashes, as far as they can be found: written since, stored here, or entries of modules there. */
async function findKeys(
  differences: readonly TreeDifference[],
  { ledger, kv, peer }: Known,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const missing = new Set(differences.map(({ keyHash }) => byteText(keyHash)));
  const found = new Map<string, Uint8Array>();
  const offer = (key: Uint8Array) => {
    const id = byteText(hashStateKey(key));
    if (missing.delete(id)) found.set(id, key);
  };
  for (const { key } of ledger.changes.values()) offer(key);
  if (missing.size > 0) {
    for await (const step of stepsOf(kv, STATE_RANGE)) {
      for (const [key] of step) offer(keyOfStateKey(key));
      if (missing.size === 0) break;
    }
  }
  for (const { form } of modulesOn(ledger.genesis, ledger.view).set.own()) {
    for (const { name } of form.state) {
      if (missing.size === 0) return found;
      for (const key of await peer.keys(form.name, name, LISTED_KEYS_MAX)) offer(key);
    }
  }
  return found;
}

interface Traced {
  readonly isUnsteady: boolean;
  /** Who wrote each key, by the key's text. */
  readonly writers: ReadonlyMap<string, EntryWriter>;
  /** Transactions of the block at which the states part. */
  readonly ofParting: readonly EntryWriter[];
}

const NOTHING_TRACED: Traced = { isUnsteady: false, writers: new Map(), ofParting: [] };

/** Executes the blocks once more, and watches who writes these keys from the block on at which the states part. */
async function trace(
  ledger: ReplayedLedger,
  peer: ComparedNode,
  parting: Parting,
  keys: ReadonlyMap<string, Uint8Array>,
): Promise<Traced> {
  const from = parting.block.summary.height;
  const writers = new Map<string, EntryWriter>();
  const watched = [...keys.values()].map((key) => ({ key, id: byteText(key) }));
  let ofParting: readonly EntryWriter[] = [];
  let isUnsteady = false;
  const last = await peer.height();
  while (ledger.head.summary.height < last && (writers.size < watched.length || ofParting.length === 0)) {
    for (const sealed of await peer.blocks(ledger.head.summary.height + 1n)) {
      const { height } = sealed.block.summary;
      const { transactions } = sealed.block;
      const seen = new Map<string, unknown>();
      const taken = ledger.take(sealed, (index, state) => {
        if (height < from) return;
        const changes = state.diff();
        for (const { id } of watched) {
          const change = changes.get(id);
          if (change === undefined || seen.get(id) === change) continue;
          seen.set(id, change);
          const transaction = must(transactions[index], "a transaction that ran is in its block");
          if (!writers.has(id)) writers.set(id, { height, index, transaction });
        }
      });
      if (!taken.ok || height !== from) continue;
      ofParting = transactions.map((transaction, index) => ({ height, index, transaction }));
      isUnsteady = taken.value === undefined || !equalBytes(taken.value.stateRoot, parting.stateRoot);
    }
  }
  return { isUnsteady, writers, ofParting };
}

interface Findings {
  readonly ledger: ReplayedLedger;
  readonly peer: ComparedNode;
  readonly keys: ReadonlyMap<string, Uint8Array>;
  readonly traced: Traced;
}

async function describe(difference: TreeDifference, findings: Findings): Promise<KeyDifference> {
  const { keyHash, hereHash, thereHash } = difference;
  const { ledger, peer, keys, traced } = findings;
  const key = keys.get(byteText(keyHash));
  if (key === undefined) {
    const [here, there] = [hereHash, thereHash].map((hash) => (hash === undefined ? null : undefined));
    return { key, keyHash, name: undefined, here, there, isDamaged: false, writer: undefined, suspects: [] };
  }
  const name = nameStateKey(key, modulesOn(ledger.genesis, ledger.view).set.own());
  const value = ledger.view.get(key);
  const writer = traced.writers.get(byteText(key));
  const isCallOf = ({ transaction }: EntryWriter) =>
    name.module === undefined || transaction.module === name.module;
  return {
    ...{ key, keyHash, name, writer },
    here: value === undefined ? null : name.open(value),
    there: thereHash === undefined ? null : await peer.value(name.path),
    isDamaged: isDamaged(ledger, key),
    suspects: writer === undefined ? traced.ofParting.filter(isCallOf).slice(0, SUSPECTS_MAX) : [],
  };
}

/** Whether the stored value is another than the stored tree names. */
function isDamaged({ store, storedHead }: ReplayedLedger, key: Uint8Array): boolean {
  const value = store.committed.get(key);
  const proof = proveKey(store.committed, hashStateKey(key));
  return !checkStateProof(storedHead.summary.stateRoot, key, value, proof);
}

function placeOf({ writer }: KeyDifference): number {
  return writer === undefined ? Number.MAX_SAFE_INTEGER : Number(writer.height) * 100_000 + writer.index;
}
