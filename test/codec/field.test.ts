/** JSON as values: what each form takes, and how a refusal names the place, what was found and what is expected. */
import { describe, expect, it } from "vitest";
import {
  checkFields,
  checkJson,
  choiceField,
  field,
  integerField,
  list,
  mapped,
  object,
  optional,
  variant,
} from "../../src/codec/field.ts";

const form = object({
  name: choiceField("a", "b"),
  count: optional(integerField(0, 9)),
  items: list(object({ size: integerField(1, 5) }), 3),
  rule: variant("kind", {
    plain: object({ kind: choiceField("plain") }),
    timed: object({ kind: choiceField("timed"), seconds: integerField(1, 60) }),
  }),
});
const good = { name: "a", items: [{ size: 1 }, { size: "5" }], rule: { kind: "timed", seconds: 3 } };

function refusal(input: unknown): string {
  const read = checkFields(form, input);
  return read.ok ? "accepted" : read.fault.detail;
}

describe("a form of fields", () => {
  it("gives the values, without what may be missing and is", () => {
    expect(checkFields(form, good)).toEqual({
      ok: true,
      value: { ...good, items: [{ size: 1 }, { size: 5 }] },
    });
    expect(checkJson(form, JSON.stringify({ ...good, count: 2 }))).toMatchObject({ value: { count: 2 } });
  });

  it.each<[string, unknown, string]>([
    ["no object", [], "the file: expected an object, found a list of 0"],
    ["null", null, "the file: expected an object, found null"],
    ["a missing key", { ...good, name: undefined }, 'name: expected "a" or "b", found nothing'],
    [
      "a wrong leaf",
      { ...good, items: [{ size: 1 }, { size: 6 }] },
      "items[1].size: expected an integer from 1 to 5, found 6",
    ],
    ["no list", { ...good, items: {} }, "items: expected a list, found an object"],
    [
      "a long list",
      { ...good, items: Array(4).fill({ size: 1 }) },
      "items: expected at most 3 items, found 4",
    ],
    ["an unknown key", { ...good, nmae: 1 }, 'nmae: unknown key; did you mean "name"?'],
    ["an unknown key below", { ...good, rule: { kind: "plain", seconds: 1 } }, "rule.seconds: unknown key"],
    [
      "an unknown kind",
      { ...good, rule: { kind: "x" } },
      'rule.kind: expected "plain" or "timed", found "x"',
    ],
    ["no kind", { ...good, rule: 7 }, "rule: expected an object, found 7"],
    [
      "an inherited kind",
      { ...good, rule: { kind: "constructor" } },
      'rule.kind: expected "plain" or "timed"',
    ],
    ["a key of every object", JSON.parse('{"__proto__":{"name":"a"}}'), "__proto__: unknown key"],
    ["an inherited value", Object.create(good), 'name: expected "a" or "b", found nothing'],
  ])("refuses %s", (_, input, words) => {
    expect(refusal(input)).toContain(words);
  });

  it("names five problems and counts the others", () => {
    const many = list(integerField(0, 1));
    const read = checkFields(many, [2, 3, 4, 5, 6, 7, 8]);
    expect(!read.ok && read.fault.detail).toMatch(/^\[0\]: .*\[4\]: expected .* found 6; and 2 more$/);
  });

  it("refuses what has its form and makes no sense, at its place", () => {
    const range = mapped(
      object({ from: integerField(0, 9), to: integerField(0, 9) }),
      ({ from, to }) => to - from,
      ({ from, to }) => (from <= to ? undefined : "to: before from"),
    );
    expect(checkFields(object({ range }), { range: { from: 1, to: 3 } })).toEqual({
      ok: true,
      value: { range: 2 },
    });
    const read = checkFields(object({ range }), { range: { from: 3, to: 1 } });
    expect(!read.ok && read.fault.detail).toBe("range.to: before from");
  });

  it("takes what a newer program added where that is said", () => {
    const loose = object({ a: field("anything", (value) => value) }, { others: "ignored" });
    expect(checkFields(loose, { a: 1, b: 2 })).toEqual({ ok: true, value: { a: 1 } });
  });
});
