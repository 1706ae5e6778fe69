/**
 * An encrypted key: the seed under a password, as EIP-2335 lays a keystore out (kdf, cipher), with an authenticated
 * cipher in place of its checksum. scrypt makes the key, AES-256-GCM encrypts; the public key stands outside, so that a key can
 * be named without its password, and is authenticated with the seed. A file may ask for a bounded work of scrypt
 * only. Adapter for node:crypto.
 * Source: EIP-2335; RFC 7914; docs/adr/0021-keys-and-hosts.md.
 */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";
import { type Address, hex0x, parseHex, utf8 } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { addressField, choiceField, field, integerField, object } from "../../codec/field.ts";

const KEYSTORE_VERSION = 2;
export const KEYSTORE_TYPE = "ed25519-encrypted";
/** Bytes of a password. A longer one is refused. */
export const PASSWORD_BYTES_MAX = 1_024;
/** Bytes that scrypt may write for a file, 128 * n * r * p: twice what a file of this program asks for, about a second. */
const SCRYPT_BYTES_MAX = 256 * 1024 * 1024;
/**
 * Bytes of scrypt's block, 128 * r * p, which PBKDF2 makes and hashes at ten times the cost of mixing a byte. A file of this
 * program asks for 1,024.
 */
const SCRYPT_BLOCK_BYTES_MAX = 1024 * 1024;

/** n: 128 MiB and about half a second. */
export interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

const SCRYPT_COST: ScryptCost = { n: 1 << 17, r: 8, p: 1 };

const SALT_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const SEED_BYTES = 32;

function bytesField(length: number) {
  return field(`0x and ${2 * length} hex digits`, (value) => {
    const bytes = typeof value === "string" ? parseHex(value) : undefined;
    return bytes?.length === length ? bytes : undefined;
  });
}

const costField = integerField(1, 2 ** 30);

export const keystoreSchema = object({
  version: field(`${KEYSTORE_VERSION}`, (value) => (value === KEYSTORE_VERSION ? value : undefined)),
  type: choiceField(KEYSTORE_TYPE),
  publicKey: addressField("the public key"),
  crypto: object({
    kdf: object({
      function: choiceField("scrypt"),
      params: object({
        n: costField,
        r: costField,
        p: costField,
        dklen: field("32", (value) => (value === 32 ? value : undefined)),
        salt: bytesField(SALT_BYTES),
      }),
    }),
    cipher: object({
      function: choiceField("aes-256-gcm"),
      params: object({ iv: bytesField(IV_BYTES) }),
      message: bytesField(SEED_BYTES),
      tag: bytesField(TAG_BYTES),
    }),
  }),
});

export interface Keystore {
  readonly publicKey: Address;
  readonly cost: ScryptCost;
  readonly salt: Uint8Array;
  readonly iv: Uint8Array;
  readonly message: Uint8Array;
  readonly tag: Uint8Array;
}

interface KeystoreFields {
  readonly publicKey: Address;
  readonly crypto: {
    readonly kdf: { readonly params: ScryptCost & { readonly salt: Uint8Array } };
    readonly cipher: {
      readonly params: { readonly iv: Uint8Array };
      readonly message: Uint8Array;
      readonly tag: Uint8Array;
    };
  };
}

/** Reads a file whose form is right. Fault: scrypt would take more memory or time than a file may ask for. */
export function keystoreOf({
  publicKey,
  crypto: { kdf, cipher },
}: KeystoreFields): Verdict<Keystore, "malformed"> {
  const { n, r, p, salt } = kdf.params;
  if ((n & (n - 1)) !== 0 || n < 2)
    return refuse("malformed", `crypto.kdf.params.n: ${n} is not a power of two`);
  if (128 * n * r * p > SCRYPT_BYTES_MAX) {
    const detail = `crypto.kdf.params: scrypt with n = ${n}, r = ${r}, p = ${p} would write ${128 * n * r} bytes ${p} times; at most ${SCRYPT_BYTES_MAX} bytes in all are read`;
    return refuse("malformed", detail);
  }
  if (128 * r * p > SCRYPT_BLOCK_BYTES_MAX) {
    const detail = `crypto.kdf.params: scrypt with r = ${r}, p = ${p} takes a block of ${128 * r * p} bytes; at most ${SCRYPT_BLOCK_BYTES_MAX} bytes are read`;
    return refuse("malformed", detail);
  }
  if (Math.log2(n) >= 16 * r)
    return refuse(
      "malformed",
      `crypto.kdf.params: scrypt with r = ${r} takes n below 2^${16 * r}, found ${n}`,
    );
  const { message, tag } = cipher;
  return accept({ publicKey, cost: { n, r, p }, salt, iv: cipher.params.iv, message, tag });
}

/** The file's text. @param seed 32 secret bytes */
export function sealKeystore(
  publicKey: Address,
  seed: Uint8Array,
  password: string,
  cost: ScryptCost = SCRYPT_COST,
): string {
  const salt = randomBytes(SALT_BYTES);
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", derive(password, salt, cost), iv);
  cipher.setAAD(publicKey);
  const message = Buffer.concat([cipher.update(seed), cipher.final()]);
  const file = {
    version: KEYSTORE_VERSION,
    type: KEYSTORE_TYPE,
    publicKey: hex0x(publicKey),
    crypto: {
      kdf: { function: "scrypt", params: { ...cost, dklen: 32, salt: hex0x(salt) } },
      cipher: {
        function: "aes-256-gcm",
        params: { iv: hex0x(iv) },
        message: hex0x(message),
        tag: hex0x(cipher.getAuthTag()),
      },
    },
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** The seed. Fault: the password is another, or the file was changed; the two look the same. */
export function openKeystore(keystore: Keystore, password: string): Verdict<Uint8Array, "wrong-password"> {
  const { publicKey, cost, salt, iv, message, tag } = keystore;
  const decipher = createDecipheriv("aes-256-gcm", derive(password, salt, cost), iv);
  decipher.setAAD(publicKey);
  decipher.setAuthTag(tag);
  try {
    const seed = Buffer.concat([decipher.update(message), decipher.final()]);
    return accept(new Uint8Array(seed));
  } catch {
    return refuse("wrong-password", "the password is wrong, or the file was changed");
  }
}

function derive(password: string, salt: Uint8Array, { n, r, p }: ScryptCost): Uint8Array {
  return scryptSync(passwordBytes(password), salt, 32, { N: n, r, p, maxmem: 2 * SCRYPT_BYTES_MAX });
}

/** A password as EIP-2335 has it: NFKD, without control characters, so that it is one password on every keyboard. */
function passwordBytes(password: string): Uint8Array {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is left out
  return utf8(password.normalize("NFKD").replace(/[\u0000-\u001f\u007f-\u009f]/g, ""));
}
