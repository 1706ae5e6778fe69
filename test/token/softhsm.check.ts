/**
 * A key in a token of SoftHSM2, the real library: what is wrong with a token is named, a PIN is tried once, a lost session is
 * opened again. `npm run check:token`, apart from `npm test`: it needs SoftHSM2 and the package pkcs11js (docs/signer.md).
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { asHash, hex0x } from "../../src/base/bytes.ts";
import { formatGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { examineKeyPlace } from "../../src/cli/home/doctor-signer.ts";
import { signingBytes } from "../../src/consensus/pbft/messages.ts";
import { VoteGuard } from "../../src/consensus/pbft/vote-guard.ts";
import { verifySignature } from "../../src/crypto/keys.ts";
import { systemScheduler } from "../../src/node/assembly/system.ts";
import { startGuardedNode } from "../../src/node/guarded-node.ts";
import { loadConfig } from "../../src/node/home/config.ts";
import { createHome, openHome } from "../../src/node/home/home.ts";
import { keyOfSeed } from "../../src/node/home/key-file.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../src/node/home/network-plan.ts";
import { Pkcs11, type TokenError } from "../../src/node/signer/pkcs11-library.ts";
import { SignerDesk } from "../../src/node/signer/signer-desk.ts";
import { TokenKey, type TokenPin } from "../../src/node/signer/token-key.ts";
import { Client } from "../../src/sdk/client.ts";
import { MemoryRecordLog } from "../../src/storage/memory-log.ts";

const MODULES = [
  process.env.SOFTHSM2_MODULE ?? "",
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib64/softhsm/libsofthsm2.so",
  "/usr/local/lib/softhsm/libsofthsm2.so",
  "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];
const module = MODULES.find((path) => path !== "" && existsSync(path)) ?? "";
const absent = whatIsAbsent();

function whatIsAbsent(): string | undefined {
  try {
    createRequire(import.meta.url).resolve("pkcs11js");
  } catch {
    return "the package pkcs11js is not installed";
  }
  return module === "" ? "SoftHSM2 is not installed" : undefined;
}

if (absent !== undefined) throw new Error(`${absent}: docs/signer.md, "A walk with SoftHSM2", says how`);

describe("a key in a token of SoftHSM2", () => {
  const PIN = { value: "9876", mayRetry: false };
  const settings = { module, token: "validators", slot: undefined, label: "seat", id: "" };
  let dir: string;
  const before = process.env.SOFTHSM2_CONF;

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "quorate-token-"));
    mkdirSync(join(dir, "tokens"));
    const conf = join(dir, "softhsm2.conf");
    writeFileSync(
      conf,
      `directories.tokendir = ${dir}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n`,
    );
    process.env.SOFTHSM2_CONF = conf;
    const words = ["--init-token", "--free", "--label", "validators", "--so-pin", "1234", "--pin", PIN.value];
    execFileSync("softhsm2-util", words, { stdio: "ignore", timeout: 30_000 });
    const library = Pkcs11.open(module);
    const session = library.session(library.find(settings), true);
    session.login(PIN.value);
    session.generate("seat", Uint8Array.of(1, 2));
    otherCurve(session);
    session.close();
    library.close();
  });
  afterAll(() => {
    if (before === undefined) delete process.env.SOFTHSM2_CONF;
    else process.env.SOFTHSM2_CONF = before;
    rmSync(dir, { recursive: true, force: true });
  });

  const clock = { nowMs: 0, now: () => clock.nowMs, after: systemScheduler.after };
  const open = (over: object = {}, pin: TokenPin = PIN) =>
    TokenKey.open({ ...settings, ...over }, pin, { expected: undefined, scheduler: clock });
  const refusal = (over: object, pin?: TokenPin) =>
    open(over, pin).then(
      () => "opened",
      (error: TokenError) => `${error.code}: ${error.message}`,
    );

  it("signs as the key whose public half the token shows", async () => {
    const key = await open();
    const message = Uint8Array.of(1, 2, 3);
    expect(verifySignature(key.publicKey, message, await key.sign(message))).toBe(true);
    key.close();
    const byId = await open({ label: "", id: "0102" });
    expect(byId.publicKey).toEqual(key.publicKey);
    byId.close();
  });

  it("names what is wrong: module, token, key, curve, and a key that is another than it must be", async () => {
    expect(await refusal({ module: "/nowhere.so" })).toMatch(/^no-module: \/nowhere.so: there is no such/);
    expect(await refusal({ module: "/etc/passwd" })).toMatch(/^no-module: .*cannot be loaded/);
    expect(await refusal({ token: "other" })).toMatch(/^no-token: .*label "other"; there are "validators"/);
    expect(await refusal({ label: "chair" })).toMatch(
      /^no-key: .*label "chair"; there are .*"seat" \(id 0102\)/,
    );
    expect(await refusal({ label: "", id: "" })).toMatch(/^no-key: .*2 private keys, and none was named/);
    expect(await refusal({ label: "p256" })).toMatch(/^wrong-curve: .*"p256".*not of Ed25519/);
    const expected = keyOfSeed(new Uint8Array(32).fill(1)).publicKey;
    const wrong = TokenKey.open(settings, PIN, { expected, scheduler: clock });
    await expect(wrong).rejects.toMatchObject({ code: "wrong-key" });
  });

  it("is looked at by the doctor without its PIN", async () => {
    const key = await open();
    key.close();
    const examine = (over: object) =>
      examineKeyPlace(
        {} as never,
        {
          mode: "validator",
          token: { ...settings, pinFile: "", publicKey: key.publicKey, ...over },
        } as never,
      );
    const shown = hex0x(key.publicKey);
    expect(await examine({})).toEqual([
      {
        name: "token",
        ok: true,
        detail: `token "validators" is there; the key is ${shown}; the PIN was not tried`,
      },
    ]);
    const [other] = await examine({ publicKey: keyOfSeed(new Uint8Array(32).fill(3)).publicKey });
    expect(other).toMatchObject({ ok: false, detail: expect.stringContaining("config.toml names 0x") });
    const [away] = await examine({ token: "other" });
    expect(away).toMatchObject({ ok: false, detail: expect.stringContaining('label "other"') });
  });

  it("tries a wrong PIN once, and then no PIN by itself until somebody says so", async () => {
    expect(await refusal({}, { value: "0000", mayRetry: false })).toMatch(/^wrong-pin: /);
    expect(await refusal({}, PIN)).toMatch(/^pin-refused-before: .*--pin-retry/);
    (await open({}, { ...PIN, mayRetry: true })).close();
    expect(await refusal({}, PIN)).toBe("opened");
    endAll();
  });

  it("opens a session again that was lost, and asks no token that is away more often than it may", async () => {
    const key = await open();
    endAll();
    expect(await key.sign(Uint8Array.of(1))).toHaveLength(64);
    renameSync(join(dir, "tokens"), join(dir, "away"));
    mkdirSync(join(dir, "tokens"));
    endAll();
    await expect(key.sign(Uint8Array.of(2))).rejects.toMatchObject({ code: "no-token" });
    rmSync(join(dir, "tokens"), { recursive: true });
    renameSync(join(dir, "away"), join(dir, "tokens"));
    await expect(key.sign(Uint8Array.of(2))).rejects.toMatchObject({ code: "no-token" });
    clock.nowMs += 10_000;
    expect(await key.sign(Uint8Array.of(2))).toHaveLength(64);
    key.close();
    await expect(key.sign(Uint8Array.of(2))).rejects.toMatchObject({ code: "token-lost" });
  });

  it("serves a signer, whose journal refuses what contradicts and which outlives a token that is away", async () => {
    const key = await open();
    const genesisHash = asHash(new Uint8Array(32).fill(7));
    const { log: signed } = new MemoryRecordLog({ records: [] }).opened();
    const failures: unknown[] = [];
    const desk = new SignerDesk({
      ...{ signer: key, genesisHash, guard: new VoteGuard(genesisHash, []), signed },
      ...{ journal: new MemoryRecordLog({ records: [] }).opened(), log: { log: () => undefined } },
      fatal: (error) => failures.push(error),
    });
    const commit = (hash: number) =>
      signingBytes(genesisHash, {
        ...{ type: "commit", from: 1, epoch: 0n, view: 0n, height: 1n },
        hash: asHash(new Uint8Array(32).fill(hash)),
      });
    const first = await desk.sign(commit(1));
    expect(first.ok && verifySignature(key.publicKey, commit(1), first.value)).toBe(true);
    expect(await desk.sign(commit(2))).toMatchObject({ ok: false, fault: { code: "SIGNER_CONFLICT" } });
    key.close();
    expect(await desk.ready()).toMatchObject({ ok: false, fault: { code: "SIGNER_FAILED" } });
    expect(await desk.sign(commit(1))).toMatchObject({ ok: false, fault: { code: "SIGNER_FAILED" } });
    expect(failures).toEqual([]);
  });

  it("is a validator's: the node makes blocks with it, loses the session and goes on", async () => {
    const probe = await open();
    probe.close();
    const { publicKey } = probe;
    const plan = planNetwork({ ...DEVNET, validators: 1 }, secretsFromSeed("token"));
    const [planned] = plan.genesis.validators;
    const [member] = plan.validators;
    if (planned === undefined || member === undefined) throw new Error("one was planned");
    const home = join(dir, "home");
    createHome(home, {
      ...{ configText: 'mode = "validator"\n', peers: [] },
      genesisJson: formatGenesis({ ...plan.genesis, validators: [{ ...planned, publicKey }] }),
      ...{ nodeKey: keyOfSeed(member.nodeSeed), validatorKey: undefined },
    });
    const opened = openHome(home);
    const flags = {
      ...{ "rpc.port": "0", "p2p.port": "0", "p2p.host": "127.0.0.1", "log.level": "error" },
      ...{ "consensus.empty_blocks_ms": "10", "signer.public_key": hex0x(publicKey) },
      ...{
        "signer.pkcs11.module": module,
        "signer.pkcs11.token": "validators",
        "signer.pkcs11.label": "seat",
      },
    };
    const loaded = loadConfig({ environment: {}, file: 'mode = "validator"\n', flags });
    if (!opened.ok || !loaded.ok) throw new Error("a home and its configuration");
    const node = await startGuardedNode({ home: opened.value, config: loaded.value.config, pin: PIN });
    try {
      const reaches = (height: bigint) =>
        vi.waitFor(() => expect(node.height()).toBeGreaterThan(height), { timeout: 20_000, interval: 20 });
      await reaches(1n);
      endAll();
      await reaches(node.height() + 2n);
      const { details } = await new Client(node.rpcUrl).call("consensus_explain");
      expect(details.join("\n")).toContain('token "validators", key "seat"');
    } finally {
      await node.stop();
    }
  }, 60_000);

  /** Ends every session of this process, as a token does that is pulled out. */
  function endAll(): void {
    const { PKCS11 } = createRequire(import.meta.url)("pkcs11js");
    const other = new PKCS11();
    other.load(module);
    try {
      for (const slot of other.C_GetSlotList(true)) other.C_CloseAllSessions(slot);
    } catch {
      // nobody has it open
    }
  }

  /** A key that is not of Ed25519. */
  function otherCurve(session: object): void {
    const { PKCS11 } = createRequire(import.meta.url)("pkcs11js");
    const other = new PKCS11();
    other.load(module);
    void session;
    const [slot] = other.C_GetSlotList(true);
    const own = other.C_OpenSession(slot, 6);
    const shared = [
      { type: 1, value: true },
      { type: 3, value: "p256" },
      { type: 0x102, value: Buffer.of(9) },
    ];
    other.C_GenerateKeyPair(
      own,
      { mechanism: 0x1040, parameter: null },
      [...shared, { type: 0x180, value: Buffer.from("06082a8648ce3d030107", "hex") }],
      [...shared, { type: 0x108, value: true }],
    );
    other.C_CloseSession(own);
  }
});
