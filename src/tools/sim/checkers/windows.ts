/**
 * Where a correct validator may vote: above the base of the view it works in and above its stable checkpoint, at most
 * L above that; at a height that it has committed only for the block committed there; only while it can show every
 * block that it committed in the window; and COMMIT only for a block whose parent it has committed or signed COMMIT
 * for in that view. And when it waits for its primary: not at the end of the window. Votes are taken from what an
 * engine orders to be written down, in the order of its effects, so that a vote counts as of the moment when it was
 * given and not when it leaves. Source: pbft.md 1.5 (A3, H, chain-prepared), 1.7 (T_req), 1.8 (P), 1.9 (low).
 */
import { must } from "../../../base/assert.ts";
import { byteText } from "../../../base/bytes.ts";
import type { Effect, Input, SealedHead, Typed } from "../../../consensus/engine.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import { type Facts, place } from "./facts.ts";
import { type ByteText, showText } from "./raw-bytes.ts";
import type { RawVote } from "./raw-messages.ts";
import { readCheckpoint, readNewView, readViewChange } from "./raw-proofs.ts";
import { type RawRecord, readRecord } from "./raw-records.ts";

/** Kind of its record in the journal. */
const PRE_PREPARE = 1;

/** The window of one life of a node. */
class Window {
  /** What its engine knows to be committed, by height, and the highest. */
  readonly committed = new Map<bigint, ByteText>();
  head = 0n;
  /** The height of its stable checkpoint. */
  stable = 0n;
  /** min_s of each view entered, and the highest of these views. */
  readonly bases = new Map<bigint, bigint>();
  view = 0n;
  /** Digest of its COMMIT, by view and height. */
  readonly commits = new Map<string, ByteText>();

  /** The watermark low while it works in `view`. */
  low(view: bigint): bigint {
    const base = this.bases.get(view) ?? 0n;
    return base > this.stable ? base : this.stable;
  }
}

type Started = Extract<Input<Typed>, { kind: "started" }>;

export class WindowChecker implements Observer {
  readonly #facts: Facts;
  readonly #windows = new Map<NodeId, Window>();

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  stepped(node: NodeId, input: Input<Typed>, effects: readonly Effect<Typed>[]): void {
    if (!this.#facts.isCorrect(node)) return;
    if (input.kind === "started") this.#started(node, input);
    const window = this.#windows.get(node);
    if (window === undefined) return;
    if (input.kind === "head-changed") knows(window, input.sealed);
    const { view } = window;
    let waits = false;
    for (const effect of effects) {
      if (effect.kind === "store-checkpoint") window.stable = effect.height;
      else if (effect.kind === "journal") this.#written(node, window, effect.record, true);
      else if (effect.kind === "set-timer" && effect.timer.name === "request") waits = true;
      else if (effect.kind === "clear-timer" && effect.name === "request") waits = false;
    }
    if (window.view > view) this.#entered(node, window);
    if (waits && window.head >= this.#top(window, window.view))
      this.#report(node, `T_req runs at height ${window.head}, which is H`);
  }

  #started(node: NodeId, { journal, recent, checkpoint }: Started): void {
    const window = new Window();
    this.#windows.set(node, window);
    if (checkpoint !== undefined) window.stable = readCheckpoint(checkpoint).height;
    for (const sealed of recent ?? []) knows(window, sealed);
    for (const record of journal) this.#written(node, window, record, false);
  }

  /** Whoever enters a view takes over its base. */
  #entered(node: NodeId, window: Window): void {
    const status = this.#facts.replica(node)?.engineStatus();
    const low = window.low(window.view);
    if (status !== undefined && status.lowWatermark !== low)
      this.#report(node, `low is ${status.lowWatermark} after entering view ${window.view}, must be ${low}`);
  }

  /** H, the highest height of the window. */
  #top(window: Window, view: bigint): bigint {
    return window.low(view) + BigInt(this.#facts.world.genesis.consensus.logWindow);
  }

  /** A damaged record is the vote checker's matter. */
  #written(node: NodeId, window: Window, bytes: Uint8Array, isNew: boolean): void {
    try {
      const record = readRecord(
        bytes,
        must(this.#facts.validatorOf(node), "only validators keep a journal"),
        0n,
      );
      if (record.kind === "new-view") {
        window.bases.set(record.view, baseOf(bytes.subarray(2)));
        if (record.view > window.view) window.view = record.view;
      } else if (record.kind === "vote" || record.kind === "commit") {
        if (isNew) this.#voted(node, window, record.vote);
        if (isNew && bytes[1] === PRE_PREPARE) this.#proposed(node, window, record.vote);
        if (record.kind === "commit") this.#committing(node, window, record, isNew);
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }

  #voted(node: NodeId, window: Window, { view, height, hash }: RawVote): void {
    const { committed, stable, head } = window;
    const [low, top] = [window.low(view), this.#top(window, view)];
    const where = place(view, height, hash);
    if (height <= low) this.#report(node, `a vote at ${where}, low is ${low}`);
    if (height > top) this.#report(node, `a vote at ${where}, H is ${top}`);
    for (let shown = stable + 1n; shown <= head && shown <= top; shown++) {
      if (committed.has(shown)) continue;
      this.#report(node, `a vote at ${where} without knowing its committed block ${shown}`);
      break;
    }
    const own = committed.get(height);
    if (own === undefined || own === hash) return;
    this.#report(node, `a vote at ${where} against its committed block ${showText(own)}`);
  }

  /** Checks that a proposal is at most W_p above what is committed. */
  #proposed(node: NodeId, { head }: Window, { view, height, hash }: RawVote): void {
    const depth = BigInt(this.#facts.world.genesis.consensus.pipelineDepth);
    if (height > head + depth) this.#report(node, `proposes ${place(view, height, hash)} at head ${head}`);
  }

  /** Chain-prepared: step by step, so that the COMMIT for the parent stands for those before it. */
  #committing(
    node: NodeId,
    { committed, commits }: Window,
    { vote: { view, height, hash }, prepared }: Extract<RawRecord, { kind: "commit" }>,
    isNew: boolean,
  ): void {
    commits.set(`${view} ${height}`, hash);
    const before = height - 1n;
    if (!isNew || before === 0n || committed.has(height)) return;
    if (committed.get(before) === prepared.parent || commits.get(`${view} ${before}`) === prepared.parent)
      return;
    this.#report(node, `COMMIT at ${place(view, height, hash)} whose parent is not prepared`);
  }

  #report(node: NodeId, detail: string): void {
    this.#facts.report("window", node, detail);
  }
}

function knows(window: Window, { head }: SealedHead): void {
  const { height } = head.summary;
  window.committed.set(height, byteText(head.hash));
  if (height > window.head) window.head = height;
}

/** min_s: the highest checkpoint that a VIEW-CHANGE of V stands on. */
function baseOf(newView: Uint8Array): bigint {
  const stables = readNewView(newView).asked.map((asked) => readViewChange(asked).stable);
  return stables.reduce((a, b) => (a > b ? a : b), 0n);
}
