import { expect, test } from "vitest";
import { TokenBucket, TokenBuckets } from "../../src/base/token-bucket.ts";

const SHAPE = { capacity: 10, perSecond: 2 };

test("a bucket gives its capacity at once, then what comes back with time", () => {
  const bucket = new TokenBucket(SHAPE, 0);
  expect(bucket.take(10, 0)).toBe(true);
  expect(bucket.take(1, 499)).toBe(false);
  expect(bucket.waitMs(1, 499)).toBeCloseTo(1);
  expect(bucket.take(1, 500)).toBe(true);
  expect(bucket.left(1_000_000)).toBe(10);
});

test("what was charged below zero is paid before anything more is taken", () => {
  const bucket = new TokenBucket(SHAPE, 0);
  bucket.charge(30, 0);
  expect(bucket.left(0)).toBe(-20);
  expect(bucket.waitMs(0, 0)).toBe(10_000);
  expect(bucket.take(1, 10_000)).toBe(false);
  expect(bucket.take(1, 10_500)).toBe(true);
});

test("a refund fills no bucket beyond its capacity, and more than the capacity never comes", () => {
  const bucket = new TokenBucket(SHAPE, 0);
  bucket.charge(3, 0);
  bucket.refund(100);
  expect(bucket.left(0)).toBe(10);
  expect(bucket.waitMs(11, 0)).toBe(Number.POSITIVE_INFINITY);
});

test("a clock that goes back refills nothing and takes nothing", () => {
  const bucket = new TokenBucket(SHAPE, 5_000);
  bucket.charge(10, 5_000);
  expect(bucket.left(1_000)).toBe(0);
  expect(bucket.left(1_500)).toBe(1);
});

test("of many buckets the one used longest ago is forgotten", () => {
  const buckets = new TokenBuckets<string>(SHAPE, 2);
  buckets.of("a", 0).charge(10, 0);
  buckets.of("b", 0).charge(10, 0);
  expect(buckets.of("a", 0).left(0)).toBe(0);
  buckets.of("c", 0);
  expect(buckets.size).toBe(2);
  expect(buckets.of("a", 0).left(0)).toBe(0);
  expect(buckets.of("b", 0).left(0)).toBe(10);
});
