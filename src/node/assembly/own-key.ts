/**
 * The validator's key of a home: in keys/validator.json, in the token or at the signer that config.toml names. A signer need
 * not be there when the node starts, but for the very first start: it signs once that the node's peer id is the
 * validator's, and the node keeps that. A token must be: what is wrong with it or its PIN, a person has to hear.
 */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hex0x, parseHex } from "../../base/bytes.ts";
import type { Logger } from "../../base/log.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { createSigner, type Signer, verifySignature } from "../../crypto/keys.ts";
import { peerIdBytes, peerIdFromSeed } from "../../p2p/transport/identity.ts";
import { claimSigningBytes } from "../../p2p/transport/wire.ts";
import { makeFolder, writeWhole } from "../../storage/durable-file.ts";
import type { Config, SignerSettings, TokenConfig } from "../home/config.ts";
import type { Home } from "../home/home.ts";
import { StartError } from "../home/start-error.ts";
import type { NodeOptions } from "../node.ts";
import type { TokenError } from "../signer/pkcs11-library.ts";
import { RemoteSigner } from "../signer/remote-signer.ts";
import { linkOver } from "../signer/signer-link.ts";
import { connectSigner, pemFiles } from "../signer/signer-tls.ts";
import { TokenKey, type TokenPin } from "../signer/token-key.ts";
import { TokenLinks } from "../signer/token-link.ts";
import type { ValidatorKey } from "../votes/validator-key.ts";
import type { Closers } from "./closers.ts";
import { systemScheduler } from "./system.ts";

export interface OwnKey {
  readonly signer: ValidatorKey;
  /** Undefined where the key is in the home. */
  readonly remote: RemoteSigner | undefined;
  /** The votes are in the home, also where the key is not. */
  readonly journalIsHere: boolean;
}

interface KeyPorts {
  readonly logger: Logger;
  readonly closers: Closers;
}

/** @throws StartError `missing`, `malformed`, `two-keys`, or what is wrong with the token */
export async function ownKey(
  { home, config, pin }: Pick<NodeOptions, "home" | "config" | "pin">,
  ports: KeyPorts,
): Promise<OwnKey | undefined> {
  if (config.mode !== "validator") return undefined;
  checkOneKey(home, config);
  if (config.token !== undefined) return tokenKey(home, { token: config.token, pin }, ports);
  if (config.signer !== undefined) {
    const remote = remoteSigner(home, config.signer, ports.logger);
    return { signer: remote, remote, journalIsHere: false };
  }
  if (home.validatorKey === undefined) {
    const detail = `${home.paths.validatorKey}: not found; a validator needs its key, or a signer or token that holds it (signer.url, signer.pkcs11.module in config.toml), or start with --mode full`;
    throw new StartError({ code: "missing", detail });
  }
  return { signer: createSigner(home.validatorKey.seed), remote: undefined, journalIsHere: true };
}

/** One key votes, from one place. @throws StartError `two-keys` */
function checkOneKey({ paths, validatorKey }: Home, { signer, token }: Config): void {
  const places = [
    ...(validatorKey === undefined ? [] : [paths.validatorKey]),
    ...(signer === undefined ? [] : ["signer.url in config.toml"]),
    ...(token === undefined ? [] : ["signer.pkcs11.module in config.toml"]),
  ];
  if (places.length < 2) return;
  const detail = `${places.join(", and ")}: one of these votes. Move the file away, or take the others out of config.toml`;
  throw new StartError({ code: "two-keys", detail });
}

async function tokenKey(
  { paths }: Home,
  { token, pin }: { readonly token: TokenConfig; readonly pin: TokenPin | undefined },
  { logger: log, closers }: KeyPorts,
): Promise<OwnKey> {
  const scheduler = systemScheduler;
  if (pin === undefined) throw new StartError({ code: "no-pin", detail: "the token's PIN was not given" });
  const key = await TokenKey.open(token, pin, { expected: token.publicKey, scheduler }).catch(
    (cause: TokenError) => {
      throw new StartError({ code: cause.code, detail: cause.message }, { cause });
    },
  );
  closers.add(() => key.close());
  const links = new TokenLinks(key, paths);
  closers.add(() => links.closeJournal());
  const { publicKey, name: address } = key;
  const remote = new RemoteSigner({ publicKey, address }, { open: links.open, scheduler, log });
  return { signer: remote, remote, journalIsHere: true };
}

/**
 * What the network shows of the key: a signer whose one signature was made before.
 * @throws StartError `signer-unreachable`, at the first start of a home alone
 */
export async function claimSigner(
  { signer, remote }: OwnKey,
  home: Home,
  message: Uint8Array,
): Promise<Signer> {
  if (remote === undefined) return signer as Signer;
  const { publicKey } = remote;
  const path = join(home.paths.dir, "data", "signer-claim");
  const kept = keptClaim(path);
  if (kept !== undefined && verifySignature(publicKey, message, kept)) return { publicKey, sign: () => kept };
  const signature = await remote.askOnce(message).catch((cause: Error) => {
    const detail =
      `the signer at ${remote.status.address} cannot be asked: ${cause.message}. The first start of a home needs it, ` +
      "to sign that this node's peer id is the validator's; later ones do not";
    throw new StartError({ code: "signer-unreachable", detail }, { cause });
  });
  makeFolder(dirname(path));
  writeWhole(path, `${hex0x(signature)}\n`);
  return { publicKey, sign: () => signature };
}

/** What the claim of a home's node says. */
export function ownClaim({ genesis, nodeKey }: Home): Uint8Array {
  return claimSigningBytes(computeGenesisHash(genesis), peerIdBytes(peerIdFromSeed(nodeKey.seed)));
}

function keptClaim(path: string): Uint8Array | undefined {
  try {
    return parseHex(readFileSync(path, "utf8").trim());
  } catch {
    return undefined; // it is asked for again
  }
}

function remoteSigner(home: Home, settings: SignerSettings, log: Logger): RemoteSigner {
  const { host, port, publicKey } = settings;
  if (publicKey === undefined) {
    const detail = "signer.public_key: config.toml names a signer and not the key that it holds";
    throw new StartError({ code: "malformed", detail });
  }
  const files = pemFiles(home.paths.dir, settings);
  const identity = { publicKey, genesisHash: computeGenesisHash(home.genesis) };
  const open = linkOver(() => connectSigner(settings, files), identity, systemScheduler);
  return new RemoteSigner(
    { publicKey, address: `${host}:${port}` },
    { open, scheduler: systemScheduler, log },
  );
}
