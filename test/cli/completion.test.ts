/** Goal: TAB offers what the command line takes. Method: the real shells, where they are installed, run the scripts. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { completedCommands } from "../../src/cli/completion.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { quorate } from "./running.ts";

const has = (shell: string) => spawnSync(shell, ["-c", "exit"]).status === 0;

let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "quorate-completion-"));
  writeFileSync(join(dir, "a file"), "");
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout } = await quorate("completion", shell);
    expect(code).toBe(0);
    writeFileSync(join(dir, `quorate.${shell}`), stdout);
  }
}, 60_000);
afterAll(() => rmSync(dir, { recursive: true }));

const CASES: readonly (readonly [line: string, offered: readonly string[], not: readonly string[]])[] = [
  ["quorate ", ["devnet", "status", "tx", "completion"], ["kill", "--json"]],
  ["quorate dev", ["devnet"], ["status"]],
  ["quorate devnet k", ["kill"], ["pause"]],
  ["quorate tx transfer --f", ["--from", "--fee"], ["--to"]],
  ["quorate tx transfer --wait ", ["accepted", "included", "final"], ["--from"]],
  ["quorate devnet --consensus p", ["pbft", "pow"], []],
  ["quorate devnet --", ["--devnet", "--reset", "--help"], ["--dir"]],
  ["quorate status --devnet a", ["a file"], []],
  ["quorate anchor add a", ["a file"], []],
  ["quorate tx transfer --amount ", [], ["--from", "a file"]],
];

const inBash = (line: string) => `
  source quorate.bash
  line=${JSON.stringify(line)}
  COMP_WORDS=($line); [[ "$line" == *" " ]] && COMP_WORDS+=("")
  COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
  _quorate; printf '%s\\n' "\${COMPREPLY[@]}"`;
const inFish = (line: string) =>
  `source quorate.fish; complete -C ${JSON.stringify(line)} | string split -f1 \\t`;

/** Bash is everywhere that this project runs; the others are asked where they are installed. */
const SHELLS = (
  [
    ["bash", inBash],
    ["fish", inFish],
  ] as const
).filter(([shell]) => shell === "bash" || has(shell));

describe.each(SHELLS)("completion in %s", (shell, script) => {
  test.each(CASES)("completes %j", (line, offered, not) => {
    const { stdout, stderr } = spawnSync(shell, ["-c", script(line)], {
      cwd: dir,
      encoding: "utf8",
      timeout: 20_000,
    });
    const words = stdout.split("\n");
    expect(stderr).toBe("");
    expect(words).toEqual(expect.arrayContaining([...offered]));
    expect(words.filter((word) => not.includes(word))).toEqual([]);
  });
});

test("the shells that are here read their scripts", () => {
  const readers = [
    ["bash", "-n"],
    ["zsh", "-fn"],
    ["fish", "-n"],
  ] as const;
  for (const [shell, flag] of readers.filter(([name]) => name === "bash" || has(name))) {
    const { status, stderr } = spawnSync(shell, [flag, `quorate.${shell}`], { cwd: dir, encoding: "utf8" });
    expect([shell, status, stderr]).toEqual([shell, 0, ""]);
  }
});

test("every command and option of the table is in each script, hidden ones in none", async () => {
  const table = completedCommands(await buildProgram([]));
  expect(table.length).toBeGreaterThan(50);
  for (const shell of ["bash", "zsh", "fish"]) {
    const { stdout } = await quorate("completion", shell);
    for (const { path } of table) expect(stdout).toContain(path);
    expect(stdout).toContain(shell === "fish" ? "-l port-base" : "--port-base");
    expect(stdout).not.toMatch(/cut-off/);
  }
});

test("another shell is refused with the names of those that there are", async () => {
  expect(await quorate("completion", "tcsh")).toMatchObject({
    code: 2,
    stderr: '✖ expected one of bash, zsh, fish, found "tcsh"\n',
  });
});
