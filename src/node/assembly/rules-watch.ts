/**
 * Watches the version of the chain's rules: says in time that a newer release is needed, and stops a node whose program
 * does not know what comes next. The chain itself executes nothing there (chain/governance/rules-version.ts); this is so that
 * the node does not wait for a block of others to say so.
 */
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { Chain } from "../../chain/chain.ts";
import { RULES_KNOWN, rulesState, UnknownRules } from "../../chain/governance/rules-version.ts";

/** So long a node goes on at the last block of an epoch: its vote for the checkpoint there is still needed. */
const GRACE_MS = 5_000;

interface WatchPorts {
  readonly scheduler: Scheduler;
  readonly log: Logger;
  readonly fatal: (error: unknown) => void;
}

export class RulesWatch {
  /** The highest rules that this program knows. */
  readonly known: number;
  readonly #chain: Pick<Chain, "committed" | "head" | "onHeadChange">;
  readonly #ports: WatchPorts;
  #warnedOf = 0;
  #cancel: (() => void) | undefined;

  constructor(
    chain: Pick<Chain, "committed" | "head" | "onHeadChange">,
    ports: WatchPorts,
    known: number = RULES_KNOWN,
  ) {
    this.#chain = chain;
    this.#ports = ports;
    this.known = known;
  }

  start(): void {
    this.#chain.onHeadChange(() => this.#look());
    this.#look();
  }

  stop(): void {
    this.#cancel?.();
  }

  #look(): void {
    const standing = rulesState(this.#chain.committed);
    if (standing === undefined) return;
    const { current, next, nextFrom } = standing;
    if (current > this.known) return this.#stopSoon(current);
    if (next <= this.known || next === this.#warnedOf) return;
    this.#warnedOf = next;
    const words = `rules ${next} hold from height ${nextFrom} on and this program knows rules 1 to ${this.known}: install a newer release before, or this node stops there`;
    this.#ports.log.log("warn", "chain", words, { rules: next, from: nextFrom, known: this.known });
  }

  #stopSoon(version: number): void {
    const error = new UnknownRules(version, this.#chain.head.summary.height + 1n, this.known);
    this.#cancel ??= this.#ports.scheduler.after(GRACE_MS, () => this.#ports.fatal(error));
  }
}
