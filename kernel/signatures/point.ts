// Points of the twisted Edwards curve -x^2 + y^2 = 1 + d x^2 y^2, the four coordinates X, Y, Z, T of one point in the four
// lanes of an element: x = X/Z, y = Y/Z, T = XY/Z. The formulas are complete, so that no case is special. What is
// added lies "cached", as 121666 times (Y - X, Y + X, 2Z, 2dT): d = -121665/121666, so the factor makes all four small
// multiples; since it scales all coordinates of a sum alike, it changes no point.
// Source: H. Hisil et al., "Twisted Edwards curves revisited", 3.1, 3.3 and 4.2.
import { copy, mul, scale, sqr, tighten, twiceP } from "./field";
import { CACHED, FE, LEFT, RIGHT, SPREAD } from "./layout";

/** In the lanes of the mask: what makes a complement, ~x, the difference 2p - x. For limb i, a constant. */
@inline function bias(i: i32, mask: v128): v128 {
  return v128.and(i32x4.splat(twiceP(i) + 1), mask);
}

/** a + b, or a - b + 2p in the lanes of the mask. */
@inline function combine(i: i32, a: v128, b: v128, mask: v128): v128 {
  return i32x4.add(i32x4.add(a, v128.xor(b, mask)), bias(i, mask));
}

@inline function at(i: i32): usize {
  return 16 * <usize>i;
}

/** Limb i of (X, Y, Z, T) -> (Y - X, Y + X, Z, T). */
@inline function spreadLimb(point: usize, i: i32): void {
  const own = v128.load(point + at(i));
  const other = v128.shuffle<u32>(own, i32x4.splat(0), 1, 0, 4, 4);
  v128.store(SPREAD + at(i), combine(i, other, own, i32x4(-1, 0, 0, 0)));
}

/** (X, Y, Z, T) -> (Y - X, Y + X, Z, T) into SPREAD; no coordinate more than once loose. */
@inline function spread(point: usize): void {
  spreadLimb(point, 0); spreadLimb(point, 1); spreadLimb(point, 2); spreadLimb(point, 3);
  spreadLimb(point, 4); spreadLimb(point, 5); spreadLimb(point, 6); spreadLimb(point, 7);
  spreadLimb(point, 8); spreadLimb(point, 9);
}

/** out = the point as it is added. */
export function cache(out: usize, point: usize): void {
  spread(point);
  scale(out, SPREAD);
  for (let i = 0; i < 10; i++) negateLimb(out, i, i32x4(0, 0, 0, -1));
}

/** Twice loose where it was once. */
@inline function negateLimb(point: usize, i: i32, mask: v128): void {
  v128.store(point + at(i), combine(i, i32x4.splat(0), v128.load(point + at(i)), mask));
}

/** out = -point, in extended coordinates. */
export function negate(out: usize, point: usize): void {
  copy(out, point);
  for (let i = 0; i < 10; i++) negateLimb(out, i, i32x4(-1, 0, 0, -1));
  tighten(out, out);
}

/** Limb i of the products A, B, D, C: B - A, B + A, D - C, D + C, which the source calls E, H, F, G. */
@inline function differences(i: i32): v128 {
  const products = v128.load(SPREAD + at(i));
  const first = v128.shuffle<u32>(products, products, 1, 1, 2, 2);
  const second = v128.shuffle<u32>(products, products, 0, 0, 3, 3);
  return combine(i, first, second, i32x4(-1, 0, -1, 0));
}

/** Limb i of the factors E, G, G, E and F, H, F, H. */
@inline function sumFactors(i: i32): void {
  const all = differences(i);
  v128.store(LEFT + at(i), v128.shuffle<u32>(all, all, 0, 3, 3, 0));
  v128.store(RIGHT + at(i), v128.shuffle<u32>(all, all, 2, 1, 2, 1));
}

/** The same where F and G are exchanged. */
@inline function differenceFactors(i: i32): void {
  const all = differences(i);
  v128.store(LEFT + at(i), v128.shuffle<u32>(all, all, 0, 2, 2, 0));
  v128.store(RIGHT + at(i), v128.shuffle<u32>(all, all, 3, 1, 3, 1));
}

/** out = point + cached. */
export function addCached(out: usize, point: usize, cached: usize): void {
  spread(point);
  mul(SPREAD, SPREAD, cached);
  sumFactors(0); sumFactors(1); sumFactors(2); sumFactors(3);
  sumFactors(4); sumFactors(5); sumFactors(6); sumFactors(7);
  sumFactors(8); sumFactors(9);
  mul(out, LEFT, RIGHT);
}

@inline function exchangeLimb(cached: usize, i: i32): void {
  const all = v128.load(cached + at(i));
  v128.store(RIGHT + at(i), v128.shuffle<u32>(all, all, 1, 0, 2, 3));
}

/** out = point - cached: -Q has its first two lanes exchanged and the last negated, which exchanges F and G. */
export function subCached(out: usize, point: usize, cached: usize): void {
  spread(point);
  exchangeLimb(cached, 0); exchangeLimb(cached, 1); exchangeLimb(cached, 2); exchangeLimb(cached, 3);
  exchangeLimb(cached, 4); exchangeLimb(cached, 5); exchangeLimb(cached, 6); exchangeLimb(cached, 7);
  exchangeLimb(cached, 8); exchangeLimb(cached, 9);
  mul(SPREAD, SPREAD, RIGHT);
  differenceFactors(0); differenceFactors(1); differenceFactors(2); differenceFactors(3);
  differenceFactors(4); differenceFactors(5); differenceFactors(6); differenceFactors(7);
  differenceFactors(8); differenceFactors(9);
  mul(out, LEFT, RIGHT);
}

/** out = the sum of two points in extended coordinates. */
export function addPoints(out: usize, a: usize, b: usize): void {
  cache(CACHED, b);
  addCached(out, a, CACHED);
}

/** Limb i of X, Y, Z, X + Y. */
@inline function doubleLimb(point: usize, i: i32): void {
  const own = v128.load(point + at(i));
  const y = v128.shuffle<u32>(own, own, 0, 1, 2, 1), x = v128.shuffle<u32>(own, i32x4.splat(0), 4, 4, 4, 0);
  v128.store(SPREAD + at(i), i32x4.add(y, x));
}

/** Limb i of H, G, F, E, all negated, of the squares: xx + yy, xx - yy, 2zz + xx - yy, xx + yy - both. */
@inline function doubleDifferences(i: i32): void {
  const none = i32x4.splat(0), squares = v128.load(SPREAD + at(i));
  const xx = v128.shuffle<u32>(squares, squares, 0, 0, 0, 0), yy = v128.shuffle<u32>(squares, squares, 1, 1, 1, 1);
  const zz = v128.shuffle<u32>(squares, none, 4, 4, 2, 4), both = v128.shuffle<u32>(squares, none, 4, 4, 4, 3);
  const sum = i32x4.add(combine(i, xx, yy, i32x4(0, -1, -1, 0)), i32x4.shl(zz, 1));
  v128.store(SPREAD + at(i), combine(i, sum, both, i32x4(0, 0, 0, -1)));
}

@inline function doubleFactors(i: i32): void {
  const all = v128.load(SPREAD + at(i));
  v128.store(LEFT + at(i), v128.shuffle<u32>(all, all, 3, 1, 1, 3));
  v128.store(RIGHT + at(i), v128.shuffle<u32>(all, all, 2, 0, 2, 0));
}

/** out = 2 * point. All four of E, F, G, H come out negated, which changes no product of two. */
export function double(out: usize, point: usize): void {
  doubleLimb(point, 0); doubleLimb(point, 1); doubleLimb(point, 2); doubleLimb(point, 3);
  doubleLimb(point, 4); doubleLimb(point, 5); doubleLimb(point, 6); doubleLimb(point, 7);
  doubleLimb(point, 8); doubleLimb(point, 9);
  sqr(SPREAD, SPREAD);
  doubleDifferences(0); doubleDifferences(1); doubleDifferences(2); doubleDifferences(3);
  doubleDifferences(4); doubleDifferences(5); doubleDifferences(6); doubleDifferences(7);
  doubleDifferences(8); doubleDifferences(9);
  tighten(SPREAD, SPREAD);
  doubleFactors(0); doubleFactors(1); doubleFactors(2); doubleFactors(3);
  doubleFactors(4); doubleFactors(5); doubleFactors(6); doubleFactors(7);
  doubleFactors(8); doubleFactors(9);
  mul(out, LEFT, RIGHT);
}

/** out = the neutral point: 0, 1, 1, 0. */
export function setNeutral(out: usize): void {
  memory.fill(out, 0, FE);
  store<u32>(out, 1, 4);
  store<u32>(out, 1, 8);
}

export function copyPoint(out: usize, point: usize): void {
  copy(out, point);
}
