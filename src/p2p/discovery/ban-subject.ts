/**
 * On whom a ban falls, in the words of a person: a peer id, or a host, which is an IPv4 address or an IPv6 /64. The
 * stored form is that of bans.ts ("peer:..." and "host:..."). It decides no ban. Pure.
 */
import { parseHex } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { isPeerId } from "./address-entry.ts";
import { formatHost, hostOf, parseAddress, scopeOf } from "./address-groups.ts";

export interface BanSubject {
  readonly kind: "peer" | "host";
  /** The subject as a person writes it. */
  readonly text: string;
}

/**
 * The stored form of a peer id, an IP address, an IPv6 network of 64 bits, or the address of a node.
 * Faults: BAD_SUBJECT; NEVER_BANNED for loopback and private addresses, which are one's own.
 */
export function parseSubject(text: string): Verdict<string, "BAD_SUBJECT" | "NEVER_BANNED"> {
  if (isPeerId(text)) return accept(`peer:${text}`);
  const host = text.replace(/\/64$/, "");
  const address = parseAddress(
    text.startsWith("/") ? text : `/${host.includes(":") ? "ip6" : "ip4"}/${host}/tcp/1`,
  );
  const scope = address === undefined ? undefined : scopeOf(address);
  if (address === undefined || scope === undefined) {
    const forms = "a peer id (12D3KooW…), an IP address, or /ip4/…/tcp/…";
    return refuse("BAD_SUBJECT", `${JSON.stringify(text)}: expected ${forms}`);
  }
  if (scope === "public") return accept(`host:${hostOf(address)}`);
  return refuse("NEVER_BANNED", `${text} is a ${scope} address: such hosts are one's own and never banned`);
}

/** The inverse of {@link parseSubject}. An IPv6 host is shown as "2001:db8:1:2::/64". */
export function showSubject(subject: string): BanSubject {
  const at = subject.indexOf(":");
  const rest = subject.slice(at + 1);
  if (!subject.startsWith("host:")) return { kind: "peer", text: rest };
  const bytes = parseHex(rest);
  if (bytes === undefined) return { kind: "host", text: rest };
  return { kind: "host", text: bytes.length === 4 ? formatHost(bytes) : networkText(bytes, 64) };
}

/** Writes the network of the first bytes of an IPv6 address, such as "2001:db8::/32". */
export function networkText(bytes: Uint8Array, bits: number): string {
  const host = new Uint8Array(16);
  host.set(bytes);
  return `${formatHost(host)}/${bits}`;
}
