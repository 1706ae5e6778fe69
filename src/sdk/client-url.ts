/**
 * The URL of a node as its user writes it: credentials in it (http://user:password@host) become a header, because
 * browsers and fetch refuse such a URL, and are in no text that is ever shown. In Node and in browsers.
 */
import { utf8 } from "../base/bytes.ts";

export interface NodeAddress {
  /** The URL without credentials and without a slash at the end. */
  readonly url: string;
  /** The value of the Authorization header (RFC 7617). */
  readonly authorization: string | undefined;
}

/** @throws RangeError for what cannot be the URL of a node, with what is expected and without its credentials */
export function readNodeUrl(text: string): NodeAddress {
  const problem = typeof text === "string" ? problemOf(text) : EXPECTED;
  if (problem !== undefined) throw new RangeError(`${show(text)}: ${problem}`);
  const url = withoutCredentials(text).replace(/\/+$/, "");
  const { username, password } = new URL(text);
  if (username === "" && password === "") return { url, authorization: undefined };
  const bytes = utf8(`${plain(username)}:${plain(password)}`);
  return { url, authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}

const EXPECTED = 'expected the URL of a node, such as "http://127.0.0.1:18545"';

function problemOf(text: string): string | undefined {
  if (text.trim() === "") return EXPECTED;
  if (/\s/.test(text)) return `${EXPECTED}, without spaces or line ends`;
  if (!URL.canParse(text) || !/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return `${EXPECTED}${meant(text)}`;
  const { protocol, host, pathname, search, hash } = new URL(text);
  const scheme = protocol.slice(0, -1);
  if (scheme === "ws" || scheme === "wss") {
    const near = `${scheme === "ws" ? "http" : "https"}://${host}${pathname.replace(/(\/ws)?\/*$/, "")}`;
    return `${EXPECTED}, not one of ${scheme}: subscriptions find it by themselves; is "${near}" meant?`;
  }
  if (scheme !== "http" && scheme !== "https") {
    return `expected the scheme "http" or "https", found "${scheme}"`;
  }
  return search === "" && hash === "" ? undefined : `${EXPECTED}, without a query or a fragment`;
}

/** What is probably meant by a host, or a port, alone. */
function meant(text: string): string {
  if (text.includes("@")) return "";
  const near = /^[0-9]{1,5}$/.test(text) ? `http://127.0.0.1:${text}` : `http://${text}`;
  return !text.includes("//") && URL.canParse(near) ? `; is "${near}" meant?` : "";
}

function show(text: unknown): string {
  if (typeof text !== "string") return typeof text;
  const shown = text.includes("//") ? withoutCredentials(text) : text.replace(/^.*@/, "");
  return JSON.stringify(shown.slice(0, SHOWN_MAX));
}

const SHOWN_MAX = 200;

/** Whatever stands between the scheme and the last @ before the path is nobody's to read, also where it is no URL. */
export function withoutCredentials(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:)?\/\/[^/?#]*@/i, "$1//");
}

function plain(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // A stray % is itself.
  }
}
