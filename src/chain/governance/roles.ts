/**
 * Roles of accounts, on chains whose genesis names them: who may send transactions, and who may say so. A member of the epoch or
 * of the next one always may send, so that it can vote. Source: docs/protocol.md, "Roles"; docs/adr/0037-02.
 *
 *   0x09: list of (account 32 | bits u8: 1 sender, 2 admin), ascending by account
 */
import { type Address, asAddress, byteText, compareBytes, equalBytes } from "../../base/bytes.ts";
import { decodeStored, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { StateReader, StateWriter } from "../modules/module.ts";
import { rolesKey } from "../state/state-keys.ts";

export const ROLES = ["sender", "admin"] as const;
export type AccountRole = (typeof ROLES)[number];

/** Accounts with a role, at most. The list is read with each block. */
export const ROLE_HOLDERS_MAX = 512;

export interface RoleHolder {
  readonly account: Address;
  /** 1 sender, 2 admin, 3 both. */
  readonly bits: number;
}

export type Roles = readonly RoleHolder[];

function bitOf(role: AccountRole): number {
  return 1 << ROLES.indexOf(role);
}

export function rolesOf({ bits }: RoleHolder): readonly AccountRole[] {
  return ROLES.filter((role) => (bits & bitOf(role)) !== 0);
}

/** The roles that a genesis names. */
export function rolesFrom({
  senders,
  admins,
}: Readonly<Record<"senders" | "admins", readonly Address[]>>): Roles {
  const is = (account: Address) => (other: Address) => equalBytes(account, other);
  const all = [...senders, ...admins];
  const distinct = all.filter((account, i) => all.findIndex(is(account)) === i);
  return sorted(
    distinct.map((account) => ({
      account,
      bits: +senders.some(is(account)) + 2 * +admins.some(is(account)),
    })),
  );
}

export function withRole(roles: Roles, account: Address, role: AccountRole): Roles {
  const bits = (holderOf(roles, account)?.bits ?? 0) | bitOf(role);
  return sorted([...others(roles, account), { account, bits }]);
}

export function withoutRole(roles: Roles, account: Address, role: AccountRole): Roles {
  const bits = (holderOf(roles, account)?.bits ?? 0) & ~bitOf(role);
  return bits === 0 ? others(roles, account) : sorted([...others(roles, account), { account, bits }]);
}

export function hasRole(roles: Roles, account: Address, role: AccountRole): boolean {
  return ((holderOf(roles, account)?.bits ?? 0) & bitOf(role)) !== 0;
}

/** The roles that accounts have, or undefined where anybody may send. */
export function readRoles(state: StateReader): Roles | undefined {
  const value = state.get(rolesKey());
  return value && decodeStored(value, "roles", (reader) => reader.list(ROLE_HOLDERS_MAX, readHolder));
}

export function writeRoles(state: Pick<StateWriter, "put">, roles: Roles): void {
  const writer = new Writer(512).list(roles, (w, { account, bits }) => w.raw(account).u8(bits));
  state.put(rolesKey(), writer.finish());
}

/** Who may send, each by the text of an account's bytes. */
export function sendersOf(
  roles: Roles,
  members: readonly { readonly account: Address }[],
): ReadonlySet<string> {
  return new Set([...roles, ...members].map(({ account }) => byteText(account)));
}

function readHolder(reader: Reader): RoleHolder {
  return { account: asAddress(reader.raw(32)), bits: reader.u8() };
}

function holderOf(roles: Roles, account: Address): RoleHolder | undefined {
  return roles.find((holder) => equalBytes(holder.account, account));
}

function others(roles: Roles, account: Address): Roles {
  return roles.filter((holder) => !equalBytes(holder.account, account));
}

function sorted(roles: Roles): Roles {
  return roles.toSorted((a, b) => compareBytes(a.account, b.account));
}
