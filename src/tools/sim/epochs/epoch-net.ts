/**
 * A cluster whose members change: the shipped replicas on virtual time, of which the first are in genesis and the
 * others may join. It signs what their operators would: proposals, votes and proofs of possession. What happens when
 * is its caller's matter (schedules, tests).
 */
import { must } from "../../../base/assert.ts";
import { EMPTY, equalBytes } from "../../../base/bytes.ts";
import type { PbftParameters } from "../../../chain/genesis/consensus-parameters.ts";
import { type Change, type Possession, possessionBytes } from "../../../chain/governance/change.ts";
import { type Governance, readGovernance } from "../../../chain/governance/governance-state.ts";
import {
  type ChangeProposal,
  readOpenProposals,
  readProposal,
  standingOf,
} from "../../../chain/governance/proposals.ts";
import { gov } from "../../../chain/modules/gov.ts";
import type { GovCall } from "../../../chain/modules/gov-declaration.ts";
import type { BlockHead } from "../../../chain/types/block.ts";
import { type SignedTransaction, signTransaction } from "../../../chain/types/transaction.ts";
import { endsEpoch } from "../../../chain/types/validator-set.ts";
import type { EngineSettings, ValidatorId } from "../../../consensus/engine.ts";
import { createSigner, type Signer } from "../../../crypto/keys.ts";
import type { Replica } from "../../../node/replica.ts";
import { Cluster, type ClusterOptions } from "../cluster.ts";
import type { Observer } from "../observer.ts";
import type { NodeId } from "../schedule.ts";
import { signatureWorld } from "../signatures.ts";
import { World, type WorldOptions } from "../world.ts";

export interface EpochNetOptions
  extends Pick<ClusterOptions, "seed" | "adversaries" | "misbehave" | "clocks"> {
  /** All nodes with a key. Node i has the key of world validator i. */
  readonly nodes: number;
  /** So many of them are in genesis, the first. */
  readonly members: number;
  readonly consensus?: Partial<PbftParameters>;
  readonly settings?: Partial<EngineSettings>;
  readonly timing?: Partial<ClusterOptions["timing"]>;
  readonly gstMs?: number;
  readonly compact?: ClusterOptions["compact"];
  readonly roles?: WorldOptions["roles"];
  readonly limits?: WorldOptions["limits"];
  readonly modules?: WorldOptions["modules"];
  readonly signatures?: "ideal" | "ed25519";
}

const SETTINGS: EngineSettings = {
  statusIntervalMs: 200,
  blockTimeMs: 0,
  emptyBlocksMs: 150,
  requestTimeoutMs: 600,
  timeoutMaxMs: 10_000,
  resendIntervalMs: 250,
  fairnessTimeoutMs: 3_000,
};

const TIMING = { delayMsMin: 1, delayMsMax: 10, tail: 0, tailMs: 0, stepMs: 1, settledDelayMsMax: 10 };

const BALANCE = 1_000_000n;

export class EpochNet {
  readonly world: World;
  readonly cluster: Cluster;
  /** Proofs of possession that were made, in their order. */
  readonly proofs: { readonly node: ValidatorId; readonly proof: Possession }[] = [];
  #transfers = 0;

  constructor(options: EpochNetOptions, observers: readonly Observer[] = []) {
    const consensus = { checkpointInterval: 4, logWindow: 8, epochLength: 16, rotationInterval: 4 };
    this.world = new World(
      {
        validators: options.nodes,
        members: options.members,
        accounts: 4,
        balance: BALANCE,
        consensus: { ...consensus, ...options.consensus },
        roles: options.roles,
        ...(options.limits === undefined ? {} : { limits: options.limits }),
        ...(options.modules === undefined ? {} : { modules: options.modules }),
      },
      signatureWorld(options.signatures ?? "ed25519"),
    );
    const { seed, adversaries, misbehave, clocks, compact } = options;
    this.cluster = new Cluster(
      {
        world: this.world,
        ...{ seed, settings: { ...SETTINGS, ...options.settings }, syncIntervalMs: 500 },
        timing: { ...TIMING, ...options.timing },
        gstMs: options.gstMs ?? 0,
        ...{ keepsHeights: true, compact },
        ...(adversaries === undefined ? {} : { adversaries }),
        ...(misbehave === undefined ? {} : { misbehave }),
        ...(clocks === undefined ? {} : { clocks }),
      },
      observers,
    );
  }

  start(): void {
    this.cluster.start();
  }

  /** Lets time pass until it is so, at most so long. @returns whether it came true */
  until(done: () => boolean, withinMs: number): Promise<boolean> {
    const { time } = this.cluster;
    return time.run(time.nowMs + withinMs, done);
  }

  /** The replica that is furthest. */
  get first(): Replica {
    const up = this.cluster.nodes.flatMap(({ replica }) => replica ?? []);
    const height = ({ chain }: Replica) => chain.head.summary.height;
    return must(
      up.reduce<Replica | undefined>(
        (a, b) => (a !== undefined && height(a) >= height(b) ? a : b),
        undefined,
      ),
      "a node is up",
    );
  }

  get governance(): Governance {
    return must(readGovernance(this.first.chain.committed), "a chain with epochs");
  }

  get openProposals(): readonly ChangeProposal[] {
    const state = this.first.chain.committed;
    const { height } = this.first.chain.head.summary;
    const all = readOpenProposals(state).ids.flatMap((id) => readProposal(state, id) ?? []);
    return all.filter((proposal) => standingOf(proposal, height + 1n) === "open");
  }

  /** The node that has a key. */
  nodeOf(publicKey: Uint8Array): ValidatorId {
    return this.world.validators.findIndex((signer) => equalBytes(signer.publicKey, publicKey));
  }

  /** Whether the seat of a node is voted for by this account. */
  isAccountOf(node: ValidatorId, account: Uint8Array): boolean {
    const seat = this.#seatOf(node);
    return seat !== undefined && equalBytes(seat.account, account);
  }

  ends({ summary }: BlockHead): boolean {
    return endsEpoch(summary);
  }

  height(node: NodeId): bigint {
    return this.cluster.replica(node)?.chain.head.summary.height ?? -1n;
  }

  /** The member that node `i` would be, or is. */
  member(node: ValidatorId): Governance["members"][number] {
    return must(this.world.plan.genesis.validators[node], "the node has a key");
  }

  signer(node: ValidatorId): Signer {
    return must(this.world.validators[node], "the node has a key");
  }

  add(node: ValidatorId): Change {
    const member = this.member(node);
    return { kind: "add", member, proof: this.possession(node, member.account) };
  }

  remove(node: ValidatorId): Change {
    return { kind: "remove", publicKey: this.member(node).publicKey };
  }

  /** The seat of `node` goes to the key of `successor`; the account stays. */
  replace(node: ValidatorId, successor: ValidatorId): Change {
    const { publicKey } = this.member(node);
    const { account } = this.#seatOf(node) ?? this.member(node);
    const newKey = this.member(successor).publicKey;
    return { kind: "replace", publicKey, newKey, proof: this.possession(successor, account) };
  }

  /** A proof of possession by the key of a node, over the newest block. It is real Ed25519 in any world: execution knows no other. */
  possession(node: ValidatorId, account: Governance["members"][number]["account"]): Possession {
    const { hash, summary } = this.first.chain.head;
    const { publicKey } = this.member(node);
    const { genesisHash } = this.world;
    const planned = must(this.world.plan.validators[node], "the node has a key");
    const place = { genesisHash, height: summary.height, blockHash: hash };
    const signature = createSigner(planned.seed).sign(possessionBytes({ ...place, publicKey, account }));
    const proof = { height: summary.height, signature };
    this.proofs.push({ node, proof });
    return proof;
  }

  propose(by: ValidatorId, change: Change): void {
    this.send(by, { kind: "propose", change, isForced: false, note: EMPTY });
  }

  vote(by: ValidatorId, proposal: bigint, approves = true): void {
    this.send(by, { kind: "vote", proposal, approves, isForced: false });
  }

  /** The account of a node's operator signs; every node that is up takes it. */
  send(by: ValidatorId, call: GovCall): SignedTransaction {
    const account = this.#accountOf(by);
    const nonce = this.#nextNonce(account);
    const { chainId } = this.world.genesis;
    const fields = {
      chainId,
      nonce,
      fee: 0n,
      validUntilHeight: 0n,
      module: gov.id,
      payload: gov.encodeCall(call),
    };
    const transaction = signTransaction(fields, account, this.world.genesisHash);
    for (const node of this.cluster.nodes) if (node.isUp) this.cluster.submit(node.id, transaction);
    return transaction;
  }

  /** Some money from one client to another, at a node. */
  transfer(node: NodeId): void {
    const nonce = BigInt(this.#transfers++);
    this.cluster.submit(node, this.world.transfer(0, 1, 1n, nonce));
  }

  /** Proposes and lets these vote; resolves when it is decided, or not in time. @returns whether it was approved */
  async decide(change: Change, by: readonly ValidatorId[], withinMs = 20_000): Promise<boolean> {
    const [proposer, ...voters] = by;
    const id = readOpenProposals(this.first.chain.committed).nextId;
    this.propose(must(proposer, "somebody proposes"), change);
    const known = await this.until(() => this.#nextId() > id, withinMs);
    if (!known) return false;
    for (const voter of voters) this.vote(voter, id);
    return this.until(() => !readOpenProposals(this.first.chain.committed).ids.includes(id), withinMs);
  }

  /** Who votes for the seat of a node: a key that took a seat over votes by the account that was there before. */
  #accountOf(node: ValidatorId): Signer {
    const seat = this.#seatOf(node);
    return this.signer(seat === undefined ? node : this.nodeOf(seat.account));
  }

  #seatOf(node: ValidatorId): Governance["members"][number] | undefined {
    const { publicKey } = this.member(node);
    return this.governance.members.find((member) => equalBytes(member.publicKey, publicKey));
  }

  #nextId(): bigint {
    return readOpenProposals(this.first.chain.committed).nextId;
  }

  #nextNonce({ publicKey }: Signer): bigint {
    // Not what was sent and lost: a hole in the nonces would stop this operator for good.
    const nonce = this.first.pool.pendingNonce(publicKey);
    return nonce;
  }
}
