/**
 * An invitation: one line of text by which a new node finds a chain and may connect to the node that gave it. It is
 * signed by that node's network key, names the genesis by its hash, and expires. It holds no secret but itself: whoever
 * has it first may connect, and no more than that.
 *
 *   "quorate-invite-1." | base64url of: version u8 = 1 | genesisHash 32 | expires u64 (ms) | serial 16 | node key 32
 *     | list of url bytes16 | list of multiaddr bytes16 | signature 64
 *   signed: "quorate/invitation/v1" | all before the signature
 *
 * Source: docs/protocol.md, "Invitation".
 */
import { asAddress, asHash, concatBytes, type Hash, parseUtf8, utf8 } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { type Signer, verifySignature } from "../../crypto/keys.ts";
import { peerIdFromPublicBytes } from "../../p2p/transport/identity.ts";
import { INVITATION_ADDRESSES_MAX, INVITATION_TEXT_MAX } from "../../rpc/joining.ts";
import { isDialAddress } from "./host-name.ts";

const PREFIX = "quorate-invite-1.";
const TAG = utf8("quorate/invitation/v1");
const VERSION = 1;
const ADDRESS_LENGTH_MAX = 300;
export const INVITATION_SERIAL_BYTES = 16;

export interface Invitation {
  readonly genesisHash: Hash;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAtMs: number;
  /** 16 random bytes: an invitation is taken once. */
  readonly serial: Uint8Array;
  /** The libp2p peer id of the node that gave it, in base58. */
  readonly peerId: string;
  readonly urls: readonly string[];
  /** Where the node that invites listens, without /p2p at the end. */
  readonly addresses: readonly string[];
}

/** @param signer holds the node's network key */
export function encodeInvitation(invitation: Omit<Invitation, "peerId">, signer: Signer): string {
  const { genesisHash, expiresAtMs, serial, urls, addresses } = invitation;
  const writer = new Writer(512).u8(VERSION).raw(genesisHash).u64(BigInt(expiresAtMs)).raw(serial);
  writer.raw(signer.publicKey);
  writer.list(urls, (w, url) => w.bytes16(utf8(url))).list(addresses, (w, one) => w.bytes16(utf8(one)));
  const bytes = writer.finish();
  const whole = concatBytes(bytes, signer.sign(concatBytes(TAG, bytes)));
  return `${PREFIX}${Buffer.from(whole).toString("base64url")}`;
}

/** Checks form and signature. Whether it has expired is the caller's to ask. Faults: `malformed`, `bad-signature`. */
export function decodeInvitation(text: string): Verdict<Invitation, "malformed" | "bad-signature"> {
  const words = text.trim();
  if (words.length > INVITATION_TEXT_MAX) {
    return refuse(
      "malformed",
      `${words.length} characters, an invitation has at most ${INVITATION_TEXT_MAX}`,
    );
  }
  if (!words.startsWith(PREFIX)) {
    return refuse("malformed", `an invitation begins with ${PREFIX} (quorate invite prints one)`);
  }
  const code = words.slice(PREFIX.length);
  const bytes = new Uint8Array(Buffer.from(code, "base64url"));
  if (!/^[A-Za-z0-9_-]+$/.test(code) || Buffer.from(bytes).toString("base64url") !== code) {
    return refuse("malformed", "what follows the prefix is not base64url: a part is missing or changed");
  }
  if (bytes.length <= 64) return refuse("malformed", "the text is cut off");
  const [signed, signature] = [bytes.subarray(0, -64), bytes.subarray(-64)];
  const read = decode(signed, "invitation", readInvitation);
  if (!read.ok) return refuse("malformed", `${read.fault.detail}: a part of the text is missing or changed`);
  const { publicKey, ...invitation } = read.value;
  if (!verifySignature(publicKey, concatBytes(TAG, signed), signature)) {
    return refuse("bad-signature", "the signature is not that of the node it names: the text was changed");
  }
  return accept({ ...invitation, peerId: peerIdFromPublicBytes(publicKey) });
}

function readInvitation(reader: Reader) {
  const version = reader.u8();
  if (version !== VERSION) reader.fail(`version ${version}, this program reads ${VERSION}`);
  const genesisHash = asHash(reader.raw(32));
  const expires = reader.u64();
  if (expires > BigInt(Number.MAX_SAFE_INTEGER)) reader.fail("a time beyond all calendars");
  const serial = reader.raw(INVITATION_SERIAL_BYTES);
  const publicKey = asAddress(reader.raw(32));
  const urls = readTexts(reader, isHttpUrl);
  const addresses = readTexts(reader, isDialAddress);
  return { genesisHash, expiresAtMs: Number(expires), serial, publicKey, urls, addresses };
}

function readTexts(reader: Reader, isGood: (text: string) => boolean): string[] {
  return reader.list(INVITATION_ADDRESSES_MAX, (r) => {
    const text = parseUtf8(r.bytes16(ADDRESS_LENGTH_MAX));
    return text !== undefined && isGood(text) ? text : r.fail("an address that is none");
  });
}

/** http or https, with no more than a host, a port and a path. */
export function isHttpUrl(text: string): boolean {
  if (!/^https?:\/\/[!-~]{1,292}$/.test(text) || !URL.canParse(text)) return false;
  const { username, password, hash, search } = new URL(text);
  return username === "" && password === "" && hash === "" && search === "";
}
