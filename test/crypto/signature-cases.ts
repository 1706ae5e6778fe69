/**
 * Signatures, honest and hostile, in random company, for comparing verdicts: what is made here and judged by batches has
 * to get the verdict of @noble/ed25519 by ZIP-215. Kinds: honest ones, flipped bits anywhere, s + L, points of small order
 * in all their encodings, alone or with honest halves, keys and R with a part of small order, encodings with y >= p, equal
 * keys and repeated signatures, long messages, and pairs and triples of invalid ones whose errors cancel one another where
 * coefficients are equal, or one is twice the other.
 */
import * as noble from "@noble/ed25519";
import { concatBytes, equalBytes, parseHex } from "../../src/base/bytes.ts";
import { createSigner, type SignatureClaim, verifyZip215 } from "../../src/crypto/keys.ts";
import type { Random } from "../../src/tools/sim/random.ts";

type Point = InstanceType<typeof noble.Point>;

export interface SignatureCase extends SignatureClaim {
  readonly kind: string;
  /** By @noble/ed25519, zip215. */
  readonly isValid: boolean;
}

const { BASE } = noble.Point;
const { n: L, p: P } = noble.Point.CURVE();
/** The eight points of small order, as multiples of one of order eight. */
const ORDER_8 = noble.Point.fromBytes(
  parseHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")!,
  true,
);
const SMALL: readonly Point[] = Array.from({ length: 7 }).reduce<Point[]>(
  (points) => [...points, points.at(-1)!.add(ORDER_8)],
  [noble.Point.ZERO],
);

export type Oracle = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

/** `count` cases; some kinds make several. @param oracle says which are valid: @noble/ed25519 where left out */
export function makeCases(random: Random, count: number, oracle: Oracle = verifyZip215): SignatureCase[] {
  const cases: SignatureCase[] = [];
  while (cases.length < count) {
    const [kind, make] = KINDS[random.uint32() % KINDS.length]!;
    for (const claim of make(random)) {
      const { publicKey, message, signature } = claim;
      cases.push({ ...claim, kind, isValid: oracle(publicKey, message, signature) });
    }
  }
  return cases;
}

/** A batch drawn from the pool: mostly valid, or not; sometimes with one twice, sometimes all by one key. */
export function drawBatch(random: Random, pool: readonly SignatureCase[], size: number): SignatureCase[] {
  const key = random.uint32() % 12 === 0 ? pool[random.uint32() % pool.length]!.publicKey : undefined;
  const some = key === undefined ? pool : pool.filter(({ publicKey }) => equalBytes(publicKey, key));
  const right = some.filter(({ isValid }) => isValid);
  const valid = right.length > 0 ? right : some;
  const share = [0, 0, 1, 3, 50, 100][random.uint32() % 6]!;
  const draw = (from: readonly SignatureCase[]) => from[random.uint32() % from.length]!;
  const batch = Array.from({ length: size }, () => draw(random.uint32() % 100 < share ? some : valid));
  const invalid = pool.filter(({ isValid }) => !isValid);
  // One bad among many, in any place.
  if (size > 0 && random.uint32() % 3 === 0) batch[random.uint32() % size] = draw(invalid);
  if (size > 1 && random.uint32() % 4 === 0) batch[random.uint32() % size] = batch[0]!;
  // All of a set that cancels, which stand side by side in the pool.
  const begin = random.uint32() % pool.length;
  const at = pool.findIndex(({ kind }, i) => /^(pair|triple)/.test(kind) && i >= begin);
  if (size > 2 && at >= 0 && random.uint32() % 3 === 0) {
    const place = random.uint32() % (size - 2);
    for (let i = 0; i < 3 && at + i < pool.length; i++) batch[place + i] = pool[at + i]!;
  }
  return batch;
}

const KINDS: readonly [string, (random: Random) => SignatureClaim[]][] = [
  ["honest", (random) => [honest(random)]],
  ["honest", (random) => [honest(random)]],
  ["flipped bit", (random) => [flipped(random)]],
  ["s + L", (random) => [withS(honest(random), (s) => s + L * BigInt(1 + (random.uint32() % 14)))]],
  ["s at its bound", (random) => [withS(honest(random), () => L - 1n + BigInt(random.uint32() % 3))]],
  ["small order", (random) => [smallOrder(random)]],
  ["mixed order", (random) => [mixedOrder(random)]],
  ["random bytes", (random) => [randomBytes(random)]],
  ["R with y >= p", (random) => [nonCanonicalR(random)]],
  ["key with y >= p", (random) => [{ ...honest(random), publicKey: liftedEncoding(random) }]],
  ["key of small order", (random) => [smallKey(random)]],
  ["R of small order", (random) => [smallR(random)]],
  ["s of 0", (random) => [zeroS(random)]],
  ["long message", (random) => [honest(random, 1_800 + (random.uint32() % 600))]],
  ["pair of s", (random) => cancelling(random, [1n, -1n])],
  ["pair of s, one twice", (random) => cancelling(random, [2n, -1n])],
  ["triple of s", (random) => cancelling(random, [1n, 1n, -2n])],
  ["pair of R", cancellingPoints],
  ["pair of s by one key", (random) => cancelling(random, [1n, -1n], 7)],
];

function bytesOf(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.uint32() & 0xff);
}

/** One of few signers, so that keys recur; a message of 0 to 200 bytes if not said otherwise. */
function honest(random: Random, length = random.uint32() % 200, by = random.uint32() % 40): SignatureClaim {
  const signer = createSigner(new Uint8Array(32).fill(1 + by));
  const message = bytesOf(random, length);
  return { publicKey: signer.publicKey, message, signature: signer.sign(message) };
}

function flipped(random: Random): SignatureClaim {
  const { publicKey, message, signature } = honest(random);
  const all = concatBytes(publicKey, signature, message);
  all[random.uint32() % all.length]! ^= 1 << (random.uint32() % 8);
  return { publicKey: all.slice(0, 32), signature: all.slice(32, 96), message: all.slice(96) };
}

function withS(claim: SignatureClaim, change: (s: bigint) => bigint): SignatureClaim {
  const s = change(littleEndian(claim.signature.slice(32)));
  return { ...claim, signature: concatBytes(claim.signature.slice(0, 32), toLittleEndian(s)) };
}

/** Key and R are of small order, in any encoding; s is 0, which makes it valid, or 1, which does not. */
function smallOrder(random: Random): SignatureClaim {
  const [publicKey, r] = [smallEncoding(random), smallEncoding(random)];
  const s = random.uint32() % 4 === 0 ? 1n : 0n;
  return { publicKey, message: bytesOf(random, 5), signature: concatBytes(r, toLittleEndian(s)) };
}

/** With the sign bit of x = 0 set, or with p added to y, where that fits. */
function smallEncoding(random: Random): Uint8Array {
  const encoded = small(random).toBytes();
  const sign = encoded[31]! >> 7;
  const y = littleEndian(encoded) & ((1n << 255n) - 1n);
  const isLifted = y < 19n && random.uint32() % 2 === 0;
  const out = toLittleEndian(isLifted ? y + P : y);
  const isZero = y === 1n || y === P - 1n;
  out[31]! |= (isZero ? random.uint32() % 2 : sign) << 7;
  return out;
}

function small(random: Random): Point {
  return SMALL[random.uint32() % 8]!;
}

/** A valid signature by a key and an R that each may have a part of small order. */
function mixedOrder(random: Random): SignatureClaim {
  const a = scalar(random);
  const publicKey = BASE.multiply(a).add(small(random)).toBytes();
  const r = scalar(random);
  const R = BASE.multiply(r).add(small(random)).toBytes();
  const message = bytesOf(random, 20);
  const k = littleEndian(noble.hash(concatBytes(R, publicKey, message))) % L;
  const s = (r + k * a + (random.uint32() % 4 === 0 ? 1n : 0n)) % L;
  return { publicKey, message, signature: concatBytes(R, toLittleEndian(s)) };
}

function randomBytes(random: Random): SignatureClaim {
  const signature = bytesOf(random, 64);
  signature[63]! &= 0x0f;
  const publicKey = random.uint32() % 2 === 0 ? honest(random).publicKey : bytesOf(random, 32);
  return { publicKey, message: bytesOf(random, 10), signature };
}

function nonCanonicalR(random: Random): SignatureClaim {
  const claim = honest(random);
  return { ...claim, signature: concatBytes(liftedEncoding(random), claim.signature.slice(32)) };
}

/** y from p to p + 18, whether there is such a point or not. */
function liftedEncoding(random: Random): Uint8Array {
  return toLittleEndian(P + BigInt(random.uint32() % 19) + (BigInt(random.uint32() % 2) << 255n));
}

/** h times a key of small order vanishes: R = s B, with another part of small order or without, is valid for every message. */
function smallKey(random: Random): SignatureClaim {
  const s = scalar(random);
  const R = BASE.multiply(s).add(small(random)).toBytes();
  const publicKey = smallEncoding(random);
  const wrong = random.uint32() % 4 === 0 ? 1n : 0n;
  return {
    publicKey,
    message: bytesOf(random, 9),
    signature: concatBytes(R, toLittleEndian((s + wrong) % L)),
  };
}

/** R of small order: s = h a is valid. */
function smallR(random: Random): SignatureClaim {
  const a = scalar(random);
  const [publicKey, R, message] = [BASE.multiply(a).toBytes(), smallEncoding(random), bytesOf(random, 9)];
  const h = littleEndian(noble.hash(concatBytes(R, publicKey, message))) % L;
  const wrong = random.uint32() % 4 === 0 ? 1n : 0n;
  return { publicKey, message, signature: concatBytes(R, toLittleEndian((h * a + wrong) % L)) };
}

/** s = 0 by a key of small order with an R of small order is "small order"; here the R is random, which makes it invalid. */
function zeroS(random: Random): SignatureClaim {
  const { publicKey, message, signature } = honest(random);
  return { publicKey, message, signature: concatBytes(signature.slice(0, 32), new Uint8Array(32)) };
}

/** Signatures whose s are wrong by multiples of one number that add up to nothing, or would with one coefficient twice another. */
function cancelling(random: Random, factors: readonly bigint[], by?: number): SignatureClaim[] {
  const d = scalar(random);
  return factors.map((factor) =>
    withS(honest(random, undefined, by), (s) => (((s + factor * d) % L) + L) % L),
  );
}

/** Two whose R are wrong by D and -D, signed with the R that is sent. */
function cancellingPoints(random: Random): SignatureClaim[] {
  const D = BASE.multiply(scalar(random));
  return [D, D.negate()].map((wrong) => {
    const [a, r] = [scalar(random), scalar(random)];
    const publicKey = BASE.multiply(a).toBytes();
    const R = BASE.multiply(r).add(wrong).toBytes();
    const message = bytesOf(random, 8);
    const k = littleEndian(noble.hash(concatBytes(R, publicKey, message))) % L;
    return { publicKey, message, signature: concatBytes(R, toLittleEndian((r + k * a) % L)) };
  });
}

function scalar(random: Random): bigint {
  return (littleEndian(bytesOf(random, 40)) % (L - 1n)) + 1n;
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

/** 32 bytes, modulo 2^256. */
function toLittleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}
