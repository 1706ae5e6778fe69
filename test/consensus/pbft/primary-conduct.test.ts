/**
 * With whom a primary is compared, and what is held against it. Goal: what f validators did in their last turns, faulty
 * ones or some that are down since the network was quicker, convicts no primary as slow; one whose views fail is passed
 * over ever longer, and at most f in a row are.
 * Source: pbft.md 1.7; docs/adr/0006.
 */
import { expect, it } from "vitest";
import type { Core } from "../../../src/consensus/pbft/core.ts";
import {
  type Conduct,
  endTurn,
  isFailure,
  newConduct,
  noteDone,
  notePassedOver,
  skipTo,
  type Turn,
} from "../../../src/consensus/pbft/primary-conduct.ts";

const QUICK: Turn = { items: 64, late: 2 };
const SLOW: Turn = { items: 8, late: 7 };

/** Whether validator 0 finds the primary, validator 1, slow at its eighth late item; the others' last turns by index. */
function convicts(turns: readonly (Turn | undefined)[], waitedSince = 7): boolean {
  const core = coreOf(turns, waitedSince);
  return noteDone(core);
}

function coreOf(turns: readonly (Turn | undefined)[], awaitedSince = 7): Core {
  const conduct = turns.map((turn): Conduct => ({ ...newConduct(), turn }));
  const core = {
    self: 0,
    primary: 1,
    quorum: { n: 4, f: 1, quorum: 3 },
    conduct,
    tick: 9,
    epoch: 0n,
    view: 1n,
    mode: "normal",
    awaited: undefined,
    timerRuns: () => false,
    awaitedSince,
    turn: { items: 7, late: 7 },
    options: { settings: { requestTimeoutMs: 2_000, statusIntervalMs: 1_000 } },
  };
  return core as unknown as Core;
}

it("a primary is slow when more than f others were quicker, not for what f of them once did", () => {
  expect(convicts([QUICK, undefined, QUICK, SLOW])).toBe(true);
  expect(convicts([SLOW, undefined, QUICK, SLOW])).toBe(false);
});

it("while fewer than f + 1 others have had a turn, it is compared with those who had one", () => {
  expect(convicts([QUICK, undefined, undefined, undefined])).toBe(true);
  expect(convicts([undefined, undefined, undefined, undefined])).toBe(false);
});

it("an item that only crosses the end of a status interval is not late: a client may time it so", () => {
  const core = coreOf([QUICK, undefined, QUICK, SLOW], 8);
  core.turn = { items: 3, late: 1 };
  for (let item = 0; item < 20; item++) expect(noteDone(core)).toBe(false);
  expect(core.turn.late).toBe(1);
});

it("after one primary was found slow, turns from before convict no other", () => {
  const core = coreOf([QUICK, undefined, QUICK, QUICK], 7);
  expect(noteDone(core)).toBe(true);
  endTurn(core, false);
  expect(core.conduct[1]!.skips).toBe(1);
  expect(core.conduct.filter(({ turn }) => turn !== undefined).map(({ turn }) => turn)).toEqual([
    { items: 8, late: 8 },
  ]);
});

it("a primary whose views fail is passed over for 1, 2, 4, 8, 16, 16 rotations", () => {
  const core = coreOf([]);
  core.conduct.push(newConduct(), newConduct(), newConduct(), newConduct());
  for (const turns of [1, 2, 4, 8, 16, 16]) {
    core.turn = { items: 0, late: 0 };
    endTurn(core, true);
    expect(core.conduct[1]!.skips).toBe(turns);
  }
});

it("a turn passed over counts as one, whichever way the view is left, and a good turn halves the penalty", () => {
  const core = coreOf([]);
  core.conduct.push(newConduct(), { ...newConduct(), skips: 2, penalty: 4 }, newConduct(), newConduct());
  core.view = 0n;
  notePassedOver(core, 1n);
  expect(core.conduct[1]!.skips).toBe(2);
  notePassedOver(core, 2n);
  expect(core.conduct[1]!.skips).toBe(1);
  core.turn = { items: 8, late: 0 };
  endTurn(core, false);
  expect(core.conduct[1]).toMatchObject({ skips: 0, penalty: 2 });
});

it("where all f + 1 candidates failed before, none is passed over, and a silent one is worse than one that failed", () => {
  const core = coreOf([]);
  const failed = (): Conduct => ({ ...newConduct(), lastMessageTick: 9, skips: 1 });
  core.conduct.push(failed(), failed(), failed(), failed());
  expect(skipTo(core, 1n, true)).toBe(1n);
  core.conduct[2] = { ...newConduct(), lastMessageTick: 9 };
  expect(skipTo(core, 1n, true)).toBe(2n);
  expect(skipTo(core, 1n, false)).toBe(1n);
  core.conduct[2] = newConduct();
  expect(skipTo(core, 1n, true)).toBe(1n);
  core.conduct[1] = newConduct();
  expect(skipTo(core, 1n, true)).toBe(1n);
});

it("the wish of others for another view is held against the primary only by a replica that waits for it too", () => {
  const core = coreOf([], 8);
  expect(isFailure(core, "rotation")).toBe(false);
  expect(isFailure(core, "timeout")).toBe(true);
  expect(isFailure(core, "join")).toBe(false);
  core.awaited = { kind: "heartbeat" };
  expect(isFailure(core, "join")).toBe(true);
  core.awaitedSince = 9;
  expect(isFailure(core, "join")).toBe(false);
  core.mode = "view-change";
  expect(isFailure(core, "join")).toBe(false);
  core.timerRuns = () => true;
  expect(isFailure(core, "join")).toBe(true);
});

it("a replica whose own view failed passes over itself as the others do: all ask for the same view", () => {
  const failed: Conduct = { ...newConduct(), lastMessageTick: 9, skips: 1 };
  const asked = [0, 1, 2].map((self) => {
    const core = coreOf([]);
    core.conduct.push(failed, newConduct(), newConduct(), failed);
    return skipTo({ ...core, self } as Core, 3n, true);
  });
  // Views 3 and 4 belong to validators 3 and 0: where all candidates have failed, the first is taken.
  expect(asked).toEqual([3n, 3n, 3n]);
});
