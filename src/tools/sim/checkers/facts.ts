/**
 * What every checker knows of a run and how it reports: the parameters, the keys, who must keep the rules, and what
 * has been violated. Quorums are computed here a second time, from what they must guarantee instead of by the formula.
 */
import type { EngineHoldings, ValidatorId } from "../../../consensus/engine.ts";
import type { Replica } from "../../../node/replica.ts";
import type { NodeId } from "../schedule.ts";
import type { World } from "../world.ts";
import { type ByteText, showText, signedBytes } from "./raw-bytes.ts";
import type { RawSignature } from "./raw-proofs.ts";

export interface Violation {
  /** The name of the checker whose rule was broken. */
  readonly checker: string;
  /** When it showed, in ms of virtual time. */
  readonly atMs: number;
  /** The node where it showed. Undefined when it is the run's as a whole. */
  readonly replica: NodeId | undefined;
  readonly detail: string;
}

/** Violations kept of one run; what comes after the first is mostly their consequence. */
const VIOLATIONS_MAX = 32;

export interface WatchedNode {
  readonly id: NodeId;
  readonly validator: ValidatorId | undefined;
  readonly clock?: { now(): number };
  /** The processor of the node, where computing takes time. */
  readonly processor?: { readonly busyMs: number } | undefined;
  /** What its engine holds. Undefined when it is down, or no validator. */
  holdings?(): EngineHoldings | undefined;
  /** k of its engine, without all the rest of its status. */
  readonly attempt?: number | undefined;
}

/** What the checkers ask of a cluster. */
export interface Watched {
  readonly time: { readonly nowMs: number };
  /** Validators that need not keep the rules. */
  readonly faulty: ReadonlySet<ValidatorId>;
  /** Nodes whose database was younger than their journal. */
  readonly rolledBack: ReadonlySet<NodeId>;
  readonly nodes: readonly WatchedNode[];
  replica(id: NodeId): Replica | undefined;
  isCorrect(id: NodeId): boolean;
}

export class Facts {
  readonly world: World;
  readonly n: number;
  /** Faulty validators that must be survived. */
  readonly f: number;
  /** Votes that decide. */
  readonly quorum: number;
  readonly violations: Violation[] = [];
  #watched: Watched | undefined;

  constructor(world: World) {
    this.world = world;
    this.n = world.validators.length;
    this.f = faultsSurvived(this.n);
    this.quorum = votesThatDecide(this.n, this.f);
  }

  watch(watched: Watched): void {
    this.#watched = watched;
  }

  get watched(): Watched {
    if (this.#watched === undefined) throw new Error("the checkers watch no cluster yet: call watch()");
    return this.#watched;
  }

  get nowMs(): number {
    return this.#watched?.time.nowMs ?? 0;
  }

  isCorrect(node: NodeId): boolean {
    return this.watched.isCorrect(node);
  }

  /** Whether a node may find less in its database than it has had. */
  isRolledBack(node: NodeId): boolean {
    return this.watched.rolledBack.has(node);
  }

  /** Whose votes a node casts. A full node casts none. */
  validatorOf(node: NodeId): ValidatorId | undefined {
    return this.watched.nodes[node]?.validator;
  }

  replica(node: NodeId): Replica | undefined {
    return this.watched.replica(node);
  }

  /** k of a node that is up: by how much its timeouts are doubled. */
  attemptOf(node: NodeId): number | undefined {
    const replica = this.replica(node);
    return replica && (this.watched.nodes[node]?.attempt ?? replica.engineStatus()?.attempt);
  }

  /** What its clock shows, ms. */
  clockOf(node: NodeId): number | undefined {
    return this.watched.nodes[node]?.clock?.now();
  }

  isFaulty(validator: ValidatorId): boolean {
    return this.watched.faulty.has(validator);
  }

  /** How many validators may have signed whatever helps them. */
  get faultyCount(): number {
    return this.watched.faulty.size;
  }

  report(checker: string, replica: NodeId | undefined, detail: string): void {
    if (this.violations.length < VIOLATIONS_MAX)
      this.violations.push({ checker, atMs: this.nowMs, replica, detail });
  }

  verify(signer: ValidatorId, message: Uint8Array, signature: Uint8Array): boolean {
    const key = this.world.genesis.validators[signer]?.publicKey;
    return key !== undefined && this.world.signatures.rules.verifySignature(key, message, signature);
  }

  /**
   * What is wrong with a set of signatures of one message by `needed` distinct validators, or undefined when nothing is.
   * @param excluded must not be among them
   */
  checkSigners(
    signatures: readonly RawSignature[],
    needed: number,
    message: { readonly type: number; readonly epoch: bigint; readonly fields: Uint8Array },
    excluded?: ValidatorId,
  ): string | undefined {
    const signers = new Set(signatures.map(({ signer }) => signer));
    if (signers.size !== signatures.length) return "a signer twice";
    if (signers.size < needed) return `${signers.size} signers, ${needed} needed`;
    if (excluded !== undefined && signers.has(excluded)) return `signer ${excluded} must not be in it`;
    const bad = signatures.find(
      ({ signer, signature }) =>
        !this.verify(
          signer,
          signedBytes(this.world.genesisHash, message.type, message.epoch, message.fields, signer),
          signature,
        ),
    );
    return bad === undefined ? undefined : `the signature of ${bad.signer} is not valid`;
  }

  /** primary(e, v) in epoch 0. */
  primaryOf(view: bigint): ValidatorId {
    return Number(view % BigInt(this.n));
  }
}

/** The most faulty ones that leave more than twice as many correct ones. */
function faultsSurvived(n: number): number {
  let f = 0;
  while (3 * (f + 1) < n) f++;
  return f;
}

/** The fewest of n such that two such groups share more than f. */
function votesThatDecide(n: number, f: number): number {
  let votes = 1;
  while (2 * votes - n <= f) votes++;
  return votes;
}

/** Names a place in the details of violations. */
export function place(view: bigint, height: bigint, hash?: ByteText): string {
  return `view ${view}, height ${height}${hash === undefined ? "" : `, block ${showText(hash)}`}`;
}
