/**
 * Builds the blocks that the engine orders. Where blocks are final the one after a long block waits a little: each has its own
 * price for all validators, whatever is in it, so under load it pays to let more transactions
 * come. The wait is in proportion to the last block: where little is to be done there is none. It ends at once when none
 * come any more. Four validators compute
 * some 6 % less for a transfer with it (docs/benchmarks.md, "Pipeline depth and block pacing"). Where agreement took longer than that,
 * as among many validators on few processors, it waits once more, as long as timers that come late show that the processors are wanted.
 */
import type { Hash } from "../base/bytes.ts";
import type { Block } from "../chain/types/block.ts";
import type { ValidatorId } from "../consensus/engine.ts";
import type { DriverPorts } from "./driver-ports.ts";

/** How long to wait for each transaction of the last block, ms. */
const WAIT_MS_PER_TRANSACTION = 0.25;
/** How long at most, ms: an eighth of the T_req that a node has by default. */
const WAIT_MS_MAX = 250;
/** How often the pool is looked at meanwhile, ms. */
const LOOK_MS = 6;
/**
 * Looks in turn that find nothing new before the block is built. After one alone, which may come late because the process was
 * busy, what has arrived at its sockets may not have been read.
 */
const QUIET_LOOKS = 2;
/** How often it is looked at while the primary waits once more, ms: where processors are free, two looks are all that it costs. */
const LOOK_AGAIN_MS = 2;
/** A look that comes so late, ms, waited for a processor. */
const LATE_MS = 6;
/** An agreement that took longer than this, ms, was not about the work: nobody had anything to order, or a view failed. */
const AGREEMENT_MS_MAX = 1_000;

export interface BuildOrder {
  readonly parent: Hash;
  readonly allowEmpty: boolean;
  readonly withoutPool?: boolean;
}

export interface BlockBuilderPorts
  extends Pick<DriverPorts, "chain" | "scheduler" | "template" | "held" | "areComing" | "rewardTo"> {
  readonly self: ValidatorId | undefined;
  /** @param block undefined where there is nothing to put into one */
  readonly built: (parent: Hash, block: Block | undefined) => void;
  /** A build that was put off has thrown. */
  readonly failed: (error: unknown) => void;
}

export class BlockBuilder {
  readonly #ports: BlockBuilderPorts;
  #builtAtMs = 0;
  #waitMs = 0;
  /** How long the last block is worth waiting for another time; 0 once an order was answered. */
  #againMs = 0;
  #waitsAgain = false;
  /** What is built when the wait is over. */
  #waiting: BuildOrder | undefined;
  #cancel: () => void = () => undefined;
  #held = 0;
  #lookedAtMs = 0;
  #quietLooks = 0;

  constructor(ports: BlockBuilderPorts) {
    this.#ports = ports;
  }

  stop(): void {
    this.#waiting = undefined;
    this.#cancel();
  }

  /** Builds now or a little later; a later order takes the place of one that waits. */
  order(order: BuildOrder): void {
    const isWaiting = this.#waiting !== undefined;
    this.#waiting = order;
    if (!isWaiting) this.#waitAgain();
    if (this.#toWaitMs() === 0) return this.#finish();
    if (isWaiting) return;
    this.#held = this.#ports.held();
    this.#quietLooks = 0;
    this.#lookLater();
  }

  /** Agreement took longer than it was to wait: the same once more, from now on. */
  #waitAgain(): void {
    const tookMs = this.#ports.scheduler.now() - this.#builtAtMs;
    this.#waitsAgain = this.#toWaitMs() === 0 && tookMs <= AGREEMENT_MS_MAX;
    if (this.#waitsAgain) this.#waitMs = tookMs + this.#againMs;
  }

  #lookLater(): void {
    this.#lookedAtMs = this.#ports.scheduler.now();
    this.#cancel = this.#ports.scheduler.after(Math.min(this.#lookMs, this.#toWaitMs()), () => {
      try {
        this.#look();
      } catch (error) {
        this.#ports.failed(error);
      }
    });
  }

  get #lookMs(): number {
    return this.#waitsAgain ? LOOK_AGAIN_MS : LOOK_MS;
  }

  #look(): void {
    const held = this.#ports.held();
    const isQuiet = held === this.#held && !this.#ports.areComing();
    const isLate = this.#ports.scheduler.now() - this.#lookedAtMs >= this.#lookMs + LATE_MS;
    this.#quietLooks = isQuiet || (this.#waitsAgain && !isLate) ? this.#quietLooks + 1 : 0;
    this.#held = held;
    if (this.#quietLooks >= QUIET_LOOKS || this.#toWaitMs() === 0) this.#finish();
    else this.#lookLater();
  }

  #finish(): void {
    const order = this.#waiting;
    this.stop();
    if (order !== undefined) this.#build(order);
  }

  /** Never longer than it was to wait in all: where the clock was set back, from now on. */
  #toWaitMs(): number {
    const nowMs = this.#ports.scheduler.now();
    this.#builtAtMs = Math.min(this.#builtAtMs, nowMs);
    return Math.max(0, this.#builtAtMs + this.#waitMs - nowMs);
  }

  #build({ parent, allowEmpty, withoutPool }: BuildOrder): void {
    const { chain, scheduler, template, rewardTo, self, built } = this.#ports;
    const reward = rewardTo();
    const nowMs = scheduler.now();
    const proposal = {
      timeMs: BigInt(nowMs),
      proposer: self ?? 0,
      ...(reward === undefined ? {} : { rewardTo: reward }),
    };
    const source = withoutPool === true ? () => [] : template;
    this.#againMs = 0;
    const block = chain.buildBlock(parent, proposal, source, allowEmpty);
    if (block !== undefined && chain.mode.kind === "final") {
      this.#builtAtMs = nowMs;
      this.#waitMs = Math.min(WAIT_MS_MAX, Math.floor(WAIT_MS_PER_TRANSACTION * block.transactions.length));
      this.#againMs = this.#waitMs;
    }
    built(parent, block);
  }
}
