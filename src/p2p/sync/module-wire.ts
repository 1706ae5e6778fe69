/**
 * The question for a module's bundled file and its answer, byte by byte, as a kind of `/quorate/request` that older nodes
 * refuse. A file is asked for by its SHA-256, so nobody has to be believed. Source: docs/protocol.md, "Files of modules".
 */
import { asHash, type Hash } from "../../base/bytes.ts";
import type { Verdict } from "../../base/fault.ts";
import { MODULE_FILE_BYTES_MAX } from "../../chain/types/module-version.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";

/** 1 to 8 are questions of repair, 16 to 18 about snapshots. */
const MODULE_FILE = 24;

export function encodeModuleQuestion(hash: Hash): Uint8Array {
  return new Writer(33).u8(MODULE_FILE).raw(hash).finish();
}

/** Others are for others to answer. */
export function isModuleQuestion(bytes: Uint8Array): boolean {
  return bytes[0] === MODULE_FILE;
}

export function decodeModuleQuestion(bytes: Uint8Array): Verdict<Hash, "malformed"> {
  return decode(bytes, "question", (reader) => {
    if (reader.u8() !== MODULE_FILE) reader.fail("unknown kind of question");
    return asHash(reader.raw(32).slice());
  });
}

/** @param file UTF-8; empty where it is not here */
export function encodeModuleAnswer(file: Uint8Array): Uint8Array {
  return new Writer(5 + file.length).u8(MODULE_FILE).bytes32(file).finish();
}

/** @returns the file, empty where the peer has none; what it hashes to is not looked at */
export function decodeModuleAnswer(bytes: Uint8Array): Verdict<Uint8Array, "malformed"> {
  return decode(bytes, "answer to module", (reader) => {
    if (reader.u8() !== MODULE_FILE) reader.fail("unknown kind of answer");
    return reader.bytes32(MODULE_FILE_BYTES_MAX);
  });
}
