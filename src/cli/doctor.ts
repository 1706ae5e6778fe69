/**
 * `quorate doctor`: whether this machine can run a node: the runtime, the native parts, ports, disk and clock. Each
 * check says what it found and what to do. It asks nobody but the devnet of a folder, whose ports may be busy.
 */
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { utf8 } from "../base/bytes.ts";
import { createSigner, nativeName, verifyQuickly, verifyZip215 } from "../crypto/keys.ts";
import { leaf } from "./command.ts";
import { askDevnet, type DevnetReport } from "./devnetcontrol.ts";
import { DEFAULT_DEVNET_DIR } from "./devnetdir.ts";
import { EXIT, Finished } from "./exit.ts";
import { RenamedOption } from "./renamed.ts";

export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const NODE_MIN = [20, 19] as const;
/** When this version was made: a clock before it is wrong. */
const RELEASED = Date.parse("2026-01-01T00:00:00Z");
const DISK_FREE_MIN = 1024 ** 3;
const RPC_PORTS = [18_545, 18_546, 18_547, 18_548];
const P2P_PORTS = [30_300, 30_301, 30_302, 30_303];

export function addDoctor(program: Command): void {
  leaf<{ readonly devnet: string }>(
    program,
    "doctor",
    "check whether this machine can run a node",
    (command) =>
      command
        .option("--devnet <dir>", "folder of your devnet", DEFAULT_DEVNET_DIR)
        .addOption(new RenamedOption("--dir <dir>", "--devnet")),
    async ({ out, options }) => {
      const checks = await examine(options.devnet);
      const lines = checks.map(({ name, ok, detail }) => `${ok ? out.tick : out.cross} ${name}: ${detail}`);
      const healthy = checks.every((check) => check.ok);
      out.result({ healthy, checks }, lines);
      if (!healthy) throw new Finished(EXIT.failedCheck);
    },
  );
}

async function examine(dir: string): Promise<Finding[]> {
  return [
    checkNodeVersion(process.versions.node),
    await checkLevel(),
    checkSignatures(),
    await checkPorts([...RPC_PORTS, ...P2P_PORTS], await devnetPorts(dir), dir),
    checkClock(),
    checkDisk(),
  ];
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
    const { openLevel } = await import("../storage/level.ts");
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

/** Native library and arbiter must agree on good and on broken signatures. */
function checkSignatures(): Finding {
  const vectors = 12;
  const signer = createSigner(new Uint8Array(32).fill(7));
  let agreed = 0;
  for (let i = 0; i < vectors; i++) {
    const message = utf8(`vector ${i}`);
    const signature = signer.sign(message);
    const good = i % 2 === 0;
    if (!good) signature[i]! ^= 1;
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
    detail: `${nativeName} and the ZIP-215 arbiter agree on ${agreed} of ${vectors} signatures${fast}`,
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

/** Of the devnet that runs in the folder; none when none does. */
async function devnetPorts(dir: string): Promise<ReadonlySet<number>> {
  try {
    const { nodes } = await askDevnet<DevnetReport>(dir, "GET", "/status");
    return new Set(nodes.flatMap(({ rpcUrl, p2pPort }) => [Number(new URL(rpcUrl).port), p2pPort]));
  } catch {
    return new Set();
  }
}

/** Whether a TCP port of this machine's loopback can be listened on. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
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
