/** Goal: no text of others acts on a terminal or hides in it. Method: each kind of character by hand, then any text. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { printable, printableJson } from "../../src/base/printable.ts";

describe("text of others", () => {
  test.each([
    ["a cursor code", "\u001b[2K\u001b[1A✔ valid", "\\x1b[2K\\x1b[1A✔ valid"],
    ["the same in C1", "\u009b31mred", "\\x9b31mred"],
    ["a bell and DEL", "\u0007\u007f", "\\x07\\x7f"],
    ["line ends", "a\r\nb\u2028c\u2029d\u0085e", "a\\r\\nb\\u{2028}c\\u{2029}d\\x85e"],
    ["a tab", "a\tb", "a\\tb"],
    ["bidirectional controls", "\u202egnp.exe\u2066\u200f", "\\u{202e}gnp.exe\\u{2066}\\u{200f}"],
    ["zero-width characters", "al\u200bi\u200cc\u2060e\ufeff", "al\\u{200b}i\\u{200c}c\\u{2060}e\\u{feff}"],
    [
      "a soft hyphen and fillers",
      "a\u00ad\u3164\u115f",
      "a\\u{ad}\\u{3164}\\u{115f}".replace("\\u{ad}", "\\xad"),
    ],
    ["tags", "\u{e0041}", "\\u{e0041}"],
    ["lone surrogates", "\ud800x\udfff", "\\u{d800}x\\u{dfff}"],
    ["private-use characters", "\ue0a0", "\\u{e0a0}"],
    ["joiners between letters", "a\u200db", "a\\u{200d}b"],
  ])("is shown without %s", (_, text, shown) => {
    expect(printable(text)).toBe(shown);
    expect(printable(shown)).toBe(shown);
  });

  test.each(["plain", "Zoë, Ярослав, 山田太郎, علي", "👩🏽‍💻 and ❤️ and 1️⃣ and 🏳️‍🌈", "C:\\Users\\n", ""])(
    "stays as it is where nothing hides: %s",
    (text) => expect(printable(text)).toBe(text),
  );

  test("in JSON has the same value, whatever it is", () => {
    const value = { "\u202e": ["\u001b[0m\u009b", "\ud800", "\u2028", "👩‍💻", "\u{e0041}", "\u007f"] };
    expect(printableJson(JSON.stringify(value))).toMatch(/^[\x20-\x7e👩💻]*$/u);
    expect(JSON.parse(printableJson(JSON.stringify(value, undefined, 2)))).toEqual(value);
  });

  test("holds no control, format or separator character afterwards", () => {
    const anything = fc.array(fc.nat(0x10ffff)).map((codes) => String.fromCodePoint(...codes));
    fc.assert(
      fc.property(anything, (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Bidi_Control}]/u);
        expect(JSON.parse(printableJson(JSON.stringify(text)))).toBe(text);
      }),
    );
  });
});
