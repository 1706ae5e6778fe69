/**
 * What a correct replica counts while it changes views: k, by which its timeouts double, comes down again with each
 * block that was agreed on within a quarter of the timeout; and a view that it asks for by itself lies above that of
 * each seal in its chain, since a quorum has left the ones below.
 * Source: docs/protocol.md, "VIEW-CHANGE" (the view asked for), "Timers" (k).
 */
import type { Effect, Input, SealedHead, Typed } from "../../../consensus/engine.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import type { Facts } from "./facts.ts";
import { readSeal } from "./raw-proofs.ts";

/** The part of a quarter timeout that is over for no clock of a node: they are at most so much too slow. */
const DRIFT = 0.8;
/** Reasons for which the view asked for follows from what the replica holds. */
const BY_ITSELF: readonly (string | undefined)[] = [
  "timeout",
  "new-view-timeout",
  "unfair",
  "slow",
  "equivocation",
];

/** What is known of one life of a node. */
interface Life {
  /** k after its last step. */
  attempt: number;
  /** T_req of the item waited for. Undefined when it does not run, or a block was quick already. */
  request: { readonly atMs: number; readonly delayMs: number } | undefined;
  /** The highest block whose import it ordered: what arrives otherwise was fetched. */
  ordered: bigint;
  /** The highest view of a seal in its chain. */
  sealedIn: bigint;
}

export class AttemptsChecker implements Observer {
  readonly #facts: Facts;
  readonly #lives = new Map<NodeId, Life>();

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  stepped(node: NodeId, input: Input<Typed>, effects: readonly Effect<Typed>[]): void {
    if (this.#facts.validatorOf(node) === undefined || !this.#facts.isCorrect(node)) return;
    if (input.kind === "started") this.#begin(node, input.recent ?? []);
    const life = this.#lives.get(node);
    if (life === undefined) return;
    const before = life.attempt;
    life.attempt = this.#facts.attemptOf(node) ?? before;
    if (input.kind === "head-changed") {
      life.sealedIn = higher(life.sealedIn, viewOf(input.sealed));
      if (life.ordered >= input.head.height && before > 0) this.#agreed(node, life, before, effects);
    }
    this.#asks(node, life, effects);
    for (const effect of effects) this.#follow(life, effect);
    // What is set as it fires is a last wait for the same item, which was not quick (docs/protocol.md, "Timers").
    if (input.kind === "timer-fired" && input.timer.name === "request") life.request = undefined;
  }

  #begin(node: NodeId, recent: readonly SealedHead[]): void {
    const sealedIn = recent.map(viewOf).reduce(higher, 0n);
    this.#lives.set(node, { attempt: 0, request: undefined, ordered: 0n, sealedIn });
  }

  #agreed(node: NodeId, life: Life, before: number, effects: readonly Effect<Typed>[]): void {
    const { request } = life;
    life.request = undefined;
    if (request === undefined || asked(effects) !== undefined) return;
    const tookMs = this.#facts.nowMs - request.atMs;
    if (tookMs >= (DRIFT * request.delayMs) / 4 || life.attempt < before) return;
    const detail = `k stays ${before} after a block within ${Math.round(tookMs)} of ${request.delayMs} ms`;
    this.#facts.report("pace", node, detail);
  }

  #asks(node: NodeId, { sealedIn }: Life, effects: readonly Effect<Typed>[]): void {
    const event = asked(effects);
    if (event === undefined || event.view > sealedIn || !BY_ITSELF.includes(event.reason)) return;
    const detail = `asks for view ${event.view} (${event.reason}) and has a block of view ${sealedIn}`;
    this.#facts.report("view-change", node, detail);
  }

  #follow(life: Life, effect: Effect<Typed>): void {
    if (effect.kind === "import-block") life.ordered = effect.sealed.block.summary.height;
    else if (effect.kind === "set-timer" && effect.timer.name === "request")
      life.request = { atMs: this.#facts.nowMs, delayMs: effect.delayMs };
    else if (effect.kind === "clear-timer" && effect.name === "request") life.request = undefined;
  }
}

/** The own request for a view among the effects of a step. */
function asked(effects: readonly Effect<Typed>[]) {
  for (const effect of effects)
    if (
      effect.kind === "announce" &&
      effect.event.type === "view-change" &&
      effect.event.reason !== undefined
    )
      return effect.event;
  return undefined;
}

function viewOf({ seal }: SealedHead): bigint {
  return readSeal(seal).view;
}

function higher(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
