/**
 * Key files: one Ed25519 secret as versioned JSON, for people to see what it is, mode 0600. It refuses a version or
 * type that it does not know, a public key that is not the seed's, and a file that others may read.
 */
import { closeSync, fsyncSync, openSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { type Address, equalBytes, hex0x } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { addressField, checkJson, choiceField, field, object } from "../../codec/field.ts";
import { createSigner } from "../../crypto/keys.ts";
import { withPath } from "../../storage/disk-fault.ts";
import { makeFolder } from "../../storage/durable-file.ts";
import { readTextFile } from "./text-file.ts";

export const KEY_FILE_VERSION = 1;

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

/** Faults: `missing`, `malformed` and `unsafe` (others may read it). @throws Error when the disk fails. */
export function loadKey(path: string): Verdict<Key, "missing" | "malformed" | "unsafe"> {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  if (mode === undefined) return refuse("missing", `${path}: there is no such key file`);
  if ((mode & 0o077) !== 0) {
    const shown = (mode & 0o777).toString(8);
    return refuse("unsafe", `${path}: mode ${shown} lets others read a secret key; run: chmod 600 ${path}`);
  }
  const text = readTextFile(path);
  if (!text.ok) return text;
  const key = parseKey(text.value);
  return key.ok ? key : refuse("malformed", `${path}: ${key.fault.detail}`);
}

/** Writes a new file and syncs it; never over an existing one. Fault: `exists`. */
export function saveKey(path: string, key: Key): Verdict<undefined, "exists"> {
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
      writeSync(file, formatKey(key));
      fsyncSync(file);
    });
  } finally {
    closeSync(file);
  }
  return accept(undefined);
}
