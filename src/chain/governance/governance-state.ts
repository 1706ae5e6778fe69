/**
 * The membership of a chain whose validators may change, as its state holds it: one record with the epoch that runs,
 * its members and those of the next one, the numbers that may be changed, and the peers that the chain itself admits.
 * An epoch ends at a multiple of K; an approved change brings the end forward to the second checkpoint after it.
 * Sources: pbft.md 1.14 (Reconfiguration); docs/protocol.md, "Epochs"; docs/adr/0023-01.
 *
 *   0x05: epoch u64 | first height u64 | last height u64 | seats changed u16
 *         | parameters | next parameters | members | next members | admitted peers
 *         | limits | next limits, where a vote has changed any
 *   limits: 0 u8, as in genesis; or 1 u8 | minFee u64 | maxBlockTransactions u32 | maxBlockBytes u32
 *   parameters: epochLength u32 | rotationInterval u32
 *   member:     name u8+bytes | publicKey 32 | account 32 | peerId u8+bytes;   peer: name u8+bytes | peerId u8+bytes
 *
 * This folder: epochs, members, proposals, roles, parameters and versions, as the state holds them, and what a change
 * makes of them. Not here: the calls that propose and vote (chain/modules/gov.ts), and entering an epoch (node/votes).
 */
import { must } from "../../base/assert.ts";
import { asAddress, byteText, type Hash, parseUtf8, utf8 } from "../../base/bytes.ts";
import { NAME_LENGTH_MAX, VALIDATORS_MAX } from "../../base/limits.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { PbftParameters } from "../genesis/consensus-parameters.ts";
import type { GenesisLimits } from "../genesis/genesis.ts";
import type { StateReader, StateWriter } from "../modules/module.ts";
import { governanceKey } from "../state/state-keys.ts";
import type { Transition } from "../types/transition.ts";
import { createValidatorSet, type Validator } from "../types/validator-set.ts";
import { type Roles, readRoles, writeRoles } from "./roles.ts";

/** Peers that the chain itself admits. */
export const ADMITTED_PEERS_MAX = 256;
/** Characters of a peer id in base58. */
export const PEER_ID_LENGTH_MAX = 64;

/** What the validators may change by a vote. */
export interface EpochParameters {
  /** Heights of an epoch, a multiple of K. */
  readonly epochLength: number;
  /** R: the primary changes at each R-th stable checkpoint. With 0 it changes only when it fails. */
  readonly rotationInterval: number;
  /** Left out until a vote has changed one of them: those of genesis. */
  readonly limits?: BlockLimits | undefined;
}

/** Those limits of genesis that a vote may change, within what genesis allows. */
export type BlockLimits = Pick<GenesisLimits, "minFee" | "maxBlockTransactions" | "maxBlockBytes">;

export interface ChainPeer {
  readonly name: string;
  /** The libp2p peer id in base58. */
  readonly peerId: string;
}

export interface Governance {
  readonly epoch: bigint;
  readonly firstHeight: bigint;
  /** The last height of this epoch, as things stand. */
  readonly lastHeight: bigint;
  /** How many seats the changes approved in this epoch add, remove or give another key. */
  readonly changed: number;
  readonly parameters: EpochParameters;
  readonly nextParameters: EpochParameters;
  readonly members: readonly Validator[];
  readonly nextMembers: readonly Validator[];
  readonly peers: readonly ChainPeer[];
  /** Left out where anybody may send. Under a key of their own. */
  readonly roles?: Roles | undefined;
}

/** The membership that block 0 writes, or undefined where the validators never change. */
export function genesisGovernance(
  { epochLength, rotationInterval }: Pick<PbftParameters, "epochLength" | "rotationInterval">,
  members: readonly Validator[],
): Governance | undefined {
  if (epochLength === undefined) return undefined;
  const parameters = { epochLength, rotationInterval };
  return {
    epoch: 0n,
    firstHeight: 1n,
    lastHeight: BigInt(epochLength),
    changed: 0,
    parameters,
    nextParameters: parameters,
    members,
    nextMembers: members,
    peers: [],
  };
}

interface ReadRecord {
  /** Its bytes as text, which is compared faster than they are. */
  readonly text: string;
  readonly governance: Governance;
}

/** Records that were read last, the newest first: a block is built, judged and followed with the same, some ten reads each. */
let lastRead: readonly ReadRecord[] = [];
/** The state of the head, and of blocks that build on it. */
const RECORDS_KEPT = 4;

/**
 * The membership, or undefined where the validators never change. @throws InvariantError when the record does
 * not decode.
 */
export function readGovernance(state: StateReader): Governance | undefined {
  const value = state.get(governanceKey());
  if (value === undefined) return undefined;
  const roles = readRoles(state);
  const text = byteText(value);
  const known = lastRead.find((last) => last.text === text);
  const governance = known?.governance ?? readRecord(value);
  if (known === undefined) lastRead = [{ text, governance }, ...lastRead].slice(0, RECORDS_KEPT);
  return roles === undefined ? governance : { ...governance, roles };
}

function readRecord(value: Uint8Array): Governance {
  const read = decode(value, "governance", (reader) =>
    withLimits(reader, {
      epoch: reader.u64(),
      firstHeight: reader.u64(),
      lastHeight: reader.u64(),
      changed: reader.u16(),
      parameters: readParameters(reader),
      nextParameters: readParameters(reader),
      members: reader.list(VALIDATORS_MAX, readMember),
      nextMembers: reader.list(VALIDATORS_MAX, readMember),
      peers: reader.list(ADMITTED_PEERS_MAX, (r) => ({
        name: readText(r, NAME_LENGTH_MAX),
        peerId: readText(r, PEER_ID_LENGTH_MAX),
      })),
    }),
  );
  return must(read.ok ? read.value : undefined, "the governance record that execution wrote decodes");
}

function withLimits(reader: Reader, governance: Governance): Governance {
  if (reader.remaining === 0) return governance;
  const [limits, next] = [readLimits(reader), readLimits(reader)];
  const { parameters, nextParameters } = governance;
  return {
    ...governance,
    parameters: { ...parameters, limits },
    nextParameters: { ...nextParameters, limits: next },
  };
}

export function readLimits(reader: Reader): BlockLimits | undefined {
  if (reader.u8() === 0) return undefined;
  return { minFee: reader.u64(), maxBlockTransactions: reader.u32(), maxBlockBytes: reader.u32() };
}

export function writeLimits(writer: Writer, limits: BlockLimits | undefined): void {
  writer.u8(limits === undefined ? 0 : 1);
  if (limits === undefined) return;
  writer.u64(limits.minFee).u32(limits.maxBlockTransactions).u32(limits.maxBlockBytes);
}

/** Writes the membership that block 0 has, in which no vote has changed a limit. */
export function writeFirstGovernance(state: Pick<StateWriter, "put">, governance: Governance): void {
  state.put(governanceKey(), startRecord(governance).finish());
  if (governance.roles !== undefined) writeRoles(state, governance.roles);
}

export function writeGovernance(state: Pick<StateWriter, "put">, governance: Governance): void {
  const writer = startRecord(governance);
  const { parameters, nextParameters, roles } = governance;
  if (parameters.limits ?? nextParameters.limits)
    for (const { limits } of [parameters, nextParameters]) writeLimits(writer, limits);
  state.put(governanceKey(), writer.finish());
  if (roles !== undefined) writeRoles(state, roles);
}

/** All but the limits. */
function startRecord(governance: Governance): Writer {
  const writer = new Writer(1024).u64(governance.epoch).u64(governance.firstHeight);
  writer.u64(governance.lastHeight).u16(governance.changed);
  for (const { epochLength, rotationInterval } of [governance.parameters, governance.nextParameters]) {
    writer.u32(epochLength).u32(rotationInterval);
  }
  writer.list(governance.members, writeMember).list(governance.nextMembers, writeMember);
  return writer.list(governance.peers, (w, { name, peerId }) => w.bytes8(utf8(name)).bytes8(utf8(peerId)));
}

/**
 * After the last transaction of a block: the last one of an epoch opens the next.
 * @param turn told of the next epoch where there is one
 * @returns the hash of the set of the next epoch where this block is the last of its own; else undefined
 */
export function closeEpoch(
  state: StateWriter,
  height: bigint,
  turn: (nextEpoch: bigint) => void,
): Hash | undefined {
  const governance = readGovernance(state);
  if (governance === undefined || governance.lastHeight !== height) return undefined;
  const { nextMembers: members, nextParameters: parameters } = governance;
  const epoch = governance.epoch + 1n;
  const firstHeight = height + 1n;
  const lastHeight = height + BigInt(parameters.epochLength);
  writeGovernance(state, {
    ...governance,
    ...{ epoch, firstHeight, lastHeight, changed: 0, parameters, members },
  });
  turn(epoch);
  return createValidatorSet(epoch, members).hash;
}

/**
 * Before the transactions of the first block under a transition: its members take over, now and for the next epoch.
 * Parameters, admitted peers and open proposals stay.
 */
export function openByTransition(
  state: StateWriter,
  { epoch, members }: Pick<Transition, "epoch" | "members">,
  firstHeight: bigint,
  checkpointInterval: number,
): void {
  const governance = must(readGovernance(state), "a transition is of a chain with epochs");
  const { nextParameters: parameters } = governance;
  const interval = BigInt(checkpointInterval);
  // The epoch ends at a checkpoint, wherever it begins.
  const lastHeight = (firstHeight / interval) * interval + BigInt(parameters.epochLength);
  const sorted = createValidatorSet(epoch, members).members;
  writeGovernance(state, {
    ...governance,
    ...{ epoch, firstHeight, lastHeight, changed: 0, parameters, members: sorted, nextMembers: sorted },
  });
}

/** "The second checkpoint after": what is approved at `height` takes effect behind it at the latest. */
export function secondCheckpointAfter(height: bigint, checkpointInterval: number): bigint {
  const interval = BigInt(checkpointInterval);
  return (height / interval + 2n) * interval;
}

/** Seats that may change in one epoch: so many that the sets before and after share a quorum's worth of members. */
export function seatsThatMayChange(members: number): number {
  return Math.max(1, Math.floor((members - 1) / 3));
}

export function writeMember(writer: Writer, { name, publicKey, account, peerId }: Validator): Writer {
  return writer.bytes8(utf8(name)).raw(publicKey).raw(account).bytes8(utf8(peerId));
}

export function readMember(reader: Reader): Validator {
  return {
    name: readText(reader, NAME_LENGTH_MAX),
    publicKey: asAddress(reader.raw(32)),
    account: asAddress(reader.raw(32)),
    peerId: readText(reader, PEER_ID_LENGTH_MAX),
  };
}

/** u8 length and so many bytes of UTF-8. */
export function readText(reader: Reader, bytesMax: number): string {
  return parseUtf8(reader.bytes8(bytesMax)) ?? reader.fail("a text is not UTF-8");
}

function readParameters(reader: Reader): EpochParameters {
  return { epochLength: reader.u32(), rotationInterval: reader.u32() };
}
