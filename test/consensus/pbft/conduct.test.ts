/**
 * With whom a primary is compared. Goal: what f validators did in their last turns, faulty ones or some that are down
 * since the network was quicker, convicts no primary as slow.
 * Source: pbft.md 1.7; docs/adr/0006.
 */
import { expect, it } from "vitest";
import {
  type Conduct,
  endTurn,
  newConduct,
  noteDone,
  type Turn,
} from "../../../src/consensus/pbft/conduct.ts";
import type { Core } from "../../../src/consensus/pbft/core.ts";

const QUICK: Turn = { items: 64, late: 2 };
const SLOW: Turn = { items: 8, late: 7 };

/** Whether validator 0 finds the primary, validator 1, slow at its eighth late item; the others' last turns by index. */
function convicts(turns: readonly (Turn | undefined)[], waitedSince = 7): boolean {
  const core = coreOf(turns, waitedSince);
  return noteDone(core);
}

function coreOf(turns: readonly (Turn | undefined)[], awaitedSince: number): Core {
  const conduct = turns.map((turn): Conduct => ({ ...newConduct(), turn }));
  const core = {
    self: 0,
    primary: 1,
    quorum: { n: 4, f: 1, quorum: 3 },
    conduct,
    tick: 9,
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
  endTurn(core);
  expect(core.conduct[1]!.skips).toBe(1);
  expect(core.conduct.filter(({ turn }) => turn !== undefined).map(({ turn }) => turn)).toEqual([
    { items: 8, late: 8 },
  ]);
});
