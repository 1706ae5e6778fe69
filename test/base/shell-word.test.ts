/** Goal: an advised command can be copied whatever the path is called. Method: a shell reads the word again. */
import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { shellWord } from "../../src/base/shell-word.ts";

it("a word that a shell takes as it is stays as it is", () => {
  for (const word of ["home", "/srv/node-0/data", "../x", "ünï/名前", "a=b,c:d"])
    expect(shellWord(word)).toBe(word);
});

it("a word for the shell is read by a shell as the word that it was", () => {
  const words = ["my home", "it's", "$HOME", "a;b", "x`id`", "*", "", "~", "ünï code/x", '"', "\\"];
  const script = `printf '%s\\n' ${words.map(shellWord).join(" ")}`;
  expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe(
    words.map((word) => `${word}\n`).join(""),
  );
});

it("a word for the shell shows what would act on a terminal", () => {
  expect(shellWord("a\x1b[2Jb")).toBe("'a\\x1b[2Jb'");
});
