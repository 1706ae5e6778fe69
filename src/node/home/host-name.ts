/** Names and addresses of machines as people write them, without what a resolver would read as something else. */
import { isIP, isIPv4, isIPv6 } from "node:net";

const LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
const NAME = new RegExp(`^(?=.{1,253}$)(?:${LABEL}\\.)*${LABEL}\\.?$`);

/** An IPv4 address in full, an IPv6 address without brackets and zone, or a host name: "18545" and "127.1" are none of them. */
export function isHost(text: string): boolean {
  return isHostName(text) || (isIP(text) !== 0 && !text.includes("%"));
}

/** Its last label has a packet: else resolvers take it for a number, which is an IPv4 address to them. */
function isHostName(text: string): boolean {
  const last = text.replace(/\.$/, "").split(".").at(-1) ?? "";
  return NAME.test(text) && /[A-Za-z]/.test(last) && !/^0x[0-9a-f]*$/i.test(last);
}

/**
 * Whether it is /ip4/10.0.0.1/tcp/30300, /ip6, /dns, /dns4 or /dns6, with an address of that kind and a port from 1
 * to 65535.
 */
export function isDialAddress(text: string): boolean {
  const [, kind, host = "", port] =
    /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/([1-9][0-9]{0,4})$/.exec(text) ?? [];
  if (kind === undefined || Number(port) > 65_535) return false;
  if (kind === "ip4") return isIPv4(host);
  return kind === "ip6" ? isIPv6(host) && !host.includes("%") : isHostName(host);
}
