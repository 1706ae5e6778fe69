import { expect, test } from "vitest";
import { ED25519 } from "../../../src/crypto/keys.ts";
import { COMPUTING, Processor } from "../../../src/tools/sim/simulated-processor.ts";
import { VirtualTime } from "../../../src/tools/sim/time.ts";

const COSTS = { quickCheckMs: 1, slowCheckMs: 20, signingMs: 1, messageMs: 1, byteMs: 0 };

test("messages of a busy node wait, and those of different senders are taken in turn", async () => {
  const time = new VirtualTime();
  const processor = new Processor(time, COSTS);
  const seen: string[] = [];
  const see = (name: string) => () => {
    seen.push(`${name}@${time.nowMs}`);
    processor.charge(4);
  };
  time.at(0, () => {
    for (const name of ["a1", "a2", "a3"]) processor.receive(1, 65_536, see(name));
    for (const name of ["b1", "b2"]) processor.receive(2, 65_536, see(name));
    processor.fire(see("timer"));
  });
  await time.run(100);
  expect(seen).toEqual(["a1@0", "timer@5", "a2@9", "b1@14", "a3@19", "b2@24"]);
  expect(processor.busyMs).toBe(29);
});

test("a connection that is paused is not read, and the others are", async () => {
  const time = new VirtualTime();
  const processor = new Processor(time, COSTS);
  const seen: string[] = [];
  const pause = () => new Promise<void>((resolve) => time.at(50, resolve));
  processor.receive(1, 0, () => {
    seen.push("a1");
    return pause();
  });
  processor.receive(1, 0, () => seen.push(`a2@${time.nowMs}`));
  processor.receive(2, 0, () => seen.push(`b1@${time.nowMs}`));
  await time.run(100);
  expect(seen).toEqual(["a1", "b1@1", "a2@50"]);
});

test("a check costs time, one that the native library refuses twenty times as much where the whole rule is asked", () => {
  const processor = new Processor(new VirtualTime(), COSTS);
  const rules = processor.rules(ED25519);
  const nothing = new Uint8Array(64);
  expect(rules.verifyQuickly(new Uint8Array(32).fill(3), nothing, nothing)).toBe(false);
  expect(processor.busyMs).toBe(1);
  expect(rules.verifySignature(new Uint8Array(32).fill(3), nothing, nothing)).toBe(false);
  expect(processor.busyMs).toBe(22);
  expect(processor.checks).toEqual({ quick: 2, slow: 1 });
  expect(COMPUTING.slowCheckMs / COMPUTING.quickCheckMs).toBeGreaterThanOrEqual(20);
});
