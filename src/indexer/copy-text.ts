/**
 * Values as COPY's text format has them, and as a type of PostgreSQL allows them: text without the character U+0000, which
 * PostgreSQL cannot hold and anybody may put into a memo; a replacement character stands for it.
 */
import { hex } from "../base/bytes.ts";
import type { Json } from "../chain/modules/module.ts";

/** The text of one field. */
export type CopyField = string;

export const NULL: CopyField = "\\N";

const SPECIAL = /[\\\t\n\r\b\f\v\0]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
  "\b": "\\b",
  "\f": "\\f",
  "\v": "\\v",
  "\0": "\uFFFD",
};

export function textField(value: string): CopyField {
  return value.replace(SPECIAL, (found) => ESCAPES[found] ?? found);
}

export function bytesField(value: Uint8Array): CopyField {
  return `\\\\x${hex(value)}`;
}

/** A field of 0x and hex digits. */
export function hexField(value: string): CopyField {
  return `\\\\x${value.slice(2)}`;
}

export function numberField(value: number | bigint): CopyField {
  return value.toString();
}

export function booleanField(value: boolean): CopyField {
  return value ? "t" : "f";
}

export function jsonField(value: Json): CopyField {
  return textField(JSON.stringify(value).replaceAll("\\u0000", "\uFFFD"));
}

/** A line of COPY. */
export function copyLine(fields: readonly CopyField[]): string {
  return `${fields.join("\t")}\n`;
}
