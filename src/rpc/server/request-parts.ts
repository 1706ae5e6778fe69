/** Parts of a request as node:http gives them, and the answer to one that it could not read. */
import type { IncomingMessage } from "node:http";
import { must } from "../../base/assert.ts";

/** The path without the query, as sent. */
export function pathOf(request: IncomingMessage): string {
  const [path = ""] = targetOf(request).split("?", 1);
  return path;
}

/** What follows the path, without its question mark. */
export function searchOf(request: IncomingMessage): string {
  return targetOf(request).slice(pathOf(request).length + 1);
}

/** Values stay texts, which the schemas take for numbers; booleans are named. */
export function queryParams(query: URLSearchParams): Record<string, unknown> {
  const words: Readonly<Record<string, boolean>> = { true: true, false: false };
  return Object.fromEntries([...query].map(([name, value]) => [name, words[value] ?? value]));
}

/** Whether the body is said to be JSON. */
export function isJson({ headers }: IncomingMessage): boolean {
  const [type = ""] = (headers["content-type"] ?? "").split(";");
  return JSON_TYPES.includes(type.trim().toLowerCase());
}

function targetOf({ url }: IncomingMessage): string {
  return must(url, "a request that a server receives has a target");
}

const JSON_TYPES = ["application/json", "application/json-rpc"];

/** The status line for what is no request. */
export function malformedStatus({ code = "" }: NodeJS.ErrnoException): string {
  return MALFORMED_STATUS[code] ?? "400 Bad Request";
}

const MALFORMED_STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};
