/**
 * Executes the history of a mined chain that began with a snapshot, while the node goes on with it: the bodies below come
 * from peers, a ledger beside the chain executes them from genesis, and what they come to must be what the headers say.
 * Then the state is no longer assumed, and an archive has the blocks as if it had begun with them. It takes at most half
 * of the thread, and goes on after a restart.
 */
import { assert, must } from "../../base/assert.ts";
import { equalBytes, hex0x, showHash } from "../../base/bytes.ts";
import { type Fault, fault } from "../../base/fault.ts";
import { BODIES_PER_QUESTION_MAX, SYNC_BATCH_BYTES } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import {
  type AssumedHistory,
  type CheckedBlock,
  checkedOperations,
  provenOperations,
  readAssumedHistory,
} from "../../chain/assumed-history.ts";
import type { Chain } from "../../chain/chain.ts";
import { branchesOf } from "../../chain/chain-mode.ts";
import { UnfitDatabase } from "../../chain/store.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import type { BranchLedger, EncodedBody } from "../../p2p/sync/branch-ledger.ts";
import { decodeBranchAnswer, encodeBranchQuestion } from "../../p2p/sync/branch-wire.ts";
import { explainDisk } from "../../storage/disk-fault.ts";
import type { Kv } from "../../storage/kv.ts";
import { DamagedDatabase } from "../../storage/level-checks.ts";
import { openLedger } from "./open-ledger.ts";
import { pruneSome } from "./prune.ts";

/** Blocks that are stored at a time; and transactions that are executed at a time, unless one block has more. */
const KEPT_AT_ONCE = 32n;
const EXECUTED_AT_ONCE = 500;
/** While no peer has the next blocks, ms. */
const ASK_AGAIN_MS = 2_000;
/** How often the log says how far it is, ms. */
const LOG_EVERY_MS = 30_000;

export interface HistoryPorts {
  /** The node's chain, which began with a snapshot. */
  readonly chain: Chain;
  /** Opens the database of the ledger beside it; what an earlier check left is gone on with. */
  open(): Promise<Kv>;
  /** Takes the files of that database away. */
  remove(): Promise<void>;
  /** How bodies go into that ledger. */
  ledgerOf(chain: Chain): Pick<BranchLedger, "addBodies">;
  /** Peers that may have bodies from a height on. */
  peersFrom(height: bigint): readonly string[];
  request(peerId: string, question: Uint8Array): Promise<Uint8Array>;
  /** A peer sent something provably wrong. */
  reportFault(peerId: string, detail: string): void;
  readonly scheduler: Scheduler;
  /** Milliseconds of a clock that only runs forward. */
  readonly clock: () => number;
  readonly log: Logger;
  readonly fatal: (error: unknown) => void;
}

/** The blocks below the snapshot come to another state than it has: what this node says is not what the chain says. */
export class FalseSnapshot extends Error {
  override readonly name = "FalseSnapshot";

  constructor({ hash, summary: { height } }: BlockHead, { code, detail }: Fault, base: bigint) {
    super(
      `this chain began with a snapshot of block ${base}, whose state was assumed; its history has now been executed up to ` +
        `block ${height} (${showHash(hash)}), which is invalid: ${code}: ${detail}. So the snapshot, and the work on top of it, ` +
        "are of a chain that no node which executes it follows. Nothing of it is to be used: quorate reset --dir HOME --yes, " +
        "then start again with the blocks, or with a snapshot from others",
    );
  }
}

interface SideLedger {
  readonly kv: Kv;
  readonly side: Chain;
}

export class HistoryCheck {
  readonly #ports: HistoryPorts;
  /** Whether bodies are kept, as configured when the check began: what an archive lacks of its blocks it never had. */
  readonly #keepsBodies: boolean;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;
  #wake = (): void => undefined;
  /** The index of whoever is asked next. */
  #turn = 0;

  /** @param keepsBodies whether a check that begins now keeps the blocks */
  constructor(keepsBodies: boolean, ports: HistoryPorts) {
    this.#ports = ports;
    this.#keepsBodies = keepsBodies;
  }

  start(): void {
    const begun = readAssumedHistory(this.#ports.chain.store.kv);
    if (begun === undefined) return;
    this.#running = this.#run(begun).catch((error: unknown) => this.#failed(error));
  }

  /** Resolves when nothing is being written. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    await this.#running;
  }

  async #run(begun: AssumedHistory): Promise<void> {
    const { log, scheduler } = this.#ports;
    const { height } = begun;
    const fresh = begun.checked > 0n ? begun : { ...begun, keepsBodies: this.#keepsBodies };
    log.log("info", "snapshot", "checking the history", { checked: begun.checked, height });
    const { kv, side } = (await this.#opened(height)) ?? (await this.#openedAnew());
    let isDone = false;
    try {
      let history = this.#sincePresent(side, fresh);
      let loggedMs = scheduler.now();
      while (!this.#isStopped && !isDone) {
        history = await this.#keep(side, history);
        isDone = history.checked >= height;
        if (isDone) break;
        const startMs = this.#ports.clock();
        const isFed = await this.#feed(side, height);
        await this.#pause(isFed ? Math.max(1, this.#ports.clock() - startMs) : ASK_AGAIN_MS);
        if (scheduler.now() - loggedMs < LOG_EVERY_MS) continue;
        loggedMs = scheduler.now();
        log.log("info", "snapshot", "checking the history", { checked: history.checked, height });
      }
      if (isDone) await this.#prove(side, history);
    } finally {
      await kv.close();
    }
    if (isDone) await this.#ports.remove();
  }

  /** The ledger beside the chain as it was left; undefined where what is there is not the beginning of this chain. */
  async #opened(height: bigint): Promise<SideLedger | undefined> {
    const { chain, log, scheduler } = this.#ports;
    let kv: Kv | undefined;
    let why: string;
    try {
      kv = await this.#ports.open();
      const side = await openLedger(chain.genesis, kv, () => scheduler.now());
      const { hash, summary } = side.head;
      const own = summary.height <= height ? chain.store.hashAt(summary.height) : undefined;
      if (own !== undefined && equalBytes(own, hash)) return { kv, side };
      why = `its block ${summary.height}, ${showHash(hash)}, is not on the chain below the snapshot of block ${height}`;
    } catch (error) {
      if (!(error instanceof UnfitDatabase || error instanceof DamagedDatabase)) {
        await kv?.close();
        throw error;
      }
      why = error.message;
    }
    await kv?.close();
    log.log("warn", "snapshot", "the ledger that checks the history is of no use: beginning anew", { why });
    return undefined;
  }

  /** All of it follows from the blocks, which are fetched again. */
  async #openedAnew(): Promise<SideLedger> {
    const { chain, open, remove, scheduler } = this.#ports;
    await remove();
    const kv = await open();
    return { kv, side: await openLedger(chain.genesis, kv, () => scheduler.now()) };
  }

  /** Blocks that were taken from a ledger which is gone, or fell back, are executed once more. */
  #sincePresent(side: Chain, history: AssumedHistory): AssumedHistory {
    const { height } = side.head.summary;
    if (height >= history.checked) return history;
    const fields = { from: height + 1n, checked: history.checked };
    const message = "the ledger that checks the history lost blocks: executing them again";
    this.#ports.log.log("warn", "snapshot", message, fields);
    return { ...history, checked: height };
  }

  #failed(error: unknown): void {
    if (this.#isStopped) return;
    const { log, fatal } = this.#ports;
    const disk = explainDisk(error);
    if (disk === undefined) return fatal(error);
    log.log("error", "snapshot", "the check of the history stopped", { why: disk });
  }

  /** Takes what was executed into the chain's database. */
  async #keep(side: Chain, history: AssumedHistory): Promise<AssumedHistory> {
    let { checked } = history;
    const { chain } = this.#ports;
    while (checked < side.head.summary.height && !this.#isStopped) {
      const last = min(checked + KEPT_AT_ONCE, side.head.summary.height);
      const blocks: CheckedBlock[] = [];
      for (let at = checked + 1n; at <= last && history.keepsBodies; at++)
        blocks.push(checkedBlock(side, at));
      const operations = checkedOperations({ ...history, checked: last }, blocks);
      await chain.enqueue(() => chain.store.kv.write(operations, { sync: true }));
      checked = last;
      // The ledger beside needs its state and its headers alone.
      await pruneSome(side, checked);
      await this.#pause(1);
    }
    return { ...history, checked };
  }

  /** Fetches and executes the next blocks. @returns whether there were any */
  async #feed(side: Chain, height: bigint): Promise<boolean> {
    const next = this.#headsFrom(side.head.summary.height + 1n, height);
    const branches = branchesOf(side);
    const added = await side.enqueue(() => branches.addHeads(next));
    // They were proved once: a clock that was set back calls them early now.
    if (added.kind !== "added") return false;
    const answer = await this.#ask(next);
    if (answer === undefined) return false;
    const { peerId, bodies } = answer;
    const ledger = this.#ports.ledgerOf(side);
    for (const group of groupsOf(next, bodies)) {
      if (this.#isStopped) return true;
      const startMs = this.#ports.clock();
      const outcomes = await ledger.addBodies(group);
      if (outcomes.includes("wrong"))
        this.#ports.reportFault(peerId, "served a body that is not the block's");
      const invalid = next.find(({ hash }) => branches.tree.get(hash)?.hasInvalidAncestor === true);
      if (invalid !== undefined) throw await this.#falseSnapshot(side, invalid, height);
      if (outcomes.includes("wrong")) return false;
      await this.#pause(Math.max(1, this.#ports.clock() - startMs));
    }
    return true;
  }

  /** The heads of the chain's next blocks, which stay as they are: nothing below a snapshot is left. */
  #headsFrom(from: bigint, to: bigint): readonly BlockHead[] {
    const { store } = this.#ports.chain;
    const heads: BlockHead[] = [];
    for (let at = from; at <= to && heads.length < BODIES_PER_QUESTION_MAX; at++) {
      const hash = must(store.hashAt(at), "a snapshot of a mined chain brings all headers");
      heads.push(must(store.head(hash), "a block on the chain has its header"));
    }
    return heads;
  }

  async #ask(
    heads: readonly BlockHead[],
  ): Promise<{ readonly peerId: string; readonly bodies: readonly Uint8Array[] } | undefined> {
    const [first] = heads;
    const peers = first === undefined ? [] : this.#ports.peersFrom(first.summary.height);
    const peerId = peers[this.#turn++ % Math.max(1, peers.length)];
    if (peerId === undefined) return undefined;
    const hashes = heads.map(({ hash }) => hash);
    const question = encodeBranchQuestion({ kind: "bodies", bytesMax: SYNC_BATCH_BYTES, hashes });
    let bytes: Uint8Array;
    try {
      bytes = await this.#ports.request(peerId, question);
    } catch {
      return undefined; // it is silent or has left; the next one is asked
    }
    const answer = decodeBranchAnswer("bodies", bytes);
    if (!answer.ok) {
      this.#ports.reportFault(peerId, answer.fault.detail);
      return undefined;
    }
    const { bodies } = answer.value;
    const lacking = bodies.findIndex((body) => body.length === 0);
    const here = lacking < 0 ? bodies : bodies.slice(0, lacking);
    return here.length === 0 ? undefined : { peerId, bodies: here.slice(0, heads.length) };
  }

  async #falseSnapshot(side: Chain, head: BlockHead, base: bigint): Promise<FalseSnapshot> {
    const sealed = side.sealedBlock(head.hash);
    const result = sealed && (await side.importBlock(sealed));
    const unreadable = fault("malformed", "a transaction of its body does not decode");
    return new FalseSnapshot(head, result?.kind === "invalid" ? result.fault : unreadable, base);
  }

  /** The chain is one that was executed from genesis. */
  async #prove(side: Chain, { height, keepsBodies }: AssumedHistory): Promise<void> {
    const { chain, log } = this.#ports;
    assert(
      equalBytes(must(chain.store.hashAt(height), "a snapshot's block is on the chain"), side.head.hash),
      "the ledger beside ends where the snapshot was",
    );
    const isWhole = keepsBodies && chain.store.lowestBody() === height;
    await chain.enqueue(() => chain.store.kv.write(provenOperations(isWhole), { sync: true }));
    await chain.enqueue(() => branchesOf(chain).undoRestored());
    log.log("info", "snapshot", "the history is checked", {
      height,
      stateRoot: hex0x(side.head.summary.stateRoot),
      keptBlocks: isWhole,
    });
  }

  #pause(ms: number): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#ports.scheduler.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

function checkedBlock(side: Chain, height: bigint): CheckedBlock {
  const sealed = must(side.sealedBlockAt(height), "a block that was executed is here");
  const { hash } = sealed.block;
  const receipts = must(side.store.receipts(hash), "a block that was executed has receipts");
  return {
    ...sealed,
    receipts,
    undo: must(side.store.undo(hash), "a block that was executed has undo data"),
  };
}

/** Bodies in groups that are executed at once, each with few transactions. */
function groupsOf(
  heads: readonly BlockHead[],
  bodies: readonly Uint8Array[],
): readonly (readonly EncodedBody[])[] {
  const groups: EncodedBody[][] = [];
  let left = 0;
  for (const [i, body] of bodies.entries()) {
    const { hash, summary } = must(heads[i], "no more bodies than heads");
    if (groups.length === 0 || summary.txCount > left) {
      groups.push([]);
      left = EXECUTED_AT_ONCE;
    }
    left -= summary.txCount;
    groups.at(-1)?.push({ hash, body });
  }
  return groups;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
