/**
 * One run of a chain that loses more than f validators for good, from a seed: members may change before, the loss comes at any moment or
 * at the end of an epoch, and those who are left go on by a transition. Nodes accept it one after the other, crash, lose messages; one is not told;
 * some that were gone come back. In some runs there are two files for one height, and operators try both. What must hold is
 * in epoch-checkers.ts; when the trouble is over whoever has accepted it must go on, if they are a quorum.
 */
import { must } from "../../../base/assert.ts";
import { equalBytes, hex0x } from "../../../base/bytes.ts";
import { type Transition, transitionId, transitionSigningBytes } from "../../../chain/types/transition.ts";
import { endsEpoch, plainEpochOn } from "../../../chain/types/validator-set.ts";
import type { ValidatorId } from "../../../consensus/engine.ts";
import { createSigner } from "../../../crypto/keys.ts";
import { COMMIT, NEW_VIEW, PRE_PREPARE, PREPARE, VIEW_CHANGE } from "../checkers/raw-bytes.ts";
import { typeOfPacket } from "../checkers/raw-messages.ts";
import type { Observer } from "../observer.ts";
import { Random } from "../random.ts";
import type { NodeId } from "../schedule.ts";
import { EpochCheckers, readEpoch, votesThatDecide } from "./epoch-checkers.ts";
import { EpochNet } from "./epoch-net.ts";
import type { EpochRunResult } from "./epoch-run.ts";

/** After so many ms behind the transition nothing more goes wrong. */
const TROUBLE_MS = 6_000;
const DEADLINE_MS = 60_000;
/** Heights that must be gained when the trouble is over. */
const AFTERWARDS = 24n;

/** Messages that are votes, or stand on votes. */
const BINDING: ReadonlySet<number> = new Set([PRE_PREPARE, PREPARE, COMMIT, VIEW_CHANGE, NEW_VIEW]);

export async function runTransition({ seed }: { readonly seed: number }): Promise<EpochRunResult> {
  return new TransitionRun(seed).play();
}

class TransitionRun {
  readonly #seed: number;
  readonly #random: Random;
  readonly #net: EpochNet;
  readonly #checkers: EpochCheckers;
  readonly #members: number;
  readonly #nodes: number;
  /** The nodes that are not trusted with anything any more: gone for good, whatever they had final. */
  readonly #gone = new Set<NodeId>();
  /** Highest block that a node has told of. */
  readonly #heights = new Map<NodeId, bigint>();
  /** What each node was first told to accept; it takes no other. */
  readonly #accepted = new Map<NodeId, Transition>();
  #file: Transition | undefined;
  /** The transition under which a node has voted from its epoch on. */
  readonly #sides = new Map<NodeId, string>();
  readonly #returned = new Set<NodeId>();
  #isDatabaseLost = false;
  /** Their start is to be refused: they try a second file. */
  readonly #trying = new Set<NodeId>();

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new Random(`transitions ${seed}`);
    const random = this.#random.split("shape");
    this.#members = random.integer(4, 7);
    this.#nodes = this.#members + random.integer(1, 3);
    const checkpointInterval = random.pick([2, 4]);
    const options = {
      ...({ seed, nodes: this.#nodes, members: this.#members, signatures: "ideal" } as const),
      consensus: {
        checkpointInterval,
        logWindow: 2 * checkpointInterval,
        epochLength: checkpointInterval * random.integer(2, 5),
        pipelineDepth: random.pick([1, 1, 2, 4]),
        rotationInterval: random.pick([0, 2, 4]),
      },
      timing: { delayMsMax: random.pick([5, 20, 60]), tail: 0.05, tailMs: 400, settledDelayMsMax: 20 },
    };
    let checkers: EpochCheckers | undefined;
    const emit = () => must(checkers, "made with the cluster").observer;
    const observer: Observer = {
      committed: (node, sealed, receipts) => {
        const { height, epoch } = sealed.block.summary;
        this.#heights.set(node, height);
        // It was final there alone when the power went: lost, as a transition says.
        if (this.#file !== undefined && height > this.#file.height && epoch < this.#file.epoch)
          this.#gone.add(node);
        if (!this.#gone.has(node)) emit().committed?.(node, sealed, receipts);
      },
      sent: (node, to, packet) => {
        this.#spoke(node, packet);
        // A chain of its own, with members and epochs of its own: the checkers know the other one.
        if (!this.#gone.has(node)) emit().sent?.(node, to, packet);
      },
      failed: (node, error, expected) => {
        // What it has final on the other side keeps it from accepting.
        if (this.#gone.has(node)) return;
        // What its disk had final above H keeps it from accepting: it stays gone.
        if (this.#returned.has(node)) this.#gone.add(node);
        // A quorum went by the other file: whoever has accepted this one stops, and says so.
        else if (String(error).includes("these are two chains")) this.#gone.add(node);
        else if (!this.#trying.has(node)) emit().failed?.(node, error, expected);
      },
      announced: (node, event) => emit().announced?.(node, event),
    };
    this.#net = new EpochNet(options, [observer]);
    for (const { disk } of this.#net.cluster.nodes) disk.remember();
    checkers = new EpochCheckers(this.#net.world, () => true);
    this.#checkers = checkers;
    this.#net.cluster.broken = (error) => this.#fail("threw", String(error));
  }

  async play(): Promise<EpochRunResult> {
    this.#net.start();
    try {
      await this.#before();
      const files = await this.#lose();
      if (!this.#isViolated) await this.#goOnBy(files);
    } catch (error) {
      this.#fail("threw", error instanceof Error ? String(error.stack) : String(error));
    }
    if (!this.#isViolated) this.#checkers.finish();
    const { epochs } = this.#checkers.membership;
    const { nowMs } = this.#net.cluster.time;
    await this.#net.cluster.stop();
    const heights = [...this.#heights.values()];
    const height = heights.reduce((a, b) => (a > b ? a : b), 0n);
    const { violations } = this.#checkers;
    return { seed: this.#seed, violations, epochs: epochs.length, height, changes: 1, virtualMs: nowMs };
  }

  get #isViolated(): boolean {
    return this.#checkers.violations.length > 0;
  }

  /** Some blocks, often with a change of members under way when the loss comes. */
  async #before(): Promise<void> {
    const random = this.#random.split("before");
    const net = this.#net;
    const ready = () => this.#isViolated || net.height(0) >= BigInt(random.integer(1, 3));
    await net.until(ready, DEADLINE_MS);
    if (random.chance(0.6)) {
      net.propose(0, net.add(this.#members));
      for (let voter = 1; voter <= this.#members >> 1; voter++)
        net.cluster.time.after(random.integer(100, 900), () => net.vote(voter, 1n));
    }
    await net.until(() => this.#isViolated, random.integer(100, 4_000));
    if (!random.chance(0.4)) return;
    // The loss comes when somebody has the last block of an epoch.
    const ends = () =>
      net.cluster.nodes.some(({ replica }) => replica && endsEpoch(replica.chain.head.summary));
    await net.until(() => this.#isViolated || ends(), DEADLINE_MS);
    await net.until(() => this.#isViolated, random.integer(1, 30));
  }

  /**
   * Where those that were gone come back as a quorum, there are two chains, and epochs of one number on both. What keeps their
   * votes apart is that nobody correct votes on both.
   */
  #spoke(node: NodeId, packet: Uint8Array): void {
    const type = typeOfPacket(packet);
    // A CHECKPOINT says what was executed, a STATUS where it is: neither binds.
    if (this.#file === undefined || type === undefined || !BINDING.has(type)) return;
    if (readEpoch(packet) < this.#file.epoch) return;
    const [accepted] = this.#net.cluster.node(node).transitions;
    const side = accepted === undefined ? "none" : hex0x(transitionId(accepted));
    const before = this.#sides.get(node);
    this.#sides.set(node, side);
    if (before === undefined || before === side) return;
    const detail = `voted in epoch ${readEpoch(packet)} under the transition ${side}, before: ${before}`;
    this.#checkers.violations.push({ checker: "both-sides", node, detail });
  }

  /**
   * Takes more than f members away. Those who are left bring each other to one height. @returns the files for
   * it: one, or two
   */
  async #lose(): Promise<readonly Transition[]> {
    const random = this.#random.split("loss");
    const net = this.#net;
    const seated = net.governance.members.map(({ publicKey }) => net.nodeOf(publicKey));
    const tooMany = seated.length - votesThatDecide(seated.length) + 1;
    const order = shuffled(seated, random);
    for (const node of order.slice(0, random.integer(tooMany, seated.length - 1))) {
      this.#gone.add(node);
      net.cluster.crash(node, { kept: random.fraction(), torn: random.chance(0.3) });
    }
    await net.until(() => this.#isViolated, 6_000);
    const left = this.#left();
    const top = left.map((node) => net.height(node)).reduce((a, b) => (a > b ? a : b));
    const even = () => this.#isViolated || left.every((node) => net.height(node) === top);
    if (!(await net.until(even, DEADLINE_MS))) this.#fail("liveness", "those who are left differ in height");
    const { chain, voting } = net.first;
    const { head } = chain;
    const epoch = plainEpochOn(head);
    const replaced = must(net.first.consensus.changing?.epochs.setOf(epoch) ?? voting.validators, "a set");
    const signers = replaced.members
      .map((member) => net.nodeOf(member.publicKey))
      .filter((node) => left.includes(node));
    const newcomers = left.filter((node) => !signers.includes(node));
    const joining = newcomers.slice(0, random.integer(0, newcomers.length));
    const fields = {
      genesisHash: net.world.genesisHash,
      epoch: epoch + 1n,
      height: head.summary.height,
      parentHash: head.hash,
      signaturesNeeded: signers.length,
      members: [...signers, ...joining].map((node) => this.#seatOf(node)),
    };
    const reasons = random.chance(0.4) ? ["one operator's", "another operator's"] : ["gone for good"];
    return reasons.map((reason) => this.#sign({ ...fields, reason }, signers));
  }

  /** A key that took a seat over has another's account. */
  #seatOf(node: NodeId): Transition["members"][number] {
    const own = this.#net.member(node);
    return this.#net.governance.members.find(({ publicKey }) => equalBytes(publicKey, own.publicKey)) ?? own;
  }

  #sign(fields: Omit<Transition, "signatures">, by: readonly ValidatorId[]): Transition {
    const message = transitionSigningBytes(transitionId(fields));
    const signatures = by.map((node) => {
      const { seed } = must(this.#net.world.plan.validators[node], "the node has a key");
      const { publicKey, sign } = createSigner(seed);
      return { account: publicKey, signature: sign(message) };
    });
    return { ...fields, signatures };
  }

  #left(): NodeId[] {
    return Array.from({ length: this.#nodes }, (_, node) => node).filter((node) => !this.#gone.has(node));
  }

  async #goOnBy(files: readonly Transition[]): Promise<void> {
    const random = this.#random.split("after");
    const { cluster } = this.#net;
    const { time, network } = cluster;
    const [file] = files;
    this.#file = file;
    const { height } = must(file, "there is one");
    this.#checkers.expectTransition(files, (node) => this.#accepted.has(node));
    const left = shuffled(this.#left(), random);
    // One is not told; what the chain had above H it may get from whoever comes back with it, and nothing else.
    if (left.length > 2 && random.chance(0.3)) left.pop();
    const now = time.nowMs;
    for (const node of left)
      time.after(random.integer(0, 2_500), () => this.#accept(node, random.pick(files)));
    for (let i = random.integer(0, 4); i > 0; i--)
      time.after(random.integer(500, TROUBLE_MS - 1_000), () => this.#crash(random.pick(left), random));
    if (files.length > 1)
      for (let i = random.integer(1, 6); i > 0; i--)
        time.after(random.integer(300, TROUBLE_MS - 500), () =>
          this.#tryOther(random.pick(left), files, random),
        );
    // Who comes back with nothing above H may follow; it has no seat any more.
    for (const node of this.#gone)
      if ((this.#heights.get(node) ?? 0n) <= height && random.chance(0.5))
        time.after(random.integer(500, TROUBLE_MS), () => {
          this.#gone.delete(node);
          this.#returned.add(node);
          if (random.chance(0.5)) this.#accept(node, must(files[0], "there is one"));
          else cluster.start(node);
        });
    if (random.chance(0.5))
      network.schedule([{ id: "f0", kind: "loss", atMs: now, untilMs: now + TROUBLE_MS, probability: 0.15 }]);
    await this.#net.until(() => this.#isViolated, TROUBLE_MS + 1_000);
    network.heal();
    for (const node of this.#left()) if (!cluster.node(node).isUp) this.#restart(node);
    await this.#gain(files);
  }

  #accept(node: NodeId, file: Transition): void {
    if (!this.#accepted.has(node)) this.#accepted.set(node, file);
    this.#net.cluster.crash(node, { kept: 1, torn: false });
    this.#restart(node);
  }

  /** Starts a node as it was started last. */
  #restart(node: NodeId): void {
    const { cluster } = this.#net;
    const file = this.#accepted.get(node);
    cluster.node(node).transitions = file === undefined ? [] : [file];
    cluster.node(node).observing = false;
    cluster.start(node);
  }

  #crash(node: NodeId, random: Random): void {
    if (this.#trying.has(node)) return;
    const { cluster } = this.#net;
    cluster.crash(node, { kept: random.fraction(), torn: random.chance(0.3) });
    cluster.time.after(random.integer(50, 900), () => {
      if (!cluster.node(node).isUp && !this.#trying.has(node)) this.#restart(node);
    });
  }

  /**
   * Its operator has got the other file as well, and one operator has lost the database. The node must refuse it if it may have voted;
   * then it is started as before.
   */
  #tryOther(node: NodeId, files: readonly Transition[], random: Random): void {
    const { cluster } = this.#net;
    const first = this.#accepted.get(node);
    const other = files.find((file) => file !== first);
    if (first === undefined || other === undefined || this.#trying.has(node)) return;
    if (!cluster.node(node).isUp) return;
    this.#trying.add(node);
    cluster.crash(node, { kept: 1, torn: false });
    // Where fewer hold each block it could be lost for good, and nobody would be at fault.
    if (!this.#isDatabaseLost && first.members.length >= 4 && random.chance(0.7)) {
      this.#isDatabaseLost = true;
      cluster.node(node).disk.rollBack(Number.POSITIVE_INFINITY);
    }
    cluster.node(node).transitions = [other];
    cluster.start(node);
    cluster.time.after(random.integer(400, 2_500), () => {
      this.#trying.delete(node);
      // The note of the first was lost, and its key had not voted under it: then it may.
      const { isUp, transitions } = cluster.node(node);
      const takesOther = isUp && cluster.replica(node) !== undefined && transitions[0] === other;
      if (takesOther) this.#accepted.set(node, other);
      cluster.crash(node, { kept: 1, torn: false });
      this.#restart(node);
    });
  }

  /** Those who have accepted one file go on if they are a quorum of its set. */
  async #gain(files: readonly Transition[]): Promise<void> {
    if (this.#isViolated) return;
    const net = this.#net;
    for (const file of files) {
      const those = [...this.#accepted]
        .filter(([node, accepted]) => accepted === file && !this.#gone.has(node))
        .map(([node]) => node);
      const keys = those.map((node) => net.member(node).publicKey);
      const seated = file.members.filter(({ publicKey }) => keys.some((key) => equalBytes(key, publicKey)));
      const n = file.members.length;
      if (seated.length < votesThatDecide(n)) continue;
      const goal = file.height + AFTERWARDS;
      const there = () => this.#isViolated || those.every((node) => net.height(node) >= goal);
      if (await net.until(there, DEADLINE_MS)) continue;
      const where = those.map((node) => `node ${node} at ${net.height(node)}`).join(", ");
      this.#fail("liveness", `behind ${file.height} by ${hex0x(transitionId(file))}: ${where}`);
    }
  }

  #fail(checker: string, detail: string): void {
    this.#checkers.violations.push({ checker, node: undefined, detail });
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, key: random.fraction() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
