/**
 * Schemas of what callers send, shared by all methods. Integers may be numbers, decimal strings or 0x-hex; byte
 * strings are 0x-hex; blocks are named by height, hash or tag. A value of the wrong type is -32602; a string that
 * is not the hex it should be carries its own code (BAD_HEX, BAD_HASH, BAD_ADDRESS) and becomes -32000.
 */
import { z } from "zod";
import {
  type Address,
  asAddress,
  asHash,
  type Hash,
  parseBytes32,
  parseHex,
  parseShownHash,
} from "../../base/bytes.ts";
import { isDecimal } from "../../base/decimal.ts";
import type { ErrorCode } from "../errors.ts";

/** How a caller names a block. */
export type BlockSelector =
  | { readonly kind: "height"; readonly height: bigint }
  | { readonly kind: "hash"; readonly hash: Hash }
  | { readonly kind: "tag"; readonly tag: BlockTag };

/** "pending" reads as "latest": nothing uncommitted is shown. */
export type BlockTag = "latest" | "finalized" | "pending" | "earliest";

const TAGS: readonly string[] = ["latest", "finalized", "pending", "earliest"] satisfies BlockTag[];
const HASH_PATTERN = "^0x[0-9a-fA-F]{64}$";
const BLOCK = 'a height, a block hash (0x and 64 digits), "latest", "finalized", "pending" or "earliest"';
const INTEGER_FORM = "an integer from 0 to 2^53-1: number, decimal string without leading zeros, or 0x-hex";
const HEX_INTEGER = /^0x[0-9a-fA-F]{1,14}$/;
const DIGITS_MAX = 16;

/** Any number of bytes as 0x-hex. */
export const bytesInput = z
  .string()
  .meta({ pattern: "^0x([0-9a-fA-F]{2})*$", description: "bytes as 0x-hex" })
  .transform((text, context) => {
    const bytes = text.startsWith("0x") ? parseHex(text) : undefined;
    return bytes ?? refuseInput(context, "BAD_HEX", "expected 0x and an even number of hex digits");
  });

/** A 32-byte value as it lies: a transaction's hash, a digest. */
export const hashInput = bytes32Input("BAD_HASH", "a hash").transform((bytes): Hash => asHash(bytes));

/** A block's hash as it is shown: byte-reversed. */
export const blockHashInput = z
  .string()
  .meta({ pattern: HASH_PATTERN, description: "block hash, byte-reversed: 32 bytes as 0x-hex" })
  .transform((text, context): Hash => {
    const hash = text.startsWith("0x") ? parseShownHash(text) : undefined;
    return hash ?? refuseInput(context, "BAD_HASH", "expected a block hash: 0x and 64 hex digits");
  });

export const addressInput = bytes32Input("BAD_ADDRESS", "an address").transform(
  (bytes): Address => asAddress(bytes),
);

export const heightInput = integerInput().transform((value) => BigInt(value));

/** Whose attack a probability of reversal is for: a share of all hash power. */
export const attackerShareInput = z
  .number()
  .min(0)
  .lt(0.5)
  .default(0.1)
  .meta({ description: "share of all hash power that attacks, 0 to below 0.5" });

/** An integer within bounds. */
export function countInput(min: number, max: number) {
  return integerInput()
    .refine((value) => value >= min && value <= max, `expected ${min} to ${max}`)
    .meta({ description: `integer, ${min} to ${max}` });
}

export const blockInput = z
  .union([z.number(), z.string()], `expected ${BLOCK}`)
  .meta({ description: BLOCK })
  .transform((value, context): BlockSelector => {
    const selector = parseSelector(value);
    if (selector !== undefined) return selector;
    const isHex = typeof value === "string" && value.startsWith("0x");
    return refuseInput(context, isHex ? "BAD_HASH" : undefined, `expected ${BLOCK}`);
  });

function parseSelector(value: number | string): BlockSelector | undefined {
  if (typeof value === "string") {
    if (TAGS.includes(value)) return { kind: "tag", tag: value as BlockTag };
    if (value.length === 66) {
      const hash = parseShownHash(value);
      return hash === undefined ? undefined : { kind: "hash", hash };
    }
  }
  const height = parseInteger(value);
  return height === undefined ? undefined : { kind: "height", height: BigInt(height) };
}

/** Takes 0 to 2^53-1 as a number, a decimal string or 0x-hex. */
function integerInput() {
  return z
    .union([z.number(), z.string()], `expected ${INTEGER_FORM}`)
    .meta({ description: INTEGER_FORM })
    .transform((value, context): number => {
      const integer = parseInteger(value);
      return integer ?? refuseInput(context, undefined, `expected ${INTEGER_FORM}`);
    });
}

function parseInteger(value: number | string): number | undefined {
  if (typeof value === "string" && !isDecimal(value, DIGITS_MAX) && !HEX_INTEGER.test(value))
    return undefined;
  const integer = Number(value);
  return Number.isSafeInteger(integer) && integer >= 0 ? integer : undefined;
}

function bytes32Input(code: ErrorCode, what: string) {
  return z
    .string()
    .meta({ pattern: HASH_PATTERN, description: `${what}: 32 bytes as 0x-hex` })
    .transform((text, context): Uint8Array => {
      const bytes = text.startsWith("0x") ? parseBytes32(text) : undefined;
      return bytes ?? refuseInput(context, code, `expected ${what}: 0x and 64 hex digits`);
    });
}

/** Adds an issue; a `code` turns the error from -32602 into the number of that code. */
function refuseInput(context: z.RefinementCtx, code: ErrorCode | undefined, message: string): never {
  context.issues.push({
    code: "custom",
    message,
    input: context.value,
    params: code === undefined ? {} : { code },
  });
  return z.NEVER;
}
