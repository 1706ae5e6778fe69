/**
 * The addresses inside the page: `#/block/5` and the like. They live in the fragment, so that the server has one page
 * to serve, and a page saved to disk works as it is. What a fragment says is never trusted: names are looked up here,
 * the rest is handed on as text.
 */

const PAGES = [
  "overview",
  "consensus",
  "forks",
  "blocks",
  "block",
  "transactions",
  "transaction",
  "account",
  "anchors",
  "state",
  "validators",
  "network",
  "pool",
  "api",
  "node",
  "lab",
  "receipt",
  "checks",
] as const;
export type PageName = (typeof PAGES)[number];

export interface Route {
  /** Undefined: there is no page of that name. */
  readonly page: PageName | undefined;
  /** What follows the page's name: a height, a hash, an address. */
  readonly argument: string | undefined;
}

/** @param fragment with or without `#`; without a name it is the overview */
export function parseRoute(fragment: string): Route {
  const [name = "", argument] = fragment
    .replace(/^#?\/?/, "")
    .split("?")[0]!
    .split("/");
  const page = name === "" ? "overview" : PAGES.find((known) => known === name);
  return { page, argument: argument === undefined || argument === "" ? undefined : decode(argument) };
}

export function href(page: PageName, argument?: string | number): string {
  return `#/${page === "overview" ? "" : page}${argument === undefined ? "" : `/${encodeURIComponent(argument)}`}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Nodes side by side at most: each is asked every second. */
const NODES_MAX = 16;

/**
 * The nodes of `?nodes=`: ports of the page's own host ("18545,18546"), host:port, or URLs; what is none of these is
 * left out. Undefined where the page names none.
 */
export function parseNodes(search: string, origin: string): readonly string[] | undefined {
  const named = new URLSearchParams(search).get("nodes");
  if (named === null || named === "") return undefined;
  const found = named.split(",").flatMap((word) => nodeUrl(word.trim(), origin) ?? []);
  return found.length === 0 ? undefined : [...new Set(found)].slice(0, NODES_MAX);
}

function nodeUrl(word: string, origin: string): string | undefined {
  const { protocol, hostname } = origin.startsWith("http")
    ? new URL(origin)
    : { protocol: "http:", hostname: "127.0.0.1" };
  const text = /^\d{1,5}$/.test(word)
    ? `${protocol}//${hostname}:${word}`
    : /^https?:\/\//.test(word)
      ? word
      : `${protocol}//${word}`;
  try {
    const url = new URL(text);
    return url.protocol.startsWith("http") && url.host !== "" ? url.origin : undefined;
  } catch {
    return undefined;
  }
}

/** What a text in the search field may be. Hex of 32 bytes may be several things, which are asked for in this order. */
export function parseQuery(text: string): {
  readonly kind: "height" | "hash" | "none";
  readonly value: string;
} {
  const word = text
    .trim()
    .toLowerCase()
    .replace(/[\s,\u202f]/g, "");
  if (/^\d{1,15}$/.test(word)) return { kind: "height", value: word };
  const hex = word.startsWith("0x") ? word : `0x${word}`;
  return /^0x[0-9a-f]{64}$/.test(hex) ? { kind: "hash", value: hex } : { kind: "none", value: text };
}
