/**
 * Names for accounts: "alice" is a key file in <dir>/keys or an account of the devnet whose folder is here; 0x-hex
 * and paths to key files are taken as they are. A name that means two different accounts is refused.
 */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { type Address, asAddress, equalBytes, hex0x, parseBytes32 } from "../../base/bytes.ts";
import { didYouMean } from "../../base/suggest.ts";
import { type Key, keyOfSeed, loadKey } from "../../node/home/key-file.ts";
import { dirOption } from "../command.ts";
import { devnetFile } from "../devnet/devnet-dir.ts";
import { devnetOption } from "../devnet/devnet-lookup.ts";
import { badInput, must } from "../exit.ts";
import { keyPath } from "../home/key-paths.ts";

export interface NameOptions {
  /** Whose keys/ is looked into. */
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
  return command.addOption(dirOption()).addOption(devnetOption());
}

/** The signing key of a name, a key file's path or a 0x-hex secret seed. */
export async function resolveKey(text: string, options: NameOptions): Promise<NamedKey> {
  const seed = text.startsWith("0x") ? parseBytes32(text) : undefined;
  if (seed !== undefined) return { key: keyOfSeed(seed), label: "the given seed" };
  if (text.startsWith("0x")) throw badInput("expected a secret seed of 0x and 64 hex digits");
  if (text.includes("/") || text.endsWith(".json")) return { key: must(loadKey(text)), label: text };
  const found = [fromKeys(text, options.dir), await fromDevnet(text, options.devnet)].filter(
    (key) => key !== undefined,
  );
  const [first, second] = found;
  if (first === undefined) throw badInput(await unknownName(text, options));
  if (second !== undefined && !equalBytes(first.publicKey, second.publicKey)) {
    throw badInput(
      `"${text}" is a key in ${options.dir}/keys and another account of ${options.devnet}: give a path`,
    );
  }
  return { key: first, label: text };
}

/** The address of a name, of a key file, or 0x-hex itself. */
export async function resolveAddress(text: string, options: NameOptions): Promise<NamedAddress> {
  const bytes = text.startsWith("0x") ? parseBytes32(text) : undefined;
  if (bytes !== undefined) return { address: asAddress(bytes), label: hex0x(bytes) };
  if (text.startsWith("0x")) throw badInput(`expected an address of 0x and 64 hex digits, found "${text}"`);
  const { key, label } = await resolveKey(text, options);
  return { address: key.publicKey, label };
}

function fromKeys(name: string, dir: string): Key | undefined {
  const path = keyPath(dir, name);
  return existsSync(path) ? must(loadKey(path)) : undefined;
}

/** Accounts of the devnet, and its nodes (node0, ...), whose accounts receive fees and coinbases. */
async function fromDevnet(name: string, dir: string): Promise<Key | undefined> {
  if (!existsSync(devnetFile(dir))) return undefined;
  const { loadDevnet, planDevnet } = await import("../devnet/devnet-plan.ts");
  const { accounts, members } = planDevnet(must(loadDevnet(dir)));
  const found = [...accounts, ...members].find((candidate) => candidate.name === name);
  return found === undefined ? undefined : keyOfSeed(found.seed);
}

async function unknownName(name: string, { dir, devnet }: NameOptions): Promise<string> {
  const place = `no key "${name}" in ${dir}/keys`;
  if (!existsSync(devnetFile(devnet)))
    return `${place}, and no devnet in ${devnet}; give a name, a path or 0x-hex`;
  const { loadDevnet, planDevnet } = await import("../devnet/devnet-plan.ts");
  const names = planDevnet(must(loadDevnet(devnet))).accounts.map((account) => account.name);
  return `${place} nor an account of the devnet in ${devnet}${didYouMean(name, names)}`;
}
