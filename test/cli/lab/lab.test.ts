/**
 * Goal: `quorate lab` leaves the same files for the same seed, says by its exit code whether theory agrees, and
 * refuses wrong words in one line. Method: the whole program in this process, one thread, small tables.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { buildProgram, run } from "../../../src/cli/program.ts";

const dir = mkdtempSync(join(tmpdir(), "quorate-lab-"));
afterAll(() => rmSync(dir, { recursive: true }));

async function lab(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      text[name] += String(chunk);
      return true;
    });
  }
  const all = ["lab", ...words];
  const code = await run(await buildProgram(all), all);
  vi.restoreAllMocks();
  return { code, ...text };
}

const read = (...path: string[]) => readFileSync(join(dir, ...path), "utf8");

describe("lab attack51", () => {
  const small = [
    "attack51",
    "--hashrate",
    "0.3,0.45",
    "-z",
    "1,2",
    "--trials",
    "60",
    "--give-up",
    "8",
    "-j",
    "1",
  ];

  it("leaves the same results and report for the same seed", async () => {
    const [first, again] = [
      await lab(...small, "--seed", "4", "-o", join(dir, "a")),
      await lab(...small, "--seed", "4", "-o", join(dir, "b")),
    ];
    await lab(...small, "--seed", "5", "-o", join(dir, "c"));
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/≡ as predicted: 4 of 4 cells agree \(strict\)/);
    expect(first.stdout).toMatch(/240 races in .* a second/);
    expect(again.code).toBe(0);
    for (const file of ["results.json", "results.csv", "report.html"]) {
      expect(read("a/attack51-1", file)).toBe(read("b/attack51-1", file));
      expect(read("a/attack51-1", file)).not.toBe(read("c/attack51-1", file));
    }
    expect(JSON.parse(read("a/attack51-1", "results.json")).cells).toHaveLength(4);
    expect(read("a/attack51-1", "results.csv").trim().split("\r\n")).toHaveLength(5);
    expect(JSON.parse(read("a/attack51-1", "timing.json"))).toMatchObject({ threads: 1 });
  });

  it("prints one object with --json", async () => {
    const { stdout } = await lab(...small, "--json", "-o", join(dir, "j"));
    expect(JSON.parse(stdout)).toMatchObject({ experiment: "attack51", isMatch: true });
  });
});

describe("lab selfish", () => {
  it("prints a table and leaves a report", async () => {
    const words = ["selfish", "--hashrate", "0.4", "--gamma", "0,1", "--blocks", "2000", "-j", "1"];
    const { code, stdout } = await lab(...words, "-o", join(dir, "s"));
    expect(code).toBe(0);
    expect(stdout).toMatch(/≡ as predicted: 2 of 2 cells agree/);
    expect(read("s/selfish-1", "report.html")).toContain("Selfish mining");
  });
});

describe("lab generals", () => {
  it("shows that three are led astray by one without signatures, and not with them", async () => {
    const words = ["generals", "-n", "3", "--traitor-ids", "2", "--strategy", "flip", "-o", join(dir, "g")];
    const { code, stdout } = await lab(...words, "--json");
    const [oral, signed] = JSON.parse(stdout).runs;
    expect(code).toBe(0);
    expect(oral).toMatchObject({ algorithm: "OM", rounds: 2, isObedience: false, isPromised: false });
    expect(signed).toMatchObject({ algorithm: "SM", rounds: 2, isObedience: true, isPromised: true });
  });

  it("shows the impossibility unless told otherwise: three cannot, four can", async () => {
    const { code, stdout } = await lab("generals", "-o", join(dir, "g"));
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^3 generals, 1 traitor, OM\(1\): .* not as ordered, as the impossibility allows/m,
    );
    expect(stdout).toMatch(/^4 generals, 1 traitor, OM\(1\): the loyal ones act alike, as ordered\.$/m);
    expect(stdout).toContain("2 tells 1 retreat!");
  });

  it("takes --traitors as how many, and --traitor-ids for who", async () => {
    const run = async (...words: string[]) => {
      const { stdout } = await lab("generals", ...words, "--json", "-o", join(dir, "g"));
      return JSON.parse(stdout).runs.map(({ generals, traitors }: Record<string, unknown>) => ({
        generals,
        traitors,
      }));
    };
    expect((await run("--traitors", "2"))[0]).toEqual({ generals: 6, traitors: [4, 5] });
    expect((await run("--traitors", "2", "-n", "7"))[0]).toEqual({ generals: 7, traitors: [5, 6] });
    expect((await run("--traitor-ids", "0,2", "-n", "5"))[0]).toEqual({ generals: 5, traitors: [0, 2] });
    expect(await run("--traitors", "none")).toHaveLength(2);
  });

  it("gives a hint for a list of traitors, which the option took once", async () => {
    const { code, stderr } = await lab("generals", "--traitors", "0,3", "-o", join(dir, "never"));
    expect(code).toBe(2);
    expect(stderr).toContain("it says how many; to name them: --traitor-ids 0,3");
  });

  it("puts PBFT's messages beside", async () => {
    const { stdout } = await lab("generals", "-o", join(dir, "p"));
    expect(stdout).toMatch(/13, 4 +0 +12 +144 +156/);
    expect(stdout).toMatch(/13, 4 +4 +12 +96 +108/);
  });
});

// Eclipse, spam, censor and silent take seconds each: their own tests hold what a seed gives.
describe("an experiment of the lab", () => {
  it.each([
    ["attack51", "--hashrate", "0.3", "-z", "1", "--trials", "20", "-j", "1", "--replicas", "2"],
    ["selfish", "--hashrate", "0.3", "--gamma", "0", "--blocks", "1000", "-j", "1"],
    ["generals", "--strategy", "random"],
    ["timewarp", "--interval", "20", "--periods", "2"],
    ["partition", "--time", "1s"],
    ["equivocate", "--time", "1s"],
    ["majority", "--hashrate", "0.3", "--races", "20", "--trials", "1"],
  ])("%s leaves its four files, the same results for the same seed", async (name, ...words) => {
    for (let run = 0; run < 2; run++) {
      const { code, stdout, stderr } = await lab(name!, ...words, "-o", join(dir, "runs"));
      expect(stderr).toBe("");
      expect(stdout).toContain("report.html");
      expect(code).toBe(0);
    }
    for (const file of ["results.json", "results.csv", "report.html"]) {
      expect(read("runs", `${name}-1`, file)).toBe(read("runs", `${name}-2`, file));
    }
    expect(JSON.parse(read("runs", `${name}-1`, "timing.json"))).toBeTypeOf("object");
  });

  it("refuses a folder that cannot be made, before any work, and makes none for wrong words", async () => {
    writeFileSync(join(dir, "file"), "");
    const { code, stderr } = await lab("attack51", "--trials", "10000000", "-o", join(dir, "file", "deeper"));
    expect(code).toBe(2);
    expect(stderr).toMatch(/^✖ --out .*cannot be written: .*\n$/);
    await lab("partition", "--groups", "0,1/2,4", "-o", join(dir, "never"));
    expect(existsSync(join(dir, "never"))).toBe(false);
  });

  it("is listed in the index of its folder, the newest first, with its report, verdict and command", async () => {
    const out = join(dir, "index");
    for (let run = 0; run < 2; run++) await lab("generals", "-o", out);
    mkdirSync(join(out, "notes"));
    mkdirSync(join(out, "generals-9"));
    writeFileSync(join(out, "generals-9", "report.html"), "<b>");
    await lab("generals", "-n", "3", "-o", out);
    const page = read("index", "index.html");
    expect([...page.matchAll(/href="([^"]+)"/g)].map(([, link]) => link)).toEqual([
      "data:,",
      ...[10, 2, 1].map((number) => `generals-${number}/report.html`),
    ]);
    expect(page).toContain("3 runs, the newest first.");
    expect(page).toContain("quorate lab generals --generals 3 --traitors 1");
    expect(page).not.toMatch(/<script|src=|@import|url\(/);
  });

  it("names version and commit of the program in its report and results", async () => {
    const { version, commit } = JSON.parse(read("index", "generals-1", "results.json")).program;
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
    const head = commit === undefined ? "" : `, commit ${commit.slice(0, 12)}`;
    expect(read("index", "generals-1", "report.html")).toContain(`Made by quorate ${version}${head};`);
  });

  it("shows defaults as one writes them", async () => {
    const { code, stdout } = await lab("attack51", "--help");
    expect(code).toBe(0);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain("(default: 0.1,0.2,0.3,0.4,0.45)");
  });
});

describe("wrong words after quorate lab", () => {
  it.each([
    ["timewarp", "--hashrate", "0.5"],
    ["timewarp", "--periods", "NaN"],
    ["eclipse", "--groups", "0"],
    ["eclipse", "--trials", "-1"],
    ["spam", "--lengths", "20001"],
    ["spam", "--chain", "100"],
    ["censor", "--nodes", "3"],
    ["censor", "--hashrate", "1"],
    ["equivocate", "--way", "lie"],
    ["equivocate", "-b", "3"],
    ["silent", "--time", "soon"],
    ["partition", "--groups", "0,1/2,4"],
    ["majority", "--keys", "3"],
    ["majority", "--trials", "99999999999999999999"],
    ["attack51", "--bogus"],
    ["attack51", "--hashrate", "1.2"],
    ["attack51", "--hashrate", "0"],
    ["attack51", "--hashrate", "x"],
    ["attack51", "--trials", "0"],
    ["attack51", "--stamps", "never"],
    ["attack51", "--strategy", "x"],
    ["selfish", "--hashrate", "0.5"],
    ["selfish", "--gamma", "1.1"],
    ["generals", "--strategy", "x"],
    ["generals", "-n", "3", "--traitor-ids", "3"],
    ["generals", "-n", "3", "-t", "4"],
    ["generals", "-t", "1", "--traitor-ids", "1,2"],
    ["generals", "-t", "5"],
    ["generals", "-n", "16", "-m", "9"],
    ["siege", "--seconds", "0"],
    ["siege", "--seconds", "soon"],
    ["siege", "--mode", "private"],
    ["siege", "--attack", "none,storm"],
    ["siege", "--mode", "public", "--attack", "validator"],
  ])("%s %s %s end with one line and code 2", async (...words) => {
    const { code, stdout, stderr } = await lab(...words.filter((word) => word !== undefined));
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});
