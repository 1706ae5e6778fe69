/**
 * A version of a declared module, as a genesis or a vote names it, with the bounds of what it may say.
 *
 *   number u8 | name u8+bytes | version u32 | SHA-256 of the file 32
 */
import { asHash, type Hash, parseUtf8, utf8 } from "../../base/bytes.ts";
import type { Reader } from "../../codec/reader.ts";
import type { Writer } from "../../codec/writer.ts";

export interface ModuleVersion {
  readonly name: string;
  /** The module byte of its transactions, 16 to 255. */
  readonly number: number;
  readonly version: number;
  /** SHA-256 of the bundled file. */
  readonly hash: Hash;
}

/** Modules that one chain may have. A genesis with more is refused, and so is a vote that would add one. */
export const MODULES_MAX = 64;
/** The least number of a declared module. Below it are the modules that every chain has. */
export const MODULE_NUMBER_MIN = 16;
export const MODULE_NUMBER_MAX = 255;
/** A version is a small number that people count up. */
export const MODULE_VERSION_MAX = 1_000_000;
/** Bytes that a bundled file may have. A larger one is refused unread. */
export const MODULE_FILE_BYTES_MAX: number = 1024 * 1024;

const NAME_BYTES_MAX = 32;
/** A lower-case letter, then letters and digits. */
export const MODULE_NAME = /^[a-z][a-z0-9]{0,31}$/;
/** Modules that every chain has, and beginnings of paths. */
const TAKEN_NAMES = ["coinbase", "bank", "anchor", "gov", "account", "state", "module"];

/** Whether the chain itself has the name. */
export function isTakenModuleName(name: string): boolean {
  return TAKEN_NAMES.includes(name);
}

export function writeModuleVersion(writer: Writer, { number, name, version, hash }: ModuleVersion): Writer {
  return writer.u8(number).bytes8(utf8(name)).u32(version).raw(hash);
}

export function readModuleVersion(reader: Reader): ModuleVersion {
  const number = reader.u8();
  const name = parseUtf8(reader.bytes8(NAME_BYTES_MAX)) ?? "";
  if (!MODULE_NAME.test(name) || isTakenModuleName(name)) reader.fail("no name that a module may have");
  return { number, name, version: reader.u32(), hash: asHash(reader.raw(32).slice()) };
}
