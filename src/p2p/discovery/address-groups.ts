/**
 * Internet addresses as the address book sees them: which ones a node may believe in, how far they reach, and which
 * of them an attacker gets together. A group is what one buyer of addresses holds cheaply, IPv4 /16 or IPv6 /32; a
 * peer id costs nothing and is never part of it. Pure; knows no book and no connection. Source: Heilman et al.,
 * "Eclipse Attacks on Bitcoin's Peer-to-Peer Network" (USENIX Security 2015); RFC 1918, 4193, 4291, 6598, 6890.
 */
import { byteAt, hex } from "../../base/bytes.ts";

/** A TCP address: 4 or 16 bytes in network order, and a port from 1 to 65535. */
export interface NetAddress {
  readonly host: Uint8Array;
  readonly port: number;
}

/**
 * How far an address reaches. What only means something near its speaker is believed of a speaker that is as near:
 * a public peer may not point this node at a port of its own machine.
 */
export type Scope = "loopback" | "private" | "public";

const REACH: Record<Scope, number> = { loopback: 0, private: 1, public: 2 };

/** Whether an address of this scope may be told to, or learned from, a peer at an address of that scope. */
export function mayTravel(scope: Scope, peer: Scope): boolean {
  return REACH[peer] <= REACH[scope];
}

const MULTIADDR =
  /^\/(ip4|ip6)\/([0-9a-fA-F.:]{2,45})\/tcp\/([0-9]{1,5})(?:\/p2p\/[1-9A-HJ-NP-Za-km-z]{1,64})?$/;

/**
 * Reads "/ip4/1.2.3.4/tcp/30300" or "/ip6/2001:db8::1/tcp/30300", with or without /p2p. An IPv6 form of an IPv4 address
 * becomes that address. undefined for anything else: names and relays have no group.
 */
export function parseAddress(multiaddr: string): NetAddress | undefined {
  const [, family, text, digits] = MULTIADDR.exec(multiaddr) ?? [];
  if (text === undefined || digits === undefined) return undefined;
  const host = family === "ip4" ? parseIp4(text) : parseIp6(text);
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return { host: isMapped(host) ? host.slice(12) : host, port };
}

/** The inverse of {@link parseAddress}, one text for each address. */
export function formatAddress({ host, port }: NetAddress): string {
  return `/${host.length === 4 ? "ip4" : "ip6"}/${formatHost(host)}/tcp/${port}`;
}

/** Writes 4 or 16 bytes as "1.2.3.4" or "2001:db8::1". */
export function formatHost(host: Uint8Array): string {
  return host.length === 4 ? host.join(".") : formatIp6(host);
}

/**
 * How far an address reaches. Undefined for what no node can listen on for others: multicast, reserved, and
 * tunnels, which hide a group.
 */
export function scopeOf({ host }: NetAddress): Scope | undefined {
  return host.length === 4 ? scopeOfIp4(host) : scopeOfIp6(host);
}

/**
 * Addresses with the same group are taken to belong to one owner. Loopback and private ones are exempt: each is a
 * group of its own, port included, since the nodes of a devnet share a host.
 */
export function groupOf(address: NetAddress): string {
  if (scopeOf(address) !== "public") return `${hex(address.host)}:${address.port}`;
  return networkOf(address.host);
}

/** The group of one who speaks: as {@link groupOf}, without the port, which of a dialer says nothing. */
export function speakerGroupOf(address: NetAddress): string {
  return scopeOf(address) === "public" ? networkOf(address.host) : hex(address.host);
}

/**
 * What a ban falls on besides the peer id: the IPv4 address or the IPv6 /64, one customer. Not the whole group: one
 * bad host would silence its 65,535 neighbours.
 */
export function hostOf({ host }: NetAddress): string {
  return hex(host.length === 4 ? host : host.subarray(0, 8));
}

function networkOf(host: Uint8Array): string {
  return hex(host.subarray(0, host.length === 4 ? 2 : 4));
}

function scopeOfIp4(host: Uint8Array): Scope | undefined {
  const [a, b] = [byteAt(host, 0), byteAt(host, 1)];
  if (a === 127) return "loopback";
  if (a === 0 || a >= 224) return undefined;
  if (a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168)) return "private";
  if ((a === 100 && b >= 64 && b < 128) || (a === 169 && b === 254)) return "private";
  return "public";
}

function scopeOfIp6(host: Uint8Array): Scope | undefined {
  const words = wordsOf(host);
  const [first = 0, second = 0] = words;
  if (words.slice(0, 7).every((word) => word === 0)) return words[7] === 1 ? "loopback" : undefined;
  if ((first & 0xfe00) === 0xfc00) return "private";
  // Global unicast without 6to4 and Teredo; NAT64, link-local and multicast are outside of it.
  const isGlobal = (first & 0xe000) === 0x2000;
  const isTunnel = first === 0x2002 || (first === 0x2001 && second === 0);
  return isGlobal && !isTunnel ? "public" : undefined;
}

/** Whether the host is an IPv4 address in IPv6's form, ::ffff:a.b.c.d. */
function isMapped(host: Uint8Array): boolean {
  return host.length === 16 && hex(host.subarray(0, 12)) === "00000000000000000000ffff";
}

const IP4 = /^(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})$/;

function parseIp4(text: string): Uint8Array | undefined {
  const match = IP4.exec(text);
  if (match === null) return undefined;
  const host = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const byte = Number(match[i + 1]);
    if (byte > 255) return undefined;
    host[i] = byte;
  }
  return host;
}

function parseIp6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(parseWords);
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const words = [...head, ...new Array<number>(missing).fill(0), ...(tail ?? [])];
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
}

/** Reads words between colons. The last may be a dotted IPv4 address. */
function parseWords(text: string): number[] | undefined {
  if (text === "") return [];
  const words: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    const dotted = i === parts.length - 1 && part.includes(".") ? parseIp4(part) : undefined;
    if (dotted !== undefined) words.push(wordAt(dotted, 0), wordAt(dotted, 2));
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) words.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return words;
}

/** RFC 5952: lower case, the longest run of two or more zero words shortened, the first of equals. */
function formatIp6(host: Uint8Array): string {
  const words = wordsOf(host).map((word) => word.toString(16));
  let best = { at: 0, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (words[at + length] === "0") length++;
    if (length > best.length) best = { at, length };
  }
  if (best.length < 2) return words.join(":");
  return `${words.slice(0, best.at).join(":")}::${words.slice(best.at + best.length).join(":")}`;
}

function wordsOf(host: Uint8Array): number[] {
  return Array.from({ length: 8 }, (_, i) => wordAt(host, 2 * i));
}

/** Reads two bytes, the most significant first. */
function wordAt(bytes: Uint8Array, at: number): number {
  return byteAt(bytes, at) * 256 + byteAt(bytes, at + 1);
}
