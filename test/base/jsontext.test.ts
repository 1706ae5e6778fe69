/** What JSON.parse hides: keys that stand twice, and numbers that it rounds. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { duplicateKey, numbersUnder } from "../../src/base/jsontext.ts";

it("a key that stands twice in one object is found, equal keys of different objects are not", () => {
  expect(duplicateKey('{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}')).toBeUndefined();
  expect(duplicateKey('{"b":{"a":1},"c":{"b":1},"b":2}')).toBe("b");
  expect(duplicateKey('{"x":[{"a":1, "\\u0061" :2}]}')).toBe("a");
  expect(duplicateKey('{"text":"\\"a\\":1,\\"a\\":2","a":"{\\"a\\":1}"}')).toBeUndefined();
  expect(duplicateKey(`${"[".repeat(100_000)}${"]".repeat(100_000)}`)).toBeUndefined();
});

it("whatever JSON.stringify writes has no key twice", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(duplicateKey(JSON.stringify(value, undefined, 1))).toBeUndefined();
    }),
  );
});

it("a number is told as it was written, in one object or in each of a list", () => {
  const id = "123456789012345678901234567890";
  expect(numbersUnder("id", ` {"a":{"id":1},"id" : ${id} , "b":[{"id":2}]}`)).toEqual(new Map([[0, id]]));
  expect(numbersUnder("id", `[{"id":1.50},7,{"id":"x"},{"id":-1e400}]`)).toEqual(
    new Map([
      [0, "1.50"],
      [3, "-1e400"],
    ]),
  );
  expect(numbersUnder("id", '{"id":5,"id":"x"}')).toEqual(new Map());
});
