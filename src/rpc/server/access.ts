/**
 * Who may talk to the server by what a browser says of itself. A page of the web can make a name point to
 * 127.0.0.1 (DNS rebinding) and then call the node from a visitor's browser; so the Host must be an IP address,
 * localhost or a configured name, and an Origin must be the server's own or a configured one. Programs send no
 * Origin and are not concerned. Source: Fetch standard, "Origin"; RFC 9110 §7.2.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { must } from "../../base/assert.ts";
import { OPERATOR } from "../budgets/call-queue.ts";

export interface AccessOptions {
  /** Names that the server answers to, beside localhost and IP addresses. */
  readonly hosts: readonly string[];
  /** Origins ("https://example.org") whose pages may call, or "*" for all. When empty none may (CORS is off). */
  readonly origins: readonly string[];
  /** Pages of this machine (localhost, 127.0.0.1, [::1], any port) may call too: for chains to play with. */
  readonly localPages: boolean;
}

/** Who may call, as a server is told it. */
export interface AllowedCallers {
  /** Names beside localhost and IP addresses that the server answers to. */
  readonly allowedHosts?: readonly string[];
  /** Origins of web pages that may call, or "*" for all. None may by default. */
  readonly allowedOrigins?: readonly string[];
  /** Pages that this machine serves on any port may call. */
  readonly allowsLocalPages?: boolean;
}

export function accessOf(allowed: AllowedCallers): AccessOptions {
  const {
    allowedHosts: hosts = [],
    allowedOrigins: origins = [],
    allowsLocalPages: localPages = false,
  } = allowed;
  return { hosts, origins, localPages };
}

/**
 * Which of two a proxy before the node looked at nobody knows. `rawHeaders` as node:http gives them: name, value, ...
 * @returns the reason to refuse, or undefined
 */
export function checkOneHost(rawHeaders: readonly string[]): string | undefined {
  const hosts = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === "host").length;
  return hosts > 1 ? `${hosts} Host headers: send one\n` : undefined;
}

/** Which of two values is meant nobody knows either. @returns the reason to refuse, or undefined */
export function checkQuery(query: URLSearchParams): string | undefined {
  const names = new Set<string>();
  for (const name of query.keys()) {
    if (names.has(name)) return `the parameter ${JSON.stringify(name)} is given twice\n`;
    names.add(name);
  }
  return undefined;
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
  access: AccessOptions,
): string | undefined {
  if (origin === undefined || isLetIn(origin, access)) return undefined;
  if (originHost(origin) === host?.toLowerCase()) return undefined;
  return "Origin not allowed: add it to rpc.cors_origins of the node's configuration\n";
}

/**
 * A page of another site makes a browser GET whatever it names (an image, a frame, a link), without an Origin and
 * without asking. Browsers say of each request where it comes from, in a header that no page can set: only what was
 * typed into the browser or asked by the node's own pages passes, and what has an Origin, which was checked.
 * Source: Fetch Metadata Request Headers, "Sec-Fetch-Site".
 */
export function checkSite(headers: CallerHeaders): string | undefined {
  const site = headers["sec-fetch-site"];
  if (site === undefined || site === "none" || site === "same-origin" || headers.origin !== undefined)
    return undefined;
  return "asked by a page of another site: type the address, or add the page's origin to rpc.cors_origins\n";
}

/**
 * Whether a GET is certainly none that a page of another site could cause in a browser that sends no Sec-Fetch-Site:
 * a content-type of JSON is no header that a "simple" request can carry. Source: Fetch standard, "CORS-safelisted".
 */
export function isOwnRequest(headers: CallerHeaders): boolean {
  if (headers["sec-fetch-site"] !== undefined) return checkSite(headers) === undefined;
  return /^application\/json\b/i.test(headers["content-type"] ?? "");
}

/**
 * Other nodes that the explorer of this one may ask, as CSP sources: those that are named as origins, whose explorers
 * may ask this node in turn, and where pages of this machine may call, nodes of this machine.
 */
export function reachableOrigins({ origins, localPages }: AccessOptions): readonly string[] {
  const named = origins.filter((origin) => NAMED_ORIGIN.test(origin));
  const local = localPages ? ["http://127.0.0.1:*", "http://localhost:*"] : [];
  return [...named, ...local].flatMap((origin) => [origin, origin.replace(/^http/, "ws")]);
}

/** What may stand in a header as it is. */
const NAMED_ORIGIN = /^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/i;

/**
 * The client whose budget pays for a connection: its address, and of an IPv6 address the /64, which one
 * subscriber has whole.
 */
export function clientOf(remoteAddress: string | undefined): string {
  const address = (remoteAddress ?? "unknown").replace(/^::ffff:(?=\d+\.)/, "");
  if (!address.includes(":")) return address;
  const [before = "", after] = must(address.split("%")[0], "a split gives one part at least").split("::");
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  const zeros = after === undefined ? 0 : 8 - head.length - tail.length;
  return `${[...head, ...Array(Math.max(0, zeros)).fill("0"), ...tail].slice(0, 4).join(":")}::/64`;
}

/** Whose budgets pay for a request: of whoever brings the node's token the operator's, whatever address it comes from. */
export function payerOf({ socket, headers }: PayingRequest, adminToken: string | undefined): string {
  const isOperator = adminToken !== undefined && hasToken(headers.authorization, adminToken);
  return isOperator ? OPERATOR : clientOf(socket.remoteAddress);
}

/** What of a request says who pays for it. */
interface PayingRequest {
  readonly socket: { readonly remoteAddress?: string | undefined };
  readonly headers: { readonly authorization?: string | undefined };
}

/** The CORS headers for an allowed foreign origin. Everyone else gets none. */
export function corsHeaders(origin: string | undefined, access: AccessOptions): Record<string, string> {
  if (origin === undefined || !isLetIn(origin, access)) return {};
  return {
    "access-control-allow-origin": origin,
    "access-control-allow-methods": "GET, POST",
    // A client whose URL holds credentials sends them, and a browser asks first.
    "access-control-allow-headers": "content-type, authorization",
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
  const isForwarded = Object.keys(headers).some((name) => PROXY_HEADER.test(name));
  const isOwnPage = origin === undefined || originHost(origin) === host?.toLowerCase();
  return isLoopback && !isForwarded && isOwnPage;
}

/** Headers by which proxies say that, or for whom, they forward (RFC 7239, RFC 9110 7.6.3, and what is in common use). */
const PROXY_HEADER =
  /^(forwarded|via|x-forwarded-.+|x-real-ip|x-original-.+|x-envoy-.+|(x-)?(cluster-)?client-ip|(cf-connecting|true-client|fastly-client)-ip(v6)?)$/;

/** Whether a caller may use admin methods: by the node's token; of a server that has none, from loopback. */
export function isAdmin({ socket, headers }: IncomingMessage, adminToken: string | undefined): boolean {
  if (adminToken !== undefined) return hasToken(headers.authorization, adminToken);
  return isLocalCaller(socket.remoteAddress, headers);
}

/** Checks in constant time that a request brings the node's token: `Authorization: Bearer TOKEN` (RFC 6750). */
function hasToken(authorization: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(authorization ?? ""), digest(`Bearer ${token}`));
}

/** What a request says of who makes it; every header of it, by its name in lower case. */
export interface CallerHeaders {
  readonly origin?: string | undefined;
  readonly host?: string | undefined;
  readonly forwarded?: string | undefined;
  readonly "content-type"?: string | undefined;
  readonly "sec-fetch-site"?: string | string[] | undefined;
  readonly "x-forwarded-for"?: string | string[] | undefined;
}

function isLetIn(origin: string, { origins, localPages }: AccessOptions): boolean {
  return origins.includes("*") || origins.includes(origin) || (localPages && LOCAL_PAGE.test(origin));
}

/** An origin as browsers write it: lower case, no path. A name that was made to point here (DNS rebinding) is none of these. */
const LOCAL_PAGE = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;

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
