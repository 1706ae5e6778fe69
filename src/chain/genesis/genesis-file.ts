/**
 * genesis.json as text: field by field into a {@link Genesis}, and back. It refuses what a chain could not live with
 * and says where, what it found and what it expects; it warns of what is legal but unwise. White space, the order of
 * keys and of lists never matter to the genesis hash (chain/genesis/genesis.ts).
 * Every field, unit and bound for people: genesis/README.md.
 */
import { hex, hex0x } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { GENESIS_ACCOUNTS_MAX } from "../../base/limits.ts";
import { isStrongPublicKey } from "../../crypto/keys.ts";
import { type AccountRole, hasRole, ROLE_HOLDERS_MAX, type Roles } from "../governance/roles.ts";
import { hasEpochs } from "./consensus-parameters.ts";
import { GENESIS_FORMAT, type Genesis } from "./genesis.ts";
import { firstProblems, readGenesisFields, repeats, SUPPLY_MAX } from "./genesis-fields.ts";
import { fileFormatOf } from "./genesis-file-formats.ts";
import type { GenesisModules } from "./genesis-modules.ts";

export interface ReadGenesis {
  readonly genesis: Genesis;
  /** Legal but unwise, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Reads a genesis file. Faults: `too-large`, `malformed` (not JSON, or a field is not what it must be) and `unfit`
 * (the fields are well-formed but do not fit together).
 */
export function parseGenesis(json: string): Verdict<ReadGenesis, "too-large" | "malformed" | "unfit"> {
  const fields = readGenesisFields(json);
  if (!fields.ok) return fields;
  const genesis = fields.value;
  const problems = [
    ...limitProblems(genesis),
    ...fileFormatOf(genesis.consensus).problems(genesis),
    ...accountProblems(genesis),
    ...moduleProblems(genesis),
    ...roleProblems(genesis),
  ];
  if (problems.length > 0) return refuse("unfit", firstProblems(problems));
  return accept({ genesis, warnings: warningsOf(genesis) });
}

/** The text of genesis.json: two spaces, amounts as strings, a newline at the end. */
export function formatGenesis(genesis: Genesis): string {
  const file = {
    format: GENESIS_FORMAT,
    name: genesis.name,
    profile: genesis.profile,
    chainId: Number(genesis.chainId),
    timeMs: Number(genesis.timeMs),
    consensus: fileFormatOf(genesis.consensus).toJson(genesis.consensus),
    limits: { ...genesis.limits, minFee: genesis.limits.minFee.toString() },
    validators: genesis.validators.map(({ name, publicKey, account, peerId }) => ({
      name,
      publicKey: hex0x(publicKey),
      account: hex0x(account),
      peerId,
    })),
    accounts: genesis.accounts.map(({ address, balance }) => ({
      address: hex0x(address),
      balance: balance.toString(),
    })),
    ...(genesis.modules === undefined ? {} : { modules: modulesJson(genesis.modules) }),
    ...(genesis.roles === undefined ? {} : { roles: rolesJson(genesis.roles) }),
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

function modulesJson({ callUnitsMax, unitsPerFee, list }: GenesisModules) {
  return {
    callUnitsMax,
    unitsPerFee: unitsPerFee.toString(),
    list: list.map(({ name, number, version, hash }) => ({ name, number, version, hash: hex0x(hash) })),
  };
}

function rolesJson(roles: Roles) {
  const having = (role: AccountRole) =>
    roles.filter(({ account }) => hasRole(roles, account, role)).map(({ account }) => hex0x(account));
  return { senders: having("sender"), admins: having("admin") };
}

function roleProblems({ roles, consensus }: Genesis): string[] {
  if (roles === undefined) return [];
  if (!hasEpochs(consensus))
    return ["roles: nobody could change them without votes; set consensus.epochLength, or leave them out"];
  if (roles.length > ROLE_HOLDERS_MAX)
    return [`roles: expected at most ${ROLE_HOLDERS_MAX} accounts, found ${roles.length}`];
  const weak = roles.find(({ account }) => !isStrongPublicKey(account));
  return weak === undefined ? [] : [`roles: ${hex0x(weak.account)} is a weak Ed25519 key`];
}

function moduleProblems({ modules }: Genesis): string[] {
  if (modules === undefined) return [];
  const { list: named } = modules;
  return [
    ...repeats(named, "modules.list", "name", ({ name }) => name),
    ...repeats(named, "modules.list", "number", ({ number }) => String(number)),
  ];
}

function limitProblems({ limits, profile }: Genesis): string[] {
  const problems: string[] = [];
  if (limits.maxTxBytes > limits.maxBlockBytes) {
    problems.push(
      `limits.maxTxBytes: ${limits.maxTxBytes} is more than maxBlockBytes ${limits.maxBlockBytes}, such a transaction would never fit`,
    );
  }
  if (limits.minFee === 0n && profile !== "dev") {
    problems.push(`limits.minFee: "0" is for profile "dev" only, this one is "${profile}"; set at least "1"`);
  }
  return problems;
}

function accountProblems({ accounts }: Genesis): string[] {
  if (accounts.length > GENESIS_ACCOUNTS_MAX) {
    return [`accounts: expected at most ${GENESIS_ACCOUNTS_MAX}, found ${accounts.length}`];
  }
  const problems = repeats(accounts, "accounts", "address", (account) => hex(account.address));
  const supply = accounts.reduce((sum, account) => sum + account.balance, 0n);
  if (supply > SUPPLY_MAX) {
    problems.push(`accounts: the balances add up to ${supply}, at most ${SUPPLY_MAX} (2^63 - 1) may exist`);
  }
  return problems;
}

function warningsOf(genesis: Genesis): string[] {
  const warnings = fileFormatOf(genesis.consensus).warnings(genesis);
  const weak = genesis.accounts.findIndex((account) => !isStrongPublicKey(account.address));
  if (weak >= 0)
    warnings.push(`accounts[${weak}].address: not a usable Ed25519 key, its balance can never move`);
  return warnings;
}
