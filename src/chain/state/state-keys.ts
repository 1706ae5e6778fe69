/**
 * The keys of the state dictionary, all on one screen. The first byte is the prefix; what follows has a fixed
 * length, so no key is a prefix of another of its kind; a declared module's key says its own length.
 *
 *   0x01 | address 32                -> account: balance u64 | nonce u64
 *   0x02 | digest 32                 -> first anchor of a digest, and how many there are
 *   0x03 | digest 32 | sender 32     -> one sender's anchor of a digest
 *   0x04 | height u64                -> what the block at this height minted, not spendable yet: to 32 | value u64
 *   0x05                             -> the epoch, its members and those of the next (chain/governance/governance-state.ts)
 *   0x06 | id u64                    -> a proposal of a validator (chain/governance/proposals.ts)
 *   0x07                             -> the ids of open proposals
 *   0x08                             -> the version of the rules (chain/governance/rules-version.ts)
 *   0x09                             -> the roles of accounts, where genesis names any (chain/governance/roles.ts)
 *   0x0a                             -> versions of declared modules that votes have named (chain/governance/module-versions.ts)
 *   0x40 | module u8 | map u8 | key  -> an entry of a declared module (chain/modules/module-state.ts)
 */
import { type Address, concatBytes } from "../../base/bytes.ts";
import { Writer } from "../../codec/writer.ts";

const ACCOUNT = 0x01;
const ANCHOR = Uint8Array.of(0x02);
const ANCHOR_BY = Uint8Array.of(0x03);
const MATURING = 0x04;
const MODULE = 0x40;

/** The address that was asked for last, and its key: a transaction's sender is, several times in a row. */
let last: { readonly address: Address; readonly key: Uint8Array } | undefined;

/** The key of an account. Whoever gets it must not change its bytes. */
export function accountKey(address: Address): Uint8Array {
  if (last?.address === address) return last.key;
  const key = new Uint8Array(33);
  key[0] = ACCOUNT;
  key.set(address, 1);
  last = { address, key };
  return key;
}

export function isAccountKey(key: Uint8Array): boolean {
  return key[0] === ACCOUNT;
}

export function anchorKey(digest: Uint8Array): Uint8Array {
  return concatBytes(ANCHOR, digest);
}

export function anchorByKey(digest: Uint8Array, sender: Address): Uint8Array {
  return concatBytes(ANCHOR_BY, digest, sender);
}

export function maturingKey(height: bigint): Uint8Array {
  return new Writer(9).u8(MATURING).u64(height).finish();
}

export function governanceKey(): Uint8Array {
  return Uint8Array.of(0x05);
}

export function proposalKey(id: bigint): Uint8Array {
  return new Writer(9).u8(0x06).u64(id).finish();
}

export function openProposalsKey(): Uint8Array {
  return Uint8Array.of(0x07);
}

export function rulesKey(): Uint8Array {
  return Uint8Array.of(0x08);
}

export function rolesKey(): Uint8Array {
  return Uint8Array.of(0x09);
}

export function moduleVersionsKey(): Uint8Array {
  return Uint8Array.of(0x0a);
}

/** @param key encoded as the map's declaration says, or the beginning of such keys */
export function moduleKey(module: number, map: number, key: Uint8Array): Uint8Array {
  return new Writer(3 + key.length).u8(MODULE).u8(module).u8(map).raw(key).finish();
}
