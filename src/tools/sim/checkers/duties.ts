/**
 * What a correct replica owes the others each interval, and what it may be made to do in one: a transaction that it
 * has waited for through a whole interval goes to the primary by mail; and of one sender it looks at no more view
 * messages than docs/protocol.md allows, valid as they may be. Source: pbft.md 1.7 (T_status), 1.15.
 */
import { hex } from "../../../base/bytes.ts";
import type { Effect, EngineStatus, Input, Typed } from "../../../consensus/engine.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import type { Facts } from "./facts.ts";

/** New VIEW-CHANGEs and NEW-VIEWs of one sender that take effect in an interval (docs/protocol.md, "What is kept"). */
const VIEW_MESSAGES_MAX = 4;

/** What one life of a node did since its last STATUS. */
interface Interval {
  /** What it waits for: the transaction, and in which view. */
  waited: string | undefined;
  /** Effective view messages by sender. */
  readonly taken: Map<number, number>;
}

export class DutiesChecker implements Observer {
  readonly #facts: Facts;
  readonly #intervals = new Map<NodeId, Interval>();

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  stepped(node: NodeId, input: Input<Typed>, effects: readonly Effect<Typed>[]): void {
    if (!this.#facts.isCorrect(node) || this.#facts.validatorOf(node) === undefined) return;
    if (input.kind === "started") this.#intervals.set(node, { waited: undefined, taken: new Map() });
    this.#checkProofs(node, effects);
    const interval = this.#intervals.get(node);
    if (interval === undefined) return;
    // A block may have ended what it waited for, and the window too.
    if (input.kind === "head-changed") interval.waited = undefined;
    if (input.kind === "message-received") this.#count(node, interval, input.message, effects);
    else if (input.kind === "timer-fired" && input.timer.name === "status")
      this.#passed(node, interval, effects);
  }

  /** Who sees a contradiction hands over the proof. */
  #checkProofs(node: NodeId, effects: readonly Effect<Typed>[]): void {
    for (const effect of effects) {
      if (effect.kind !== "announce" || effect.event.type !== "equivocation") continue;
      const { from } = effect.event;
      if (effects.some((other) => other.kind === "report-fault" && other.author === from)) continue;
      this.#facts.report("evidence", node, `sees validator ${from} contradict itself and keeps no proof`);
    }
  }

  #passed(node: NodeId, interval: Interval, effects: readonly Effect<Typed>[]): void {
    interval.taken.clear();
    const status = this.#facts.replica(node)?.engineStatus();
    const waits = status === undefined ? undefined : waitsFor(status);
    const relayed = effects.some((effect) => effect.kind === "relay-transaction");
    if (waits !== undefined && waits === interval.waited && !relayed)
      this.#facts.report("relay", node, `has waited for ${waits} an interval long and tells nobody`);
    interval.waited = waits;
  }

  /** A VIEW-CHANGE that is new is announced, a NEW-VIEW that is taken changes the view. */
  #count(node: NodeId, { taken }: Interval, message: Typed, effects: readonly Effect<Typed>[]): void {
    if (message.type !== "view-change" && message.type !== "new-view") return;
    const { from } = message as Typed & { readonly from: number };
    const isAnnounced = effects.some(
      (effect) =>
        effect.kind === "announce" &&
        effect.event.type === message.type &&
        "from" in effect.event &&
        effect.event.from === from,
    );
    if (!isAnnounced) return;
    const count = (taken.get(from) ?? 0) + 1;
    taken.set(from, count);
    if (count > VIEW_MESSAGES_MAX)
      this.#facts.report("work", node, `takes ${count} view messages of validator ${from} in one interval`);
  }
}

/** The transaction that a backup waits for, with the view. Undefined when it waits for none, or is the primary. */
function waitsFor({ mode, primary, self, waitingFor, view }: EngineStatus): string | undefined {
  if (mode !== "normal" || primary === self || waitingFor?.kind !== "transaction") return undefined;
  return `transaction ${hex(waitingFor.hash).slice(0, 8)} in view ${view}`;
}
