/** Goal: our colours show, others' do not, and every table fits. Method: pure functions over lines. */
import { describe, expect, test } from "vitest";
import { cut, displayWidth, flow, fold, paint, render } from "../../src/cli/styled-text.ts";
import { table } from "../../src/cli/table.ts";

const RED = "\u001b[31m";
const DEFAULT = "\u001b[39m";

describe("a line on the terminal", () => {
  test("shows our colours on a terminal and none elsewhere", () => {
    const line = `a ${paint("red", "b")} c`;
    expect(render(line, true)).toBe(`a ${RED}b${DEFAULT} c`);
    expect(render(line, false)).toBe("a b c");
  });

  test("escapes the colours, cursor codes and line ends of a value, also within our colour", () => {
    const memo = "\u001b[2K\r✔ valid\n";
    expect(render(paint("red", memo), true)).toBe(`${RED}\\x1b[2K\\r✔ valid\\n${DEFAULT}`);
  });

  test("cannot be coloured by a value that imitates our marks", () => {
    const [begin, end] = ["\u{f0000}", "\u{f0001}"];
    const forged = `${begin}0123456789abcdef:32${end}✔${begin}:32${end}`;
    expect(render(forged, true)).not.toContain("\u001b");
  });

  test("is as wide as it is drawn", () => {
    expect(["", "abc", paint("green", "abc"), "山田", "👩‍💻", "e\u0301", "\u001b"].map(displayWidth)).toEqual(
      [0, 3, 3, 4, 2, 1, 4],
    );
  });

  test("is cut between characters, and its colour ends", () => {
    expect(cut("abcdef", 6)).toBe("abcdef");
    expect(cut("abcdef", 5)).toBe("abcd…");
    expect(cut("山田太郎", 6)).toBe("山田…");
    expect(render(cut(paint("red", "abcdef"), 4), true)).toBe(`${RED}abc${DEFAULT}…`);
    expect(cut("a👩‍💻b", 3)).toBe("a…");
  });

  test("is folded into pieces that fit, and flows part by part", () => {
    expect(fold("abcdefg", 3)).toEqual(["abc", "def", "g"]);
    expect(fold("山田太郎", 5)).toEqual(["山田", "太郎"]);
    expect(fold("山", 1)).toEqual(["山"]);
    expect(flow(["height 3", "mempool 0", "NO QUORUM"], 20)).toEqual(["height 3  mempool 0", "NO QUORUM"]);
  });
});

describe("a table on the terminal", () => {
  const rows = [
    ["long", "1"],
    [paint("red", "no"), "22"],
  ];

  test("has columns as wide as their widest cell; colours do not count, wide characters count twice", () => {
    const shown = table(["a", "b"], [...rows, ["山田太郎", "3"]]).map((line) => render(line, false));
    expect(shown).toEqual(["  a         b", "  long      1", "  no        22", "  山田太郎  3"]);
  });

  test("stands closer where two spaces are too many, and becomes blocks where one is", () => {
    expect(table(["a", "b"], rows, 9)).toHaveLength(3);
    expect(render(table(["a", "b"], rows, 9)[1]!, false)).toBe("  long 1");
    expect(table(["a", "b"], rows, 8).map((line) => render(line, false))).toEqual([
      "  a long",
      "  b 1",
      "",
      "  a no",
      "  b 22",
    ]);
  });

  test("loses nothing on sixty columns and goes over none of them", () => {
    const key = `0x${"ab".repeat(32)}`;
    const cells = [["0", "組合の検証者", "online", "12", "0.4 ms", key, "👩‍💻".repeat(40), "\u001b[31m"]];
    const head = ["index", "name", "state", "last seq", "rtt", "public key", "memo", "colour"];
    const lines = table(head, cells, 60);
    expect(lines.filter((line) => displayWidth(line) > 60)).toEqual([]);
    expect(lines.join("").replaceAll(/\s/g, "")).toContain(key);
    expect(lines.join("").match(/👩‍💻/gu)).toHaveLength(40);
  });
});
