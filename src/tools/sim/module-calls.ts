/**
 * Calls of declared modules for a run's users, made of the types that a declaration gives: which call, and its arguments,
 * follow from a seed. Values come from small pools, so that calls meet in the same entries, and at times from the ends of
 * what a type holds.
 */
import { must } from "../../base/assert.ts";
import { utf8 } from "../../base/bytes.ts";
import type { OwnModule } from "../../chain/modules/module-set.ts";
import { codecOfFields } from "../../chain/modules/value-codec.ts";
import type { TypeForm } from "../../chain/modules/value-types.ts";
import { Writer } from "../../codec/writer.ts";
import type { Random } from "./random.ts";

/** Different values of a type that are drawn usually. */
const POOL = 3;
/** Lists and texts are drawn no longer. */
const DRAWN_LENGTH_MAX = 24;
const EDGE_CHANCE = 0.05;

export interface DrawnCall {
  readonly module: number;
  readonly payload: Uint8Array;
}

/** @param addresses accounts of the run, as 0x-hex */
export function drawCall(
  random: Random,
  modules: readonly OwnModule[],
  addresses: readonly `0x${string}`[],
): DrawnCall {
  const { id, form } = random.pick(modules);
  const index = random.integer(0, form.calls.length - 1);
  const { fields } = must(form.calls[index], "a module has calls");
  const args = drawStruct(random, fields, addresses);
  const writer = new Writer(64).u8(index);
  codecOfFields(fields).write(writer, args, "");
  return { module: id, payload: writer.finish() };
}

function drawStruct(
  random: Random,
  fields: Readonly<Record<string, TypeForm>>,
  addresses: readonly `0x${string}`[],
): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, type]) => [name, drawValue(random, type, addresses)]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function drawValue(random: Random, type: TypeForm, addresses: readonly `0x${string}`[]): unknown {
  switch (type.kind) {
    case "bool":
      return random.chance(0.5);
    case "hash":
      return `0x${`0${random.integer(1, POOL)}`.repeat(32)}`;
    case "address":
      return random.pick(addresses);
    case "height":
    case "time":
      return random.chance(EDGE_CHANCE) ? Number.MAX_SAFE_INTEGER : random.integer(0, 100);
    case "uint":
      return drawInteger(random, type.bits);
    case "text":
      return drawText(random, type.bytesMax);
    case "bytes":
      return `0x${"5a".repeat(lengthOf(random, type.bytesMax))}`;
    case "choice":
      return random.pick(type.names);
    case "list":
      return Array.from({ length: lengthOf(random, type.countMax) }, () =>
        drawValue(random, type.item, addresses),
      );
    case "option":
      return random.chance(0.5) ? null : drawValue(random, type.item, addresses);
    case "struct":
      return drawStruct(random, type.fields, addresses);
  }
}

function drawInteger(random: Random, bits: 8 | 16 | 32 | 64): number | bigint {
  const value = random.chance(EDGE_CHANCE) ? (1n << BigInt(bits)) - 1n : BigInt(random.integer(0, 9));
  return bits === 64 ? value : Number(value);
}

function drawText(random: Random, bytesMax: number): string {
  const word = random.pick(["a", "house", "boat", "größer", ""]);
  return utf8(word).length <= bytesMax ? word : "";
}

function lengthOf(random: Random, max: number): number {
  return random.integer(0, Math.min(max, random.chance(EDGE_CHANCE) ? DRAWN_LENGTH_MAX : POOL));
}
