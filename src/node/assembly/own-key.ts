/**
 * The validator's key of a home: in keys/validator.json, or at the signer that config.toml names. A signer need not be
 * there when the node starts, but for the very first start: it signs once that the node's peer id is the
 * validator's, and the node keeps that.
 */

import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { checkServerIdentity, connect, type PeerCertificate, type TLSSocket } from "node:tls";
import { hex0x, parseHex } from "../../base/bytes.ts";
import type { Logger } from "../../base/log.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { createSigner, type Signer, verifySignature } from "../../crypto/keys.ts";
import { peerIdBytes, peerIdFromSeed } from "../../p2p/transport/identity.ts";
import { claimSigningBytes } from "../../p2p/transport/wire.ts";
import { makeFolder, writeWhole } from "../../storage/durable-file.ts";
import type { Config, SignerSettings } from "../home/config.ts";
import type { Home } from "../home/home.ts";
import { StartError } from "../home/start-error.ts";
import { RemoteSigner } from "../signer/remote-signer.ts";
import { SIGNER_ANSWER_MS_MAX } from "../signer/signer-limits.ts";
import type { ValidatorKey } from "../votes/validator-key.ts";
import { systemScheduler } from "./system.ts";

export interface OwnKey {
  readonly signer: ValidatorKey;
  /** Undefined where the key is in the home. */
  readonly remote: RemoteSigner | undefined;
}

/** @throws StartError `missing`, `malformed` */
export function ownKey(home: Home, config: Config, log: Logger): OwnKey | undefined {
  if (config.mode !== "validator") return undefined;
  if (config.signer !== undefined) {
    const remote = remoteSigner(home, config.signer, log);
    return { signer: remote, remote };
  }
  if (home.validatorKey === undefined) {
    const detail = `${home.paths.validatorKey}: not found; a validator needs its key, or a signer that holds it (signer.url in config.toml), or start with --mode full`;
    throw new StartError({ code: "missing", detail });
  }
  return { signer: createSigner(home.validatorKey.seed), remote: undefined };
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
  if (home.validatorKey !== undefined) {
    const detail =
      `${home.paths.validatorKey}: a key in the home, and a signer in config.toml: one of the two votes. ` +
      "Move the file away, or leave signer.url out";
    throw new StartError({ code: "two-keys", detail });
  }
  const files = pemFiles(home.paths.dir, settings);
  const identity = { publicKey, genesisHash: computeGenesisHash(home.genesis), address: `${host}:${port}` };
  return new RemoteSigner(identity, {
    connect: () => connectTls(settings, files),
    scheduler: systemScheduler,
    log,
  });
}

interface PemFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** @throws StartError `missing` */
function pemFiles(dir: string, { ca, cert, key }: Pick<SignerSettings, "ca" | "cert" | "key">): PemFiles {
  const read = (file: string): string => {
    const path = resolve(dir, file);
    try {
      return readFileSync(path, "utf8");
    } catch (cause) {
      const detail = `${path}: cannot be read (${(cause as Error).message}); quorate signer pair makes it`;
      throw new StartError({ code: "missing", detail }, { cause });
    }
  };
  return { ca: read(ca), cert: read(cert), key: read(key) };
}

/** An open connection on which both sides have shown their certificates. Rejects with an Error that says why not. */
function connectTls(
  { host, port }: Pick<SignerSettings, "host" | "port">,
  files: PemFiles,
): Promise<TLSSocket> {
  return new Promise((done, failed) => {
    const socket = connect({
      host,
      port,
      ...files,
      minVersion: "TLSv1.3",
      checkServerIdentity: (name, found) =>
        isPinned(found, files.ca) ? undefined : checkServerIdentity(name, found),
    });
    socket.setNoDelay(true);
    const timer = setTimeout(
      () => socket.destroy(new Error(`no connection to ${host}:${port}`)),
      SIGNER_ANSWER_MS_MAX,
    );
    const refused = (error: Error) => {
      clearTimeout(timer);
      failed(new Error(error.message, { cause: error }));
    };
    socket.once("error", refused);
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      socket.off("error", refused);
      done(socket);
    });
  });
}

/** The very certificate that was paired: its names do not matter then. */
function isPinned(found: PeerCertificate, ca: string): boolean {
  try {
    return new X509Certificate(ca).raw.equals(found.raw);
  } catch {
    return false;
  }
}
