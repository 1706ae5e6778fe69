/**
 * The folder of a signer process. What must not be lost: keys/ and journal/ together.
 *
 *   signer.json  keys/validator.json  tls/signer.crt  tls/signer.key  tls/nodes/NAME.crt
 *   journal/signed.log   what the key has signed (vote-guard.ts)
 *   journal/votes.log    the journal of its node
 *   LOCK
 */
import { copyFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Address, asHash, type Hash, hex0x } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import type { Logger } from "../../base/log.ts";
import { shellWord } from "../../base/shell-word.ts";
import {
  addressField,
  checkJson,
  field,
  integerField,
  object,
  optional,
  textField,
} from "../../codec/field.ts";
import { VoteGuard } from "../../consensus/pbft/vote-guard.ts";
import { makeFolder, syncDirectory, writeWhole } from "../../storage/durable-file.ts";
import { openJournalFile } from "../../storage/journal-file.ts";
import type { OpenedLog } from "../../storage/record-log.ts";
import { SIGNER_COPY, takePlace } from "../home/home-stamp.ts";
import { type KeyFault, loadPublicKey, saveKeyText } from "../home/key-file.ts";
import { StartError } from "../home/start-error.ts";
import { makeCertificate } from "./self-signed.ts";
import { type DeskKey, SignerDesk } from "./signer-desk.ts";
import type { TokenSettings } from "./token-key.ts";

export interface SignerPaths {
  readonly dir: string;
  readonly settings: string;
  readonly key: string;
  readonly certificate: string;
  readonly certificateKey: string;
  readonly nodes: string;
  readonly journal: string;
  readonly signed: string;
  readonly votes: string;
  readonly lock: string;
}

export function signerPaths(dir: string): SignerPaths {
  return {
    dir,
    settings: join(dir, "signer.json"),
    key: join(dir, "keys", "validator.json"),
    certificate: join(dir, "tls", "signer.crt"),
    certificateKey: join(dir, "tls", "signer.key"),
    nodes: join(dir, "tls", "nodes"),
    journal: join(dir, "journal"),
    signed: join(dir, "journal", "signed.log"),
    votes: join(dir, "journal", "votes.log"),
    lock: join(dir, "LOCK"),
  };
}

export interface NewSigner {
  readonly genesisHash: Hash;
  /** The key file's text, plain or encrypted. Undefined where a token holds the key. */
  readonly keyText: string | undefined;
  readonly token?: SignerToken | undefined;
  /** Names and addresses by which nodes reach it. */
  readonly hosts: readonly string[];
  /** What the key has signed before. */
  readonly signed: readonly Uint8Array[];
  /** The journal of it, a file that is copied as it is: the node's database knows its position. Undefined for a key without one. */
  readonly votesFrom: string | undefined;
}

/**
 * Makes the folder. The settings come last, because they are what makes it one. Fault: `exists`. @throws
 * Error when the disk fails
 */
export async function createSignerHome(
  dir: string,
  made: NewSigner,
  nowMs: number,
): Promise<Verdict<SignerPaths, "exists">> {
  const paths = signerPaths(dir);
  const taken = [paths.settings, paths.key, paths.signed, paths.votes].find((path) => existsSync(path));
  if (taken !== undefined)
    return refuse("exists", `${taken}: exists already; a signer's folder is never overwritten`);
  makeFolder(dir, 0o700);
  for (const folder of [paths.journal, paths.nodes]) makeFolder(folder, 0o700);
  await writeLog(paths.signed, made.signed);
  if (made.votesFrom === undefined) await writeLog(paths.votes, []);
  else await copyDurably(made.votesFrom, paths.votes);
  const { certificatePem, keyPem } = makeCertificate("quorate signer", made.hosts, nowMs);
  writeWhole(paths.certificateKey, keyPem, { mode: 0o600 });
  writeWhole(paths.certificate, certificatePem);
  const saved = made.keyText === undefined ? accept(undefined) : saveKeyText(paths.key, made.keyText);
  if (!saved.ok) return saved;
  const { token } = made;
  const settings = {
    ...{ version: 1, genesisHash: hex0x(made.genesisHash) },
    ...(token === undefined ? {} : { token: { ...token, publicKey: hex0x(token.publicKey) } }),
  };
  writeWhole(paths.settings, `${JSON.stringify(settings, undefined, 2)}\n`);
  await syncDirectory(dir);
  return accept(paths);
}

async function writeLog(path: string, records: readonly Uint8Array[]): Promise<void> {
  const { log } = await openJournalFile(path);
  await log.replace(records);
  await log.close();
}

async function copyDurably(from: string, to: string): Promise<void> {
  copyFileSync(from, to);
  // Opened, it is made durable.
  const { log } = await openJournalFile(to);
  await log.close();
}

const text = textField("a text of at most 1,024 characters", /^[^\0\r\n]{0,1024}$/);
const schema = object({
  version: field("1 (the only version this program reads)", (value) => (value === 1 ? 1 : undefined)),
  genesisHash: addressField("the hash of the chain's block 0, as it lies"),
  token: optional(
    object({
      ...{ module: text, token: text, label: text, id: text },
      slot: optional(integerField(0, Number.MAX_SAFE_INTEGER)),
      publicKey: addressField("the key in the token"),
    }),
  ),
});

/** Which key of which token a signer holds. */
export interface SignerToken extends TokenSettings {
  readonly publicKey: Address;
}

export interface SignerFile {
  /** The genesis hash of the chain that the key votes on, in raw order. */
  readonly genesisHash: Hash;
  /** Undefined where the key is in keys/validator.json. */
  readonly token: SignerToken | undefined;
}

/** Which chain the key votes on, and where it is. */
export function loadSignerSettings({
  settings,
  dir,
}: SignerPaths): Verdict<SignerFile, "missing" | "malformed"> {
  if (!existsSync(settings)) {
    return refuse(
      "missing",
      `${settings}: not found; make a signer's folder with: quorate signer init --dir ${shellWord(dir)}`,
    );
  }
  const read = checkJson(schema, readFileSync(settings, "utf8"));
  if (!read.ok) return refuse("malformed", `${settings}: ${read.fault.detail}`);
  const { genesisHash, token } = read.value;
  return accept({
    genesisHash: asHash(genesisHash),
    token: token === undefined ? undefined : { ...token, slot: token.slot },
  });
}

/** Whose key it is, which needs neither password nor PIN. */
export function signerPublicKey(
  { key }: SignerPaths,
  { token }: SignerFile,
): Verdict<{ readonly publicKey: Address; readonly isEncrypted: boolean }, KeyFault> {
  return token === undefined
    ? loadPublicKey(key)
    : accept({ publicKey: token.publicKey, isEncrypted: false });
}

/**
 * Makes sure before anything is signed that this folder is no copy of one whose signer may still run.
 * @throws StartError `copied-home`
 */
export function takeSignerPlace({ dir, key }: SignerPaths, log: Logger, isMoved: boolean): void {
  takePlace({ dir, validatorKey: key }, log, isMoved, SIGNER_COPY);
}

/** Certificates of nodes that may connect. */
export function pairedNodes({ nodes }: SignerPaths): string[] {
  const files = existsSync(nodes) ? readdirSync(nodes).filter((file) => file.endsWith(".crt")) : [];
  return files.sort().map((file) => readFileSync(join(nodes, file), "utf8"));
}

/**
 * Opens what the key has signed.
 * @throws StartError `missing-journal`, `corrupt-journal`, `unusable-journal`: it must not sign then
 */
export async function openDesk(
  paths: SignerPaths,
  {
    key,
    genesisHash,
    log,
    fatal,
  }: { key: DeskKey; genesisHash: Hash; log: Logger; fatal: (error: unknown) => void },
): Promise<SignerDesk> {
  const signed = await openWhole(paths.signed);
  const journal = await openWhole(paths.votes);
  const guard = guardOf(paths, genesisHash, signed);
  return new SignerDesk({
    signer: key,
    genesisHash,
    guard,
    signed: signed.log,
    journal,
    log,
    fatal,
  });
}

function guardOf({ signed: path }: SignerPaths, genesisHash: Hash, { records }: OpenedLog): VoteGuard {
  try {
    return new VoteGuard(genesisHash, records);
  } catch (cause) {
    throw new StartError(
      { code: "unusable-journal", detail: `${path}: ${(cause as Error).message}` },
      { cause },
    );
  }
}

const ADVICE =
  "What this key has signed is not known, so it must sign nothing: give the validator a new key (quorate gov propose replace)";

async function openWhole(path: string): Promise<OpenedLog> {
  const opened = await openJournalFile(path).catch((cause: Error) => {
    throw new StartError({ code: "unusable-journal", detail: cause.message }, { cause });
  });
  if (opened.state === "clean" || opened.state === "torn-tail") return opened;
  await opened.log.close();
  const code = opened.state === "missing" ? "missing-journal" : "corrupt-journal";
  const what = opened.state === "missing" ? "is missing" : "is damaged in the middle";
  throw new StartError({ code, detail: `${path} ${what}. ${ADVICE}` });
}

/** Makes a certificate and key of a node, which this signer knows from its next start or SIGHUP on. Fault: `exists`. */
export function pairNode(
  paths: SignerPaths,
  name: string,
  nowMs: number,
): Verdict<{ readonly ca: string; readonly cert: string; readonly key: string }, "exists"> {
  const path = join(paths.nodes, `${name}.crt`);
  if (existsSync(path))
    return refuse("exists", `${path}: a node of that name is paired; delete the file, or use another --name`);
  makeFolder(paths.nodes, 0o700);
  const { certificatePem, keyPem } = makeCertificate(`quorate node ${name}`, [], nowMs);
  writeWhole(path, certificatePem);
  return accept({ ca: readFileSync(paths.certificate, "utf8"), cert: certificatePem, key: keyPem });
}
