/** Which bodies are asked of whom. */
import { expect, it } from "vitest";
import { asHash, type Hash } from "../../../src/base/bytes.ts";
import {
  BODIES_IN_FLIGHT_PER_PEER,
  BODIES_WINDOW,
  MISSED_BODIES_PER_PEER_MAX,
  SYNC_BATCH_BYTES,
} from "../../../src/base/limits.ts";
import { Writer } from "../../../src/codec/writer.ts";
import { BodyPlan } from "../../../src/p2p/sync/body-plan.ts";

const hashes: readonly Hash[] = Array.from({ length: 1_000 }, (_, i) =>
  asHash(new Writer(32).u64(BigInt(i)).raw(new Uint8Array(24)).finish()),
);
const SLOW_MS = 1_000;

const choose = (plan: BodyPlan, peer: string, missing: readonly Hash[], nowMs: number) =>
  plan.choose(peer, missing, nowMs, missing.length, () => 100);

it("the plan of bodies gives each peer other bodies, the lowest first", () => {
  const plan = new BodyPlan(SLOW_MS);
  const first = choose(plan, "a", hashes, 0);
  expect(first).toEqual(hashes.slice(0, BODIES_IN_FLIGHT_PER_PEER));
  plan.asked("a", first, 0);
  expect(choose(plan, "b", hashes, 0)).toEqual(
    hashes.slice(BODIES_IN_FLIGHT_PER_PEER, 2 * BODIES_IN_FLIGHT_PER_PEER),
  );
});

it("the plan of bodies asks for no more than one answer holds", () => {
  const plan = new BodyPlan(SLOW_MS);
  const half = Math.ceil(SYNC_BATCH_BYTES / 2);
  expect(plan.choose("a", hashes, 0, 64, () => half)).toEqual(hashes.slice(0, 2));
  expect(plan.choose("a", hashes, 0, 64, () => 2 * SYNC_BATCH_BYTES)).toEqual(hashes.slice(0, 1));
});

it("the plan of bodies gives a peer its share, unless that is too little to ask for", () => {
  const plan = new BodyPlan(SLOW_MS);
  expect(plan.choose("a", hashes, 0, 20, () => 100)).toEqual(hashes.slice(0, 20));
  expect(plan.choose("a", hashes, 0, 1, () => 100)).toEqual(hashes.slice(0, 16));
});

it("the plan of bodies asks for nothing beyond the window", () => {
  const plan = new BodyPlan(SLOW_MS);
  plan.asked("a", hashes.slice(0, BODIES_WINDOW), 0);
  expect(choose(plan, "b", hashes, 0)).toEqual([]);
});

it("the plan of bodies asks another peer for what one is slow to send, but not for what has come and is being worked off", () => {
  const plan = new BodyPlan(SLOW_MS);
  const slow = choose(plan, "a", hashes, 0);
  plan.asked("a", slow, 0);
  expect(choose(plan, "b", slow, SLOW_MS - 1)).toEqual([]);
  expect(choose(plan, "b", slow, SLOW_MS)).toEqual(slow);
  expect(choose(plan, "a", slow, SLOW_MS)).toEqual([]);
  plan.answered("a", slow);
  expect(choose(plan, "b", slow, 100 * SLOW_MS)).toEqual([]);
});

it("the plan of bodies does not ask a peer again for what it did not deliver, and everybody else all the same", () => {
  const plan = new BodyPlan(SLOW_MS);
  const [hash] = hashes as readonly [Hash];
  for (const peer of ["a", "b", "c", "d"]) {
    plan.missed(peer, hash, 0);
    expect(choose(plan, peer, [hash], 999)).toEqual([]);
    expect(choose(plan, "e", [hash], 0)).toEqual([hash]);
  }
  expect(choose(plan, "a", [hash], 1_000)).toEqual([hash]);
});

it("the plan of bodies waits twice as long each time that a peer does not deliver a body, and forgets it when it comes", () => {
  const plan = new BodyPlan(SLOW_MS);
  const [hash] = hashes as readonly [Hash];
  plan.missed("a", hash, 0);
  plan.missed("a", hash, 1_000);
  expect(choose(plan, "a", [hash], 2_999)).toEqual([]);
  expect(choose(plan, "a", [hash], 3_000)).toEqual([hash]);
  plan.delivered(hash);
  plan.missed("a", hash, 4_000);
  expect(choose(plan, "a", [hash], 5_000)).toEqual([hash]);
});

it("the plan of bodies remembers no more of one peer than its bound, the latest of them", () => {
  const plan = new BodyPlan(SLOW_MS);
  const many = hashes.slice(0, MISSED_BODIES_PER_PEER_MAX + 10);
  for (const hash of many) plan.missed("a", hash, 0);
  expect(choose(plan, "a", many, 0)).toEqual(many.slice(0, 10));
  plan.forget("a");
  expect(choose(plan, "a", many, 0)).toEqual(many.slice(0, BODIES_IN_FLIGHT_PER_PEER));
});
