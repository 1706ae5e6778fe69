/** Real files notarised on real processes, and verified offline: from the receipts and the genesis alone. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { hex0x } from "../../../src/base/bytes.ts";
import { sha256 } from "../../../src/crypto/hash.ts";
import { openGenesis, verifyReceipt } from "../../../src/sdk/verify.ts";
import { Devnet, quorate } from "../processes.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

const devnet = new Devnet(inject("devnet"));
let files: string[];

/** A few hundred: several requests of the most transactions that one takes. */
function sourceFiles(): readonly string[] {
  return ["src/chain", "src/consensus", "src/p2p"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => join(folder, file)),
  );
}

const receipts = () => join(devnet.dir, "receipts");
const genesis = () => join(devnet.dir, "genesis.json");

async function verify(
  ...documents: readonly string[]
): Promise<{ code: number; files: { valid: boolean; reason?: string }[] }> {
  const outcome = await quorate(
    ...["anchor", "verify", ...documents, "--receipts", receipts(), "--genesis", genesis(), "--json"],
  );
  return {
    code: outcome.code,
    ...(JSON.parse(outcome.stdout) as { files: { valid: boolean; reason?: string }[] }),
  };
}

describe("anchoring every source file of the protocol", () => {
  beforeAll(() => {
    // Copies, so that a test may change one.
    files = sourceFiles().map((file) => join(devnet.dir, "documents", file));
    for (const file of files) {
      mkdirSync(dirname(file), { recursive: true });
      cpSync(join(root, file.slice(join(devnet.dir, "documents").length + 1)), file);
    }
  });

  it("makes all of them final in one go, their signatures judged on a thread of their own", async () => {
    const added = await quorate(
      ...["anchor", "add", ...files, "--from", "alice", "--out", receipts(), "--json"],
      ...["--rpc", devnet.rpcUrl(0), "--devnet", devnet.dir],
    );
    expect(added).toMatchObject({ code: 0 });
    const { files: results } = JSON.parse(added.stdout) as { files: { file: string; blockHeight: number }[] };
    expect(results.map(({ file }) => file)).toEqual(files);
    expect(results.every(({ blockHeight }) => blockHeight > 0)).toBe(true);
    const metrics = await (await fetch(`${devnet.rpcUrl(0)}/metrics`)).text();
    expect(Number(/sig_verify_total\{path="thread"\} (\d+)/.exec(metrics)?.[1])).toBeGreaterThan(0);
  });

  it("verifies each offline, from receipts and genesis alone", async () => {
    const { code, files: results } = await verify(...files);
    expect(results.filter(({ valid }) => !valid)).toEqual([]);
    expect(code).toBe(0);
  });

  it("refuses a changed file", async () => {
    const [file] = files;
    const original = readFileSync(file!);
    writeFileSync(file!, Buffer.concat([original, Buffer.from(" ")]));
    const { code, files: results } = await verify(file!, files[1]!);
    writeFileSync(file!, original);
    expect(code).toBe(1);
    expect(results.map(({ valid }) => valid)).toEqual([false, true]);
    expect(results[0]?.reason).toMatch(/changed|differ|digest/i);
  });

  it("refuses a receipt in which any one field was changed", () => {
    const trusted = openGenesis(readFileSync(genesis(), "utf8"));
    if (!trusted.ok) throw new Error(trusted.fault.detail);
    const digest = sha256(readFileSync(files[0]!));
    const receipt = readdirSync(receipts(), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".json"))
      .map((name) => JSON.parse(readFileSync(join(receipts(), name), "utf8")) as { digest: string })
      .find((candidate) => candidate.digest === hex0x(digest))!;
    const question = { genesis: trusted.value, digest };
    expect(verifyReceipt({ ...question, receipt })).toMatchObject({ valid: true });
    const paths = leaves(receipt);
    expect(paths.length).toBeGreaterThan(12);
    const accepted = paths.filter(
      (at) => verifyReceipt({ ...question, receipt: tampered(receipt, at) }).valid,
    );
    expect(accepted).toEqual([]);
  });
});

/** Paths of all strings and numbers in a JSON value. */
function leaves(value: unknown, path: readonly string[] = []): string[][] {
  if (value !== null && typeof value === "object") {
    return Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]));
  }
  return [[...path]];
}

function tampered(receipt: object, at: readonly string[]): unknown {
  const copy = structuredClone(receipt) as Record<string, unknown>;
  let parent = copy;
  for (const key of at.slice(0, -1)) parent = parent[key] as Record<string, unknown>;
  const key = at.at(-1)!;
  parent[key] = changedLeaf(parent[key]);
  return copy;
}

function changedLeaf(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  if (typeof value !== "string") return null;
  // The last hex digit; a text gets another packet.
  const last = value.at(-1);
  return value.slice(0, -1) + (last === "0" ? "1" : "0");
}
