/**
 * Missing votes must be noticed: a replica that runs on an older copy of its disk is honest but for what it has
 * forgotten, and it stops once a VIEW-CHANGE or NEW-VIEW that it takes shows a vote or VIEW-CHANGE of its own key
 * that its journal lacks; and what it has noticed it still knows after a restart. What the journal holds is taken
 * from what the engine was started with and orders to be written. Source: pbft.md 1.12 (Amnesia).
 */
import { must } from "../../../base/assert.ts";
import { byteText } from "../../../base/bytes.ts";
import type { Effect, Input, Typed } from "../../../consensus/engine.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import { type Facts, place } from "./facts.ts";
import { type ByteText, COMMIT, PREPARE } from "./raw-bytes.ts";
import { type RawEntry, readCheckpoint, readEntry, readViewChange } from "./raw-proofs.ts";
import { readRecord } from "./raw-records.ts";

/** What a node knows of its own past, in one life. */
class Memory {
  /** Digests by view, height and phase. */
  readonly votes = new Map<string, ByteText>();
  /** The view of the highest VIEW-CHANGE asked for. */
  asked = 0n;
  signature: ByteText | undefined;
  view = 0n;
  /** Nothing at or below it is remembered. */
  forgotten = 0n;
}

interface ViewMessage extends Typed {
  readonly from: number;
  readonly view: bigint;
  /** P of a VIEW-CHANGE. */
  readonly certified?: readonly Uint8Array[];
  /** The VIEW-CHANGEs of a NEW-VIEW, which is its V. */
  readonly viewChanges?: readonly Uint8Array[];
}

/** How long after it has noticed, ms of virtual time, a node may still lose what it wrote. */
const WRITING_MS = 200;

export class AmnesiaChecker implements Observer {
  readonly #facts: Facts;
  readonly #memories = new Map<NodeId, Memory>();
  /** When a node noticed, in the same life, or in one before that made it durable. */
  readonly #noticed = new Map<NodeId, number>();

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  stepped(node: NodeId, input: Input<Typed>, effects: readonly Effect<Typed>[]): void {
    if (!this.#facts.watched.rolledBack.has(node)) return;
    const memory = input.kind === "started" ? this.#start(node, input) : this.#memories.get(node);
    if (memory === undefined) return;
    if (input.kind === "message-received") this.#shown(node, memory, input.message as ViewMessage, effects);
    for (const effect of effects) this.#note(node, memory, effect);
  }

  /** Its journal was put back or lost what had been noticed. */
  injected(kind: string): void {
    if (kind === "home-restored") this.#noticed.clear();
  }

  crashed(node: NodeId): void {
    const atMs = this.#noticed.get(node);
    if (atMs !== undefined && this.#facts.nowMs - atMs < WRITING_MS) this.#noticed.delete(node);
  }

  #start(node: NodeId, { journal, checkpoint }: Extract<Input<Typed>, { kind: "started" }>): Memory {
    const memory = new Memory();
    this.#memories.set(node, memory);
    if (checkpoint !== undefined) memory.forgotten = readCheckpoint(checkpoint).height;
    for (const record of journal) this.#remember(node, memory, record);
    return memory;
  }

  #note(node: NodeId, memory: Memory, effect: Effect<Typed>): void {
    if (effect.kind === "journal") this.#remember(node, memory, effect.record);
    else if (effect.kind === "store-checkpoint" && effect.height > memory.forgotten)
      memory.forgotten = effect.height;
    else if (effect.kind === "announce" && effect.event.type === "amnesia")
      this.#noticed.set(node, this.#facts.nowMs);
    else if (effect.kind === "broadcast" && this.#noticed.has(node)) {
      const { type } = effect.message;
      this.#facts.report("amnesia", node, `sends a ${type} after it has noticed that votes are missing`);
    }
  }

  #remember(node: NodeId, memory: Memory, bytes: Uint8Array): void {
    const record = readRecord(
      bytes,
      must(this.#facts.validatorOf(node), "only validators keep a journal"),
      0n,
    );
    if (record.kind === "vote" || record.kind === "commit") {
      const { type, view, height, hash } = record.vote;
      memory.votes.set(key(view, height, type === COMMIT), hash);
    } else if (record.kind === "mark") {
      if (record.cut !== undefined && record.cut > memory.forgotten) memory.forgotten = record.cut;
    } else {
      if (record.view > memory.view) memory.view = record.view;
      if (record.kind === "view-change" && record.view >= memory.asked) {
        memory.asked = record.view;
        memory.signature = record.signature;
      }
      if (record.kind === "new-view")
        for (const { height, hash } of record.carried) {
          if (this.#facts.primaryOf(record.view) === this.#facts.validatorOf(node))
            memory.votes.set(key(record.view, height, false), hash);
        }
    }
  }

  /** Counts only what the engine took: what came too late, or too often, it need not read. */
  #shown(node: NodeId, memory: Memory, message: ViewMessage, effects: readonly Effect<Typed>[]): void {
    if (message.type !== "view-change" && message.type !== "new-view") return;
    const events = effects.flatMap((effect) => (effect.kind === "announce" ? [effect.event] : []));
    if (events.some(({ type }) => type === "amnesia")) return;
    const taken = events.some(
      (event) =>
        event.type === message.type &&
        "from" in event &&
        event.view === message.view &&
        event.from === message.from,
    );
    const missing = taken ? this.#missing(node, memory, message) : undefined;
    if (missing === undefined) return;
    const detail = `takes a ${message.type} to view ${message.view} that shows ${missing}, which its journal lacks`;
    this.#facts.report("amnesia", node, detail);
  }

  #missing(node: NodeId, memory: Memory, { certified, viewChanges }: ViewMessage): string | undefined {
    const self = must(this.#facts.validatorOf(node), "only validators keep a journal");
    for (const bytes of viewChanges ?? []) {
      const { from, view, signature, entries } = readViewChange(bytes);
      const isOwn = from === self;
      if (
        isOwn &&
        (view > memory.asked || (view === memory.asked && byteText(signature) !== memory.signature))
      )
        return `its VIEW-CHANGE to ${view}`;
      const vote = isOwn ? undefined : missingVote(memory, entries, self);
      if (vote !== undefined) return vote;
    }
    return missingVote(memory, (certified ?? []).map(readEntry), self);
  }
}

function missingVote(memory: Memory, entries: readonly RawEntry[], self: number): string | undefined {
  for (const entry of entries) {
    const { view, height, hash } = entry;
    const isCommit = entry.kind === "committed";
    const signatures = isCommit ? entry.signatures : entry.prepares;
    if (!signatures.some(({ signer }) => signer === self)) continue;
    if (height <= memory.forgotten || view > memory.view) continue;
    if (memory.votes.get(key(view, height, isCommit)) === hash) continue;
    return `its vote of type ${isCommit ? COMMIT : PREPARE} at ${place(view, height, hash)}`;
  }
  return undefined;
}

function key(view: bigint, height: bigint, isCommit: boolean): string {
  return `${view} ${height} ${isCommit}`;
}
