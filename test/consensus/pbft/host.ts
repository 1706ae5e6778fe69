/**
 * A driver in miniature around one engine: performs effects in order, keeps a journal that loses what was not
 * synced, a chain that is one array, and can be crashed after any effect. What takes time (mail, timers, builds,
 * checks, imports) is handed to the world, which decides when it happens, or that it does not.
 */
import { asHash, compareBytes, equalBytes, type Hash, hex } from "../../../src/base/bytes.ts";
import type { SealedBlock } from "../../../src/chain/types/block.ts";
import {
  type Block,
  type BlockHead,
  decodeSealedBlock,
  encodeSealedBlock,
} from "../../../src/chain/types/block.ts";
import type { Effect, EngineSettings, Head, Input, Timer } from "../../../src/consensus/engine.ts";
import type { PbftEngine } from "../../../src/consensus/pbft/engine.ts";
import type { ParsedMessage } from "../../../src/consensus/pbft/message-bytes.ts";
import type { PbftMessage } from "../../../src/consensus/pbft/message-verifier.ts";
import { buildBlock, type Fixture, NO_BRANCH, nextStateRoot, workAbove } from "./fixture.ts";

export interface World {
  readonly fixture: Fixture;
  readonly settings: EngineSettings;
  /** Milliseconds for the blocks' times. */
  now(): number;
  /** There is work for blocks up to this height. */
  readonly targetHeight: bigint;
  mail(from: number, to: number, bytes: Uint8Array, message: PbftMessage): void;
  /** A timer runs; an earlier one of its name does not. */
  timer(host: Host, timer: Timer, delayMs: number): void;
  clearTimer(host: Host, name: string): void;
  /** Local work that takes a moment and dies with the process. */
  local(host: Host, what: string, task: () => void): void;
  serve(from: number, to: number, fromHeight: bigint): void;
  sync(host: Host, height: bigint): void;
  observe(host: Host, effect: Effect<PbftMessage>): void;
  /** No signature came. */
  lost?(host: Host): void;
}

const CAN_BE_LONG: ReadonlySet<string> = new Set(["pre-prepare", "block", "view-change", "new-view"]);

export interface Disk {
  journal: Uint8Array[];
  /** By height; block 0 has an empty seal. */
  chain: SealedBlock[];
  checkpoint: Uint8Array | undefined;
}

export function headOf({ hash, summary }: BlockHead): Head {
  const { height, stateRoot, nextValidatorsHash } = summary;
  return { height, hash, stateRoot, nextValidatorsHash };
}

export class Host {
  readonly id: number;
  readonly world: World;
  readonly disk: Disk;
  engine: PbftEngine | undefined = undefined;
  /** Counts starts: what an earlier process had begun dies with it. */
  incarnation = 0;
  /** Effects performed since the first start. */
  effects = 0;
  /** Crash after this many effects. */
  crashAfter: number | undefined = undefined;
  /** Whether a crash keeps the records that were written and not synced. */
  keepsUnsynced = false;
  /** Makes a verdict wrong on purpose. */
  refuses: (block: Block) => boolean = () => false;
  /** Who signs when the engine has no key of its own; undefined for a refusal, "lost" for an answer that never comes. */
  key: ((message: Uint8Array) => Uint8Array | undefined | "lost") | undefined = undefined;
  /** A state root that disk corruption has changed. */
  corruptState = false;
  #unsynced: Uint8Array[] = [];
  readonly #executed = new Map<string, BlockHead>();

  constructor(id: number, world: World) {
    this.id = id;
    this.world = world;
    const seal = new Uint8Array(0);
    this.disk = { journal: [], chain: [{ block: world.fixture.block0, seal }], checkpoint: undefined };
  }

  get tip(): Block {
    return this.disk.chain.at(-1)!.block;
  }

  get height(): bigint {
    return this.tip.summary.height;
  }

  start(): void {
    const { fixture, settings } = this.world;
    this.incarnation++;
    this.#executed.clear();
    this.engine = fixture.consensus.createEngine({
      self: this.id,
      signer: this.key === undefined ? fixture.signers[this.id]! : "asked",
      settings,
    });
    const { journal, chain, checkpoint } = this.disk;
    const recent = chain
      .slice(1)
      .slice(-fixture.consensus.recentHeads)
      .map(({ block, seal }) => ({ head: block, seal }));
    this.step({ kind: "started", head: this.#head(), journal: [...journal], checkpoint, recent });
    this.reportPending();
  }

  crash(): void {
    this.engine = undefined;
    this.incarnation++;
    if (this.keepsUnsynced) this.disk.journal.push(...this.#unsynced);
    this.#unsynced = [];
  }

  receive(bytes: Uint8Array): void {
    const { verifier } = this.world.fixture.consensus;
    const parsed = verifier.parse(bytes);
    if (!parsed.ok) throw new Error(parsed.fault.detail);
    if (this.engine?.wants(parsed.value) !== true) return;
    this.#expectAwaited(parsed.value, bytes);
    const message = verifier.verify(parsed.value);
    if (!message.ok) throw new Error(message.fault.detail);
    this.step({ kind: "message-received", message: message.value });
  }

  /** What is wanted whole must be read on by its first bytes, should it be long. */
  #expectAwaited({ type, from }: ParsedMessage, bytes: Uint8Array): void {
    if (!CAN_BE_LONG.has(type) || this.engine?.awaits(from, bytes.slice(0, 119), bytes.length)) return;
    throw new Error(`a ${type} of ${from} is wanted and would not be read on`);
  }

  step(input: Input<PbftMessage>): void {
    if (this.engine === undefined) return;
    const { incarnation } = this;
    for (const effect of this.engine.step(input)) {
      if (effect.kind === "sign") return this.#ask(effect.message);
      this.#perform(effect);
      this.world.observe(this, effect);
      // A crash after an announcement is one after the effect before it.
      if (effect.kind !== "announce" && ++this.effects === this.crashAfter) this.crash();
      if (this.incarnation !== incarnation) return;
    }
  }

  /** Without an answer the engine is given up, as in a crash, and begins anew from its journal. */
  #ask(message: Uint8Array): void {
    const signature = this.key?.(message);
    if (signature !== "lost") return this.step({ kind: "signed", signature });
    this.crash();
    this.world.lost?.(this);
  }

  /** One transaction per height up to the target: each block takes the oldest. */
  reportPending(): void {
    const oldest = this.height < this.world.targetHeight ? workAbove(this.height) : undefined;
    this.step({ kind: "pool-changed", oldest });
  }

  /** The one way into the chain: the seal is verified, heights come in order. */
  import(sealed: SealedBlock): void {
    const { fixture } = this.world;
    const { block } = sealed;
    if (block.summary.height !== this.height + 1n) return;
    if (!equalBytes(block.header.previousHash, this.tip.hash))
      throw new Error("a sealed block off the chain");
    const bad =
      fixture.consensus.rules.checkHead(this.tip, block, NO_BRANCH) ??
      fixture.consensus.rules.verifySeal(block, sealed.seal);
    if (bad !== undefined) throw new Error(bad.detail);
    this.disk.chain.push(sealed);
    this.step({ kind: "head-changed", head: this.#head(), sealed: { head: block, seal: sealed.seal } });
    this.reportPending();
  }

  /** What a peer sends for serve-blocks or a sync, as bytes. */
  importBytes(bytes: Uint8Array): void {
    const sealed = decodeSealedBlock(bytes, this.world.fixture.genesis.limits);
    if (!sealed.ok) throw new Error(sealed.fault.detail);
    this.import(sealed.value);
  }

  blocksFrom(height: bigint): Uint8Array[] {
    return this.disk.chain.slice(Number(height), Number(height) + 16).map(encodeSealedBlock);
  }

  #head(): Head {
    const head = headOf(this.tip);
    return this.corruptState ? { ...head, stateRoot: asHash(new Uint8Array(32).fill(0xbd)) } : head;
  }

  #perform(effect: Effect<PbftMessage>): void {
    const { world } = this;
    switch (effect.kind) {
      case "journal":
        this.#unsynced.push(effect.record);
        return;
      case "rotate-journal":
        this.#sync();
        this.disk.journal = [...effect.records];
        return;
      case "store-checkpoint":
        this.disk.checkpoint = effect.certificate;
        return;
      case "broadcast":
        this.#sync();
        this.#mail(world.fixture.signers.keys(), effect.message);
        return;
      case "send":
        this.#sync();
        this.#mail([effect.to], effect.message);
        return;
      case "set-timer":
        world.timer(this, effect.timer, effect.delayMs);
        return;
      case "clear-timer":
        world.clearTimer(this, effect.name);
        return;
      case "build-block":
        world.local(this, "build", () => this.#build(effect.parent, effect.allowEmpty));
        return;
      case "check-block":
        world.local(this, "check", () => this.#check(effect.block));
        return;
      case "import-block":
        this.#sync();
        world.local(this, "import", () => this.import(effect.sealed));
        return;
      case "request-sync":
        world.sync(this, effect.height);
        return;
      case "serve-blocks":
        world.serve(this.id, effect.to, effect.fromHeight);
        return;
      case "report-fault":
      case "announce":
        return;
    }
  }

  #mail(receivers: Iterable<number>, message: PbftMessage): void {
    const bytes = this.world.fixture.consensus.verifier.encode(message);
    for (const to of receivers) if (to !== this.id) this.world.mail(this.id, to, bytes, message);
  }

  #sync(): void {
    this.disk.journal.push(...this.#unsynced);
    this.#unsynced = [];
  }

  #parent(hash: Uint8Array): BlockHead | undefined {
    if (equalBytes(this.tip.hash, hash)) return this.tip;
    return this.#executed.get(hex(hash));
  }

  #build(hash: Hash, allowEmpty: boolean): void {
    const parent = this.#parent(hash);
    if (parent === undefined) return;
    if (parent.summary.height >= this.world.targetHeight && !allowEmpty) {
      this.step({ kind: "nothing-to-build", parent: hash });
      return;
    }
    const time = this.world.fixture.genesis.timeMs + BigInt(this.world.now());
    const block = buildBlock(this.world.fixture, parent, this.id, time);
    this.#executed.set(hex(block.hash), block);
    this.step({ kind: "block-built", parent: hash, block });
  }

  #check(block: Block): void {
    const parent = this.#parent(block.header.previousHash);
    if (parent === undefined) return;
    const expected = nextStateRoot(parent, block.summary.timeMs);
    const bad =
      this.world.fixture.consensus.rules.checkHead(parent, block, NO_BRANCH) !== undefined ||
      compareBytes(expected, block.summary.stateRoot) !== 0 ||
      this.refuses(block);
    if (!bad) this.#executed.set(hex(block.hash), block);
    this.step({ kind: "block-checked", hash: block.hash, verdict: bad ? "invalid" : "valid" });
  }
}
