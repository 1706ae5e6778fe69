/**
 * One node of a run over all its lives: its disk, clock, crash trigger and Byzantine filters stay, the replica is opened anew
 * at each start. The replica is the shipped one; everything it touches is a port of this folder.
 */
import { must } from "../../base/assert.ts";
import { SILENT } from "../../base/log.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { RULES_KNOWN } from "../../chain/governance/rules-version.ts";
import type { ModuleLibrary } from "../../chain/modules/module-library.ts";
import type { SealedBlock } from "../../chain/types/block.ts";
import type { Transition } from "../../chain/types/transition.ts";
import type {
  ConsensusEngine,
  EngineHoldings,
  EngineSettings,
  EngineStatus,
  Parsed,
  Typed,
  ValidatorId,
} from "../../consensus/engine.ts";
import type { Signer } from "../../crypto/keys.ts";
import type { Miner, RumorTopic } from "../../node/ports.ts";
import { Replica } from "../../node/replica.ts";
import type { MiningOrder, ModuleFiles } from "../../node/replica-ports.ts";
import { SimDisk } from "./disk.ts";
import { FilteredNetwork } from "./filtered-network.ts";
import type { Misbehaviour } from "./misbehaviour.ts";
import type { Observer } from "./observer.ts";
import { CrashTrigger, Power } from "./power.ts";
import type { Random } from "./random.ts";
import type { CompactProposalsSpec, Crash, NodeId } from "./schedule.ts";
import type { SimNetwork, SimPort } from "./simulated-network.ts";
import { type ComputingCosts, Processor } from "./simulated-processor.ts";
import type { SkewedClock, VirtualTime } from "./time.ts";
import type { Trace } from "./trace.ts";
import type { World } from "./world.ts";

export interface SimNodeOptions {
  readonly id: NodeId;
  /** The validator that it is. Undefined for a full node, which has no key. */
  readonly validator: ValidatorId | undefined;
  readonly world: Pick<World, "validators" | "signatures"> & { readonly genesis: Genesis };
  readonly settings: EngineSettings;
  readonly syncIntervalMs: number;
  readonly crashes: readonly Crash[];
  /** Computing takes this long; no time at all if left out. */
  readonly computing?: ComputingCosts | undefined;
  /** Proposals of any length go out with hashes in place of transactions. */
  readonly compact?: CompactProposalsSpec | undefined;
  /** What mines in each life, and what it is told at its start, where blocks are mined. */
  readonly mining?: { readonly miner: () => Miner; readonly order: MiningOrder };
}

export interface NodePorts {
  readonly time: VirtualTime;
  readonly clock: SkewedClock;
  readonly network: SimNetwork;
  readonly random: Random;
  readonly trace: Trace;
  readonly emit: Required<Observer>;
  /** The node's own request to stop: a failed write or a contradiction. */
  readonly failed: (error: unknown) => void;
  /** An armed crash has come; power is still on. */
  readonly crashDue: (crash: Crash) => void;
  /** A life begins: the replica is open and not started. */
  readonly opened?: (replica: Replica) => void;
}

export class SimNode {
  readonly id: NodeId;
  readonly validator: ValidatorId | undefined;
  readonly signer: Signer | undefined;
  readonly clock: SkewedClock;
  readonly disk: SimDisk;
  readonly trigger: CrashTrigger;
  /** Undefined: computing takes no time. */
  readonly processor: Processor | undefined;
  /** The filters of a Byzantine node, which are set before its first start. */
  misbehaviours: readonly Misbehaviour[] = [];
  replica: Replica | undefined;
  /** Its journal is damaged: it runs without its key from now on. */
  observing = false;
  /** Its operator starts it as one that has lost its votes. */
  recoversAmnesia = false;
  /** Breaks of trust that its operator accepts, from the next life on. */
  transitions: readonly Transition[] = [];
  /** The highest rules that its program knows, from the next life on. */
  rulesKnown = RULES_KNOWN;
  /** The code that its program has, from the next life on: the world's if left out; and the files it comes from. */
  modules: { readonly code: ModuleLibrary; readonly files: ModuleFiles } | undefined;
  /** How many lives it has had. */
  lives = 0;
  readonly #options: SimNodeOptions;
  readonly #ports: NodePorts;
  #power: Power | undefined;
  #port: SimPort | undefined;
  #engine: ConsensusEngine<Parsed, Typed> | undefined;
  /** Height up to which observers know its ledger. */
  #emittedHeight = 0n;

  constructor(options: SimNodeOptions, ports: NodePorts) {
    const { id, validator, world } = options;
    this.id = id;
    this.validator = validator;
    this.signer = validator === undefined ? undefined : world.validators[validator];
    this.clock = ports.clock;
    this.#options = options;
    this.#ports = ports;
    const { computing } = options;
    this.processor = computing === undefined ? undefined : new Processor(ports.time, computing);
    this.trigger = new CrashTrigger(options.crashes, ports.crashDue);
    this.disk = new SimDisk({
      time: ports.time,
      random: ports.random.split("disk"),
      journaled: (records, rotated) => this.#journaled(records, rotated),
      written: () => ports.trace.note("written", ports.time.nowMs, id),
    });
  }

  get isUp(): boolean {
    return this.#power?.on === true;
  }

  /** Opens the replica on what the disk holds and starts it. */
  async start(): Promise<void> {
    const { time, trace, emit } = this.#ports;
    const power = new Power(this.trigger);
    this.#power = power;
    this.lives++;
    const { kv, journal } = this.disk.open(power);
    if (journal.state === "corrupt") this.observing = true;
    const signer = this.observing ? undefined : this.signer;
    trace.note("started", time.nowMs, this.id);
    emit.started(this.id, signer === undefined ? undefined : journal.records);
    try {
      const replica = await this.#open(kv, signer === undefined ? undefined : journal, power);
      if (!power.on) return;
      this.replica = replica;
      this.#emitMissed(replica);
      this.#listen(replica, power);
      this.#ports.opened?.(replica);
      await replica.start();
    } catch (error) {
      this.#failed(error, power);
      return;
    }
    if (power.on) for (const misbehaviour of this.misbehaviours) misbehaviour.started?.();
  }

  holdings(): EngineHoldings | undefined {
    return this.isUp ? this.#engine?.holdings?.() : undefined;
  }

  /** k of its engine. Undefined when it has none. */
  get attempt(): number | undefined {
    return this.#engine?.attempt;
  }

  /** Cuts the power now. What the replica still does in this turn has no effect. */
  cutPower(): void {
    const { replica } = this;
    if (this.#power !== undefined) this.#power.on = false;
    this.#ports.network.leave(this.id);
    this.processor?.reset();
    this.replica = undefined;
    void replica?.stop();
  }

  /** An orderly stop. */
  async stop(): Promise<void> {
    const { replica } = this;
    this.replica = undefined;
    await replica?.stop();
    if (this.#power !== undefined) this.#power.on = false;
  }

  /** The network as its last life saw it, or sees it. */
  get network(): SimPort | undefined {
    return this.#port;
  }

  /** Sends for the misbehaviour, past its filters. */
  mail(to: ValidatorId, packet: Uint8Array): void {
    this.#port?.mail(to, packet);
  }

  /** Sends for the misbehaviour, past its filters. */
  publish(topic: RumorTopic, bytes: Uint8Array): void {
    this.#port?.publish(topic, bytes);
  }

  /** Runs a task of the misbehaviour in this life. */
  after(delayMs: number, task: () => void): void {
    const power = this.#power;
    this.#ports.time.after(delayMs, () => {
      if (power?.on === true) task();
    });
  }

  #open(
    kv: Parameters<typeof Replica.open>[1]["kv"],
    journal: Parameters<typeof Replica.open>[1]["journal"],
    power: Power,
  ): Promise<Replica> {
    const { world, settings, syncIntervalMs, mining, compact } = this.#options;
    const random = this.#ports.random.split(`jitter ${this.lives}`);
    const { processor } = this;
    const port = this.#ports.network.port(this.id, power, processor);
    this.#port = port;
    return Replica.open(
      {
        genesis: this.modules === undefined ? world.genesis : { ...world.genesis, code: this.modules.code },
        signer: journal === undefined || this.signer === undefined ? undefined : this.#pays(this.signer),
        settings,
        syncIntervalMs,
        pool: { transactionsMax: 1_000, bytesMax: 1_000_000 },
        ...(mining === undefined ? {} : { mining: mining.order }),
        ...(compact === undefined ? {} : { compactProposals: { bytesMin: 0, ...compact } }),
        signatureRules: processor?.rules(world.signatures.rules) ?? world.signatures.rules,
        recoversAmnesia: this.recoversAmnesia,
        transitions: this.transitions,
        rulesKnown: this.rulesKnown,
        wrapEngine: (engine) => this.#wrap(engine, power),
      },
      {
        kv,
        journal,
        ...(mining === undefined ? {} : { miner: mining.miner() }),
        ...(this.modules === undefined ? {} : { modules: this.modules.files }),
        network: this.misbehaviours.length === 0 ? port : new FilteredNetwork(port, this),
        scheduler: {
          now: () => this.clock.now(),
          after: (delayMs, task) => (power.act() ? this.#timer(delayMs, task, power) : () => undefined),
        },
        log: SILENT,
        jitter: () => random.fraction(),
        fatal: (error) => this.#failed(error, power),
      },
    );
  }

  #timer(delayMs: number, task: () => void, power: Power): () => void {
    const fired = () => {
      if (power.on) task();
    };
    return this.clock.after(delayMs, () =>
      this.processor === undefined ? fired() : this.processor.fire(fired),
    );
  }

  #pays(signer: Signer): Signer {
    return this.processor?.signer(signer) ?? signer;
  }

  /** The adversary's filters inside, the observer outside: it sees what the driver will perform. */
  #wrap(engine: ConsensusEngine<Parsed, Typed>, power: Power): ConsensusEngine<Parsed, Typed> {
    let wrapped = engine;
    for (const { wrapEngine } of this.misbehaviours) wrapped = wrapEngine?.(wrapped) ?? wrapped;
    const { emit } = this.#ports;
    this.#engine = engine;
    // Checkers ask for it several times a step, and only a step changes it.
    let status: EngineStatus | undefined;
    return {
      wants: (parsed) => wrapped.wants(parsed),
      status: () => (status ??= wrapped.status()),
      step: (input) => {
        status = undefined;
        const effects = wrapped.step(input);
        if (power.on) emit.stepped(this.id, input, effects);
        return effects;
      },
    };
  }

  #listen({ events }: Replica, power: Power): void {
    const { emit, trace, time } = this.#ports;
    events.heads.subscribe(({ sealed, receipts }) => {
      if (!power.on) return;
      trace.note("committed", time.nowMs, this.id, undefined, sealed.block.hash);
      this.#emitCommitted(sealed, receipts);
    });
    events.engine.subscribe(({ event }) => {
      if (power.on) emit.announced(this.id, event);
    });
  }

  /** Blocks that became durable in the moment of a crash, before anybody was told. */
  #emitMissed({ chain }: Replica): void {
    for (let height = this.#emittedHeight + 1n; height <= chain.head.summary.height; height++) {
      const sealed = must(chain.sealedBlockAt(height), "blocks up to the head are in the store");
      const receipts = must(chain.store.receipts(sealed.block.hash), "every block has its receipts");
      this.#emitCommitted(sealed, receipts);
    }
  }

  #emitCommitted(sealed: SealedBlock, receipts: readonly Uint8Array[]): void {
    this.#emittedHeight = sealed.block.summary.height;
    this.#ports.emit.committed(this.id, sealed, receipts);
  }

  #journaled(records: readonly Uint8Array[], rotated: boolean): void {
    const { emit, trace, time } = this.#ports;
    for (const record of records)
      trace.note(rotated ? "rotated" : "journaled", time.nowMs, this.id, undefined, record);
    emit.journaled(this.id, records, rotated);
  }

  #failed(error: unknown, power: Power): void {
    if (power.on) this.#ports.failed(error);
  }
}
