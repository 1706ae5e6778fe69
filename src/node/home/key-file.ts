/**
 * Key files: one Ed25519 secret as versioned JSON, plain (version 1) or under a password (version 2, keystore.ts), for
 * people to see what it is, mode 0600. It refuses a version or type that it does not know, a public key that is not the
 * seed's, and a file that others may read or own.
 */
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { type Address, equalBytes, hex0x } from "../../base/bytes.ts";
import { accept, type Fault, refuse, type Verdict } from "../../base/fault.ts";
import { addressField, checkJson, choiceField, field, object } from "../../codec/field.ts";
import { createSigner } from "../../crypto/keys.ts";
import { withPath } from "../../storage/disk-fault.ts";
import { makeFolder } from "../../storage/durable-file.ts";
import {
  KEYSTORE_TYPE,
  type Keystore,
  keystoreOf,
  keystoreSchema,
  openKeystore,
  type ScryptCost,
  sealKeystore,
} from "./keystore.ts";
import { readTextFile } from "./text-file.ts";

export const KEY_FILE_VERSION = 1;
/** Bytes of a key file. A larger one is refused unread. */
const KEY_FILE_BYTES_MAX = 16 * 1024;

export interface Key {
  readonly publicKey: Address;
  /** The secret seed of the key, 32 bytes. */
  readonly seed: Uint8Array;
}

const schema = object({
  version: field(`${KEY_FILE_VERSION} (the only version this program reads)`, (value) =>
    value === KEY_FILE_VERSION ? KEY_FILE_VERSION : undefined,
  ),
  type: choiceField("ed25519"),
  publicKey: addressField("the public key"),
  seed: addressField("the secret seed"),
});

export function keyOfSeed(seed: Uint8Array): Key {
  return { seed, publicKey: createSigner(seed).publicKey };
}

export function parseKey(json: string): Verdict<Key, "malformed"> {
  const fields = checkJson(schema, json);
  if (!fields.ok)
    return refuse("malformed", fields.fault.detail.replace(/found "0x[0-9a-f]{4,}\S*/gi, "found a secret"));
  const { publicKey, seed } = fields.value;
  const key = keyOfSeed(seed);
  if (equalBytes(key.publicKey, publicKey)) return accept(key);
  return refuse("malformed", `publicKey: ${hex0x(publicKey)}, but the seed's is ${hex0x(key.publicKey)}`);
}

export function formatKey(key: Key): string {
  const file = {
    version: KEY_FILE_VERSION,
    type: "ed25519",
    publicKey: hex0x(key.publicKey),
    seed: hex0x(key.seed),
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

export type KeyFault = "missing" | "malformed" | "unsafe" | "locked" | "wrong-password";

/** Tells the password of an encrypted key file, or undefined when none was given. */
export type Unlock = (path: string) => string | undefined;

const NO_PASSWORD: Unlock = () => undefined;

/**
 * Faults: `missing`, `malformed`, `unsafe` (others may read it), `locked` (no password was given), `wrong-password`.
 * @throws Error when the disk fails.
 */
export function loadKey(path: string, unlock: Unlock = NO_PASSWORD): Verdict<Key, KeyFault> {
  const text = readKeyFile(path);
  if (!text.ok) return text;
  const named = (fault: Fault<KeyFault>) => refuse(fault.code, `${path}: ${fault.detail}`);
  const keystore = parseKeystore(text.value);
  if (keystore === undefined) {
    const key = parseKey(text.value);
    return key.ok ? key : named(key.fault);
  }
  if (!keystore.ok) return named(keystore.fault);
  const password = unlock(path);
  if (password === undefined) return refuse("locked", `${path}: encrypted, and no password was given`);
  const seed = openKeystore(keystore.value, password);
  if (!seed.ok) return named(seed.fault);
  const key = keyOfSeed(seed.value);
  return equalBytes(key.publicKey, keystore.value.publicKey)
    ? accept(key)
    : refuse("malformed", `${path}: publicKey is not that of the secret in it`);
}

/** Who the key is, which needs no password. */
export function loadPublicKey(
  path: string,
): Verdict<{ readonly publicKey: Address; readonly isEncrypted: boolean }, KeyFault> {
  const text = readKeyFile(path);
  if (!text.ok) return text;
  const keystore = parseKeystore(text.value);
  const parsed = keystore ?? parseKey(text.value);
  if (!parsed.ok) return refuse(parsed.fault.code, `${path}: ${parsed.fault.detail}`);
  return accept({ publicKey: parsed.value.publicKey, isEncrypted: keystore !== undefined });
}

/** Undefined for a text that is no encrypted key. */
function parseKeystore(json: string): Verdict<Keystore, "malformed"> | undefined {
  if (!json.includes(`"${KEYSTORE_TYPE}"`)) return undefined;
  const fields = checkJson(keystoreSchema, json);
  return fields.ok ? keystoreOf(fields.value) : fields;
}

function readKeyFile(path: string): Verdict<string, "missing" | "malformed" | "unsafe"> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return refuse("missing", `${path}: there is no such key file`);
  const { mode, uid, size } = found;
  if ((mode & 0o077) !== 0) {
    const shown = (mode & 0o777).toString(8);
    return refuse("unsafe", `${path}: mode ${shown} lets others read a secret key; run: chmod 600 ${path}`);
  }
  const own = process.getuid?.() ?? 0;
  if (uid !== own && uid !== 0 && own !== 0) {
    return refuse("unsafe", `${path}: owned by user ${uid}, who could change it; this is user ${own}`);
  }
  if (size > KEY_FILE_BYTES_MAX) {
    return refuse("malformed", `${path}: ${size} bytes, at most ${KEY_FILE_BYTES_MAX} are read`);
  }
  return readTextFile(path);
}

/** Writes a new file and syncs it, but never over an existing one. Fault: `exists`. */
export function saveKey(path: string, key: Key): Verdict<undefined, "exists"> {
  return saveKeyText(path, formatKey(key));
}

/** The file's text under a password. */
export function formatEncryptedKey({ publicKey, seed }: Key, password: string, cost?: ScryptCost): string {
  return sealKeystore(publicKey, seed, password, cost);
}

/** Writes a text as {@link saveKey} writes a key: it and its name are durable when this returns. */
export function saveKeyText(path: string, text: string): Verdict<undefined, "exists"> {
  makeFolder(dirname(path), 0o700);
  let file: number;
  try {
    file = openSync(path, "wx", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return refuse("exists", `${path}: exists already; a key is never overwritten, move it away first`);
  }
  try {
    withPath(path, () => {
      writeSync(file, text);
      fsyncSync(file);
    });
  } catch (error) {
    // A part of a key would keep the next try from its name, and a node from starting.
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  syncFolder(dirname(path));
  return accept(undefined);
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
