/**
 * One run of a chain whose members change, from a seed: nodes join, leave and rotate their keys by votes, crash (also
 * at the barrier between two epochs), sleep through several of them, lose messages; Byzantine members vote in old
 * epochs, withhold their CHECKPOINTs, replay the certificates and proofs of possession that they have seen. After the
 * trouble everything must go on: all correct nodes reach the same epoch and height, and a member that is needed votes.
 *
 * This folder: runs in which the members change: their network, adversaries, checkers, and transitions. Not here: runs
 * with fixed members (tools/sim).
 */
import { must } from "../../../base/assert.ts";
import { endsEpoch } from "../../../chain/types/validator-set.ts";
import type { ValidatorId } from "../../../consensus/engine.ts";
import { Random } from "../random.ts";
import type { AdversarySpec, NodeId } from "../schedule.ts";
import { EPOCH_ADVERSARIES, falseNewcomer, misbehave } from "./epoch-adversaries.ts";
import { EpochCheckers, type EpochViolation } from "./epoch-checkers.ts";
import { EpochNet, type EpochNetOptions } from "./epoch-net.ts";
import { type EpochScale, WHOLE } from "./epoch-scale.ts";

export interface EpochRunOptions {
  readonly seed: number;
  /** Byzantine members beyond what the set survives: then a violation is to be found. */
  readonly tooMany?: boolean;
  /** How large the run is. Left out, it is a whole one. */
  readonly scale?: EpochScale;
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

const DEADLINE_MS = 60_000;
/** An operator whose vote is not in a block by then votes once more. */
const VOTE_AGAIN_MS = 500;

export async function runEpochs({
  seed,
  tooMany = false,
  scale = WHOLE,
}: EpochRunOptions): Promise<EpochRunResult> {
  const run = new EpochRun(seed, tooMany, scale);
  return run.play();
}

class EpochRun {
  readonly #seed: number;
  readonly #random: Random;
  readonly #net: EpochNet;
  readonly #checkers: EpochCheckers;
  readonly #nodes: number;
  readonly #faulty: ReadonlySet<NodeId>;
  readonly #scale: EpochScale;
  readonly #replays: boolean;
  #height = 0n;
  readonly #votedMs = new Map<string, number>();
  /** Nodes that crash when they have the last block of an epoch, and what then happens to them. */
  readonly #atBarrier = new Map<NodeId, () => void>();

  constructor(seed: number, tooMany: boolean, scale: EpochScale) {
    this.#seed = seed;
    this.#scale = scale;
    this.#random = new Random(`${scale.name} ${seed}`);
    const random = this.#random.split("shape");
    const members = random.pick(scale.members);
    this.#nodes = members + random.pick(scale.joining);
    const survives = Math.floor((members - 1) / 3);
    const count = tooMany ? survives + 1 : random.integer(0, Math.min(1, survives));
    this.#faulty = new Set(Array.from({ length: count }, (_, i) => (seed + i) % members));
    const kind = random.pick(EPOCH_ADVERSARIES);
    this.#replays = kind === "replays";
    const options: EpochNetOptions = {
      ...({ seed, nodes: this.#nodes, members, signatures: "ideal" } as const),
      ...shapeOf(scale, random),
      ...pickCompact(this.#random.split("compact")),
      adversaries: [...this.#faulty].map((validator, i): AdversarySpec => {
        const place = { id: `a${i}`, validator, atMs: 0, untilMs: Number.MAX_SAFE_INTEGER };
        return { ...place, kind: "silent" } as AdversarySpec;
      }),
      misbehave: (_, context) => misbehave(kind, context),
    };
    let checkers: EpochCheckers | undefined;
    const emit = () => must(checkers, "made with the cluster").observer;
    this.#net = new EpochNet(options, [
      {
        committed: (node, sealed, receipts) => {
          if (sealed.block.summary.height > this.#height) this.#height = sealed.block.summary.height;
          emit().committed?.(node, sealed, receipts);
          if (endsEpoch(sealed.block.summary)) this.#atBarrier.get(node)?.();
        },
        sent: (node, to, packet) => emit().sent?.(node, to, packet),
        failed: (node, error, expected) => emit().failed?.(node, error, expected),
        announced: (node, event) => emit().announced?.(node, event),
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
      await this.#net.until(() => this.#isViolated, this.#scale.troubleMs);
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
    const { troubleMs, actMs, voteEveryMs, faultAtMs, faultMs } = this.#scale;
    const random = this.#random.split("plan");
    const lastMs = troubleMs - this.#scale.calmMs;
    for (let atMs = actMs[0]; atMs < lastMs; atMs += random.integer(...actMs)) {
      time.at(atMs, () => this.#act(random));
    }
    for (let atMs = 100; atMs < troubleMs; atMs += voteEveryMs) time.at(atMs, () => this.#vote());
    const [kind, atMs, lasts] = [
      random.pick(["loss", "partition", "sleep", "none"] as const),
      random.integer(...faultAtMs),
      random.integer(...faultMs),
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
        { id: "f0", kind: "partition", atMs, untilMs: troubleMs, groups: [others, [one]], hold: false },
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
    const forger = inside.find((node) => this.#faulty.has(node));
    if (this.#replays && forger !== undefined && random.chance(0.4)) {
      const replayed = falseNewcomer(net, random);
      if (replayed !== undefined) return net.propose(forger, replayed);
    }
    const by = random.pick(inside);
    const out = outside.length === 0 ? undefined : random.pick(outside);
    const dice = random.fraction();
    if (dice < 0.4 && out !== undefined) net.propose(by, net.add(out));
    else if (dice < 0.65 && members.length > 4) net.propose(by, net.remove(random.pick(inside)));
    else if (dice < 0.9 && out !== undefined) net.propose(by, net.replace(random.pick(inside), out));
    else {
      const { checkpointInterval } = net.world.genesis.consensus;
      const value = checkpointInterval * random.integer(...this.#scale.votedCheckpoints);
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
        const voted = `${node} ${proposal.id}`;
        const { nowMs } = net.cluster.time;
        if (nowMs - (this.#votedMs.get(voted) ?? Number.NEGATIVE_INFINITY) < VOTE_AGAIN_MS) continue;
        this.#votedMs.set(voted, nowMs);
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
    this.#crash(random.integer(0, this.#nodes - 1), random.integer(...this.#scale.downMs), random);
  }

  /** Crashes a node in the moment in which it has the last block of its epoch. */
  #crashAtBarrier(random: Random): void {
    const node = random.integer(0, this.#nodes - 1);
    const waitMs = random.integer(0, 12);
    const { time } = this.#net.cluster;
    this.#atBarrier.set(node, () => {
      this.#atBarrier.delete(node);
      if (time.nowMs > this.#scale.troubleMs - this.#scale.calmMs) return;
      time.after(waitMs, () => this.#crash(node, random.integer(...this.#scale.downAtBarrierMs), random));
    });
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
    await this.#net.until(() => this.#isViolated, this.#scale.calmMs);
    if (this.#isViolated) return;
    const goal = this.#height + this.#scale.afterwards;
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

/** A third of the runs propose by hashes. */
function pickCompact(random: Random): Pick<EpochNetOptions, "compact"> {
  if (!random.chance(1 / 3)) return {};
  return { compact: { freshMs: random.pick([0, 0, 10]), askMs: random.pick([30, 100, 300]) } };
}

/** What the seed decides of chain and network. */
function shapeOf(
  scale: EpochScale,
  random: Random,
): Pick<EpochNetOptions, "consensus" | "timing" | "gstMs" | "settings"> {
  const checkpointInterval = random.pick(scale.checkpointIntervals);
  return {
    consensus: {
      checkpointInterval,
      logWindow: 2 * checkpointInterval,
      epochLength: checkpointInterval * random.integer(...scale.epochCheckpoints),
      pipelineDepth: random.pick([1, 1, 2, 4]),
      rotationInterval: random.pick([0, 2, 4]),
    },
    timing: { ...scale.timing, delayMsMax: random.pick(scale.delaysMs) },
    gstMs: scale.troubleMs,
    settings: scale.settings,
  };
}
