/**
 * The explorer's files as the server gives them: read once from the built folder, kept in memory with their gzip form
 * and entity tag, and found by the exact path alone, so that no path of a request ever reaches the file system. Files
 * whose name holds the hash of their content are immutable; the page itself is asked for anew each time.
 * Sources: RFC 9110 §8.8.3 (ETag), §13.1.2 (If-None-Match); CSP Level 3.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** Files, and bytes of all of them: what a build of the explorer never reaches. */
export const EXPLORER_FILES_MAX = 64;
export const EXPLORER_BYTES_MAX = 4 * 1024 * 1024;

/** Where `npm run build` puts the page. It is the same folder seen from src and from dist. */
const BUILT = fileURLToPath(new URL("../../../dist/explorer-page/", import.meta.url));

export interface FileAnswer {
  readonly status: 200 | 302 | 304 | 404;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

interface StoredFile {
  readonly type: string;
  readonly etag: string;
  readonly plain: Uint8Array;
  readonly gzipped: Uint8Array;
  readonly isImmutable: boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
};

const EMPTY_BODY = new Uint8Array();

/** Whether a GET of this path is for the explorer; `/` only where a browser asks for a page. */
export function isExplorerPath(path: string, { accept = "" }: IncomingHttpHeaders): boolean {
  return (
    path === "/explorer" || path.startsWith("/explorer/") || (path === "/" && accept.includes("text/html"))
  );
}

export class ExplorerFiles {
  readonly #folder: string;
  readonly #connectSources: string;
  #files: ReadonlyMap<string, StoredFile> | undefined;

  /** @param nodeOrigins of nodes whose answers the page may ask for beside this one's (CSP source expressions) */
  constructor(nodeOrigins: readonly string[], folder = BUILT) {
    this.#folder = folder;
    this.#connectSources = ["'self'", ...nodeOrigins].join(" ");
  }

  /** @param path that {@link isExplorerPath} says yes to. @throws Error when the built folder cannot be read */
  answer(path: string, query: string, headers: IncomingHttpHeaders): FileAnswer {
    if (path === "/") return redirect(query === "" ? "/explorer" : `/explorer?${query}`);
    this.#files ??= readFolder(this.#folder);
    const name =
      path === "/explorer" || path === "/explorer/" ? "index.html" : path.slice("/explorer/".length);
    const file = this.#files.get(name);
    if (file === undefined) return notFound(this.#files.size === 0);
    const common = {
      ...SAFETY,
      ...(name.endsWith(".html") ? { "content-security-policy": this.#policy } : {}),
      etag: file.etag,
      "cache-control": file.isImmutable ? "public, max-age=31536000, immutable" : "no-cache",
      vary: "accept-encoding",
    };
    if (isKnown(headers["if-none-match"], file.etag))
      return { status: 304, headers: common, body: EMPTY_BODY };
    const isZipped = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(String(headers["accept-encoding"] ?? ""));
    const coding: Record<string, string> = isZipped ? { "content-encoding": "gzip" } : {};
    const body = isZipped ? file.gzipped : file.plain;
    return { status: 200, headers: { ...common, ...coding, "content-type": file.type }, body };
  }

  /** The content security policy: nothing is inline, evaluated, from elsewhere or in a frame. */
  get #policy(): string {
    return [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data: blob:",
      `connect-src ${this.#connectSources}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; ");
  }
}

const SAFETY = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
} as const;

function redirect(location: string): FileAnswer {
  return {
    status: 302,
    headers: { location, "cache-control": "no-store", vary: "accept" },
    body: EMPTY_BODY,
  };
}

function notFound(isMissing: boolean): FileAnswer {
  const words = isMissing
    ? "the explorer is not built: npm run build\n"
    : "no such page: the explorer is at /explorer, and its pages behind it, such as /explorer#/blocks\n";
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  return { status: 404, headers, body: new TextEncoder().encode(words) };
}

function isKnown(tags: string | undefined, etag: string): boolean {
  return tags?.split(",").some((tag) => [etag, "*"].includes(tag.trim().replace(/^W\//, ""))) ?? false;
}

/** Empty where nothing was built. */
function readFolder(folder: string): ReadonlyMap<string, StoredFile> {
  const files = new Map<string, StoredFile>();
  let bytes = 0;
  for (const path of namesIn(folder)) {
    const name = path.split(sep).join("/");
    const type = TYPES[name.slice(name.lastIndexOf(".") + 1)];
    if (type === undefined) continue;
    const plain = readFileSync(join(folder, path));
    bytes += plain.length;
    if (files.size >= EXPLORER_FILES_MAX || bytes > EXPLORER_BYTES_MAX) {
      throw new Error(`${folder}: more than ${EXPLORER_FILES_MAX} files or ${EXPLORER_BYTES_MAX} bytes`);
    }
    const etag = `"${createHash("sha256").update(plain).digest("hex").slice(0, 32)}"`;
    const isImmutable = name.startsWith("assets/");
    files.set(name, { type, etag, plain, gzipped: gzipSync(plain, { level: 9 }), isImmutable });
  }
  return files;
}

function namesIn(folder: string): readonly string[] {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
}
