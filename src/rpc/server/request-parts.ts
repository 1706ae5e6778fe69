/** Parts of a request as node:http gives them, and the answer to one that it could not read. */
import type { IncomingMessage } from "node:http";

/** The path without the query, as sent. */
export function pathOf(request: IncomingMessage): string {
  return request.url!.split("?", 1)[0]!;
}

/** Values stay texts, which the schemas take for numbers; booleans are named. */
export function queryParams(query: URLSearchParams): Record<string, unknown> {
  const words: Readonly<Record<string, boolean>> = { true: true, false: false };
  return Object.fromEntries([...query].map(([name, value]) => [name, words[value] ?? value]));
}

/** Whether the body is said to be JSON. */
export function isJson({ headers }: IncomingMessage): boolean {
  const type = (headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase();
  return JSON_TYPES.includes(type);
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
