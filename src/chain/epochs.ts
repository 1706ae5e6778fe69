/**
 * The validator sets of a chain by epoch: the first is the genesis's, each further one is written into the database
 * with the last block of the epoch before it. Whoever checks a certificate asks here for the set of its epoch.
 * Sources: pbft.md 1.14; docs/protocol.md, "Epochs".
 *
 *   record: first height u64 | epochLength u32 | rotationInterval u32 | members | limits, where a vote has changed them
 */
import { must } from "../base/assert.ts";
import { byteText, equalBytes, type Hash } from "../base/bytes.ts";
import { dropOldest } from "../base/drop-oldest.ts";
import { VALIDATORS_MAX } from "../base/limits.ts";
import { decodeStored } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";
import { epochKey } from "../storage/database-keys.ts";
import type { Kv, KvOperation } from "../storage/kv.ts";
import type { MembershipRules } from "./execution/block-executor.ts";
import { hasEpochs } from "./genesis/consensus-parameters.ts";
import { type Genesis, validatorsOf } from "./genesis/genesis.ts";
import { computeGenesisHash } from "./genesis/genesis-state.ts";
import {
  type EpochParameters,
  type Governance,
  readGovernance,
  readLimits,
  readMember,
  writeLimits,
  writeMember,
} from "./governance/governance-state.ts";
import type { StateReader } from "./modules/module.ts";
import type { ExecutedBlock } from "./state/ledger-view.ts";
import { isTransitionBlock, Transitions } from "./transitions.ts";
import type { BlockHead } from "./types/block.ts";
import { type Transition, transitionId, transitionSet } from "./types/transition.ts";
import {
  createValidatorSet,
  type EpochSets,
  endsEpoch,
  epochOn,
  plainEpochOn,
  type ValidatorSet,
} from "./types/validator-set.ts";

/** Sets of past epochs kept decoded. */
const EPOCHS_CACHED_MAX = 64;

export interface Epoch {
  readonly validators: ValidatorSet;
  /** Its last height is told by the block that ends it (types/validator-set.ts, `endsEpoch`). */
  readonly firstHeight: bigint;
  /** The parameters of the epoch. Undefined where the validators never change. */
  readonly parameters: EpochParameters | undefined;
}

export class Epochs implements EpochSets {
  readonly #first: Epoch;
  readonly #kv: Pick<Kv, "get"> | undefined;
  readonly #cached = new Map<bigint, Epoch>();
  readonly #transitions: Transitions;
  /** For each epoch that was asked about: the id of the newest transition up to it. */
  readonly #newest = new Map<bigint, { readonly id: Hash | undefined }>();

  /**
   * @param kv the chain's database; without one only the first epoch is known
   * @param transitions that the operator accepts
   */
  constructor(genesis: Genesis, kv?: Pick<Kv, "get">, transitions: readonly Transition[] = []) {
    const { consensus } = genesis;
    const parameters =
      consensus.type === "pbft" && consensus.epochLength !== undefined
        ? { epochLength: consensus.epochLength, rotationInterval: consensus.rotationInterval }
        : undefined;
    this.#first = { validators: validatorsOf(genesis), firstHeight: 1n, parameters };
    this.#kv = parameters === undefined ? undefined : kv;
    this.#transitions = new Transitions(transitions, this.#kv);
  }

  /** The epoch with its validators. Undefined for one that has not begun as far as this chain goes. */
  find(epoch: bigint): Epoch | undefined {
    if (epoch <= 0n) return epoch === 0n ? this.#first : undefined;
    const cached = this.#cached.get(epoch);
    if (cached !== undefined) return cached;
    const bytes = this.#kv?.get(epochKey(epoch));
    if (bytes === undefined) return this.#byTransition(epoch);
    const read = decodeEpoch(bytes, epoch);
    this.#cached.set(epoch, read);
    if (this.#cached.size > EPOCHS_CACHED_MAX) dropOldest(this.#cached);
    return read;
  }

  setOf(epoch: bigint): ValidatorSet | undefined {
    return this.find(epoch)?.validators;
  }

  transitionOn(parent: BlockHead): Transition | undefined {
    const plain = plainEpochOn(parent);
    if (this.#kv === undefined || !this.#transitions.mayOpen(plain + 1n)) return undefined;
    const replaced = this.#storedSet(plain);
    const found = replaced && this.#transitions.replacing(replaced);
    return found !== undefined && equalBytes(found.parentHash, parent.hash) ? found : undefined;
  }

  /** The one that opened, or is to open, an epoch. */
  transitionOf(epoch: bigint): Transition | undefined {
    const isThere = epoch > 0n && this.#kv !== undefined && this.#transitions.mayOpen(epoch);
    const replaced = isThere ? this.#storedSet(epoch - 1n) : undefined;
    return replaced && this.#transitions.replacing(replaced);
  }

  /** The id of the newest one that opened, or is to open, an epoch up to this one. */
  newestTransition(epoch: bigint): Hash | undefined {
    for (let at = epoch; at > 0n; at--) {
      const known = this.#newest.get(at);
      const transition =
        known === undefined ? (this.transitionOf(at) ?? this.#transitions.given(at)) : undefined;
      if (known === undefined && transition === undefined) continue;
      const id = known?.id ?? (transition && transitionId(transition));
      return this.#rememberNewest(epoch, id);
    }
    return this.#rememberNewest(epoch, undefined);
  }

  /** Whether the operator accepts it, by its id. */
  accepts(id: Hash): boolean {
    return this.#transitions.isGiven(id);
  }

  /** Remembers this only for an epoch that has begun: before it a transition may still come. */
  #rememberNewest(epoch: bigint, id: Hash | undefined): Hash | undefined {
    if (this.find(epoch) === undefined) return id;
    this.#newest.set(epoch, { id });
    if (this.#newest.size > EPOCHS_CACHED_MAX) dropOldest(this.#newest);
    return id;
  }

  /** The epoch of the block after `head`. */
  epochAfter(head: BlockHead): bigint {
    return epochOn(head, this);
  }

  /** The epoch that a transition opens, before its first block is here. Later the database has it. */
  #byTransition(epoch: bigint): Epoch | undefined {
    const transition = this.transitionOf(epoch);
    const before = this.find(epoch - 1n);
    if (transition === undefined || before === undefined) return undefined;
    const { parameters } = before;
    return { validators: transitionSet(transition), firstHeight: transition.height + 1n, parameters };
  }

  /** What is replaced is a set that the chain itself holds. */
  #storedSet(epoch: bigint): ValidatorSet | undefined {
    if (epoch === 0n) return this.#first.validators;
    const bytes = this.#kv?.get(epochKey(epoch));
    return bytes === undefined ? undefined : this.find(epoch)?.validators;
  }
}

/** What execution must know to let validators change, or undefined where they never do. */
export function governedBy(genesis: Genesis): MembershipRules | undefined {
  const { consensus } = genesis;
  if (!hasEpochs(consensus)) return undefined;
  const { checkpointInterval, logWindow } = consensus;
  const genesisHash = computeGenesisHash(genesis);
  const { limits, modules } = genesis;
  return { genesisHash, checkpointInterval, logWindow, limits, modules };
}

/** What the block that ends an epoch writes besides, from what it changed. Any other block writes nothing. */
export function epochOperations({ block, diff }: ExecutedBlock): KvOperation[] {
  if (!endsEpoch(block.summary) && !isTransitionBlock(block)) return [];
  const state = { get: (key: Uint8Array) => diff.get(byteText(key))?.value };
  const next = must(
    readGovernance(state),
    "the first block under a transition, and the last of an epoch, write what comes",
  );
  return [{ kind: "put", key: epochKey(next.epoch), value: encodeEpoch(next) }];
}

/** The epoch after the head of a snapshot as its state has it; nothing where the validators never change, or did not yet. */
export function runningEpochOperations(state: StateReader): KvOperation[] {
  const running = readGovernance(state);
  if (running === undefined || running.epoch === 0n) return [];
  return [{ kind: "put", key: epochKey(running.epoch), value: encodeEpoch(running) }];
}

type EpochRecord = Pick<Governance, "firstHeight" | "parameters" | "members">;

export function encodeEpoch({ firstHeight, parameters, members }: EpochRecord): Uint8Array {
  const writer = new Writer(512).u64(firstHeight);
  writer.u32(parameters.epochLength).u32(parameters.rotationInterval);
  writer.list(members, writeMember);
  if (parameters.limits !== undefined) writeLimits(writer, parameters.limits);
  return writer.finish();
}

function decodeEpoch(bytes: Uint8Array, epoch: bigint): Epoch {
  const { firstHeight, members, ...read } = decodeStored(bytes, "epoch", (reader) => ({
    firstHeight: reader.u64(),
    parameters: { epochLength: reader.u32(), rotationInterval: reader.u32() },
    members: reader.list(VALIDATORS_MAX, readMember),
    limits: reader.remaining === 0 ? undefined : readLimits(reader),
  }));
  const parameters =
    read.limits === undefined ? read.parameters : { ...read.parameters, limits: read.limits };
  return { validators: createValidatorSet(epoch, members), firstHeight, parameters };
}
