/**
 * Mining as an engine: which block to work on, and when to work on another. It takes a new template on a new head,
 * when transactions come while it works on an empty block, and from time to time for newer fees and a newer clock.
 * It looks for no nonce (the miner does), and judges no block: a mined one is imported like any
 * other. There are no votes and no journal. Source: pow.md 2.8, decision 8.
 */
import { unreachable } from "../../base/assert.ts";
import { EMPTY, equalBytes, type Hash } from "../../base/bytes.ts";
import type { Block } from "../../chain/types/block.ts";
import type { ConsensusEngine, Effect, Head, Input, Timer } from "../engine.ts";

/** A template older than this is replaced, ms. */
const TEMPLATE_AGE_MS = 3_000;
/** Milliseconds until it is tried again when nothing could be built, because the head is being moved. */
const RETRY_MS = 50;

const TIMER = "template";

export class PowEngine implements ConsensusEngine<never, never> {
  #effects: Effect<never>[] = [];
  #head: Head | undefined;
  #isMining = false;
  /** The parent of the block that is being built. */
  #building: Hash | undefined;
  #template: Block | undefined;
  /** The parent on which an own block was refused: on it nothing of the pool is mined any more. */
  #refusedOn: Hash | undefined;
  #serial = 0;

  /** There are no messages. */
  wants(): boolean {
    return false;
  }

  status(): undefined {
    return undefined;
  }

  step(input: Input<never>): readonly Effect<never>[] {
    this.#receive(input);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #receive(input: Input<never>): void {
    switch (input.kind) {
      case "started":
        this.#head = input.head;
        return this.#renew();
      case "head-changed":
        return this.#headChanged(input.head);
      case "mining-switched":
        return this.#switch(input.isOn);
      case "pool-changed":
        return this.#poolChanged(input.oldest !== undefined);
      case "timer-fired":
        return this.#timerFired(input.timer);
      case "block-built":
        return this.#built(input.parent, input.block);
      case "nothing-to-build":
        this.#building = undefined;
        return this.#setTimer(RETRY_MS);
      case "block-mined":
        return this.#mined(input.block);
      case "own-block-refused":
        return this.#refused(input.block);
      case "message-received":
      case "block-checked":
      case "signed":
        return; // nobody votes
      default:
        unreachable(input);
    }
  }

  #headChanged(head: Head): void {
    this.#head = head;
    this.#building = undefined;
    this.#dropTemplate();
    this.#renew();
  }

  /** Turns mining on or off. It is called while mining is on already when someone else is to be paid. */
  #switch(isOn: boolean): void {
    this.#isMining = isOn;
    this.#building = undefined;
    if (isOn) return this.#renew();
    this.#dropTemplate();
    this.#effects.push({ kind: "clear-timer", name: TIMER });
  }

  #poolChanged(isWaiting: boolean): void {
    // A coinbase alone: whatever waits is better. A fuller block waits for the timer, or each payment would end it.
    const isEmpty = this.#template?.transactions.length === 1;
    if (isWaiting && isEmpty && !this.#isWithoutPool()) this.#renew();
  }

  #timerFired(timer: Timer): void {
    if (timer.serial === this.#serial) this.#renew();
  }

  #built(parent: Hash, block: Block): void {
    const isWanted = this.#building !== undefined && equalBytes(this.#building, parent);
    if (!isWanted || !this.#isMining) return;
    this.#building = undefined;
    this.#template = block;
    this.#effects.push({ kind: "mine", block });
    this.#setTimer(TEMPLATE_AGE_MS);
  }

  #mined(block: Block): void {
    this.#template = undefined;
    this.#effects.push({ kind: "import-block", sealed: { block, seal: EMPTY } });
    // If the chain takes it, a head change follows; if it is early or overtaken, the timer takes up the work again.
    if (this.#isMining) this.#setTimer(TEMPLATE_AGE_MS);
  }

  /** Whatever in the pool made it invalid would do so again: a block without it keeps the chain going. */
  #refused({ header, transactions }: Block): void {
    if (transactions.length <= 1) return; // a coinbase alone was refused: trying again at once would not help
    this.#refusedOn = header.previousHash;
    this.#renew();
  }

  #renew(): void {
    if (!this.#isMining || this.#head === undefined || this.#building !== undefined) return;
    const parent = this.#head.hash;
    this.#building = parent;
    const withoutPool = this.#isWithoutPool();
    this.#effects.push({
      kind: "build-block",
      parent,
      allowEmpty: true,
      ...(withoutPool && { withoutPool }),
    });
  }

  #isWithoutPool(): boolean {
    const refused = this.#refusedOn;
    return refused !== undefined && this.#head !== undefined && equalBytes(refused, this.#head.hash);
  }

  #dropTemplate(): void {
    if (this.#template === undefined) return;
    this.#template = undefined;
    this.#effects.push({ kind: "stop-mining" });
  }

  #setTimer(delayMs: number): void {
    if (!this.#isMining) return;
    this.#serial++;
    const height = this.#head?.height ?? 0n;
    const timer: Timer = { name: TIMER, height, view: 0n, serial: this.#serial };
    this.#effects.push({ kind: "set-timer", timer, delayMs });
  }
}
