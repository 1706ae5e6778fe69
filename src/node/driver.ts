/**
 * The driver: runs one consensus engine, performs its effects in list order and feeds it what happened. Its contract
 * (consensus/engine.ts) is the crash-safety of the node: whatever a step orders to be journaled is durable before
 * anything later leaves. Steps that wait at the same moment share one fsync (group commit).
 */
import { assert, unreachable } from "../base/assert.ts";
import type { Verdict } from "../base/fault.ts";
import { DRIVER_INPUTS_MAX } from "../base/limits.ts";
import type { SealedBlock } from "../chain/types/block.ts";
import type {
  ConsensusEngine,
  Effect,
  Input,
  Parsed,
  SealedHead,
  Timer,
  Typed,
  ValidatorId,
} from "../consensus/engine.ts";
import { QUICK_CHECK_US } from "../crypto/keys.ts";
import type { RunningTimer } from "../rpc/api.ts";
import { BlockBuilder } from "./block-builder.ts";
import type { DriverOptions, DriverPorts } from "./driver-ports.ts";
import { headOf, isDurable, recentHeads, takeSteps } from "./engine-steps.ts";
import { CompactProposals } from "./ingress/compact-proposals.ts";
import {
  MAIL_BLOCK_TRANSACTIONS,
  MAIL_COMPACT_PROPOSAL,
  MAIL_CONSENSUS,
  MAIL_WANTED_TRANSACTIONS,
} from "./ingress/packet.ts";
import type { Bill } from "./ingress/work-budget.ts";
import { count, type MessageCounts, noCounts } from "./metrics/message-counts.ts";
import { ProposalChecks } from "./proposal-checks.ts";
import { refusedHere } from "./state-divergence.ts";

/** What one signature takes that is looked for in the memory and checked. */
const ONE_CHECK_US = 1.5 * QUICK_CHECK_US;

interface SetTimer {
  readonly dueAtMs: number;
  readonly lengthMs: number;
  readonly cancel: () => void;
}

export class Driver<P extends Parsed, M extends Typed> {
  readonly counts: MessageCounts;
  readonly #consensus: DriverOptions<P, M>["consensus"];
  readonly #engine: ConsensusEngine<P, M>;
  readonly #self: ValidatorId | undefined;
  readonly #baseHeight: bigint;
  readonly #endEpoch: (epoch: bigint) => void;
  readonly #ports: DriverPorts;
  readonly #timers = new Map<string, SetTimer>();
  readonly #checks: ProposalChecks;
  readonly #builder: BlockBuilder;
  /** Where the engine's messages have a compact form. */
  #compact: CompactProposals<P, M> | undefined;
  #inputs: Input<M>[] = [];
  #poolReported = false;
  #running = false;
  #stopped = false;
  /** Resolves when the last started turn has ended. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: DriverOptions<P, M>, ports: DriverPorts) {
    this.#consensus = options.consensus;
    this.#engine = options.engine;
    this.#self = options.self;
    this.counts = options.counts ?? noCounts();
    this.#baseHeight = options.baseHeight ?? 0n;
    this.#endEpoch = options.endEpoch ?? (() => undefined);
    this.#ports = ports;
    this.#checks = new ProposalChecks({
      ...{ chain: ports.chain, scheduler: ports.scheduler, log: ports.log, counts: this.counts },
      checked: (hash, verdict) => this.input({ kind: "block-checked", hash, verdict }),
      failed: (error) => this.#fail(error),
    });
    this.#builder = new BlockBuilder({
      ...{ chain: ports.chain, scheduler: ports.scheduler, self: options.self },
      ...{ template: ports.template, held: ports.held, areComing: ports.areComing, rewardTo: ports.rewardTo },
      built: (parent, block) =>
        this.input(
          block === undefined ? { kind: "nothing-to-build", parent } : { kind: "block-built", parent, block },
        ),
      failed: (error) => this.#fail(error),
    });
    if (options.consensus.verifier.compact !== undefined) this.#readCompact(options);
  }

  #readCompact({ engine, self }: DriverOptions<P, M>): void {
    const { scheduler, chain, mail, find, compactAskMs: askMs } = this.#ports;
    const { limits } = chain.genesis;
    const refuse = (author: ValidatorId, code: string) => this.#refuse(author, "compact-proposal", code);
    this.#compact = new CompactProposals({
      ...{ scheduler, limits, self, mail, find, askMs, refuse, counts: this.counts.compact },
      wants: (parsed) => engine.wants(parsed),
      completed: (author, message) => this.#received(author, message),
    });
  }

  /** First call: tells the engine where it stands. */
  start(journal: readonly Uint8Array[], checkpoint: Uint8Array | undefined): void {
    const { chain } = this.#ports;
    const recent = recentHeads(chain, this.#consensus.recentHeads, this.#baseHeight);
    this.#compact?.headChanged(chain.head.summary.height);
    this.input({ kind: "started", head: headOf(chain.head), journal, checkpoint, recent });
    this.poolChanged();
  }

  /** No effect is performed after it resolves. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const name of [...this.#timers.keys()]) this.#clearTimer(name);
    this.#checks.stop();
    this.#builder.stop();
    this.#compact?.stop();
    await this.#turn;
  }

  /**
   * Direct mail of validator `author`: parse, ask the engine, verify, then step. What fails is dropped and counted.
   * The author pays for it, but for what was wanted and proved by one signature: the engine's window bounds that.
   * Nobody brings another's message: old ones of others could not be played again, and their senders are known.
   * The exception proves itself and is never old (Parsed.relayed).
   */
  receive(author: ValidatorId, bytes: Uint8Array, kind: number = MAIL_CONSENSUS): void {
    const { verifier } = this.#consensus;
    const compact = this.#compact;
    if (kind === MAIL_CONSENSUS) {
      const verify = (parsed: P) => verifier.verify(parsed);
      return this.#judge(author, bytes, verify, (_, message, settle) => {
        settle();
        this.#received(author, message);
      });
    }
    if (compact === undefined || verifier.compact === undefined) return;
    if (kind === MAIL_COMPACT_PROPOSAL) {
      const { open } = verifier.compact;
      return this.#judge(author, bytes, open, (...judged) => compact.receive(...judged));
    }
    const bill = this.#openBill(author, bytes);
    if (bill === undefined) return;
    if (kind === MAIL_WANTED_TRANSACTIONS) compact.blocks.receiveWanted(author, bytes, bill);
    else compact.receiveTransactions(author, bytes, bill);
  }

  /** Whether the rest of a long message is worth reading. */
  awaits(author: ValidatorId, start: Uint8Array, bytes: number, kind: number = MAIL_CONSENSUS): boolean {
    if (this.#stopped) return false;
    if (kind === MAIL_BLOCK_TRANSACTIONS) return this.#compact?.awaits(author, start, bytes) === true;
    // Never so long: no block holds more than 16,000 transactions, and an index has four bytes.
    if (kind === MAIL_WANTED_TRANSACTIONS) return false;
    return this.#engine.awaits?.(author, start, bytes) === true;
  }

  #judge<T>(
    author: ValidatorId,
    bytes: Uint8Array,
    open: (parsed: P) => Verdict<T>,
    opened: (parsed: P, value: T, settle: () => void) => void,
  ): void {
    const bill = this.#openBill(author, bytes);
    if (bill === undefined) return;
    const parsed = this.#consensus.verifier.parse(bytes);
    if (!parsed.ok) return this.#refuse(author, "unknown", parsed.fault.code);
    const { type, from, relayed } = parsed.value;
    count(this.counts.received, type);
    if (from !== author && !relayed) return this.#refuse(author, type, "not-the-author");
    if (!this.#engine.wants(parsed.value)) return;
    const verdict = bill.judge(() => open(parsed.value));
    if (!verdict.ok) return this.#refuse(author, type, verdict.fault.code);
    opened(parsed.value, verdict.value, () => {
      if (bill.checksUs <= ONE_CHECK_US) bill.refund();
    });
  }

  /** @returns undefined where the message is dropped */
  #openBill(author: ValidatorId, bytes: Uint8Array): Bill | undefined {
    if (this.#stopped) return undefined;
    const { budgets } = this.#ports;
    if (this.#inputs.length < DRIVER_INPUTS_MAX && !budgets.isSpent(author)) {
      return budgets.open(author, bytes.length);
    }
    this.counts.dropped++;
    return undefined;
  }

  /** A message that was verified, or put together of what was. */
  #received(author: ValidatorId, message: M): void {
    const { compact: form } = this.#consensus.verifier;
    if (form !== undefined) {
      const block = form.blockOf(message);
      const held = block === undefined ? form.heldBy(message) : undefined;
      if (block !== undefined) this.#compact?.blocks.keep(author, block);
      if (held !== undefined) this.#compact?.noteHolder(author, held);
    }
    this.input({ kind: "message-received", message });
  }

  /** The committed head moved. */
  headChanged(sealed: SealedHead): void {
    if (this.#stopped) return;
    this.input({ kind: "head-changed", head: headOf(sealed.head), sealed });
    this.#checks.recheck(sealed.head.summary.height);
    this.#compact?.headChanged(sealed.head.summary.height);
    this.poolChanged();
  }

  /** Executable transactions came or went; told once a turn, however many. */
  poolChanged(): void {
    if (this.#poolReported || this.#stopped) return;
    this.#poolReported = true;
    this.input({ kind: "pool-changed", oldest: this.#ports.oldest() });
  }

  /** When the engine's timers are due, which it does not know itself. */
  timers(): readonly RunningTimer[] {
    const now = this.#ports.scheduler.now();
    return [...this.#timers].map(([name, { dueAtMs, lengthMs }]) => {
      // Never longer than it was set for: the clock may have been set back.
      return { name, dueInMs: Math.min(lengthMs, Math.max(0, dueAtMs - now)), lengthMs };
    });
  }

  status(): ReturnType<ConsensusEngine<P, M>["status"]> {
    return this.#engine.status();
  }

  input(input: Input<M>): void {
    if (this.#stopped) return;
    this.#inputs.push(input);
    if (this.#running) return;
    this.#running = true;
    this.#turn = this.#run();
  }

  /** Takes turns until nothing waits: all waiting inputs are stepped, then their effects performed in order. */
  async #run(): Promise<void> {
    try {
      // Begin in a microtask, so that inputs of the same moment share a turn and step is never re-entered.
      await Promise.resolve();
      while (this.#inputs.length > 0 && !this.#stopped) {
        const inputs = this.#inputs;
        this.#inputs = [];
        this.#poolReported = false;
        const taken = takeSteps(this.#engine, inputs, this.#ports.ask);
        const effects = taken instanceof Promise ? await taken : taken;
        if (effects.some(isDurable)) await this.#persist(effects);
        if (this.#stopped) return;
        for (const effect of effects) this.#perform(effect);
      }
      this.#running = false;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Does all writes of a turn in order, before anything of it leaves. Neighbouring records share one fsync. */
  async #persist(effects: readonly Effect<M>[]): Promise<void> {
    const { journal, chain } = this.#ports;
    assert(journal !== undefined, "an engine that writes a journal was given one");
    let records: Uint8Array[] = [];
    for (const effect of effects) {
      if (effect.kind === "journal") records.push(effect.record);
      else if (effect.kind === "store-checkpoint")
        await chain.store.storeCheckpoint(effect.height, effect.certificate);
      else if (effect.kind === "rotate-journal") {
        records = []; // the engine carries over what still matters
        await journal.replace(effect.records);
      }
    }
    if (records.length > 0) await journal.append(records);
  }

  #perform(effect: Effect<M>): void {
    switch (effect.kind) {
      case "journal":
      case "rotate-journal":
      case "store-checkpoint":
      case "sign":
        return; // done before
      case "broadcast":
        return this.#broadcast(effect.message);
      case "send":
        return this.#ports.mail(effect.to, this.#encode(effect.message), MAIL_CONSENSUS);
      case "set-timer":
        return this.#setTimer(effect.timer, effect.delayMs);
      case "clear-timer":
        return this.#clearTimer(effect.name);
      case "build-block":
        return this.#builder.order(effect);
      case "check-block":
        return this.#checks.check(effect.block, effect.certified);
      case "import-block":
        return this.#import(effect.sealed);
      case "request-sync":
        return this.#ports.requestSync(effect.height);
      case "mine":
        return this.#ports.mine(effect.block);
      case "stop-mining":
        return this.#ports.stopMining();
      case "serve-blocks":
        return this.#ports.serveBlocks(effect.to, effect.fromHeight);
      case "relay-transaction":
        return this.#ports.relayTransaction(effect.to, effect.hash);
      case "end-epoch":
        return this.#endEpoch(effect.epoch);
      case "report-fault":
        return this.#ports.reportFault(effect.author, effect.evidence);
      case "announce":
        return this.#ports.announce(effect.event);
      default:
        return unreachable(effect);
    }
  }

  #broadcast(message: M): void {
    const { mail, readsCompact } = this.#ports;
    const bytes = this.#encode(message);
    const compact = this.#encodeCompact(message, bytes);
    for (const to of this.#consensus.validators.members.keys()) {
      if (to === this.#self) continue;
      if (compact !== undefined && readsCompact(to)) mail(to, compact, MAIL_COMPACT_PROPOSAL);
      else mail(to, bytes, MAIL_CONSENSUS);
    }
  }

  /** The short form of a message that is long enough, where it is shorter. */
  #encodeCompact(message: M, whole: Uint8Array): Uint8Array | undefined {
    const { compact: form } = this.#consensus.verifier;
    const { compactFromBytes, isFresh } = this.#ports;
    const block = whole.length < compactFromBytes ? undefined : form?.blockOf(message);
    if (block === undefined) return undefined;
    const bytes = form?.encode(message, isFresh);
    if (bytes === undefined || bytes.length >= whole.length) return undefined;
    this.#compact?.blocks.keep(this.#self ?? block.summary.proposer, block);
    return bytes;
  }

  #encode(message: M): Uint8Array {
    const bytes = this.#consensus.verifier.encode(message);
    count(this.counts.sent, message.type);
    return bytes;
  }

  #setTimer(timer: Timer, delayMs: number): void {
    this.#clearTimer(timer.name);
    const cancel = this.#ports.scheduler.after(delayMs, () => {
      this.#timers.delete(timer.name);
      this.input({ kind: "pool-changed", oldest: this.#ports.oldest() });
      this.input({ kind: "timer-fired", timer });
    });
    this.#timers.set(timer.name, {
      dueAtMs: this.#ports.scheduler.now() + delayMs,
      lengthMs: delayMs,
      cancel,
    });
  }

  #clearTimer(name: string): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }

  /**
   * Started, not awaited: the outcome is the head change. A refusal of a block that is final means we are wrong; one
   * that is not may have been overtaken, or taken away by the operator.
   */
  #import(sealed: SealedBlock): void {
    const { chain, log } = this.#ports;
    chain
      .importBlock(sealed)
      .then((result) => {
        if (result.kind === "imported") this.#ports.ownBlock(sealed.block, undefined);
        if (result.kind !== "invalid") return;
        const { code, detail } = result.fault;
        if (chain.mode.kind === "final") throw refusedHere(sealed.block, result);
        log.log("error", "chain", "own block refused", { fault: code, detail });
        this.#ports.ownBlock(sealed.block, result.fault);
        this.input({ kind: "own-block-refused", block: sealed.block });
      })
      .catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#compact?.stop();
    this.#ports.fatal(error);
  }

  #refuse(author: ValidatorId, type: string, code: string): void {
    count(this.counts.refused, `${type} ${code}`);
    this.#ports.budgets.noteRefused(author);
  }
}
