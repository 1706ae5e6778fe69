/** Goal: `man quorate` shows every command and option. Method: groff, where it is installed, reads the page. */
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { manPage } from "../../src/cli/man-page.ts";
import { buildProgram } from "../../src/cli/program.ts";

const hasGroff = spawnSync("groff", ["--version"]).status === 0;

describe("the manual page", () => {
  it("has a section for each command that is not hidden, with its options", async () => {
    const page = (await manPage(await buildProgram([]))).join("\n");
    expect(page).toContain(".SS quorate devnet kill");
    expect(page).toContain(".SS quorate tx transfer");
    expect(page).toContain(".SS quorate devnet [options] [command]");
    expect(page).toContain(".B \\-\\-reset");
    expect(page.startsWith(".TH QUORATE 1")).toBe(true);
  });

  it("reads a line that begins as a request would as text", async () => {
    const program = await buildProgram(["version"]);
    program.description(".SH not a heading\nbut text with a \\ in it");
    const page = manPage(program);
    expect(page).toContain("\\&.SH not a heading but text with a \\e in it");
  });

  it.skipIf(!hasGroff)("is read by groff without a warning", async () => {
    const page = manPage(await buildProgram([])).join("\n");
    const { stdout, stderr, status } = spawnSync("groff", ["-man", "-Tutf8", "-ww", "-rLL=100n"], {
      input: page,
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    // Bold is drawn as a letter, a backspace and the letter again.
    const plain = stdout
      .split(String.fromCharCode(8))
      .map((part, i, all) => (i < all.length - 1 ? part.slice(0, -1) : part));
    expect(plain.join("")).toContain("quorate devnet kill");
  });
});
