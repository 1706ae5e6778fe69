/**
 * Inputs for a fuzz target: examples that the shipped encoders made, damaged in the ways that decoders get wrong. Bytes
 * are flipped, cut, inserted, repeated and spliced, length fields are set to what is almost right or absurd, and words
 * of the format are put where they do not belong; JSON is also changed node by node. Everything follows from the seed.
 */
import { concatBytes, utf8 } from "../../src/base/bytes.ts";
import type { Random } from "../../src/tools/sim/random.ts";

export type InputForm = "bytes" | "json" | "text";

export interface MutatorOptions {
  readonly seeds: readonly Uint8Array[];
  /** Magic values of the format. */
  readonly words: readonly Uint8Array[];
  readonly form: InputForm;
  /** Makes sums or signatures right again, so that what lies behind them is reached. */
  readonly repair?: ((input: Uint8Array) => Uint8Array) | undefined;
}

/** No input grows beyond this, whatever is inserted into it. */
const INPUT_BYTES_MAX = 256 * 1024;
const NUMBERS = [
  0, 1, 2, 7, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
];
const TEXTS = [
  "",
  "0x",
  "0",
  "-1",
  "1e400",
  "00",
  "\u0000",
  "\u{1f600}",
  "\ud800",
  "__proto__",
  "constructor",
];
/** Text that JSON.stringify does not write. */
const RAW_JSON = [
  "9007199254740993",
  "1e999",
  "-0",
  "1.5",
  "18446744073709551616",
  '{"a":1,"a":2}',
  '{"__proto__":{"x":1}}',
  "[".repeat(2_000) + "]".repeat(2_000),
];
const MARK = "\u2603raw";

export class Mutator {
  readonly #random: Random;
  readonly #options: MutatorOptions;
  readonly #values: readonly unknown[];

  constructor(random: Random, options: MutatorOptions) {
    this.#random = random;
    this.#options = options;
    this.#values = options.form === "json" ? options.seeds.map(parsed) : [];
  }

  /** One input; it shares no memory with the examples. */
  next(): Uint8Array {
    const random = this.#random;
    const { seeds, form, repair } = this.#options;
    if (random.chance(0.02)) return random.bytes(random.integer(0, 200));
    const seed = random.pick(seeds);
    if (random.chance(0.01)) return seed.slice();
    const isTree = form === "json" && random.chance(0.8);
    let input = isTree ? this.#changedTree() : seed.slice();
    const changes = isTree && random.chance(0.85) ? 0 : 1 + geometric(random);
    for (let i = 0; i < changes; i++) input = this.#changed(input);
    if (input.length > INPUT_BYTES_MAX) input = input.slice(0, INPUT_BYTES_MAX);
    return repair !== undefined && random.chance(0.6) ? repair(input) : input;
  }

  #changed(input: Uint8Array): Uint8Array {
    const random = this.#random;
    const at = random.integer(0, input.length);
    const most = Math.min(64, input.length - at);
    const length = random.integer(0, most);
    switch (random.integer(0, 9)) {
      case 0:
      case 1:
        return withByte(input, at, (byte) => byte ^ (1 << random.integer(0, 7)));
      case 2:
        return withByte(input, at, () => random.pick(NUMBERS) & 0xff);
      case 3:
        return input.slice(0, at);
      case 4:
        return concatBytes(input.subarray(0, at), input.subarray(at + length));
      case 5:
        return insert(input, at, random.bytes(random.integer(1, 16)));
      case 6:
        return insert(input, at, repeated(input.subarray(at, at + length), random.integer(1, 8)));
      case 7:
        return this.#withNumber(input, at);
      case 8:
        return this.#spliced(input, at);
      default:
        return this.#withWord(input, at);
    }
  }

  /** A length field, a count or a height in one of the widths of the codec. */
  #withNumber(input: Uint8Array, at: number): Uint8Array {
    const random = this.#random;
    const width = random.pick([1, 2, 4, 8]);
    if (at + width > input.length) return input;
    const own = input.slice();
    const view = new DataView(own.buffer);
    const low = at + width - Math.min(width, 4);
    const near = width === 1 ? view.getUint8(low) : width === 2 ? view.getUint16(low) : view.getUint32(low);
    const value = random.chance(0.5) ? near + random.integer(-2, 2) : random.pick([...NUMBERS, 0xffffffff]);
    if (width === 8) view.setUint32(at, random.pick([0, 0, 1, 0xffffffff]));
    if (width === 1) view.setUint8(low, value);
    else if (width === 2) view.setUint16(low, value);
    else view.setUint32(low, value);
    return own;
  }

  #spliced(input: Uint8Array, at: number): Uint8Array {
    const other = this.#random.pick(this.#options.seeds);
    const from = this.#random.chance(0.5) ? at : this.#random.integer(0, other.length);
    if (this.#random.chance(0.5)) return concatBytes(input.subarray(0, at), other.subarray(from));
    const piece = other.subarray(from, from + this.#random.integer(1, 64));
    return concatBytes(input.subarray(0, at), piece, input.subarray(at + piece.length));
  }

  #withWord(input: Uint8Array, at: number): Uint8Array {
    const { words } = this.#options;
    const word = words.length === 0 ? Uint8Array.of(0) : this.#random.pick(words);
    if (this.#random.chance(0.5)) return insert(input, at, word);
    return concatBytes(input.subarray(0, at), word, input.subarray(at + word.length));
  }

  /** A copy of an example's JSON with one to four nodes changed. */
  #changedTree(): Uint8Array {
    const random = this.#random;
    const raw: string[] = [];
    let root = structuredClone(random.pick(this.#values));
    for (let i = 0; i < 1 + geometric(random); i++) {
      const slots = slotsOf(root);
      if (slots.length === 0 || random.chance(0.01)) {
        root = this.#anyValue(raw);
        continue;
      }
      const slot = random.pick(slots);
      this.#changeSlot(slot, slots, raw);
    }
    let text = JSON.stringify(root) ?? "null";
    for (const [i, piece] of raw.entries()) text = text.replace(`"${MARK}${i}"`, () => piece);
    return utf8(text);
  }

  #changeSlot({ holder, key }: Slot, slots: readonly Slot[], raw: string[]): void {
    const random = this.#random;
    const value = holder[key];
    const kind = random.integer(0, 6);
    if (kind === 0) {
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
    } else if (kind === 1) {
      const other = random.pick(slots);
      holder[key] = structuredClone(other.holder[other.key]);
    } else if (kind === 2) {
      if (Array.isArray(holder)) holder.push(...Array.from({ length: random.pick([1, 2, 50]) }, () => value));
      else if (random.chance(0.5)) holder[random.pick([...TEXTS, "extra"])] = this.#anyValue(raw);
      else holder[random.pick(slots).key] = value;
    } else if (kind <= 4 && typeof value === "string") holder[key] = this.#changedText(value);
    else if (kind <= 4 && typeof value === "number") {
      holder[key] = random.pick([
        value + 1,
        value - 1,
        -value,
        value * 2 ** random.integer(1, 40),
        value + 0.5,
      ]);
    } else holder[key] = this.#anyValue(raw);
  }

  #changedText(text: string): string {
    const random = this.#random;
    const at = random.integer(0, text.length);
    switch (random.integer(0, 5)) {
      case 0:
        return text.slice(0, at);
      case 1:
        return text.slice(0, at) + random.pick(TEXTS) + text.slice(at);
      case 2:
        return text.slice(0, at) + String.fromCharCode(random.integer(0, 127)) + text.slice(at + 1);
      case 3:
        return text.toUpperCase();
      case 4:
        return text + text.slice(at).repeat(random.pick([1, 2, 40]));
      default:
        return new TextDecoder().decode(random.pick([utf8(text), ...this.#options.words]));
    }
  }

  #anyValue(raw: string[]): unknown {
    const random = this.#random;
    switch (random.integer(0, 6)) {
      case 0:
        return random.pick([null, true, false, [], {}]);
      case 1:
        return random.pick([...NUMBERS, -1, 0.5, 2 ** 53, 2 ** 64, 1e300]);
      case 2:
        return random.pick(TEXTS);
      case 3:
        return new TextDecoder().decode(random.pick([utf8("0x00"), ...this.#options.words]));
      case 4:
        return "x".repeat(random.pick([33, 300, 5_000]));
      case 5:
        return structuredClone(random.pick(this.#values));
      default:
        raw.push(random.pick(RAW_JSON));
        return `${MARK}${raw.length - 1}`;
    }
  }
}

interface Slot {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

/** Every place in a JSON value that holds another. */
function slotsOf(value: unknown): Slot[] {
  if (value === null || typeof value !== "object") return [];
  const holder = value as Slot["holder"];
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...slotsOf(holder[key])]);
}

function parsed(seed: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(seed));
}

/** 0 in half of the cases, 1 in a quarter, ... 6 at most. */
function geometric(random: Random): number {
  let count = 0;
  while (count < 6 && random.chance(0.5)) count++;
  return count;
}

function withByte(input: Uint8Array, at: number, change: (byte: number) => number): Uint8Array {
  const own = input.slice();
  const byte = own[at];
  if (byte !== undefined) own[at] = change(byte);
  return own;
}

function insert(input: Uint8Array, at: number, piece: Uint8Array): Uint8Array {
  return concatBytes(input.subarray(0, at), piece, input.subarray(at));
}

function repeated(piece: Uint8Array, times: number): Uint8Array {
  return concatBytes(...Array.from({ length: times }, () => piece));
}
