/** Runs one command line in this process, as the program does, and collects its streams. */
import { expect, vi } from "vitest";
import { buildProgram, run } from "../../src/cli/program.ts";

export async function quorate(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const streams = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      streams[name] += String(chunk);
      return true;
    });
  }
  try {
    const code = await run(await buildProgram(words), words);
    return { code, ...streams };
  } finally {
    vi.restoreAllMocks();
  }
}

/** With --json, which prints one line whatever happens. */
export async function json(...words: string[]) {
  const { code, stdout } = await quorate(...words, "--json");
  expect(stdout.trimEnd().split("\n")).toHaveLength(1);
  return { code, value: JSON.parse(stdout) };
}
