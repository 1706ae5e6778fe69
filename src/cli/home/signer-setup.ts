/** What `quorate signer init` does in folders: a new key is made, or one moves there with its votes. */
import { randomBytes } from "node:crypto";
import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Address, asHash, type Hash } from "../../base/bytes.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { loadConfig } from "../../node/home/config.ts";
import type { HomePaths } from "../../node/home/home.ts";
import { formatEncryptedKey, formatKey, keyOfSeed, loadPublicKey } from "../../node/home/key-file.ts";
import { readTextFile } from "../../node/home/text-file.ts";
import { createSignerHome, type SignerToken } from "../../node/signer/signer-home.ts";
import type { TokenSettings } from "../../node/signer/token-key.ts";
import { badInput, CliError, EXIT, valueOrThrow } from "../exit.ts";
import { newPassword, type PasswordOptions } from "./passwords.ts";
import { withStoppedHome } from "./stopped-home.ts";
import { openTokenKey, type TokenOptions, tokenSettings } from "./token-options.ts";

export interface SignerSource extends PasswordOptions, TokenOptions {
  readonly from?: string;
  /** The hash in raw order. */
  readonly genesisHash?: Uint8Array;
  readonly encrypt?: boolean;
  readonly host?: readonly string[];
}

export interface MadeSigner {
  readonly publicKey: Address;
  readonly genesisHash: Hash;
  readonly votes: number;
}

/** @throws CliError */
export function makeSigner(dir: string, source: SignerSource): Promise<MadeSigner> {
  const { from, genesisHash } = source;
  const settings = tokenSettings(source);
  if (from !== undefined && settings !== undefined)
    throw badInput(
      "--from HOME moves the key that its config.toml names, also one in a token: leave --pkcs11-module out",
    );
  if (from !== undefined) return moveKey(dir, from, source);
  if (genesisHash === undefined)
    throw badInput("say whose key it is: --from HOME, or --genesis-hash HASH for a new one");
  if (settings !== undefined) return tokenKey(dir, asHash(genesisHash), { settings, source });
  return newKey(dir, asHash(genesisHash), source);
}

/** A key that lies in a token already: nothing of it comes here. */
async function tokenKey(
  dir: string,
  genesisHash: Hash,
  { settings, source }: { readonly settings: TokenSettings; readonly source: SignerSource },
): Promise<MadeSigner> {
  const key = await openTokenKey(settings, undefined, source);
  const { publicKey } = key;
  key.close();
  const votes = { signed: [], votesFrom: undefined };
  const made = { genesisHash, keyText: undefined, token: { ...settings, publicKey }, hosts: hostsOf(source) };
  valueOrThrow(await createSignerHome(dir, { ...made, ...votes }, Date.now()));
  return { publicKey, genesisHash, votes: 0 };
}

async function newKey(dir: string, genesisHash: Hash, source: SignerSource): Promise<MadeSigner> {
  const key = keyOfSeed(new Uint8Array(randomBytes(32)));
  const keyText =
    source.encrypt === true
      ? formatEncryptedKey(key, await newPassword("the new key", source))
      : formatKey(key);
  const made = { genesisHash, keyText, hosts: hostsOf(source), signed: [], votesFrom: undefined };
  valueOrThrow(await createSignerHome(dir, made, Date.now()));
  return { publicKey: key.publicKey, genesisHash, votes: 0 };
}

/** The key goes from the home when all of it is durable at the signer's; of one in a token the votes go. */
function moveKey(dir: string, from: string, source: SignerSource): Promise<MadeSigner> {
  return withStoppedHome({ dir: from, mayBeNew: true }, async ({ paths, genesis }) => {
    const moved = await movedKey(paths, source);
    const [{ markVoted, openVotes, votesPath }, { guardRecordsOf }] = await Promise.all([
      import("../../node/votes/vote-journal-home.ts"),
      import("../../consensus/pbft/guarded-journal.ts"),
    ]);
    const { records: votes, state, log } = await openVotes(paths);
    const votesFrom = state === "missing" ? undefined : votesPath(paths);
    await log.close();
    const signed = signedOf(guardRecordsOf, votes);
    const genesisHash = computeGenesisHash(genesis);
    const { publicKey, keyText, token } = moved;
    const made = { genesisHash, keyText, token, hosts: hostsOf(source), signed, votesFrom };
    valueOrThrow(await createSignerHome(dir, made, Date.now()));
    if (token === undefined) rmSync(paths.validatorKey);
    else {
      // The token cannot leave the home, so the home must not find its votes.
      await markVoted(paths);
      if (votesFrom !== undefined) renameSync(votesFrom, `${votesFrom}.moved`);
    }
    return { publicKey, genesisHash, votes: votes.length };
  });
}

interface MovedKey {
  readonly publicKey: Address;
  readonly keyText: string | undefined;
  readonly token: SignerToken | undefined;
}

async function movedKey({ config, validatorKey }: HomePaths, source: SignerSource): Promise<MovedKey> {
  const file = existsSync(config) ? valueOrThrow(readTextFile(config)) : undefined;
  const { token } = valueOrThrow(loadConfig({ file, environment: process.env })).config;
  if (token === undefined) {
    const { publicKey } = valueOrThrow(loadPublicKey(validatorKey));
    return { publicKey, keyText: valueOrThrow(readTextFile(validatorKey)), token: undefined };
  }
  const { module, token: label, slot, label: keyLabel, id, publicKey: expected, pinFile } = token;
  const settings = { module, token: label, slot, label: keyLabel, id };
  const pin =
    pinFile === "" || source.pinFile !== undefined ? {} : { pinFile: resolve(dirname(config), pinFile) };
  const key = await openTokenKey(settings, expected, { ...source, ...pin });
  key.close();
  return { publicKey: key.publicKey, keyText: undefined, token: { ...settings, publicKey: key.publicKey } };
}

function signedOf(
  read: (journal: readonly Uint8Array[]) => Uint8Array[],
  votes: readonly Uint8Array[],
): Uint8Array[] {
  try {
    return read(votes);
  } catch (cause) {
    const message = `the votes of this key cannot move: ${(cause as Error).message}. Give the validator a new key`;
    throw new CliError(EXIT.failedCheck, "UNUSABLE_JOURNAL", message, { cause });
  }
}

function hostsOf({ host = [] }: SignerSource): string[] {
  return [...new Set(["localhost", "127.0.0.1", ...host])];
}
