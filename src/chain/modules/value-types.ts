/**
 * The types of values that a module of one's own declares: data alone, from which the codec (value-codec.ts), the
 * TypeScript type, the JSON form and the columns of a database follow. It is bundled into every module, so it imports
 * nothing. In a module's code bytes are 0x-hex in lower case, which `===` compares; integers above 32 bits are bigint.
 */

/** 0x and lower-case hex digits. */
export type Hex = `0x${string}`;

/** What a type is, as data. */
export type TypeForm =
  | { readonly kind: "bool" | "hash" | "address" | "height" | "time" }
  | { readonly kind: "uint"; readonly bits: 8 | 16 | 32 | 64 }
  | { readonly kind: "text" | "bytes"; readonly bytesMax: number }
  | { readonly kind: "choice"; readonly names: readonly string[] }
  | { readonly kind: "list"; readonly item: TypeForm; readonly countMax: number }
  | { readonly kind: "option"; readonly item: TypeForm }
  | { readonly kind: "struct"; readonly fields: Readonly<Record<string, TypeForm>> };

declare const valueBrand: unique symbol;

/** A type whose values are T in TypeScript. */
export type ValueType<T> = TypeForm & { readonly [valueBrand]?: T };

/** The TypeScript type of the values of a type. */
export type TypeOf<V> = V extends { readonly [valueBrand]?: infer T } ? Exclude<T, undefined> : never;

type FieldTypes = Readonly<Record<string, TypeForm>>;
/** The values of named fields. */
export type FieldsOf<F extends FieldTypes> = { readonly [K in keyof F]: TypeOf<F[K]> };

/** True or false: 1 byte. */
export const bool: ValueType<boolean> = { kind: "bool" };
/** 32 bytes, such as a SHA-256. */
export const hash: ValueType<Hex> = { kind: "hash" };
/** The 32 bytes of an account. */
export const address: ValueType<Hex> = { kind: "address" };
/** A block's height: a whole number below 2^53, 8 bytes. */
export const height: ValueType<number> = { kind: "height" };
/** Milliseconds since the Unix epoch: a whole number below 2^53, 8 bytes. */
export const time: ValueType<number> = { kind: "time" };

/** A whole number of 8, 16, 32 (number) or 64 bits (bigint), from 0 on. */
export function uint(bits: 64): ValueType<bigint>;
export function uint(bits: 8 | 16 | 32): ValueType<number>;
export function uint(bits: 8 | 16 | 32 | 64): ValueType<bigint> | ValueType<number> {
  return { kind: "uint", bits };
}

/** Text of at most so many bytes of UTF-8. */
export function text(bytesMax: number): ValueType<string> {
  return { kind: "text", bytesMax };
}

/** Bytes of any length up to `bytesMax`. */
export function bytes(bytesMax: number): ValueType<Hex> {
  return { kind: "bytes", bytesMax };
}

/** One of these names: 1 byte. */
export function choice<const N extends readonly string[]>(...names: N): ValueType<N[number]> {
  return { kind: "choice", names };
}

/** A list of at most `countMax` items of one type. */
export function list<T>(item: ValueType<T>, countMax: number): ValueType<readonly T[]> {
  return { kind: "list", item, countMax };
}

/** A value, or null for none. */
export function option<T>(item: ValueType<T>): ValueType<T | null> {
  return { kind: "option", item };
}

/** Named fields, encoded in the order in which they are declared. */
export function struct<const F extends FieldTypes>(fields: F): ValueType<FieldsOf<F>> {
  return { kind: "struct", fields };
}
