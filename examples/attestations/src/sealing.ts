// Seals what an attestation says to named recipients, and opens it; nothing of it goes on the chain but a salted digest.
// A random content key encrypts salt and payload (ChaCha20-Poly1305); for each recipient it is wrapped under a key that
// follows, by HKDF-SHA256, from an X25519 exchange of a fresh key with the recipient's. Each key encrypts one message, so
// the nonces are zero. The digest is SHA-256(salt || payload): 32 random bytes of salt, which are sealed too, keep anyone
// from finding a payload by guessing. For Node.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";

export type Hex = `0x${string}`;

/** Both 32 bytes. Who deletes `secretKey` can open nothing that was sealed to it, and nobody else can for them. */
export interface SealingKey {
  readonly publicKey: Hex;
  readonly secretKey: Hex;
}

/** What is handed to the recipients by whatever way; without one of their keys it says who they are, and how long it is. */
export interface Sealed {
  readonly version: 1;
  /** Also what stands on the chain. */
  readonly digest: Hex;
  /** A public key that was made for this alone. */
  readonly ephemeral: Hex;
  /** The content key, 32 bytes and a tag of 16, for each recipient's public key. */
  readonly recipients: readonly { readonly publicKey: Hex; readonly wrapped: Hex }[];
  /** Salt and payload, encrypted, and a tag of 16 bytes. */
  readonly body: Hex;
}

/** `code` is NOT_A_RECIPIENT, ALTERED (it cannot be decrypted) or WRONG_DIGEST (it is not what was attested). */
export class SealError extends Error {
  readonly code: "NOT_A_RECIPIENT" | "ALTERED" | "WRONG_DIGEST" | "MALFORMED";

  constructor(code: SealError["code"], message: string) {
    super(message);
    this.name = "SealError";
    this.code = code;
  }
}

export const RECIPIENTS_MAX = 64;
export const PAYLOAD_BYTES_MAX = 16 * 1024 * 1024;

const SALT_BYTES = 32;
const TAG_BYTES = 16;
const ZERO_NONCE = new Uint8Array(12);
const INFO = "quorate attestation v1";
/** What stands before the 32 bytes of a key in DER (RFC 8410). */
const PUBLIC_DER = Buffer.from("302a300506032b656e032100", "hex");
const SECRET_DER = Buffer.from("302e020100300506032b656e04220420", "hex");

export function newSealingKey(): SealingKey {
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  return { publicKey: publicBytes(publicKey), secretKey: hexOf(lastBytes(privateKey, "pkcs8")) };
}

/**
 * @param recipients their public keys, at least one; name your own too if you want to read it later
 * @throws RangeError for no recipient, too many, one twice, or a payload that is too long
 */
export function seal(payload: Uint8Array, recipients: readonly Hex[]): Sealed {
  if (recipients.length === 0 || recipients.length > RECIPIENTS_MAX)
    throw new RangeError(`recipients: expected 1 to ${RECIPIENTS_MAX}, found ${recipients.length}`);
  if (new Set(recipients.map((key) => key.toLowerCase())).size < recipients.length)
    throw new RangeError("recipients: one is named twice");
  if (payload.length > PAYLOAD_BYTES_MAX)
    throw new RangeError(`payload: at most ${PAYLOAD_BYTES_MAX} bytes, found ${payload.length}`);
  const salt = randomBytes(SALT_BYTES);
  const digest = digestOf(salt, payload);
  const contentKey = randomBytes(32);
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  const ephemeral = publicBytes(publicKey);
  const wrappedFor = recipients.map((recipient) => ({
    publicKey: recipient,
    wrapped: encrypt(wrappingKey(privateKey, recipient, { ephemeral, recipient }), contentKey, digest),
  }));
  const body = encrypt(contentKey, Buffer.concat([salt, payload]), digest);
  return { version: 1, digest, ephemeral, recipients: wrappedFor, body };
}

/**
 * @param attested the digest as the chain has it: not the one that `sealed` names of itself
 * @returns the payload @throws SealError, and nothing of the content is given then
 */
export function open(sealed: Sealed, key: SealingKey, attested: Hex): Uint8Array {
  checkForm(sealed);
  if (sealed.digest !== attested)
    throw new SealError("WRONG_DIGEST", `attested is ${attested}, this is ${sealed.digest}`);
  const { ephemeral } = sealed;
  const own = sealed.recipients.find(({ publicKey }) => publicKey === key.publicKey);
  if (own === undefined)
    throw new SealError("NOT_A_RECIPIENT", `it is not sealed to the key ${key.publicKey}`);
  const secret = createPrivateKey({ key: der(SECRET_DER, key.secretKey), format: "der", type: "pkcs8" });
  const wrapping = wrappingKey(secret, ephemeral, { ephemeral, recipient: own.publicKey });
  const content = decrypt(decrypt(wrapping, own.wrapped, attested), sealed.body, attested);
  const [salt, payload] = [content.subarray(0, SALT_BYTES), content.subarray(SALT_BYTES)];
  const digest = digestOf(salt, payload);
  // Any recipient has the content key, and could encrypt something else under it.
  if (digest !== attested)
    throw new SealError("WRONG_DIGEST", `attested is ${attested}, sealed is ${digest}`);
  return payload;
}

/** SHA-256 over salt and payload, by which a recipient who shows both proves to a third what was attested. */
export function digestOf(salt: Uint8Array, payload: Uint8Array): Hex {
  return hexOf(createHash("sha256").update(salt).update(payload).digest());
}

/** Both sides' public keys go into the derivation: a wrapped key serves one recipient of one envelope. */
function wrappingKey(
  own: KeyObject,
  other: Hex,
  { ephemeral, recipient }: { readonly ephemeral: Hex; readonly recipient: Hex },
): Uint8Array {
  const both = Buffer.concat([bytesOf(ephemeral), bytesOf(recipient)]);
  try {
    const publicKey = createPublicKey({ key: der(PUBLIC_DER, other), format: "der", type: "spki" });
    const shared = diffieHellman({ privateKey: own, publicKey });
    return new Uint8Array(hkdfSync("sha256", shared, both, INFO, 32));
  } catch (error) {
    throw new SealError("MALFORMED", `${other} is no X25519 public key: ${(error as Error).message}`);
  }
}

function encrypt(key: Uint8Array, plain: Uint8Array, digest: Hex): Hex {
  const cipher = createCipheriv("chacha20-poly1305", key, ZERO_NONCE, { authTagLength: TAG_BYTES });
  cipher.setAAD(bytesOf(digest), { plaintextLength: plain.length });
  return hexOf(Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]));
}

function decrypt(key: Uint8Array, text: Hex, digest: Hex): Uint8Array {
  const bytes = bytesOf(text);
  const end = bytes.length - TAG_BYTES;
  const cipher = createDecipheriv("chacha20-poly1305", key, ZERO_NONCE, { authTagLength: TAG_BYTES });
  cipher.setAAD(bytesOf(digest), { plaintextLength: end });
  cipher.setAuthTag(bytes.subarray(end));
  try {
    return Buffer.concat([cipher.update(bytes.subarray(0, end)), cipher.final()]);
  } catch {
    throw new SealError("ALTERED", "it cannot be decrypted: it was altered, or this is not the key's secret");
  }
}

const HEX = /^0x(?:[0-9a-f]{2})*$/;
const WRAPPED_BYTES = 32 + TAG_BYTES;

/** An envelope comes from anywhere: sizes first, then form. */
function checkForm(sealed: Sealed): void {
  const { version, digest, ephemeral, recipients, body } = (sealed ?? {}) as Partial<Sealed>;
  if (version !== 1) throw new SealError("MALFORMED", `version: expected 1, found ${String(version)}`);
  if (!Array.isArray(recipients) || recipients.length === 0 || recipients.length > RECIPIENTS_MAX)
    throw new SealError("MALFORMED", `recipients: expected a list of 1 to ${RECIPIENTS_MAX}`);
  checkHex("digest", digest, 32, 32);
  checkHex("ephemeral", ephemeral, 32, 32);
  checkHex("body", body, SALT_BYTES + TAG_BYTES, SALT_BYTES + TAG_BYTES + PAYLOAD_BYTES_MAX);
  for (const one of recipients as readonly Partial<Sealed["recipients"][number]>[]) {
    checkHex("recipients: publicKey", one?.publicKey, 32, 32);
    checkHex("recipients: wrapped", one?.wrapped, WRAPPED_BYTES, WRAPPED_BYTES);
  }
}

function checkHex(name: string, value: unknown, least: number, most: number): void {
  const length = typeof value === "string" ? value.length / 2 - 1 : -1;
  if (length < least || length > most || !HEX.test(value as string))
    throw new SealError("MALFORMED", `${name}: expected ${least} to ${most} bytes as 0x and lower-case hex`);
}

function publicBytes(key: KeyObject): Hex {
  return hexOf(lastBytes(key, "spki"));
}

function lastBytes(key: KeyObject, type: "spki" | "pkcs8"): Uint8Array {
  const bytes = type === "spki" ? key.export({ format: "der", type }) : key.export({ format: "der", type });
  return bytes.subarray(-32);
}

function der(prefix: Uint8Array, key: Hex): Buffer {
  const bytes = bytesOf(key);
  if (bytes.length !== 32) throw new SealError("MALFORMED", `a key has 32 bytes, found ${bytes.length}`);
  return Buffer.concat([prefix, bytes]);
}

function bytesOf(text: Hex): Buffer {
  return Buffer.from(text.slice(2), "hex");
}

function hexOf(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes).toString("hex")}`;
}
