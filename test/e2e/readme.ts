/**
 * The demonstrations of README.md, read from it and run as they stand there: by a shell, in a folder that has the
 * devnet in `.devnet` and README's own files, where `npx quorate` is this package's command.
 */
import { execFile } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { COMMAND, type Devnet, type Outcome } from "./processes.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const README = readFileSync(join(ROOT, "README.md"), "utf8");

/** The lines after a prompt in the shell block that holds `mark`. */
export function demonstration(mark: string): readonly string[] {
  const blocks = README.split("```").filter((_, i) => i % 2 === 1);
  const found = blocks.filter((block) =>
    block.split("\n").some((line) => line.startsWith("$ ") && line.includes(mark)),
  );
  if (found.length !== 1) throw new Error(`README.md has ${found.length} demonstrations with "${mark}"`);
  return found[0]!.split("\n").flatMap((line) => (line.startsWith("$ ") ? [line.slice(2)] : []));
}

export class Reader {
  readonly #devnet: Devnet;
  readonly #dir = mkdtempSync(join(tmpdir(), "quorate-readme-"));

  constructor(devnet: Devnet) {
    this.#devnet = devnet;
    symlinkSync(devnet.dir, join(this.#dir, ".devnet"));
    for (const file of ["README.md", "LICENSE"]) copyFileSync(join(ROOT, file), join(this.#dir, file));
    const npx = join(this.#dir, "npx");
    writeFileSync(
      npx,
      `#!/bin/sh\n[ "$1" = quorate ] && shift && exec "${process.execPath}" "${COMMAND}" "$@"\n`,
    );
    chmodSync(npx, 0o755);
  }

  /**
   * Runs a line of README.md; only the port of the usual first node is the one of this devnet.
   * @param isEndless end it with Ctrl-C when it has printed something
   */
  run(line: string, isEndless = false): Promise<Outcome> {
    const own = line.replaceAll("http://127.0.0.1:18545", this.#devnet.rpcUrl(0));
    const env = { ...process.env, CI: "1", PATH: `${this.#dir}${delimiter}${process.env.PATH}` };
    const options = { cwd: this.#dir, env, timeout: 60_000 };
    return new Promise((resolve) => {
      const child = execFile("/bin/sh", ["-c", `exec ${own}`], options, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
      });
      if (!isEndless) return;
      // It has shown something: the reader presses Ctrl-C.
      for (const stream of [child.stdout, child.stderr]) stream?.once("data", () => child.kill("SIGINT"));
    });
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true });
  }
}
