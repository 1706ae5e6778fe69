/**
 * The question for addresses and its answer, byte by byte. They share the stream protocol of repair, whose questions
 * begin with 1 to 15. An address is a literal IP address with a port and an Ed25519 identity: names would let a peer
 * make this node ask a DNS server. It judges no scope. Source: docs/protocol.md, "Addresses".
 */
import { refuse, type Verdict } from "../../base/fault.ts";
import { ADDRESSES_PER_ANSWER_MAX } from "../../base/limits.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { peerIdFromPublicBytes, publicBytesOf } from "../transport/identity.ts";
import type { AdvertisedAddress } from "./address-book.ts";
import { formatAddress, parseAddress, scopeOf } from "./address-groups.ts";

/** First byte of the question and of its answer. */
const ADDRESSES = 16;
/** family, IPv6 address, port, public key, seconds. */
const ADDRESS_BYTES_MAX = 1 + 16 + 2 + 32 + 4;
const ANSWER_BYTES_MAX = 5 + ADDRESSES_PER_ANSWER_MAX * ADDRESS_BYTES_MAX;

export interface AddressQuestion {
  /**
   * The TCP port on which the asker accepts connections, 0 for none. The host is the one that the asked node sees:
   * nobody can announce another's.
   */
  readonly listenPort: number;
}

/**
 * Whether bytes ask for addresses. The same first byte with nothing behind it asks for the list of snapshots
 * (sync/snapshot-wire.ts).
 */
export function isAddressQuestion(bytes: Uint8Array): boolean {
  return bytes[0] === ADDRESSES && bytes.length > 1;
}

/** u8 16 | u16 listen port */
export function encodeAddressQuestion({ listenPort }: AddressQuestion): Uint8Array {
  return new Writer(3).u8(ADDRESSES).u16(listenPort).finish();
}

export function decodeAddressQuestion(bytes: Uint8Array): Verdict<AddressQuestion, "malformed"> {
  return decode(bytes, "question for addresses", (reader) => {
    readKind(reader);
    return { listenPort: reader.u16() };
  });
}

/** u8 16 | u32 count | (u8 4 or 6 | host 4 or 16 | u16 port | public key 32 | u32 last seen, Unix seconds) each */
export function encodeAddresses(addresses: readonly AdvertisedAddress[]): Uint8Array {
  return new Writer(5 + addresses.length * ADDRESS_BYTES_MAX)
    .u8(ADDRESSES)
    .list(addresses, writeAddress)
    .finish();
}

export function decodeAddresses(
  bytes: Uint8Array,
): Verdict<readonly AdvertisedAddress[], "malformed" | "too-large"> {
  if (bytes.length > ANSWER_BYTES_MAX) {
    return refuse("too-large", `addresses of ${bytes.length} bytes, at most ${ANSWER_BYTES_MAX}`);
  }
  return decode(bytes, "addresses", (reader) => {
    readKind(reader);
    return reader.list(ADDRESSES_PER_ANSWER_MAX, readAddress);
  });
}

function readKind(reader: Reader): void {
  const kind = reader.u8();
  if (kind !== ADDRESSES) reader.fail(`kind ${kind}, ${ADDRESSES} expected`);
}

function writeAddress(writer: Writer, { peerId, multiaddr, lastSeenMs }: AdvertisedAddress): void {
  const address = parseAddress(multiaddr);
  if (address === undefined) throw new RangeError(`not an address to tell: ${multiaddr}`);
  writer.u8(address.host.length === 4 ? 4 : 6).raw(address.host);
  writer
    .u16(address.port)
    .raw(publicBytesOf(peerId))
    .u32(Math.floor(lastSeenMs / 1_000));
}

function readAddress(reader: Reader): AdvertisedAddress {
  const family = reader.u8();
  if (family !== 4 && family !== 6) reader.fail(`family ${family}, 4 or 6 expected`);
  const address = { host: reader.raw(family === 4 ? 4 : 16).slice(), port: reader.u16() };
  if (address.port === 0) reader.fail("port 0");
  // Multicast, reserved, tunnels, and IPv4 written as IPv6, which would have two forms.
  if (scopeOf(address) === undefined) reader.fail("a host that nobody can listen on");
  return {
    peerId: peerIdFromPublicBytes(reader.raw(32)),
    multiaddr: formatAddress(address),
    lastSeenMs: reader.u32() * 1_000,
  };
}
