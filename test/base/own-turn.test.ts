/** Long work that waits for a turn of the loop each. */
import { expect, it } from "vitest";
import { inOwnTurn } from "../../src/base/own-turn.ts";

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

it("runs one task a turn, in the order in which they came, and lets the rest of the loop have its own between", async () => {
  const ran: string[] = [];
  for (const name of ["first", "second", "third"]) inOwnTurn(() => ran.push(name));
  expect(ran).toEqual([]);
  await nextTurn();
  expect(ran).toEqual(["first"]);
  await nextTurn();
  expect(ran).toEqual(["first", "second"]);
  inOwnTurn(() => ran.push("fourth"));
  await nextTurn();
  await nextTurn();
  expect(ran).toEqual(["first", "second", "third", "fourth"]);
});

it("leaves out what was taken back, and takes the same task twice where it is given twice", async () => {
  const ran: string[] = [];
  const task = () => ran.push("task");
  const takeBack = inOwnTurn(() => ran.push("never"));
  inOwnTurn(task);
  inOwnTurn(task);
  takeBack();
  for (let i = 0; i < 3; i++) await nextTurn();
  expect(ran).toEqual(["task", "task"]);
});
