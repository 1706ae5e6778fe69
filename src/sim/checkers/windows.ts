/**
 * Where a correct validator may vote: above the base of the view it works in and above its stable checkpoint, and at
 * a height that it has committed only for the block committed there. Votes are taken from what an engine orders to be
 * written down, in the order of its effects, so that a vote counts as of the moment when it was given and not when
 * it leaves. Source: pbft.md 1.5 (A3), 1.9 (low := max(h, min_s)).
 */
import { byteText } from "../../base/bytes.ts";
import type { Effect, Input, SealedHead, Typed } from "../../consensus/engine.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import { type Facts, place } from "./facts.ts";
import { showText, type Text } from "./rawbytes.ts";
import type { RawVote } from "./rawletters.ts";
import { readNewView, readViewChange } from "./rawproofs.ts";
import { readRecord } from "./rawrecords.ts";

/** Of one life of a node. */
class Window {
  /** What its engine knows to be committed, by height. */
  readonly committed = new Map<bigint, Text>();
  /** Its stable checkpoint; 0 after a restart until the next one. */
  stable = 0n;
  /** min_s of each view entered. */
  readonly bases = new Map<bigint, bigint>();
}

export class WindowChecker implements Observer {
  readonly #facts: Facts;
  readonly #windows = new Map<NodeId, Window>();

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  stepped(node: NodeId, input: Input<Typed>, effects: readonly Effect<Typed>[]): void {
    if (!this.#facts.isCorrect(node)) return;
    if (input.kind === "started") {
      const window = new Window();
      this.#windows.set(node, window);
      for (const sealed of input.recent ?? []) knows(window, sealed);
      for (const record of input.journal) this.#written(node, window, record, false);
    }
    const window = this.#windows.get(node);
    if (window === undefined) return;
    if (input.kind === "head-changed") knows(window, input.sealed);
    for (const effect of effects) {
      if (effect.kind === "store-checkpoint") window.stable = effect.height;
      else if (effect.kind === "journal") this.#written(node, window, effect.record, true);
    }
  }

  /** A damaged record is the vote checker's matter. */
  #written(node: NodeId, window: Window, bytes: Uint8Array, isNew: boolean): void {
    try {
      const record = readRecord(bytes, this.#facts.validatorOf(node)!, 0n);
      if (record.kind === "new-view") window.bases.set(record.view, baseOf(bytes.subarray(2)));
      else if ((record.kind === "vote" || record.kind === "commit") && isNew)
        this.#voted(node, window, record.vote);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }

  #voted(node: NodeId, { committed, stable, bases }: Window, { view, height, hash }: RawVote): void {
    const base = bases.get(view) ?? 0n;
    const low = base > stable ? base : stable;
    const where = place(view, height, hash);
    if (height <= low) this.#facts.report("window", node, `a vote at ${where}, low is ${low}`);
    const own = committed.get(height);
    if (own === undefined || own === hash) return;
    this.#facts.report("window", node, `a vote at ${where} against its committed block ${showText(own)}`);
  }
}

function knows(window: Window, { head }: SealedHead): void {
  window.committed.set(head.summary.height, byteText(head.hash));
}

/** min_s: the highest checkpoint that a VIEW-CHANGE of V stands on. */
function baseOf(newView: Uint8Array): bigint {
  const stables = readNewView(newView).asked.map((asked) => readViewChange(asked).stable);
  return stables.reduce((a, b) => (a > b ? a : b), 0n);
}
