/**
 * Validators that contradict themselves: as primary they show one part another block than the rest, and all of them
 * vote for both, to each side for its own; or their key runs on two honest replicas (twins). With at most f the chain
 * must hold; one more forks it, and the two commit certificates of one height name everyone who signed both.
 * Source: pbft.md 1.1 (quorums intersect in a correct validator), 1.10 (1), 1.15.
 */
import { assert, must } from "../../../base/assert.ts";
import { byteText, hex0x, showHash } from "../../../base/bytes.ts";
import type { ValidatorId } from "../../../consensus/engine.ts";
import { decodeCommitCertificate } from "../../../consensus/pbft/certificate.ts";
import { selectConsensus } from "../../../consensus/select.ts";
import type { AdversarySpec, NetworkFault } from "../../sim/schedule.ts";
import type { ForkBlock } from "../report/fork-picture.ts";
import { noStep } from "../step.ts";
import {
  ALWAYS,
  type Conviction,
  cheatsThatFork,
  convictions,
  faultsSurvived,
  type NodeCommit,
  type Note,
  PbftCluster,
  type Stop,
} from "./pbft-cluster.ts";

export const WAYS = ["equivocate", "twin"] as const;

export interface EquivocateOptions {
  readonly nodes: number;
  readonly byzantine: number;
  readonly way: (typeof WAYS)[number];
  readonly seed: number;
  /** Virtual time that users pay for, ms. */
  readonly payMs: number;
}

/** A commit certificate, verified by the rules of the chain. */
export interface Certificate {
  readonly height: number;
  readonly view: number;
  /** The hash as it is shown. */
  readonly hash: string;
  readonly signers: readonly ValidatorId[];
  /** Why the certificate is not valid, or undefined when it is. */
  readonly fault: string | undefined;
  /** Correct validators that hold it. */
  readonly holders: readonly ValidatorId[];
  /** The seal in hex. */
  readonly seal: string;
}

export interface CommittedFork {
  readonly height: number;
  readonly certificates: readonly [Certificate, Certificate];
  /** Who signed both: at least one of them is not correct by the arithmetic of quorums; here all are not. */
  readonly signedBoth: readonly ValidatorId[];
}

export interface EquivocateResult extends EquivocateOptions {
  readonly f: number;
  readonly quorum: number;
  /** The highest block that all correct validators have, and that they all agree on. */
  readonly height: number;
  readonly committed: number;
  readonly pending: number;
  readonly viewChanges: number;
  readonly convictions: readonly Conviction[];
  /** Correct replicas that stopped by themselves: they were shown two certified blocks at one height. */
  readonly stops: readonly Stop[];
  readonly fork: CommittedFork | undefined;
  /**
   * With up to f culprits: no fork and all payments final. With as many as fork: a fork, both certificates
   * valid, the culprits named.
   */
  readonly isMatch: boolean;
}

export interface EquivocateRun {
  readonly result: EquivocateResult;
  readonly notes: readonly Note[];
  readonly endMs: number;
  /** The text of genesis.json. */
  readonly genesis: string;
  /** The stops of all replicas, twins too. */
  readonly stops: readonly Stop[];
  /** The blocks around the fork, if there is one, in the order of its certificates. */
  readonly branches: ForkBranches | undefined;
}

/** Two chains of certified blocks from one parent, oldest first. */
export interface ForkBranches {
  readonly common: ForkBlock;
  readonly sides: readonly [readonly ForkBlock[], readonly ForkBlock[]];
}

/** Milliseconds after the last payment, for view changes and repair. */
const SETTLE_MS = 20_000;

/** Calls `step` TURNS times. */
export async function runEquivocate(options: EquivocateOptions, step = noStep): Promise<EquivocateRun> {
  const { nodes, byzantine, seed, payMs } = options;
  const pbftCluster = new PbftCluster({
    nodes,
    seed,
    adversaries: culprits(options),
    faults: partitions(options),
    payUntilMs: payMs,
    payEveryMs: 100,
  });
  await pbftCluster.runInTurns(payMs, step);
  await pbftCluster.runUntil(payMs + SETTLE_MS, () => pbftCluster.pending === 0 && isLevel(pbftCluster));
  const fork = findFork(pbftCluster);
  const found = convictions(pbftCluster);
  const f = faultsSurvived(nodes);
  const culpritIds = culprits(options).map(({ validator }) => validator);
  const isJust = found.every(({ validator }) => culpritIds.includes(validator));
  const result: EquivocateResult = {
    ...options,
    f,
    quorum: pbftCluster.quorum,
    height: lowestHeight(pbftCluster),
    committed: pbftCluster.finalAtMs.length,
    pending: pbftCluster.pending,
    viewChanges: new Set(pbftCluster.notes.filter(({ kind }) => kind === "view").map(({ view }) => view))
      .size,
    convictions: found,
    stops: pbftCluster.stops.filter(({ node }) => pbftCluster.cluster.isCorrect(node)),
    fork,
    isMatch:
      isJust &&
      (byzantine <= f
        ? fork === undefined && pbftCluster.pending === 0
        : isProven(fork, culpritIds) || (fork === undefined && byzantine < cheatsThatFork(nodes))),
  };
  const { notes, stops, genesisText: genesis } = pbftCluster;
  const branches = fork === undefined ? undefined : branchesOf(pbftCluster, fork);
  const endMs = Math.max(payMs, notes.at(-1)?.atMs ?? 0);
  pbftCluster.end();
  return { result, notes, endMs, genesis, stops, branches };
}

/** Makes the first validators lie. The last of the correct ones are told the second story. */
function culprits({ nodes, byzantine, way }: EquivocateOptions): AdversarySpec[] {
  assert(byzantine < nodes, "somebody is correct");
  const victims = Array.from(
    { length: Math.max(1, Math.floor((nodes - byzantine) / 2)) },
    (_, i) => nodes - 1 - i,
  );
  return Array.from({ length: byzantine }, (_, validator): AdversarySpec => {
    const base = { id: `a${validator}`, validator, ...ALWAYS };
    return way === "twin" ? { ...base, kind: "twin" } : { ...base, kind: "equivocate", victims };
  });
}

function victimsOf(nodes: number, byzantine: number): ValidatorId[] {
  const count = Math.max(1, Math.floor((nodes - byzantine) / 2));
  return Array.from({ length: count }, (_, i) => nodes - 1 - i).reverse();
}

/** How long twins are kept apart, ms: long enough for users to have tried all validators. */
export function partedMs(payMs: number): number {
  return Math.max(payMs / 2, 1_500);
}

/** Twins tell two stories only while they do not hear each other: one half of the correct ones is with each. */
function partitions({ nodes, byzantine, way, payMs }: EquivocateOptions): NetworkFault[] {
  if (way !== "twin" || byzantine === 0) return [];
  const victims = victimsOf(nodes, byzantine);
  const others = Array.from({ length: nodes }, (_, id) => id).filter((id) => !victims.includes(id));
  const twins = Array.from({ length: byzantine }, (_, i) => nodes + i);
  const groups = [others, [...twins, ...victims]];
  return [{ id: "f0", kind: "partition", atMs: 0, untilMs: partedMs(payMs), groups, hold: false }];
}

function isProven(fork: CommittedFork | undefined, culpritIds: readonly ValidatorId[]): boolean {
  if (fork === undefined || fork.signedBoth.length === 0) return false;
  const isValid = fork.certificates.every(({ fault }) => fault === undefined);
  return isValid && fork.signedBoth.every((validator) => culpritIds.includes(validator));
}

/** The lowest height at which two correct validators hold different blocks with a certificate each. */
function findFork(pbftCluster: PbftCluster): CommittedFork | undefined {
  const correct = pbftCluster.commits.filter(({ node }) => pbftCluster.cluster.isCorrect(node));
  const first = new Map<bigint, NodeCommit>();
  let forked: [NodeCommit, NodeCommit] | undefined;
  for (const commit of correct) {
    const { height } = commit.sealed.block.summary;
    const before = first.get(height);
    if (before === undefined) first.set(height, commit);
    else if (byteText(before.sealed.block.hash) !== byteText(commit.sealed.block.hash)) {
      if (forked === undefined || height < forked[0].sealed.block.summary.height) forked = [before, commit];
    }
  }
  if (forked === undefined) return undefined;
  const certificates = [
    certificateOf(pbftCluster, forked[0]),
    certificateOf(pbftCluster, forked[1]),
  ] as const;
  const [one, other] = certificates;
  const signedBoth = one.signers.filter((signer) => other.signers.includes(signer));
  return { height: one.height, certificates, signedBoth };
}

function branchesOf(pbftCluster: PbftCluster, { certificates: [one, other] }: CommittedFork): ForkBranches {
  const blocks = new Map<string, ForkBlock>();
  const children = new Map<string, string[]>();
  for (const { node, sealed } of pbftCluster.commits) {
    if (!pbftCluster.cluster.isCorrect(node)) continue;
    const { hash, header, summary } = sealed.block;
    const shown = showHash(hash);
    if (!blocks.has(shown)) append(children, showHash(header.previousHash), shown);
    blocks.set(shown, { hash, summary });
  }
  const follow = (start: string): ForkBlock[] => {
    const branch: ForkBlock[] = [];
    for (let at: string | undefined = start; at !== undefined; at = children.get(at)?.[0]) {
      branch.push(must(blocks.get(at), "a child of a block is known"));
    }
    return branch;
  };
  const parent = [...children].find(([, hashes]) => hashes.includes(one.hash))?.[0] ?? "";
  // The block before the first is that of the genesis, which nobody commits.
  const common = blocks.get(parent) ?? { hash: pbftCluster.world.genesisHash, summary: { height: 0n } };
  return { common, sides: [follow(one.hash), follow(other.hash)] };
}

function append(map: Map<string, string[]>, key: string, value: string): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}

function certificateOf(pbftCluster: PbftCluster, { sealed: { block, seal } }: NodeCommit): Certificate {
  const { genesis, genesisHash } = pbftCluster.world;
  const decoded = decodeCommitCertificate(seal);
  assert(decoded.ok, "a stored seal decodes");
  const { header, summary, hash } = block;
  // With the rules as anyone has them who knows the genesis: plain Ed25519, no memo of the simulator.
  const fault = selectConsensus(genesis, genesisHash).rules.verifySeal({ header, summary, hash }, seal);
  const holders = pbftCluster.commits
    .filter(
      ({ node, sealed }) =>
        pbftCluster.cluster.isCorrect(node) && byteText(sealed.block.hash) === byteText(hash),
    )
    .map(({ node }) => node);
  return {
    height: Number(summary.height),
    view: Number(decoded.value.view),
    hash: showHash(hash),
    signers: decoded.value.signatures.map(({ signer }) => signer),
    fault: fault?.detail,
    holders: [...new Set(holders)].sort((a, b) => a - b),
    seal: hex0x(seal),
  };
}

function heights(pbftCluster: PbftCluster): number[] {
  return pbftCluster.cluster.correct.map(({ replica }) => Number(replica?.chain.head.summary.height ?? 0n));
}

function lowestHeight(pbftCluster: PbftCluster): number {
  return Math.min(...heights(pbftCluster));
}

function isLevel(pbftCluster: PbftCluster): boolean {
  return new Set(heights(pbftCluster)).size === 1;
}
