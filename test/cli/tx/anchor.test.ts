/**
 * Receipts as evidence: none is lost, whatever documents are called and whoever else anchors them, and one bad path is
 * the matter of that path alone. A FakeNode behind a real server, real folders.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { hex0x, utf8 } from "../../../src/base/bytes.ts";
import { EXIT, type Finished } from "../../../src/cli/exit.ts";
import { Output } from "../../../src/cli/output.ts";
import { addFiles } from "../../../src/cli/tx/anchor-add.ts";
import { hashDocument } from "../../../src/cli/tx/documents.ts";
import { sha256 } from "../../../src/crypto/hash.ts";
import { verifyReceipt } from "../../../src/sdk/verify.ts";
import { alice, bob, chainRef, type FakeNode, genesisText } from "../../rpc/fake-node.ts";
import { serve } from "../../rpc/serve.ts";
import { json, quorate } from "../running.ts";

const SEED = hex0x(sha256(utf8("rpc test alice")));

let dir: string;
let genesis: string;
let receipts: string;
let node: FakeNode;
let url: string;
const cwd = process.cwd();

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "quorate-anchor-"));
  mkdirSync(join(dir, "here"));
  process.chdir(join(dir, "here"));
  genesis = join(dir, "genesis.json");
  receipts = join(dir, "receipts");
  writeFileSync(genesis, genesisText);
  ({ node, url } = await serve());
});
afterEach(() => {
  process.chdir(cwd);
  rmSync(dir, { recursive: true });
});

/** Runs it while blocks are made. */
async function add(files: readonly string[], ...more: readonly string[]) {
  let isDone = false;
  const ended = json(
    "anchor",
    "add",
    ...files,
    "--from",
    SEED,
    "--out",
    receipts,
    "--rpc",
    url,
    ...more,
  ).finally(() => {
    isDone = true;
  });
  while (!isDone) {
    if (node.pooled.length > 0) await node.commit();
    await new Promise((resolve) => setTimeout(resolve, 1)); // between two looks at the pool
  }
  const { code, value } = await ended;
  return { code, files: value.files as Record<string, unknown>[], error: value.error };
}

const verify = async (...files: readonly string[]) =>
  (await json("anchor", "verify", ...files, "--receipts", receipts, "--genesis", genesis)).value as {
    files: Record<string, unknown>[];
    skipped?: unknown[];
  };
const validity = async (...files: readonly string[]) =>
  (await verify(...files)).files.map(({ valid }) => valid);
const saved = () => readdirSync(receipts).filter((name) => name.endsWith(".receipt.json"));

async function anchorByBob(content: string): Promise<void> {
  const digest = sha256(utf8(content));
  const nonce = node.account(bob.address).pendingNonce;
  node.submit(bob.anchor({ chain: chainRef, nonce, digest }).bytes);
  await node.commit();
}

/** As the command does, with files that this user may not open. */
async function addUnreadable(files: readonly string[], unreadable: readonly string[]) {
  const refusing = async () => {
    throw Object.assign(new Error("EACCES: permission denied"), { code: "EACCES", syscall: "open" });
  };
  let said = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    said += String(chunk);
    return true;
  });
  const options = { rpc: [url], from: SEED, out: receipts, genesis, dir, devnet: dir };
  const hash = (file: string) =>
    unreadable.includes(file) ? hashDocument(file, refusing) : hashDocument(file);
  let isDone = false;
  const ended = addFiles(new Output({ json: true }), options, files, hash).then(
    () => EXIT.ok,
    (error: unknown) => (error as Finished).exitCode,
  );
  void ended.then(() => {
    isDone = true;
  });
  while (!isDone) {
    if (node.pooled.length > 0) await node.commit();
    await new Promise((resolve) => setTimeout(resolve, 1)); // between two looks at the pool
  }
  write.mockRestore();
  return { code: await ended, files: JSON.parse(said).files as Record<string, unknown>[] };
}

describe("a file that this user may not open", () => {
  it("is answered for by itself: the others are anchored, and a repeat says the same", async () => {
    for (const name of ["a", "secret", "b"]) writeFileSync(name, name);
    const refused = {
      file: "secret",
      status: "failed",
      reason: "this user may not read or write there (EACCES)",
    };
    const first = await addUnreadable(["a", "secret", "b"], ["secret"]);
    expect(first).toMatchObject({
      code: 1,
      files: [{ status: "anchored" }, refused, { status: "anchored" }],
    });
    expect(await validity("a", "b")).toEqual([true, true]);
    const again = await addUnreadable(["a", "secret", "b"], ["secret"]);
    expect(again).toMatchObject({ code: 1, files: [{ status: "already" }, refused, { status: "already" }] });
    expect((await add(["secret"])).files).toMatchObject([{ status: "anchored" }]);
  });

  it("alone sends nothing, and is bad input", async () => {
    writeFileSync("secret", "secret");
    expect(await addUnreadable(["secret"], ["secret"])).toMatchObject({
      code: 2,
      files: [{ status: "failed" }],
    });
    expect(node.pooled).toEqual([]);
  });
});

describe("a receipt", () => {
  it("proves the anchor of the account that asked for it, though another came first", async () => {
    await anchorByBob("contract");
    writeFileSync("contract", "contract");
    expect(await add(["contract"], "--memo", "mine")).toMatchObject({ code: 0 });
    expect((await verify("contract")).files[0]).toMatchObject({
      valid: true,
      sender: alice.addressHex,
      memo: "mine",
    });
    // Without the receipt the state still proves one's own.
    rmSync(receipts, { recursive: true });
    const { files } = await add(["contract"]);
    expect(files[0]).toMatchObject({ status: "already", txHash: null, blockHeight: 2 });
    const text = readFileSync(files[0]!.receipt as string, "utf8");
    expect(JSON.parse(text)).toMatchObject({ format: 3, evidence: { sender: alice.addressHex } });
    expect(verifyReceipt({ receipt: text, genesis: genesisText })).toMatchObject({
      valid: true,
      sender: alice.addressHex,
      height: 2,
      memo: "mine",
    });
    const { evidence, ...rest } = JSON.parse(text);
    const foreign = { ...rest, evidence: { ...evidence, sender: bob.addressHex } };
    expect(verifyReceipt({ receipt: foreign, genesis: genesisText })).toMatchObject({ valid: false });
  });

  it("is not written again while it verifies, and not lost when it does not", async () => {
    writeFileSync("a", "a");
    const first = (await add(["a"])).files[0]!.receipt as string;
    const text = readFileSync(first, "utf8");
    await anchorByBob("a");
    expect((await add(["a"])).files[0]).toMatchObject({ status: "already", receipt: first });
    expect(readFileSync(first, "utf8")).toBe(text);
    writeFileSync(first, text.slice(0, -9));
    expect((await add(["a"])).files[0]!.receipt).not.toBe(first);
    expect(saved()).toHaveLength(2);
    expect(await validity("a")).toEqual([true]);
  });

  it("of yesterday's content stays when the name has another content today", async () => {
    writeFileSync("log.1", "yesterday");
    await add(["log.1"]);
    renameSync("log.1", "log.2");
    writeFileSync("log.1", "today");
    const changed = await verify("log.1");
    expect(changed.files[0]!.reason).toMatch(/the document differs/);
    await add(["log.1"]);
    expect(await validity("log.1", "log.2")).toEqual([true, true]);
  });

  it("is found by content: equal names in other folders, steps up and swapped names do not meet", async () => {
    writeFileSync("../x", "above");
    mkdirSync("__");
    writeFileSync("__/x", "below");
    await add(["../x", "__/x"]);
    expect(await validity("../x", "__/x")).toEqual([true, true]);
    renameSync("../x", "../y");
    renameSync("__/x", "../x");
    renameSync("../y", "__/x");
    expect(await validity("../x", "__/x")).toEqual([true, true]);
  });

  it("of an older folder, under the path of its document, is read and kept", async () => {
    writeFileSync("a", "a");
    const path = (await add(["a"])).files[0]!.receipt as string;
    mkdirSync(join(receipts, "deep"));
    renameSync(path, join(receipts, "deep", "a.receipt.json"));
    writeFileSync(join(receipts, "bad.receipt.json"), "[]");
    const { files, skipped } = await verify("a");
    expect(files[0]).toMatchObject({ valid: true });
    expect(skipped).toEqual([{ path: join(receipts, "bad.receipt.json"), reason: "not a receipt" }]);
    expect((await add(["a"])).files[0]).toMatchObject({ receipt: join(receipts, "deep", "a.receipt.json") });
  });

  it("says that a new memo is not on the chain", async () => {
    writeFileSync("a", "a");
    await add(["a"], "--memo", "old");
    const again = ["anchor", "add", "a", "--from", SEED, "--out", receipts, "--rpc", url];
    const { code, stderr } = await quorate(...again, "--memo", "new");
    expect(code).toBe(0);
    expect(stderr).toContain('a: anchored before with the memo "old"; the new one is not on the chain');
  });
});

describe("one bad path among the files to anchor", () => {
  it("is answered for by itself, and the others are anchored", async () => {
    writeFileSync("good", "good");
    writeFileSync("y".repeat(250), "long name");
    symlinkSync("circle", "circle");
    symlinkSync("nothing", "dangling");
    const bad = ["none", "good/below", "circle", "dangling", "."];
    const { code, files } = await add(["none", "good", ...bad.slice(1), "y".repeat(250)]);
    expect(code).toBe(1);
    expect(files.map(({ status }) => status)).toEqual([
      ...["failed", "anchored", "failed", "failed", "failed", "failed", "anchored"],
    ]);
    expect(files.filter(({ reason }) => reason !== undefined)).toHaveLength(5);
    expect(await validity("good", "none", "circle", "y".repeat(250))).toEqual([true, false, false, true]);
  });

  it("alone sends nothing", async () => {
    expect(await add(["none"])).toMatchObject({ code: 2, files: [{ status: "failed" }] });
    expect(node.submitted).toBe(0);
  });

  it("of the output is found before anything is sent", async () => {
    writeFileSync("a", "a");
    writeFileSync(receipts, "a file");
    const { code, error } = await add(["a"]).catch((thrown) => thrown);
    expect(code).toBe(2);
    expect(error.message).toContain("a file is in the way");
    expect(node.submitted).toBe(0);
  });
});

describe("an account that others send from too", () => {
  it("gets all its documents anchored, and no receipt of another's transaction", async () => {
    for (const name of ["a", "b", "c"]) writeFileSync(name, name);
    let intruded = false;
    const { submit } = node;
    node.submit = (bytes) => {
      // Another process takes the first nonce.
      if (!intruded) {
        intruded = true;
        submit.call(node, alice.transfer({ chain: chainRef, nonce: 0, to: bob.address, amount: 1n }).bytes);
      }
      return submit.call(node, bytes);
    };
    const { code, files } = await add(["a", "b", "c"]);
    expect(code).toBe(0);
    expect(files.map(({ status }) => status)).toEqual(["anchored", "anchored", "anchored"]);
    expect(await validity("a", "b", "c")).toEqual([true, true, true]);
  });

  it("keeps what it has when a folder is copied", async () => {
    writeFileSync("a", "a");
    await add(["a"]);
    cpSync(receipts, `${receipts}-copy`, { recursive: true });
    rmSync(receipts, { recursive: true });
    renameSync(`${receipts}-copy`, receipts);
    expect((await add(["a"])).files[0]).toMatchObject({ status: "already" });
    expect(saved()).toHaveLength(1);
  });
});
