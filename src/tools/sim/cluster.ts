/**
 * A cluster: n shipped replicas in one process on virtual time, over the ports of this folder. It starts, crashes and
 * restarts them, cuts and heals the network, and tells observers everything. What happens when is the schedule's
 * matter (run.ts) or a test's (virtual-devnet.ts).
 */
import { assert, must } from "../../base/assert.ts";
import type { Verdict } from "../../base/fault.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import type { EngineSettings, ValidatorId } from "../../consensus/engine.ts";
import { StartError } from "../../node/home/start-error.ts";
import type { RumorTopic } from "../../node/ports.ts";
import type { Replica } from "../../node/replica.ts";
import { Forger } from "./adversaries/forger.ts";
import { falseGossip } from "./adversaries/gossip.ts";
import { DiskFull } from "./disk.ts";
import type { MisbehaviourContext, MisbehaviourMaker } from "./misbehaviour.ts";
import { type CrashCause, emitToAll, type Observer } from "./observer.ts";
import { Random } from "./random.ts";
import type {
  AdversarySpec,
  ClockFault,
  CompactProposalsSpec,
  Crash,
  NetworkTiming,
  NodeId,
  Stranger,
} from "./schedule.ts";
import { SimNode } from "./sim-node.ts";
import { SimNetwork } from "./simulated-network.ts";
import type { ComputingCosts } from "./simulated-processor.ts";
import { SkewedClock, VirtualTime } from "./time.ts";
import { Trace } from "./trace.ts";
import type { World } from "./world.ts";

const KEY_OF_EACH = "every validator of the world has a key";

export interface ClusterOptions {
  readonly world: World;
  readonly seed: number | string;
  readonly settings: EngineSettings;
  readonly syncIntervalMs: number;
  readonly timing: NetworkTiming;
  /** Infinity: the network never settles. */
  readonly gstMs: number;
  /** Nodes without a key, after the validators and their twins. */
  readonly full?: number;
  /** The last nodes, without a key, and they lie. */
  readonly strangers?: readonly Stranger[];
  /** Crashes by action or by write; those by time are the caller's. */
  readonly crashes?: readonly Crash[];
  readonly clocks?: readonly ClockFault[];
  readonly adversaries?: readonly AdversarySpec[];
  /** Makes the filters of `adversaries`. */
  readonly misbehave?: MisbehaviourMaker;
  /** Whether replicas know what their peers tell of their heads. */
  readonly keepsHeights?: boolean | undefined;
  /** Hashes stand for transactions in proposals; whole blocks travel if left out. */
  readonly compact?: CompactProposalsSpec | undefined;
  /** Computing takes this long at each node; no time at all if left out. */
  readonly computing?: ComputingCosts | undefined;
}

export class Cluster {
  readonly world: World;
  readonly time = new VirtualTime();
  readonly trace = new Trace();
  readonly network: SimNetwork;
  readonly nodes: readonly SimNode[];
  /** Validators that need not keep the rules: adversaries, twins, and those whose journal was damaged. */
  readonly faulty = new Set<ValidatorId>();
  /** Nodes whose database has been younger than their journal, or whose home is an older copy. */
  readonly rolledBack = new Set<NodeId>();
  /** Nodes without a key that lie. */
  readonly strange = new Set<NodeId>();
  /** How a crash by the schedule goes on; the default stays down. */
  restartAfterCrash: (node: SimNode, crash: Crash) => void = () => undefined;
  /** What a node that failed by an injected fault does next; the default stays down. */
  restartAfterFailure: (node: SimNode) => void = () => undefined;
  /** A replica threw where none may. */
  broken: (error: unknown) => void = (error) => {
    throw error;
  };
  readonly #options: ClusterOptions;
  readonly #random: Random;
  readonly #emit: Required<Observer>;

  constructor(options: ClusterOptions, observers: readonly Observer[] = []) {
    this.#options = options;
    this.world = options.world;
    this.#random = new Random(options.seed);
    this.#emit = emitToAll(observers);
    const validators = this.#plan();
    this.network = new SimNetwork(
      {
        ...{ timing: options.timing, gstMs: options.gstMs, validators },
        keys: this.world.validators.map(({ publicKey }) => publicKey),
        keepsHeights: options.keepsHeights,
        readsCompact: options.compact !== undefined,
      },
      {
        time: this.time,
        trace: this.trace,
        random: this.#random.split("network"),
        emit: this.#emit,
        broken: (error) => this.broken(error),
      },
    );
    this.nodes = validators.map((validator, id) => this.#createNode(id, validator));
    for (const spec of options.adversaries ?? []) this.#corrupt(spec);
    for (const [index, stranger] of (options.strangers ?? []).entries()) this.#estrange(stranger, index);
  }

  /** Starts these nodes, or all that are down. They run once everything has settled, unless their disk is slow. */
  start(...ids: readonly NodeId[]): void {
    const nodes = ids.length === 0 ? this.nodes : ids.map((id) => this.node(id));
    // Not awaited: a node that crashes while it starts never ends starting.
    for (const node of nodes) if (!node.isUp) void node.start();
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) {
      if (!node.isUp) continue;
      await node.stop();
      this.#emit.crashed(node.id, "stop");
    }
  }

  node(id: NodeId): SimNode {
    const node = this.nodes[id];
    assert(node !== undefined, `there is no node ${id}, the last is ${this.nodes.length - 1}`);
    return node;
  }

  /** The replica of a node that is up. */
  replica(id: NodeId): Replica | undefined {
    return this.nodes[id]?.replica;
  }

  /** Cuts a node's power. Does nothing to a node that is down. @returns whether a record was torn */
  crash(id: NodeId, loss: { kept: number; torn: boolean } = { kept: 0, torn: false }): boolean {
    return this.#crash(this.node(id), loss, "schedule");
  }

  /** Changes a bit of the durable journal of a node that is down: from now on its validator counts as faulty. */
  flipBit(id: NodeId): boolean {
    const node = this.node(id);
    assert(!node.isUp, "a bit flips while the node is down");
    if (!node.disk.flipBit()) return false;
    if (node.validator !== undefined) this.faulty.add(node.validator);
    this.#emit.injected("flip");
    return true;
  }

  /** Hands a transaction to a node. undefined: it is down. */
  submit(id: NodeId, transaction: SignedTransaction): Verdict<SignedTransaction, string> | undefined {
    const { replica } = this.node(id);
    if (replica === undefined) return undefined;
    this.trace.note("submitted", this.time.nowMs, id, undefined, transaction.hash);
    const verdict = replica.submit(transaction.bytes);
    if (verdict.ok) this.#emit.accepted(id, transaction);
    return verdict;
  }

  /** Tells observers that a fault of the schedule was injected. */
  injected(kind: string): void {
    this.#emit.injected(kind);
  }

  /** The nodes whose validators keep the rules and have their keys, and the full nodes. */
  get correct(): readonly SimNode[] {
    return this.nodes.filter(({ id, observing }) => this.isCorrect(id) && !observing);
  }

  /** Asked dozens of times an event: no text is made of a node that is there. */
  isCorrect(id: NodeId): boolean {
    const { validator } = this.nodes[id] ?? this.node(id);
    return validator === undefined ? !this.strange.has(id) : !this.faulty.has(validator);
  }

  /** Which validator each node is; twins come after the validators, full nodes last. */
  #plan(): (ValidatorId | undefined)[] {
    const { world, adversaries = [], full = 0, strangers = [] } = this.#options;
    const twins = adversaries.filter(({ kind }) => kind === "twin").map(({ validator }) => validator);
    return [
      ...world.validators.keys(),
      ...twins,
      ...new Array<undefined>(full + strangers.length).fill(undefined),
    ];
  }

  #createNode(id: NodeId, validator: ValidatorId | undefined): SimNode {
    const { world, settings, syncIntervalMs, computing, compact, crashes = [] } = this.#options;
    const own = crashes.filter((crash) => crash.node === id);
    const node: SimNode = new SimNode(
      { id, validator, world, settings, syncIntervalMs, computing, compact, crashes: own },
      {
        time: this.time,
        clock: this.#createClock(id),
        network: this.network,
        random: this.#random.split(`node ${id}`),
        trace: this.trace,
        emit: this.#emit,
        failed: (error) => this.#failed(node, error),
        crashDue: (crash) => this.#crashDue(node, crash),
      },
    );
    return node;
  }

  #createClock(id: NodeId): SkewedClock {
    const skews = (this.#options.clocks ?? []).filter(({ node }) => node === id);
    const skew = skews.find(({ kind }) => kind === "skew");
    const error = skew?.kind === "skew" ? skew : { offsetMs: 0, drift: 0 };
    const clock = new SkewedClock(this.time, this.world.epochMs, error);
    if (skew !== undefined) this.time.at(0, () => this.#emit.injected("skew"));
    for (const jump of skews) {
      if (jump.kind !== "jump") continue;
      this.time.at(jump.atMs, () => {
        clock.jump(jump.byMs);
        this.#emit.injected("jump");
      });
    }
    return clock;
  }

  /** Puts the filters of an adversary before its node; twins are there already. */
  #corrupt(spec: AdversarySpec): void {
    this.faulty.add(spec.validator);
    this.time.at(spec.atMs, () => this.#emit.injected(spec.kind));
    const misbehaviour = this.#options.misbehave?.(spec, this.#contextOf(spec));
    const node = this.node(spec.validator);
    if (misbehaviour !== undefined) node.misbehaviours = [...node.misbehaviours, misbehaviour];
  }

  /** A liar without a key. */
  #estrange({ id, atMs, untilMs, everyMs }: Stranger, index: number): void {
    const { world, time } = this;
    const node = must(
      this.nodes.at(index - (this.#options.strangers ?? []).length),
      "strangers are the last nodes",
    );
    this.strange.add(node.id);
    const context = {
      random: this.#random.split(`stranger ${id}`),
      replica: () => node.replica,
      active: () => time.nowMs >= atMs && time.nowMs < untilMs,
      after: (delayMs: number, task: () => void) => node.after(delayMs, task),
      publish: (topic: RumorTopic, bytes: Uint8Array) => node.publish(topic, bytes),
    };
    time.at(atMs, () => this.#emit.injected("stranger"));
    node.misbehaviours = [falseGossip(context, { everyMs }, new Forger(world.genesis, world.genesisHash))];
  }

  #contextOf(spec: AdversarySpec): MisbehaviourContext {
    const { world, time } = this;
    const node = this.node(spec.validator);
    const accomplices = new Map(
      (this.#options.adversaries ?? []).map(({ validator }) => [
        validator,
        must(world.validators[validator], KEY_OF_EACH),
      ]),
    );
    return {
      node: node.id,
      validator: spec.validator,
      genesis: world.genesis,
      genesisHash: world.genesisHash,
      signer: must(world.validators[spec.validator], KEY_OF_EACH),
      accomplices,
      random: this.#random.split(`adversary ${spec.id}`),
      replica: () => node.replica,
      active: () => time.nowMs >= spec.atMs && time.nowMs < spec.untilMs,
      nowMs: () => time.nowMs,
      after: (delayMs, task) => node.after(delayMs, task),
      mail: (to, packet) => node.mail(to, packet),
      publish: (topic, bytes) => node.publish(topic, bytes),
      jumpClock: (byMs) => node.clock.jump(byMs),
    };
  }

  #crashDue(node: SimNode, crash: Crash): void {
    this.#emit.injected(`crash ${crash.when.kind}`);
    this.#crash(node, crash, "schedule");
    this.restartAfterCrash(node, crash);
  }

  #crash(node: SimNode, loss: { kept: number; torn: boolean }, cause: CrashCause): boolean {
    if (!node.isUp) return false;
    node.cutPower();
    const torn = node.disk.losePower(loss);
    if (torn) this.#emit.injected("torn");
    this.trace.note("crashed", this.time.nowMs, node.id);
    this.#emit.crashed(node.id, cause);
    return torn;
  }

  #failed(node: SimNode, error: unknown): void {
    const expected = isDiskFull(error);
    this.trace.note("fatal", this.time.nowMs, node.id);
    this.#emit.failed(node.id, error, expected);
    this.#crash(node, { kept: 0, torn: false }, "fatal");
    // A journal that lacks votes: the operator starts the node without its key, as the error says.
    if (error instanceof StartError) node.observing = true;
    if (expected || error instanceof StartError) this.restartAfterFailure(node);
  }
}

/** Whether an error says that the disk is full, also as the cause of what a layer above made of it. */
function isDiskFull(error: unknown): boolean {
  return error instanceof DiskFull || (error instanceof Error && isDiskFull(error.cause));
}
