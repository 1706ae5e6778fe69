/**
 * Values of declared types (value-types.ts) as bytes, and as JSON. One value has one encoding: integers are fixed-width
 * and big-endian, a presence is 0 or 1, lengths and counts have the width that their bound needs, fields follow each
 * other in the order of the declaration. Layout: docs/protocol.md, "Declared modules".
 *
 *   bool, choice u8 | uint u8..u64 | hash, address 32 | height, time u64 below 2^53
 *   text, bytes length+bytes | list count+items | option u8, then the value | struct its fields
 */
import { hex0x, parseHex, parseUtf8, utf8 } from "../../base/bytes.ts";
import type { Reader } from "../../codec/reader.ts";
import type { Writer } from "../../codec/writer.ts";
import type { Json } from "./module.ts";
import type { TypeForm } from "./value-types.ts";

/** A value that its type does not allow: "path: expected this, found that". */
export class ValueError extends Error {
  override readonly name = "ValueError";
}

/** Makes the objects that are read: those of the context that will use them, which are its own. */
export interface ValueMaker {
  object(): Record<string, unknown>;
  array(): unknown[];
}

export const PLAIN_VALUES: ValueMaker = { object: () => ({}), array: () => [] };

export interface ValueCodec {
  /** The most bytes that a value takes. */
  readonly bytesMax: number;
  /** @throws ValueError */
  write(writer: Writer, value: unknown, path: string): void;
  /** Fails the reader for bytes that no value has. */
  read(reader: Reader, make: ValueMaker): unknown;
  /** The same value, made by `make`: what one call may change, another never sees. */
  copy(value: unknown, make: ValueMaker): unknown;
  /** A value that was read or may be written: 64-bit integers become decimal strings. */
  toJson(value: unknown): Json;
  /** What people and programs send: integers as numbers or decimal strings, hex in any case. @throws ValueError */
  fromJson(json: unknown, path: string): unknown;
}

const codecs = new WeakMap<TypeForm, ValueCodec>();
const fieldCodecs = new WeakMap<object, ValueCodec>();

/** The same for the same form. */
export function codecOf(type: TypeForm): ValueCodec {
  const codec = codecs.get(type) ?? makeCodec(type);
  codecs.set(type, codec);
  return codec;
}

/** The codec of named fields: of arguments, of an event. */
export function codecOfFields(fields: Readonly<Record<string, TypeForm>>): ValueCodec {
  const codec = fieldCodecs.get(fields) ?? structCodec(fields);
  fieldCodecs.set(fields, codec);
  return codec;
}

function makeCodec(type: TypeForm): ValueCodec {
  switch (type.kind) {
    case "bool":
      return BOOL;
    case "hash":
    case "address":
      return BYTES_32;
    case "height":
    case "time":
      return SAFE_INTEGER;
    case "uint":
      return type.bits === 64 ? U64 : smallUint(type.bits);
    case "text":
      return textCodec(type.bytesMax);
    case "bytes":
      return bytesCodec(type.bytesMax);
    case "choice":
      return choiceCodec(type.names);
    case "list":
      return listCodec(type.item, type.countMax);
    case "option":
      return optionCodec(codecOf(type.item));
    case "struct":
      return structCodec(type.fields);
  }
}

const U64_MAX = (1n << 64n) - 1n;

/** A value that is no object cannot be changed. */
const asItIs = (value: unknown): unknown => value;

const BOOL: ValueCodec = {
  copy: asItIs,
  bytesMax: 1,
  write(writer, value, path) {
    if (typeof value !== "boolean") throw unfit(path, "true or false", value);
    writer.u8(value ? 1 : 0);
  },
  read: (reader) => presence(reader),
  toJson: (value) => value as boolean,
  fromJson(json, path) {
    const value = json === "true" ? true : json === "false" ? false : json;
    if (typeof value !== "boolean") throw unfit(path, "true or false", json);
    return value;
  },
};

const BYTES_32: ValueCodec = {
  copy: asItIs,
  bytesMax: 32,
  write: (writer, value, path) => writer.raw(bytesOf(value, 32, 32, path)),
  read: (reader) => hex0x(reader.raw(32)),
  toJson: (value) => value as string,
  fromJson: (json, path) => hex0x(bytesOf(json, 32, 32, path)),
};

const SAFE_INTEGER: ValueCodec = {
  copy: asItIs,
  bytesMax: 8,
  write: (writer, value, path) => writer.u64(BigInt(integer(value, Number.MAX_SAFE_INTEGER, path))),
  read(reader) {
    const value = reader.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) reader.fail(`${value} is above 2^53 - 1`);
    return Number(value);
  },
  toJson: (value) => value as number,
  fromJson: (json, path) => integer(numberOf(json), Number.MAX_SAFE_INTEGER, path),
};

const U64: ValueCodec = {
  copy: asItIs,
  bytesMax: 8,
  write: (writer, value, path) => writer.u64(u64(value, path)),
  read: (reader) => reader.u64(),
  toJson: (value) => String(value),
  fromJson(json, path) {
    if (typeof json === "bigint") return u64(json, path);
    const isNumber = typeof json === "number" && Number.isSafeInteger(json) && json >= 0;
    const isText = typeof json === "string" && json.length <= 20 && /^[0-9]+$/.test(json);
    if (!isNumber && !isText) throw unfit(path, "a whole number from 0 to 2^64 - 1", json);
    return u64(BigInt(json), path);
  },
};

function smallUint(bits: 8 | 16 | 32): ValueCodec {
  const max = 2 ** bits - 1;
  return {
    copy: asItIs,
    bytesMax: bits / 8,
    write(writer, value, path) {
      const number = integer(value, max, path);
      if (bits === 8) writer.u8(number);
      else if (bits === 16) writer.u16(number);
      else writer.u32(number);
    },
    read: (reader) => (bits === 8 ? reader.u8() : bits === 16 ? reader.u16() : reader.u32()),
    toJson: (value) => value as number,
    fromJson: (json, path) => integer(numberOf(json), max, path),
  };
}

function textCodec(bytesMax: number): ValueCodec {
  const size = sizeCodec(bytesMax);
  const check = (value: unknown, path: string): Uint8Array => {
    // UTF-8 has no form for half of a surrogate pair: it would become another character.
    if (typeof value !== "string" || /\p{Surrogate}/u.test(value)) throw unfit(path, "text", value);
    const bytes = value.length > bytesMax ? undefined : utf8(value);
    if (bytes === undefined || bytes.length > bytesMax) {
      throw new ValueError(
        `${path}: ${value.length} characters, at most ${bytesMax} bytes of UTF-8 are allowed`,
      );
    }
    return bytes;
  };
  return {
    copy: asItIs,
    bytesMax: size.width + bytesMax,
    write(writer, value, path) {
      const bytes = check(value, path);
      size.write(writer, bytes.length);
      writer.raw(bytes);
    },
    read(reader) {
      const text = parseUtf8(reader.raw(size.read(reader, "bytes")));
      return text ?? reader.fail("text that is not UTF-8");
    },
    toJson: (value) => value as string,
    fromJson(json, path) {
      check(json, path);
      return json;
    },
  };
}

function bytesCodec(bytesMax: number): ValueCodec {
  const size = sizeCodec(bytesMax);
  return {
    copy: asItIs,
    bytesMax: size.width + bytesMax,
    write(writer, value, path) {
      const bytes = bytesOf(value, 0, bytesMax, path);
      size.write(writer, bytes.length);
      writer.raw(bytes);
    },
    read: (reader) => hex0x(reader.raw(size.read(reader, "bytes"))),
    toJson: (value) => value as string,
    fromJson: (json, path) => hex0x(bytesOf(json, 0, bytesMax, path)),
  };
}

function choiceCodec(names: readonly string[]): ValueCodec {
  const indexOf = (value: unknown, path: string): number => {
    const index = names.indexOf(value as string);
    if (index < 0) throw unfit(path, names.map((name) => `"${name}"`).join(" or "), value);
    return index;
  };
  return {
    copy: asItIs,
    bytesMax: 1,
    write: (writer, value, path) => writer.u8(indexOf(value, path)),
    read(reader) {
      const index = reader.u8();
      return names[index] ?? reader.fail(`choice ${index} of ${names.length}`);
    },
    toJson: (value) => value as string,
    fromJson: (json, path) => names[indexOf(json, path)],
  };
}

function listCodec(itemType: TypeForm, countMax: number): ValueCodec {
  const item = codecOf(itemType);
  const size = sizeCodec(countMax);
  const itemsOf = (value: unknown, path: string): readonly unknown[] => {
    if (!Array.isArray(value)) throw unfit(path, "a list", value);
    if (value.length > countMax) throw unfit(path, `at most ${countMax} items`, value);
    return value;
  };
  return {
    bytesMax: size.width + countMax * item.bytesMax,
    write(writer, value, path) {
      const items = itemsOf(value, path);
      size.write(writer, items.length);
      for (let i = 0; i < items.length; i++) item.write(writer, items[i], `${path}[${i}]`);
    },
    read(reader, make) {
      const count = size.read(reader, "items");
      const items = make.array();
      for (let i = 0; i < count; i++) items.push(item.read(reader, make));
      return items;
    },
    copy(value, make) {
      const items = make.array();
      for (const one of value as unknown[]) items.push(item.copy(one, make));
      return items;
    },
    toJson: (value) => (value as unknown[]).map(item.toJson),
    fromJson: (json, path) => itemsOf(json, path).map((one, i) => item.fromJson(one, `${path}[${i}]`)),
  };
}

function optionCodec(item: ValueCodec): ValueCodec {
  const isNone = (value: unknown) => value === null || value === undefined;
  return {
    bytesMax: 1 + item.bytesMax,
    write(writer, value, path) {
      writer.u8(isNone(value) ? 0 : 1);
      if (!isNone(value)) item.write(writer, value, path);
    },
    read: (reader, make) => (presence(reader) ? item.read(reader, make) : null),
    copy: (value, make) => (isNone(value) ? null : item.copy(value, make)),
    toJson: (value) => (isNone(value) ? null : item.toJson(value)),
    fromJson: (json, path) => (isNone(json) ? null : item.fromJson(json, path)),
  };
}

function structCodec(fields: Readonly<Record<string, TypeForm>>): ValueCodec {
  const parts = Object.entries(fields).map(([name, type]) => ({ name, codec: codecOf(type), type }));
  const objectOf = (value: unknown, path: string): Record<string, unknown> => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) {
      throw unfit(path, "an object", value);
    }
    return value as Record<string, unknown>;
  };
  return {
    bytesMax: parts.reduce((sum, { codec }) => sum + codec.bytesMax, 0),
    write(writer, value, path) {
      const object = objectOf(value, path);
      for (const { name, codec } of parts)
        codec.write(writer, object[name], path === "" ? name : `${path}.${name}`);
    },
    read(reader, make) {
      const object = make.object();
      for (const { name, codec } of parts) object[name] = codec.read(reader, make);
      return object;
    },
    copy(value, make) {
      const [from, object] = [value as Record<string, unknown>, make.object()];
      for (const { name, codec } of parts) object[name] = codec.copy(from[name], make);
      return object;
    },
    toJson(value) {
      const object = value as Record<string, unknown>;
      const shown: Record<string, Json> = {};
      for (const { name, codec } of parts) shown[name] = codec.toJson(object[name]);
      return shown;
    },
    fromJson(json, path) {
      const object = objectOf(json, path);
      const unknown = Object.keys(object).find((key) => !Object.hasOwn(fields, key));
      if (unknown !== undefined) {
        const known = parts.map(({ name }) => name).join(", ") || "no field";
        throw new ValueError(`${below(path, unknown)}: unknown; there are ${known}`);
      }
      return Object.fromEntries(
        parts.map(({ name, codec }) => [name, codec.fromJson(object[name], below(path, name))]),
      );
    },
  };
}

function below(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** A length or count of the width that its bound needs. */
function sizeCodec(max: number) {
  const width = max <= 0xff ? 1 : max <= 0xffff ? 2 : 4;
  return {
    width,
    write: (writer: Writer, size: number) =>
      width === 1 ? writer.u8(size) : width === 2 ? writer.u16(size) : writer.u32(size),
    read(reader: Reader, what: string): number {
      const size = width === 1 ? reader.u8() : width === 2 ? reader.u16() : reader.u32();
      if (size > max) reader.fail(`${size} ${what} where at most ${max} are allowed`);
      return size;
    },
  };
}

function presence(reader: Reader): boolean {
  const value = reader.u8();
  if (value > 1) reader.fail(`${value} where 0 or 1 is expected`);
  return value === 1;
}

function bytesOf(value: unknown, min: number, max: number, path: string): Uint8Array {
  const isHex = typeof value === "string" && value.startsWith("0x") && value.length <= 2 + 2 * max;
  const bytes = isHex ? parseHex(value) : undefined;
  if (bytes !== undefined && bytes.length >= min) return bytes;
  const size = min === max ? `${max} bytes` : `at most ${max} bytes`;
  throw unfit(path, `0x and hex digits (${size})`, value);
}

function u64(value: unknown, path: string): bigint {
  if (typeof value !== "bigint" || value < 0n || value > U64_MAX) {
    throw unfit(path, "a bigint from 0 to 2^64 - 1", value);
  }
  return value;
}

function integer(value: unknown, max: number, path: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max)
    return value === 0 ? 0 : value;
  throw unfit(path, `a whole number from 0 to ${max}`, value);
}

function numberOf(json: unknown): unknown {
  return typeof json === "string" && /^[0-9]{1,16}$/.test(json) ? Number(json) : json;
}

const SHOWN_MAX = 60;

function unfit(path: string, expected: string, value: unknown): ValueError {
  return new ValueError(`${path || "the value"}: expected ${expected}, found ${show(value)}`);
}

/** Asks nothing of an object, which may be a module's. */
function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") {
    return value.length > SHOWN_MAX
      ? `${JSON.stringify(value.slice(0, SHOWN_MAX))}...`
      : JSON.stringify(value);
  }
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  return Array.isArray(value)
    ? `a list of ${value.length}`
    : typeof value === "object"
      ? "an object"
      : typeof value;
}
