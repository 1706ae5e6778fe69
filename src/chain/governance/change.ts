/**
 * What validators can vote on, as bytes, and what a change makes of the membership: pure, and the same at whoever
 * proposes, votes, executes or only explains. A newcomer proves that it holds its key and is alive: it signs the hash
 * of a block that is at most 2K old.
 *
 *   change: kind u8 | fields
 *     1 add      member | proof        4 admit    name u8+bytes | peerId u8+bytes
 *     2 remove   publicKey 32          5 dismiss  peerId u8+bytes
 *     3 replace  publicKey 32 | new publicKey 32 | proof
 *     6 set      parameter u8 (1 epochLength, 2 rotationInterval, 3 minFee, 4 maxBlockTransactions, 5 maxBlockBytes) | value u32
 *     7 rules    version u32
 *     8 grant    account 32 | role u8 (1 sender, 2 admin)        9 revoke    the same
 *    10 module   number u8 | name u8+bytes | version u32 | SHA-256 of its file 32
 *   proof: height u64 | signature 64
 *
 * Sources: pbft.md 1.14 (limits, possession); docs/protocol.md, "Epochs".
 */
import { type Address, asAddress, concatBytes, equalBytes, type Hash, utf8 } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { MAIL_MESSAGE_BYTES_MAX, NAME_LENGTH_MAX, VALIDATORS_MAX } from "../../base/limits.ts";
import type { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { isStrongPublicKey, SIGNATURE_BYTES, verifySignature } from "../../crypto/keys.ts";
import { type ModuleVersion, readModuleVersion, writeModuleVersion } from "../types/module-version.ts";
import type { Validator } from "../types/validator-set.ts";
import { newViewBytesMax } from "../types/view-change-size.ts";
import {
  ADMITTED_PEERS_MAX,
  type Governance,
  PEER_ID_LENGTH_MAX,
  readMember,
  readText,
  seatsThatMayChange,
  writeMember,
} from "./governance-state.ts";
import {
  type ChangeBounds,
  type ChangeFault,
  PARAMETERS,
  type ParameterName,
  setParameter,
} from "./parameters.ts";
import { type AccountRole, hasRole, ROLE_HOLDERS_MAX, ROLES, withoutRole, withRole } from "./roles.ts";

/** A proof by whoever holds a consensus key: its signature over the hash of a recent block. */
export interface Possession {
  readonly height: bigint;
  /** The Ed25519 signature of the key that is to be proved, 64 bytes. */
  readonly signature: Uint8Array;
}

export type Change =
  | { readonly kind: "add"; readonly member: Validator; readonly proof: Possession }
  | { readonly kind: "remove"; readonly publicKey: Address }
  | {
      readonly kind: "replace";
      readonly publicKey: Address;
      readonly newKey: Address;
      readonly proof: Possession;
    }
  | { readonly kind: "admit"; readonly name: string; readonly peerId: string }
  | { readonly kind: "dismiss"; readonly peerId: string }
  | { readonly kind: "set"; readonly parameter: ParameterName; readonly value: number }
  | { readonly kind: "rules"; readonly version: number }
  | { readonly kind: "grant" | "revoke"; readonly account: Address; readonly role: AccountRole }
  | { readonly kind: "module"; readonly module: ModuleVersion };

const KINDS = [
  ...(["add", "remove", "replace", "admit", "dismiss", "set", "rules", "grant", "revoke"] as const),
  "module",
] as const;

export function writeChange(writer: Writer, change: Change): void {
  writer.u8(KINDS.indexOf(change.kind) + 1);
  switch (change.kind) {
    case "add":
      writeMember(writer, change.member);
      writer.u64(change.proof.height).raw(change.proof.signature);
      return;
    case "remove":
      writer.raw(change.publicKey);
      return;
    case "replace":
      writer.raw(change.publicKey).raw(change.newKey);
      writer.u64(change.proof.height).raw(change.proof.signature);
      return;
    case "admit":
      writer.bytes8(utf8(change.name)).bytes8(utf8(change.peerId));
      return;
    case "dismiss":
      writer.bytes8(utf8(change.peerId));
      return;
    case "set":
      writer.u8(PARAMETERS.indexOf(change.parameter) + 1).u32(change.value);
      return;
    case "rules":
      writer.u32(change.version);
      return;
    case "grant":
    case "revoke":
      writer.raw(change.account).u8(ROLES.indexOf(change.role) + 1);
      return;
    case "module":
      writeModuleVersion(writer, change.module);
      return;
  }
}

export function readChange(reader: Reader): Change {
  const number = reader.u8();
  const kind = KINDS[number - 1] ?? reader.fail(`change of kind ${number}, known are 1 to ${KINDS.length}`);
  switch (kind) {
    case "add":
      return { kind, member: readMember(reader), proof: readProof(reader) };
    case "remove":
      return { kind, publicKey: asAddress(reader.raw(32)) };
    case "replace": {
      const publicKey = asAddress(reader.raw(32));
      return { kind, publicKey, newKey: asAddress(reader.raw(32)), proof: readProof(reader) };
    }
    case "admit":
      return {
        kind,
        name: readText(reader, NAME_LENGTH_MAX),
        peerId: readText(reader, PEER_ID_LENGTH_MAX),
      };
    case "dismiss":
      return { kind, peerId: readText(reader, PEER_ID_LENGTH_MAX) };
    case "set": {
      const parameter = reader.u8();
      const name = PARAMETERS[parameter - 1] ?? reader.fail(`parameter ${parameter}`);
      return { kind, parameter: name, value: reader.u32() };
    }
    case "rules":
      return { kind, version: reader.u32() };
    case "grant":
    case "revoke": {
      const account = asAddress(reader.raw(32));
      const role = reader.u8();
      return { kind, account, role: ROLES[role - 1] ?? reader.fail(`role ${role}`) };
    }
    case "module":
      return { kind, module: readModuleVersion(reader) };
  }
}

function readProof(reader: Reader): Possession {
  return { height: reader.u64(), signature: reader.raw(SIGNATURE_BYTES) };
}

const TAG = utf8("quorate/possession/v1");

/** What the holder of a new key signs: `tag | genesisHash | height u64 | block hash | publicKey | account`. */
export function possessionBytes(claim: {
  readonly genesisHash: Hash;
  readonly height: bigint;
  readonly blockHash: Hash;
  readonly publicKey: Address;
  readonly account: Address;
}): Uint8Array {
  const { genesisHash, height, blockHash, publicKey, account } = claim;
  const place = new Writer(8).u64(height).finish();
  return concatBytes(TAG, genesisHash, place, blockHash, publicKey, account);
}

/** What is asked of the chain when a change is proposed. */
export interface ProofContext {
  readonly genesisHash: Hash;
  /** K, the heights between two checkpoints. */
  readonly checkpointInterval: number;
  /** The block that is being executed. */
  readonly height: bigint;
  /** The hash of an earlier block of the branch, at most 2K below. */
  readonly hashAt: (height: bigint) => Hash;
}

/** Whether the newcomer of a change holds its key, and is alive; a change without a newcomer proves nothing. */
export function checkProof(
  change: Change,
  governance: Governance,
  context: ProofContext,
): Verdict<undefined, "bad-proof"> {
  if (change.kind !== "add" && change.kind !== "replace") return accept(undefined);
  const { proof } = change;
  const account =
    change.kind === "add"
      ? change.member.account
      : governance.members.find(({ publicKey }) => equalBytes(publicKey, change.publicKey))?.account;
  if (account === undefined) return refuse("bad-proof", "no validator has the key that is to be replaced");
  const { height, checkpointInterval, genesisHash } = context;
  const oldest = height - BigInt(2 * checkpointInterval);
  if (proof.height >= height || proof.height < oldest || proof.height < 0n) {
    return refuse(
      "bad-proof",
      `the proof of possession names block ${proof.height}; in block ${height} it must name one from ` +
        `${oldest < 0n ? 0n : oldest} to ${height - 1n}`,
    );
  }
  const publicKey = change.kind === "add" ? change.member.publicKey : change.newKey;
  const blockHash = context.hashAt(proof.height);
  const message = possessionBytes({ genesisHash, height: proof.height, blockHash, publicKey, account });
  if (verifySignature(publicKey, message, proof.signature)) return accept(undefined);
  return refuse("bad-proof", "the proof of possession is not signed by the new key over that block");
}

/**
 * What a change makes of the membership, once it is approved. Fault `unfit`: it never fits, or not to what is planned
 * for the next epoch; `epoch-full`: it would in a later epoch.
 */
export function applyChange(
  governance: Governance,
  change: Change,
  bounds: ChangeBounds,
): Verdict<Governance, ChangeFault> {
  switch (change.kind) {
    case "add":
      return withMembers(governance, [...governance.nextMembers, change.member], change.member, bounds);
    case "remove": {
      const left = governance.nextMembers.filter(({ publicKey }) => !equalBytes(publicKey, change.publicKey));
      if (left.length === governance.nextMembers.length)
        return unfit("no validator of the next epoch has this key");
      if (left.length === 0)
        return unfit("the last validator cannot be removed: nobody would agree on blocks");
      return withMembers(governance, left, undefined, bounds);
    }
    case "replace": {
      const { publicKey, newKey } = change;
      const index = governance.nextMembers.findIndex((member) => equalBytes(member.publicKey, publicKey));
      const member = governance.nextMembers[index];
      if (member === undefined)
        return unfit("no validator of the next epoch has the key that is to be replaced");
      const renewed = { ...member, publicKey: newKey };
      return withMembers(governance, governance.nextMembers.with(index, renewed), renewed, bounds);
    }
    case "admit":
      return admitPeer(governance, change);
    case "dismiss": {
      const peers = governance.peers.filter(({ peerId }) => peerId !== change.peerId);
      if (peers.length === governance.peers.length) return unfit("the chain has not admitted this peer");
      return accept({ ...governance, peers });
    }
    case "set":
      return setParameter(governance, change, bounds);
    case "rules":
    case "module":
      return accept(governance); // records of their own (rules-version.ts, module-versions.ts)
    case "grant":
    case "revoke":
      return changeRole(governance, change);
  }
}

/** Whether whoever has the role `admin` may do it alone: an admin lets others send, and makes no admins. */
export function isAdminsOwn(change: Change): boolean {
  return (change.kind === "grant" || change.kind === "revoke") && change.role === "sender";
}

function changeRole(
  governance: Governance,
  { kind, account, role }: Extract<Change, { kind: "grant" | "revoke" }>,
): Verdict<Governance, ChangeFault> {
  const { roles } = governance;
  if (roles === undefined)
    return unfit("this chain has no roles: its genesis names none, and anybody may send");
  if (hasRole(roles, account, role) === (kind === "grant"))
    return unfit(`the account ${kind === "grant" ? "has" : "does not have"} the role ${role} already`);
  if (kind === "revoke") return accept({ ...governance, roles: withoutRole(roles, account, role) });
  if (!isStrongPublicKey(account)) return unfit("the account is a weak Ed25519 key");
  const granted = withRole(roles, account, role);
  if (granted.length > ROLE_HOLDERS_MAX) return unfit(`at most ${ROLE_HOLDERS_MAX} accounts have a role`);
  return accept({ ...governance, roles: granted });
}

/** Whether a change touches the validators; peers and parameters have no limit per epoch. */
export function changesSeats({ kind }: Change): boolean {
  return kind === "add" || kind === "remove" || kind === "replace";
}

function withMembers(
  governance: Governance,
  nextMembers: readonly Validator[],
  newcomer: Validator | undefined,
  { logWindow }: ChangeBounds,
): Verdict<Governance, ChangeFault> {
  const problem = newcomer === undefined ? undefined : newcomerProblem(nextMembers, newcomer, logWindow);
  if (problem !== undefined) return unfit(problem);
  const allowed = seatsThatMayChange(governance.members.length);
  if (governance.changed >= allowed) {
    return refuse(
      "epoch-full",
      `${governance.changed} of at most ${allowed} seats change at the end of epoch ${governance.epoch} already; ` +
        `vote after height ${governance.lastHeight}`,
    );
  }
  return accept({ ...governance, nextMembers, changed: governance.changed + 1 });
}

function newcomerProblem(
  all: readonly Validator[],
  newcomer: Validator,
  logWindow: number,
): string | undefined {
  if (all.length > VALIDATORS_MAX) return `${all.length} validators, at most ${VALIDATORS_MAX}`;
  if (newViewBytesMax(all.length, logWindow) >= MAIL_MESSAGE_BYTES_MAX) {
    return `with ${all.length} validators and a log window of ${logWindow} a NEW-VIEW would not fit into a message`;
  }
  for (const field of ["publicKey", "account"] as const) {
    if (!isStrongPublicKey(newcomer[field])) return `its ${field} is a weak Ed25519 key`;
    if (count(all, (other) => equalBytes(other[field], newcomer[field])) > 1) return `its ${field} is taken`;
  }
  const problem = peerProblem(newcomer);
  if (problem !== undefined) return problem;
  for (const field of ["name", "peerId"] as const) {
    if (count(all, (other) => other[field] === newcomer[field]) > 1) return `its ${field} is taken`;
  }
  return undefined;
}

/** The rules are those of genesis.json: what people read of a member is plain, and its peer id is one of an Ed25519 key. */
function peerProblem({
  name,
  peerId,
}: {
  readonly name: string;
  readonly peerId: string;
}): string | undefined {
  if (!NAME.test(name)) return 'its name must be letters, digits, ".", "-" or "_"';
  return PEER_ID.test(peerId) ? undefined : "its peer id is none of an Ed25519 key";
}

const NAME = new RegExp(`^[A-Za-z0-9._-]{1,${NAME_LENGTH_MAX}}$`);
const PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;

function count<T>(all: readonly T[], matches: (one: T) => boolean): number {
  return all.filter(matches).length;
}

function admitPeer(
  governance: Governance,
  { name, peerId }: Extract<Change, { kind: "admit" }>,
): Verdict<Governance, ChangeFault> {
  if (governance.peers.length >= ADMITTED_PEERS_MAX)
    return unfit(`at most ${ADMITTED_PEERS_MAX} peers are admitted`);
  if (governance.peers.some((peer) => peer.peerId === peerId))
    return unfit("the chain has admitted this peer already");
  const problem = peerProblem({ name, peerId });
  if (problem !== undefined) return unfit(problem);
  return accept({ ...governance, peers: [...governance.peers, { name, peerId }] });
}

function unfit(detail: string): Verdict<never, "unfit"> {
  return refuse("unfit", detail);
}
