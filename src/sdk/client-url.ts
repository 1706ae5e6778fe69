/**
 * The URL of a node as its user writes it: credentials in it (http://user:password@host) become a header, because
 * browsers and fetch refuse such a URL, and are in no text that is ever shown. In Node and in browsers.
 */
import { utf8 } from "../base/bytes.ts";

export interface NodeAddress {
  /** Without credentials and without a slash at the end. */
  readonly url: string;
  /** The value of the Authorization header; RFC 7617. */
  readonly authorization: string | undefined;
}

export function readNodeUrl(text: string): NodeAddress {
  const url = withoutCredentials(text).replace(/\/+$/, "");
  if (!URL.canParse(text)) return { url, authorization: undefined };
  const { username, password } = new URL(text);
  if (username === "" && password === "") return { url, authorization: undefined };
  const bytes = utf8(`${plain(username)}:${plain(password)}`);
  return { url, authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}

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
