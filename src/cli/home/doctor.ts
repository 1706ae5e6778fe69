/**
 * `quorate doctor`: whether this machine can run a node: the runtime, the native parts, ports, disk and clock; with
 * --dir also what is wrong with a node's home (doctor-home.ts). Each check says what it found and what to do.
 */
import { existsSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { must } from "../../base/assert.ts";
import { utf8 } from "../../base/bytes.ts";
import { createSigner, nativeName, verifyQuickly, verifyZip215 } from "../../crypto/keys.ts";
import { homePaths } from "../../node/home/home.ts";
import { leaf } from "../command.ts";
import { askDevnet, type DevnetReport } from "../devnet/devnet-control.ts";
import { DEFAULT_DEVNET_DIR, devnetFile } from "../devnet/devnet-dir.ts";
import { EXIT, Finished } from "../exit.ts";
import { type Finding, isFree } from "./doctor-checks.ts";
import { type PasswordOptions, passwordOptions, unlockKeys } from "./passwords.ts";

const NODE_MIN = [20, 19] as const;
/** When this version was made: a clock before it is wrong. */
const RELEASED = Date.parse("2026-01-01T00:00:00Z");
const DISK_FREE_MIN = 1024 ** 3;
const RPC_PORTS = [18_545, 18_546, 18_547, 18_548];
const P2P_PORTS = [30_300, 30_301, 30_302, 30_303];

const HELP = `
Without --dir: this machine, and the ports of a devnet. With --dir HOME: this machine and that node's home: genesis
against keys and database, peers (reached, agreeing, letting this node in), clock against theirs, ports, disk,
permissions; while the node runs, what it says of itself.
Exit codes: 0 all is well, 1 something is not, 2 a file of the home is wrong (the line names it).`;

interface DoctorOptions extends PasswordOptions {
  readonly dir?: string;
  readonly devnet: string;
}

export function addDoctor(program: Command): void {
  leaf<DoctorOptions>(
    program,
    "doctor",
    "check whether this machine can run a node, or with --dir what is wrong with one",
    (command) =>
      passwordOptions(command)
        .option("--dir <dir>", "home of a node to be examined")
        .option("--devnet <dir>", "folder of your devnet, whose ports may be busy", DEFAULT_DEVNET_DIR)
        .addHelpText("after", HELP),
    async ({ out, options }) => {
      const checks = await examine(options);
      const lines = checks.map(({ name, ok, detail }) => `${ok ? out.tick : out.cross} ${name}: ${detail}`);
      const healthy = checks.every((check) => check.ok);
      out.result({ healthy, checks }, lines);
      if (healthy) return;
      throw new Finished(checks.some(({ ok, isInput }) => !ok && isInput) ? EXIT.badInput : EXIT.failedCheck);
    },
  );
}

async function examine({ dir, devnet, ...password }: DoctorOptions): Promise<Finding[]> {
  const machine = [checkNodeVersion(process.versions.node), await checkLevel(), checkSignatures()];
  // The folder of a devnet is no home; its nodes have homes in it.
  if (dir !== undefined && !existsSync(devnetFile(dir))) {
    const { examineHome } = await import("./doctor-home.ts");
    const { nodeKey, validatorKey } = homePaths(dir);
    return [...machine, ...(await examineHome(dir, await unlockKeys([nodeKey, validatorKey], password)))];
  }
  const own = dir ?? devnet; // --dir named the devnet once
  const ports = await checkPorts([...RPC_PORTS, ...P2P_PORTS], await devnetPorts(own), own);
  return [...machine, ports, checkClock(), checkDisk()];
}

export function checkNodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const ok = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
  const advice = major < 22 ? "; Node 20 has reached its end of life, 22 or 24 is recommended" : "";
  const detail = ok
    ? `v${version} (supported${advice})`
    : `v${version}: at least ${NODE_MIN.join(".")} is needed, 22 or 24 is recommended`;
  return { name: "Node.js", ok, detail };
}

async function checkLevel(): Promise<Finding> {
  const name = "LevelDB";
  const dir = mkdtempSync(join(tmpdir(), "quorate-doctor-"));
  try {
    const { openLevel } = await import("../../storage/level.ts");
    const kv = await openLevel(dir);
    await kv.write([{ kind: "put", key: utf8("a"), value: utf8("b") }], { sync: true });
    await kv.close();
    return { name, ok: true, detail: `native binding works on ${process.platform}-${process.arch}` };
  } catch (error) {
    const detail = `${error instanceof Error ? error.message : error}; reinstall with: npm ci`;
    return { name, ok: false, detail };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Native library and slow verifier must agree on good and on broken signatures. */
function checkSignatures(): Finding {
  const vectors = 12;
  const signer = createSigner(new Uint8Array(32).fill(7));
  let agreed = 0;
  for (let i = 0; i < vectors; i++) {
    const message = utf8(`vector ${i}`);
    const signature = signer.sign(message);
    const good = i % 2 === 0;
    if (!good) signature[i] = must(signature[i], "a signature has 64 bytes") ^ 1;
    const verdicts = [verifyQuickly, verifyZip215].map((verify) =>
      verify(signer.publicKey, message, signature),
    );
    if (verdicts.every((verdict) => verdict === good)) agreed++;
  }
  const fast =
    nativeName === "sodium-native" ? "" : "; half the speed of sodium-native, which is not installed";
  return {
    name: "Ed25519",
    ok: agreed === vectors,
    detail: `${nativeName} and the slow ZIP-215 verifier agree on ${agreed} of ${vectors} signatures${fast}`,
  };
}

/** @param own those of the running devnet in `dir`, which may be busy */
export async function checkPorts(
  ports: readonly number[],
  own: ReadonlySet<number>,
  dir: string,
): Promise<Finding> {
  const free = await Promise.all(ports.map(isFree));
  const busy = ports.filter((_, i) => !free[i]);
  const foreign = busy.filter((port) => !own.has(port));
  const name = "ports";
  if (foreign.length > 0) {
    const detail = `${foreign.join(", ")} in use by another process; choose others with --port-base and --p2p-port-base (a devnet in another folder: --devnet)`;
    return { name, ok: false, detail };
  }
  if (own.size === 0) return { name, ok: true, detail: `${ports.join(", ")} are free for a devnet` };
  const used = [...own].sort((a, b) => a - b).join(", ");
  return { name, ok: true, detail: `${used} belong to your devnet in ${dir}, which is running` };
}

/** The ports of the devnet that runs in the folder. There are none when none does. */
async function devnetPorts(dir: string): Promise<ReadonlySet<number>> {
  try {
    const { nodes } = await askDevnet<DevnetReport>(dir, "GET", "/status");
    return new Set(nodes.flatMap(({ rpcUrl, p2pPort }) => [Number(new URL(rpcUrl).port), p2pPort]));
  } catch {
    return new Set();
  }
}

/** A step of the wall clock since the process began, or a date before the release, is a wrong clock. */
function checkClock(): Finding {
  const skewMs = Math.round(Math.abs(Date.now() - (performance.timeOrigin + performance.now())));
  const ok = Date.now() > RELEASED && skewMs < 1_000;
  const now = new Date().toISOString();
  return { name: "clock", ok, detail: `${now}, ${skewMs} ms off the monotonic clock${ok ? "" : ": set it"}` };
}

function checkDisk(): Finding {
  const { bavail, bsize } = statfsSync(process.cwd());
  const free = bavail * bsize;
  const shown = `${(free / 1024 ** 3).toFixed(1)} GiB free here`;
  return {
    name: "disk",
    ok: free >= DISK_FREE_MIN,
    detail: free >= DISK_FREE_MIN ? shown : `${shown}: too little`,
  };
}
