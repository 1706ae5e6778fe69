/**
 * Who may talk to the server by what a browser says of itself. A page of the web can make a name point to
 * 127.0.0.1 (DNS rebinding) and then call the node from a visitor's browser; so the Host must be an IP address,
 * localhost or a configured name, and an Origin must be the server's own or a configured one. Programs send no
 * Origin and are not concerned. Source: Fetch standard, "Origin"; RFC 9110 §7.2.
 */
import { isIP } from "node:net";

export interface AccessOptions {
  /** Names that the server answers to, beside localhost and IP addresses. */
  readonly hosts: readonly string[];
  /** Origins ("https://example.org") whose pages may call, or "*" for all. Empty: none (CORS off). */
  readonly origins: readonly string[];
}

/**
 * Which of two a proxy before the node looked at nobody knows. `rawHeaders` as node:http gives them: name, value, ...
 * @returns the reason to refuse, or undefined
 */
export function checkOneHost(rawHeaders: readonly string[]): string | undefined {
  const hosts = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === "host").length;
  return hosts > 1 ? `${hosts} Host headers: send one\n` : undefined;
}

/** Undefined when allowed, else the reason with what to do. */
export function checkHost(host: string | undefined, { hosts }: AccessOptions): string | undefined {
  const name = hostName(host ?? "");
  if (isIP(name) !== 0 || name === "localhost" || hosts.includes(name)) return undefined;
  return "Host not allowed: use an IP address or localhost, or add the name to rpc.allowed_hosts of the node's configuration\n";
}

export function checkOrigin(
  origin: string | undefined,
  host: string | undefined,
  { origins }: AccessOptions,
): string | undefined {
  if (origin === undefined || origins.includes("*") || origins.includes(origin)) return undefined;
  if (originHost(origin) === host?.toLowerCase()) return undefined;
  return "Origin not allowed: add it to rpc.cors_origins of the node's configuration\n";
}

/** The CORS headers for an allowed foreign origin; none for everyone else. */
export function corsHeaders(origin: string | undefined, { origins }: AccessOptions): Record<string, string> {
  if (origin === undefined || !(origins.includes("*") || origins.includes(origin))) return {};
  return {
    "access-control-allow-origin": origin,
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "content-type",
    "access-control-max-age": "600",
    vary: "origin",
  };
}

/**
 * Whether a caller may use admin methods: from this machine's loopback, for itself and not for somebody whom a proxy
 * names, and no page of another origin, even one that CORS lets in. A proxy that names nobody looks like a caller of
 * this machine: put none before a node with admin methods.
 */
export function isLocalCaller(remoteAddress: string | undefined, headers: CallerHeaders): boolean {
  const { origin, host } = headers;
  const isLoopback = /^(::ffff:)?127\.|^::1$/.test(remoteAddress ?? "");
  const isForwarded = headers.forwarded !== undefined || headers["x-forwarded-for"] !== undefined;
  const isOwnPage = origin === undefined || originHost(origin) === host?.toLowerCase();
  return isLoopback && !isForwarded && isOwnPage;
}

/** What a request says of who makes it. */
export interface CallerHeaders {
  readonly origin?: string | undefined;
  readonly host?: string | undefined;
  readonly forwarded?: string | undefined;
  readonly "x-forwarded-for"?: string | string[] | undefined;
}

/** The name without port and brackets, lower-case. */
function hostName(host: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host);
  return (match?.[1] ?? match?.[2] ?? "").toLowerCase();
}

function originHost(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}
