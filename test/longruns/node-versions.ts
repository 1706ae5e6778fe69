/**
 * The unit tests, or some of them, under each version of Node that is promised. The binaries come from the npm registry
 * (packages node-PLATFORM-ARCH) into a temporary folder, by npm itself. Exit code 1 when a test fails under any, 2 when a
 * binary cannot be had.
 *
 *   npm run nodes [-- --versions 20.19.0,22,24 test/storage test/chain]
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  options: { versions: { type: "string", default: "20.19.0,22,24" } },
  allowPositionals: true,
});
const dir = mkdtempSync(join(tmpdir(), "quorate-nodes-"));
let code = 0;

/** @returns the folder of the binary; undefined where the registry does not have it */
function fetched(version: string): string | undefined {
  const name = `node-${process.platform}-${process.arch}`;
  const prefix = join(dir, version);
  try {
    writeFileSync(join(dir, "package.json"), "{}\n");
    execFileSync(
      "npm",
      [
        "install",
        "--no-save",
        "--ignore-scripts",
        "--fetch-retries=0",
        "--prefix",
        prefix,
        `${name}@${version}`,
      ],
      { stdio: "pipe", timeout: 120_000 },
    );
    const bin = join(prefix, "node_modules", name, "bin");
    execFileSync(join(bin, "node"), ["--version"], { stdio: "pipe" });
    return bin;
  } catch (error) {
    console.log(`✖ ${name}@${version} cannot be had or run: ${String(error).split("\n")[0]}`);
    return undefined;
  }
}

try {
  for (const version of values.versions.split(",")) {
    const bin = fetched(version);
    if (bin === undefined) {
      code ||= 2;
      continue;
    }
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ""}` };
    const node = join(bin, "node");
    const exact = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
    console.log(`Node ${exact}`);
    const words = [
      "node_modules/vitest/vitest.mjs",
      "run",
      "--project",
      "unit",
      "--reporter",
      "dot",
      ...positionals,
    ];
    const { status } = spawnSync(node, words, { env, stdio: "inherit" });
    console.log(`${status === 0 ? "✔" : "✖"} Node ${exact}`);
    if (status !== 0) code = 1;
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
process.exitCode = code;
