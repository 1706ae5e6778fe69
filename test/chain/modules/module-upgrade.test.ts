/** What a module's new version may change without changing what old bytes mean. */
import { describe, expect, it } from "vitest";
import { must } from "../../../src/base/assert.ts";
import {
  call,
  cell,
  choice,
  defineModule,
  event,
  hash,
  map,
  struct,
  text,
  uint,
} from "../../../src/chain/modules/define-module.ts";
import { formOf, type ModuleForm } from "../../../src/chain/modules/module-form.ts";
import { upgradeProblems } from "../../../src/chain/modules/module-upgrade.ts";

const OLD = formOf(
  defineModule(
    {
      name: "shop",
      state: { items: map(hash, struct({ label: text(8), kind: choice("a", "b") })), total: cell(uint(64)) },
      events: { sold: event({ item: hash }) },
      faults: { None: "nothing is there" },
    },
    { sell: call({ item: hash, n: uint(8) }, () => undefined), close: call({}, () => undefined) },
  ),
);
const old = must(OLD.ok ? OLD.value : undefined, "the declaration has a form");

function problems(change: (form: ModuleForm) => Partial<ModuleForm>): readonly string[] {
  return upgradeProblems(old, { ...old, version: 2, ...change(old) });
}

describe("a new version of a module", () => {
  it("may add calls, maps, events and faults behind the old ones", () => {
    const more = problems(({ calls, state, events, faults }) => ({
      calls: [...calls, { name: "open", fields: { at: { kind: "hash" } } }],
      state: [...state, { name: "more", value: { kind: "bool" } }],
      events: [...events, { name: "opened", fields: {} }],
      faults: [...faults, { name: "Shut", means: "it is shut" }],
    }));
    expect(more).toEqual([]);
  });

  it.each<[string, (form: ModuleForm) => Partial<ModuleForm>]>([
    ["it is called store, the old one shop", () => ({ name: "store" })],
    ["version 1, more than 1 of the old one is expected", () => ({ version: 1 })],
    [
      "call close: nothing stands in its place 1; new ones come behind the old ones",
      ({ calls }) => ({ calls: calls.slice(0, 1) }),
    ],
    [
      "call sell: n has another type",
      ({ calls }) => ({
        calls: [
          { name: "sell", fields: { item: { kind: "hash" }, n: { kind: "uint", bits: 16 } } },
          ...calls.slice(1),
        ],
      }),
    ],
    [
      "call close: why is a new field, and old bytes have none",
      ({ calls }) => ({
        calls: [...calls.slice(0, 1), { name: "close", fields: { why: { kind: "bool" } } }],
      }),
    ],
    [
      "state items: its value has another type",
      ({ state }) => ({
        state: [{ ...must(state[0], "a map"), value: { kind: "bool" } }, ...state.slice(1)],
      }),
    ],
    [
      "state items: its key has another type",
      ({ state }) => ({
        state: [{ ...must(state[0], "a map"), key: { kind: "height" } }, ...state.slice(1)],
      }),
    ],
    [
      "state total: a map and a cell are two things",
      ({ state }) => ({
        state: [...state.slice(0, 1), { ...must(state[1], "a cell"), key: { kind: "hash" } }],
      }),
    ],
    [
      "event sold: field 0 is thing, it was item",
      () => ({ events: [{ name: "sold", fields: { thing: { kind: "hash" } } }] }),
    ],
    [
      "fault None: Gone stands in its place 0; new ones come behind the old ones",
      () => ({ faults: [{ name: "Gone", means: "" }] }),
    ],
  ])("may not change what old bytes mean: %s", (words, change) => {
    expect(problems(change)).toEqual([words]);
  });
});
