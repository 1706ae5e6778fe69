/**
 * Names for accounts: "alice" is a key file in <dir>/keys or an account of the devnet whose folder is here; 0x-hex
 * and paths to key files are taken as they are. A name that means two different accounts is refused.
 */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { type Address, asAddress, equalBytes, hex0x, parseBytes32 } from "../../base/bytes.ts";
import { didYouMean } from "../../base/suggest.ts";
import { type Key, keyOfSeed, loadKey, loadPublicKey } from "../../node/home/key-file.ts";
import { dirOption } from "../command.ts";
import { devnetFile } from "../devnet/devnet-dir.ts";
import { devnetOption } from "../devnet/devnet-lookup.ts";
import { badInput, valueOrThrow } from "../exit.ts";
import { keyPath } from "../home/key-paths.ts";
import { type PasswordOptions, passwordOptions, unlockKeys } from "../home/passwords.ts";

export interface NameOptions extends PasswordOptions {
  /** The folder whose keys/ is looked into. */
  readonly dir: string;
  /** The devnet's folder. */
  readonly devnet: string;
}

export interface NamedKey {
  readonly key: Key;
  readonly label: string;
}

export interface NamedAddress {
  readonly address: Address;
  /** The name, or the shown address. */
  readonly label: string;
}

export function nameOptions(command: Command): Command {
  return passwordOptions(command.addOption(dirOption()).addOption(devnetOption()));
}

/** The signing key of a name, a key file's path or a 0x-hex secret seed. */
export async function resolveKey(text: string, options: NameOptions): Promise<NamedKey> {
  const seed = text.startsWith("0x") ? parseBytes32(text) : undefined;
  if (seed !== undefined) return { key: keyOfSeed(seed), label: "the given seed" };
  if (text.startsWith("0x")) throw badInput("expected a secret seed of 0x and 64 hex digits");
  if (isPath(text)) return { key: await unlocked(text, options), label: text };
  const { file, account } = await findName(text, options);
  if (file !== undefined) return { key: await unlocked(file, options), label: text };
  if (account === undefined) throw badInput(await unknownName(text, options));
  return { key: account, label: text };
}

function isPath(text: string): boolean {
  return text.includes("/") || text.endsWith(".json");
}

async function unlocked(path: string, options: PasswordOptions): Promise<Key> {
  return valueOrThrow(loadKey(path, await unlockKeys([path], options)));
}

interface Found {
  /** A key file of that name. */
  readonly file: string | undefined;
  /** An account of the devnet of that name. */
  readonly account: Key | undefined;
}

/** Who they are needs no password. */
async function findName(text: string, options: Pick<NameOptions, "dir" | "devnet">): Promise<Found> {
  const path = keyPath(options.dir, text);
  const file = existsSync(path) ? path : undefined;
  const account = await fromDevnet(text, options.devnet);
  if (file !== undefined && account !== undefined) {
    const { publicKey } = valueOrThrow(loadPublicKey(file));
    if (!equalBytes(publicKey, account.publicKey)) {
      throw badInput(
        `"${text}" is a key in ${options.dir}/keys and another account of ${options.devnet}: give a path`,
      );
    }
  }
  return { file, account };
}

/** The address of a name, of a key file, or 0x-hex itself. A key's password is not asked for. */
export async function resolveAddress(
  text: string,
  options: Pick<NameOptions, "dir" | "devnet">,
): Promise<NamedAddress> {
  const bytes = text.startsWith("0x") ? parseBytes32(text) : undefined;
  if (bytes !== undefined) return { address: asAddress(bytes), label: hex0x(bytes) };
  if (text.startsWith("0x")) throw badInput(`expected an address of 0x and 64 hex digits, found "${text}"`);
  const { file, account } = isPath(text) ? { file: text, account: undefined } : await findName(text, options);
  if (file !== undefined) return { address: valueOrThrow(loadPublicKey(file)).publicKey, label: text };
  if (account === undefined) throw badInput(await unknownName(text, options));
  return { address: account.publicKey, label: text };
}

/** Accounts of the devnet, and its nodes (node0, ...), whose accounts receive fees and coinbases. */
async function fromDevnet(name: string, dir: string): Promise<Key | undefined> {
  if (!existsSync(devnetFile(dir))) return undefined;
  const { loadDevnet, planDevnet } = await import("../devnet/devnet-plan.ts");
  const { accounts, members } = planDevnet(valueOrThrow(loadDevnet(dir)));
  const found = [...accounts, ...members].find((candidate) => candidate.name === name);
  return found === undefined ? undefined : keyOfSeed(found.seed);
}

async function unknownName(
  name: string,
  { dir, devnet }: Pick<NameOptions, "dir" | "devnet">,
): Promise<string> {
  const place = `no key "${name}" in ${dir}/keys`;
  if (!existsSync(devnetFile(devnet)))
    return `${place}, and no devnet in ${devnet}; give a name, a path or 0x-hex`;
  const { loadDevnet, planDevnet } = await import("../devnet/devnet-plan.ts");
  const names = planDevnet(valueOrThrow(loadDevnet(devnet))).accounts.map((account) => account.name);
  return `${place} nor an account of the devnet in ${devnet}${didYouMean(name, names)}`;
}
