/**
 * One run of a chain whose members change, from a seed: nodes join, leave and rotate their keys by votes, crash (also
 * at the barrier between two epochs), sleep through several of them, lose messages; Byzantine members vote in old
 * epochs, withhold their CHECKPOINTs, replay the certificates and proofs of possession that they have seen. After the
 * trouble everything must go on: all correct nodes reach the same epoch and height, and a member that is needed votes.
 */
import { must } from "../../../base/assert.ts";
import type { ConsensusEngine, Effect, Parsed, Typed, ValidatorId } from "../../../consensus/engine.ts";
import type { Misbehaviour } from "../misbehaviour.ts";
import { Random } from "../random.ts";
import type { AdversarySpec, NodeId } from "../schedule.ts";
import { EpochCheckers, type EpochViolation } from "./epoch-checkers.ts";
import { EpochNet } from "./epoch-net.ts";

export interface EpochRunOptions {
  readonly seed: number;
  /** Byzantine members beyond what the set survives: then a violation is to be found. */
  readonly tooMany?: boolean;
}

export interface EpochRunResult {
  readonly seed: number;
  readonly violations: readonly EpochViolation[];
  readonly epochs: number;
  readonly height: bigint;
  /** Seats that changed hands, approved and in force. */
  readonly changes: number;
  readonly virtualMs: number;
}

/** After this virtual time nothing more goes wrong, ms. */
const TROUBLE_MS = 9_000;
const DEADLINE_MS = 60_000;
/** Heights that everybody must gain when the trouble is over. */
const AFTERWARDS = 24n;

type AdversaryKind = "withholds" | "old-epochs" | "silent";
const ADVERSARIES: readonly AdversaryKind[] = ["withholds", "old-epochs", "silent"];

export async function runEpochs({ seed, tooMany = false }: EpochRunOptions): Promise<EpochRunResult> {
  const run = new EpochRun(seed, tooMany);
  return run.play();
}

class EpochRun {
  readonly #seed: number;
  readonly #random: Random;
  readonly #net: EpochNet;
  readonly #checkers: EpochCheckers;
  readonly #nodes: number;
  readonly #faulty: ReadonlySet<NodeId>;
  #height = 0n;

  constructor(seed: number, tooMany: boolean) {
    this.#seed = seed;
    this.#random = new Random(`epochs ${seed}`);
    const random = this.#random.split("shape");
    const members = random.integer(4, 7);
    this.#nodes = members + random.integer(1, 3);
    const survives = Math.floor((members - 1) / 3);
    const count = tooMany ? survives + 1 : random.integer(0, Math.min(1, survives));
    this.#faulty = new Set(Array.from({ length: count }, (_, i) => (seed + i) % members));
    const checkpointInterval = random.pick([2, 4]);
    const adversaries = [...this.#faulty].map((validator, i): AdversarySpec => {
      const place = { id: `a${i}`, validator, atMs: 0, untilMs: Number.MAX_SAFE_INTEGER };
      return { ...place, kind: "silent" } as AdversarySpec;
    });
    const kind = random.pick(ADVERSARIES);
    const options = {
      ...({ seed, nodes: this.#nodes, members, adversaries, signatures: "ideal" } as const),
      consensus: {
        checkpointInterval,
        logWindow: 2 * checkpointInterval,
        epochLength: checkpointInterval * random.integer(2, 5),
        pipelineDepth: random.pick([1, 1, 2, 4]),
        rotationInterval: random.pick([0, 2, 4]),
      },
      timing: { delayMsMax: random.pick([5, 20, 60]), tail: 0.05, tailMs: 400, settledDelayMsMax: 20 },
      gstMs: TROUBLE_MS,
      misbehave: () => misbehave(kind),
    };
    let checkers: EpochCheckers | undefined;
    const tell = () => must(checkers, "made with the cluster").observer;
    this.#net = new EpochNet(options, [
      {
        committed: (node, sealed, receipts) => {
          if (sealed.block.summary.height > this.#height) this.#height = sealed.block.summary.height;
          tell().committed?.(node, sealed, receipts);
        },
        sent: (node, to, packet) => tell().sent?.(node, to, packet),
        failed: (node, error, expected) => tell().failed?.(node, error, expected),
        announced: (node, event) => tell().announced?.(node, event),
      },
    ]);
    const { cluster } = this.#net;
    checkers = new EpochCheckers(this.#net.world, (node) => cluster.isCorrect(node));
    this.#checkers = checkers;
    cluster.broken = (error) => this.#fail("threw", undefined, String(error));
  }

  async play(): Promise<EpochRunResult> {
    this.#net.start();
    this.#plan();
    try {
      await this.#net.until(() => this.#isViolated, TROUBLE_MS);
      this.#heal();
      await this.#goOn();
    } catch (error) {
      this.#fail("threw", undefined, error instanceof Error ? String(error.stack) : String(error));
    }
    if (!this.#isViolated) this.#checkers.finish();
    const { membership } = this.#checkers;
    const { nowMs } = this.#net.cluster.time;
    await this.#net.cluster.stop();
    return {
      seed: this.#seed,
      violations: this.#checkers.violations,
      epochs: membership.epochs.length,
      height: this.#height,
      changes: membership.epochs.filter(({ members }, i) => {
        const before = membership.epochs[i - 1]?.members;
        return before !== undefined && keysOf(before) !== keysOf(members);
      }).length,
      virtualMs: nowMs,
    };
  }

  get #isViolated(): boolean {
    return this.#checkers.violations.length > 0;
  }

  /** Everything that happens before the trouble is over. */
  #plan(): void {
    const { time, network } = this.#net.cluster;
    const random = this.#random.split("plan");
    for (let atMs = 300; atMs < TROUBLE_MS - 500; atMs += random.integer(250, 900)) {
      time.at(atMs, () => this.#act(random));
    }
    for (let atMs = 100; atMs < TROUBLE_MS; atMs += 173) time.at(atMs, () => this.#vote());
    const [kind, atMs, lasts] = [
      random.pick(["loss", "partition", "sleep", "none"] as const),
      random.integer(500, 5_000),
      random.integer(500, 3_500),
    ];
    const untilMs = atMs + lasts;
    const one = random.integer(0, this.#nodes - 1);
    const others = Array.from({ length: this.#nodes }, (_, i) => i).filter((node) => node !== one);
    if (kind === "loss") network.schedule([{ id: "f0", kind, atMs, untilMs, probability: 0.15 }]);
    if (kind === "partition") {
      const half = this.#nodes >> 1;
      const groups = [others.slice(0, half), [...others.slice(half), one]];
      network.schedule([{ id: "f0", kind, atMs, untilMs, groups, hold: random.chance(0.5) }]);
    }
    if (kind === "sleep") {
      network.schedule([
        { id: "f0", kind: "partition", atMs, untilMs: TROUBLE_MS, groups: [others, [one]], hold: false },
      ]);
    }
  }

  #act(random: Random): void {
    const dice = random.fraction();
    if (dice < 0.45) this.#proposeSomething(random);
    else if (dice < 0.8) this.#crashSomebody(random);
    else this.#crashAtBarrier(random);
  }

  #proposeSomething(random: Random): void {
    const net = this.#net;
    if (net.cluster.nodes.every(({ isUp, replica }) => !isUp || replica === undefined)) return;
    const { members } = net.governance;
    const inside = this.#seated(members.map(({ publicKey }) => publicKey));
    const outside = Array.from({ length: this.#nodes }, (_, i) => i).filter((node) => !inside.includes(node));
    const by = random.pick(inside);
    const out = outside.length === 0 ? undefined : random.pick(outside);
    const dice = random.fraction();
    if (dice < 0.4 && out !== undefined) net.propose(by, net.add(out));
    else if (dice < 0.65 && members.length > 4) net.propose(by, net.remove(random.pick(inside)));
    else if (dice < 0.9 && out !== undefined) net.propose(by, net.replace(random.pick(inside), out));
    else {
      const { checkpointInterval } = net.world.genesis.consensus;
      const value = checkpointInterval * random.integer(2, 6);
      net.propose(by, { kind: "set", parameter: "epochLength", value });
    }
  }

  /** Members whose node is up vote for what is open. */
  #vote(): void {
    const net = this.#net;
    if (net.cluster.nodes.every(({ replica }) => replica === undefined)) return;
    const inside = this.#seated(net.governance.members.map(({ publicKey }) => publicKey));
    const open = net.openProposals;
    for (const proposal of open) {
      for (const node of inside) {
        if (proposal.votes.some(({ account }) => net.isAccountOf(node, account))) continue;
        // Below four members nobody could fail: correct operators do not agree to that.
        const leavesTooFew = proposal.change.kind === "remove" && net.governance.nextMembers.length <= 4;
        net.vote(node, proposal.id, !leavesTooFew);
      }
    }
  }

  /** World indices of the nodes that have these keys. */
  #seated(keys: readonly Uint8Array[]): ValidatorId[] {
    return keys.map((key) => this.#net.nodeOf(key));
  }

  #crashSomebody(random: Random): void {
    this.#crash(random.integer(0, this.#nodes - 1), random.integer(50, 2_500), random);
  }

  /** Crashes a node in the moment in which it has the last block of its epoch. */
  #crashAtBarrier(random: Random): void {
    const node = random.integer(0, this.#nodes - 1);
    const { time } = this.#net.cluster;
    const waitMs = random.integer(0, 12);
    const look = (): void => {
      if (time.nowMs > TROUBLE_MS - 500) return;
      const replica = this.#net.cluster.replica(node);
      const head = replica?.chain.head;
      const isThere = head !== undefined && replica?.voting.epoch === head.summary.epoch;
      if (isThere && this.#net.ends(head))
        time.after(waitMs, () => this.#crash(node, random.integer(50, 900), random));
      else time.after(3, look);
    };
    look();
  }

  #crash(node: NodeId, downMs: number, random: Random): void {
    const { cluster } = this.#net;
    const up = cluster.nodes.filter(({ isUp }) => isUp).length;
    if (up <= 2) return;
    cluster.crash(node, { kept: random.fraction(), torn: random.chance(0.3) });
    cluster.time.after(downMs, () => {
      if (!cluster.node(node).isUp) cluster.start(node);
    });
  }

  #heal(): void {
    const { cluster } = this.#net;
    cluster.network.heal();
    for (const node of cluster.nodes) if (!node.isUp) cluster.start(node.id);
  }

  async #goOn(): Promise<void> {
    const { cluster } = this.#net;
    const correct = cluster.nodes.filter(({ id }) => cluster.isCorrect(id));
    await this.#net.until(() => this.#isViolated, 500);
    if (this.#isViolated) return;
    const goal = this.#height + AFTERWARDS;
    const there = () =>
      this.#isViolated ||
      (correct.every(({ id }) => this.#net.height(id) >= goal) &&
        this.#inOneEpoch(correct.map(({ id }) => id)));
    if (await this.#net.until(there, DEADLINE_MS)) return;
    const where = correct.map(({ id, replica }) => {
      const status = replica?.engineStatus();
      const mode = status === undefined ? "no engine" : `view ${status.view} ${status.mode}`;
      return `node ${id}: height ${this.#net.height(id)}, epoch ${replica?.voting.epoch}, ${mode}`;
    });
    this.#fail("liveness", undefined, `not at ${goal} in time: ${where.join("; ")}`);
  }

  #inOneEpoch(nodes: readonly NodeId[]): boolean {
    const epochs = nodes.map((node) => this.#net.cluster.replica(node)?.voting.epoch);
    return epochs.every(
      (epoch) => epoch !== undefined && epoch + 1n >= this.#checkers.membership.current.epoch,
    );
  }

  #fail(checker: string, node: NodeId | undefined, detail: string): void {
    (this.#checkers.violations as EpochViolation[]).push({ checker, node, detail });
  }
}

function keysOf(members: readonly { readonly key: string }[]): string {
  return members.map(({ key }) => key).join(" ");
}

/** What a Byzantine member does, through all epochs. */
function misbehave(kind: AdversaryKind): Misbehaviour {
  if (kind === "silent") return { outgoing: () => [] };
  if (kind === "withholds") {
    return {
      wrapEngine: (engine) => filtered(engine, (effect) => !isCheckpoint(effect)),
    };
  }
  const kept: { readonly to: ValidatorId; readonly packet: Uint8Array }[] = [];
  return {
    // Every message of its own it sends again later, whatever epoch it is by then.
    outgoing: (to, packet) => {
      if (kept.length < 400) kept.push({ to, packet });
      const old = kept[(kept.length * 7919) % kept.length] ?? { to, packet };
      const index = (packet.length + kept.length * 31) % kept.length;
      return [{ to, packet }, kept[index] ?? old];
    },
  };
}

function isCheckpoint(effect: Effect<Typed>): boolean {
  return (effect.kind === "broadcast" || effect.kind === "send") && effect.message.type === "checkpoint";
}

function filtered(
  engine: ConsensusEngine<Parsed, Typed>,
  passes: (effect: Effect<Typed>) => boolean,
): ConsensusEngine<Parsed, Typed> {
  return {
    wants: (parsed) => engine.wants(parsed),
    awaits: (author, start, bytes) => engine.awaits?.(author, start, bytes) ?? true,
    status: () => engine.status(),
    step: (input) => engine.step(input).filter(passes),
  };
}
