/**
 * A network split into groups that do not hear each other, and its healing. A group with a quorum goes on, every other
 * one halts; after healing all validators must agree on one chain and every payment must become final.
 * Source: pbft.md 1.1, 1.7, 1.12; no quorum on two sides, since two quorums share a validator.
 */
import { must } from "../../../base/assert.ts";
import { byteText, showHash } from "../../../base/bytes.ts";
import type { ValidatorId } from "../../../consensus/engine.ts";
import { noStep } from "../step.ts";
import { type Note, PbftCluster } from "./pbft-cluster.ts";
import { explainAt } from "./silent.ts";

export interface PartitionOptions {
  readonly nodes: number;
  readonly seed: number;
  readonly groups: readonly (readonly ValidatorId[])[];
  /** How long the network is split, ms of virtual time. */
  readonly splitMs: number;
}

export interface SideResult {
  readonly validators: readonly ValidatorId[];
  readonly hasQuorum: boolean;
  /** Blocks that its validators committed between the split and the healing. */
  readonly blocks: number;
  /** What `quorate explain` says at its first validator just before the healing. */
  readonly explanation: string;
  /** The time from healing until all of its validators had the chain of the most advanced one, ms. */
  readonly recoveryMs: number | undefined;
}

export interface PartitionResult extends PartitionOptions {
  readonly quorum: number;
  readonly sides: readonly SideResult[];
  /** Two correct validators with different blocks at one height. */
  readonly isForked: boolean;
  readonly pending: number;
  /** The time from healing until every payment was final and all heads were the same, ms. */
  readonly recoveryMs: number | undefined;
  /** Height and hash that all agree on at the end. */
  readonly height: number;
  readonly hash: string;
  readonly isMatch: boolean;
}

export interface PartitionRun {
  readonly result: PartitionResult;
  readonly notes: readonly Note[];
  readonly splitAtMs: number;
  readonly healedAtMs: number;
  readonly endMs: number;
}

const SPLIT_AT_MS = 1_000;
/** What was on its way when the network was split may still be committed, ms. */
const ON_ITS_WAY_MS = 100;
const PAY_EVERY_MS = 100;
const SETTLE_MS = 60_000;
/** Shown after the last event, ms. */
const TAIL_MS = 500;

/** Calls `step` TURNS times. */
export async function runPartition(options: PartitionOptions, step = noStep): Promise<PartitionRun> {
  const { nodes, seed, groups, splitMs } = options;
  const healedAtMs = SPLIT_AT_MS + splitMs;
  const pbftCluster = new PbftCluster({
    nodes,
    seed: `partition/${seed}`,
    faults: [{ id: "f0", kind: "partition", atMs: SPLIT_AT_MS, untilMs: healedAtMs, groups, hold: false }],
    payUntilMs: healedAtMs,
    payEveryMs: PAY_EVERY_MS,
  });
  await pbftCluster.runInTurns(healedAtMs - 1, step);
  const before = groups.map((group) => explainAt(pbftCluster, must(group[0], "no side of a split is empty")));
  const { quorum } = pbftCluster;
  await pbftCluster.runUntil(healedAtMs);
  const target = Math.max(...heights(pbftCluster));
  const caughtUp = groups.map((): number | undefined => undefined);
  await pbftCluster.runUntil(healedAtMs + SETTLE_MS, () => {
    for (const [side, group] of groups.entries()) {
      if (caughtUp[side] !== undefined) continue;
      if (group.every((id) => must(heights(pbftCluster)[id], "every validator has a height") >= target))
        caughtUp[side] = pbftCluster.cluster.time.nowMs;
    }
    return pbftCluster.pending === 0 && new Set(heads(pbftCluster)).size === 1;
  });
  const sides = groups.map((validators, side): SideResult => {
    const hasQuorum = validators.length >= quorum;
    const blocks = blocksBetween(pbftCluster, validators, SPLIT_AT_MS + ON_ITS_WAY_MS, healedAtMs);
    const at = caughtUp[side];
    const recoveryMs = at === undefined ? undefined : at - healedAtMs;
    return {
      validators,
      hasQuorum,
      blocks,
      explanation: must(before[side], "every side was asked"),
      recoveryMs,
    };
  });
  const isAlike = new Set(heads(pbftCluster)).size === 1;
  const { pending, notes } = pbftCluster;
  const endMs = pbftCluster.cluster.time.nowMs;
  const head = pbftCluster.cluster.replica(0)?.chain.head;
  const isForked = hasFork(pbftCluster);
  pbftCluster.end();
  const result: PartitionResult = {
    ...options,
    quorum,
    sides,
    isForked,
    pending,
    recoveryMs: isAlike && pending === 0 ? endMs - healedAtMs : undefined,
    height: Number(head?.summary.height ?? 0n),
    hash: head === undefined ? "" : showHash(head.hash),
    isMatch:
      !isForked &&
      isAlike &&
      pending === 0 &&
      sides.every(({ hasQuorum, blocks }) => hasQuorum === blocks > 0),
  };
  return { result, notes, splitAtMs: SPLIT_AT_MS, healedAtMs, endMs: endMs + TAIL_MS };
}

function heights(pbftCluster: PbftCluster): number[] {
  return pbftCluster.cluster.nodes.map(({ replica }) => Number(replica?.chain.head.summary.height ?? 0n));
}

function heads(pbftCluster: PbftCluster): string[] {
  return pbftCluster.cluster.nodes.map(({ replica }) =>
    replica === undefined ? "down" : byteText(replica.chain.head.hash),
  );
}

function blocksBetween(
  pbftCluster: PbftCluster,
  group: readonly ValidatorId[],
  from: number,
  until: number,
): number {
  const inside = pbftCluster.commits.filter(
    ({ node, atMs }) => group.includes(node) && atMs > from && atMs < until,
  );
  return new Set(inside.map(({ sealed }) => sealed.block.summary.height)).size;
}

function hasFork(pbftCluster: PbftCluster): boolean {
  const byHeight = new Map<bigint, string>();
  return pbftCluster.commits.some(({ sealed: { block } }) => {
    const hash = byteText(block.hash);
    const { height } = block.summary;
    const known = byHeight.get(height);
    byHeight.set(height, hash);
    return known !== undefined && known !== hash;
  });
}
