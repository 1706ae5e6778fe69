/** The chain of a remote node is remembered at its first use, and another one gets no signature. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { asHash, showHash } from "../../src/base/bytes.ts";
import { formatGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { CliError } from "../../src/cli/exit.ts";
import { checkKnownChain, KNOWN_CHAINS_MAX, knownChainsPath } from "../../src/cli/tx/known-chains.ts";
import { signingChain } from "../../src/cli/tx/signing-chain.ts";
import type { Client } from "../../src/sdk/client.ts";
import { openGenesis } from "../../src/sdk/trusted-genesis.ts";
import { genesis, genesisHash, genesisText } from "../rpc/fake-node.ts";

const URL_ = "https://node.example:8545";
const [A, B] = [`0x${"aa".repeat(32)}`, `0x${"bb".repeat(32)}`];

let dir: string;
let path: string;
let said: string[];
const out = {
  note: (text: unknown) => void said.push(`${text}`),
  warn: (text: unknown) => void said.push(`${text}`),
};
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "quorate-known-"));
  path = join(dir, "config", "known_chains.json");
  said = [];
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true });
});

const check = (url: string, hash: string) => checkKnownChain(out, { url, hash, path });
const refusal = (checking: Promise<unknown>) =>
  checking.then(
    () => undefined,
    (error: unknown) => (error instanceof CliError ? error : Promise.reject(error)),
  );

describe("the chain of a remote node", () => {
  it("is remembered at the first use, which is said, and compared at the next", async () => {
    await check(URL_, A);
    expect(said.join()).toContain(`first use of ${URL_}`);
    expect(said.join()).toContain(path);
    await check(`${URL_}/`, A);
    expect(said).toHaveLength(1);
    const error = await refusal(check(URL_, B));
    expect(error?.code).toBe("GENESIS_CHANGED");
    for (const part of [A, B, path, "--genesis", "Nothing was signed"])
      expect(error?.message).toContain(part);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ [URL_]: A });
  });

  it("is not remembered with what may be a secret in its URL, and not at all for this machine", async () => {
    await check("https://user:secret@node.example:8545/rpc/?key=secret#x", A);
    expect(readFileSync(path, "utf8")).not.toContain("secret");
    rmSync(path);
    for (const host of ["127.0.0.1", "127.8.8.8", "[::1]", "localhost", "a.localhost"]) {
      await check(`http://${host}:8545`, A);
      await check(`http://${host}:8545`, B);
    }
    expect(() => readFileSync(path)).toThrow("ENOENT");
    await check("http://127.0.0.1.example", A);
    expect(await refusal(check("http://127.0.0.1.example", B))).toBeDefined();
  });

  it("is one of a bounded number, the one used first longest ago is forgotten", async () => {
    await check(URL_, A);
    const full = Array.from({ length: KNOWN_CHAINS_MAX }, (_, i) => [`http://n${i}.example`, A] as const);
    writeFileSync(path, JSON.stringify(Object.fromEntries(full)));
    await check(URL_, B);
    const kept = Object.keys(JSON.parse(readFileSync(path, "utf8")) as object);
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([KNOWN_CHAINS_MAX, "http://n1.example", URL_]);
  });

  it("is not overwritten where the file is damaged, which names the file", async () => {
    await check(URL_, A);
    for (const damaged of ['{"a":', "[]", '{"a":1}', "null"]) {
      writeFileSync(path, damaged);
      expect((await refusal(check(URL_, B)))?.message).toContain(path);
      expect(readFileSync(path, "utf8")).toBe(damaged);
    }
  });

  it("costs a warning and no more where it cannot be remembered", async () => {
    writeFileSync(join(dir, "config"), "a file where the folder would be");
    path = join(dir, "config", "sub", "known_chains.json");
    await check(URL_, A);
    expect(said.join()).toContain("could not be remembered");
  });

  it("stands in the user's folder of configuration", () => {
    expect(knownChainsPath({ XDG_CONFIG_HOME: "/c" })).toBe("/c/quorate/known_chains.json");
    expect(knownChainsPath({})).toMatch(/\.config\/quorate\/known_chains\.json$/);
  });
});

/** A node that tells of a genesis and gives it. */
function clientOf(text: string): Pick<Client, "chain" | "call" | "url"> {
  const opened = openGenesis(text);
  if (!opened.ok) throw new Error(opened.fault.detail);
  const chain = { chainId: genesis.chainId, genesisHash: opened.value.genesisHash };
  return {
    url: URL_,
    chain: async () => chain,
    call: (async () => ({ genesis: JSON.parse(text) as unknown })) as unknown as Client["call"],
  };
}

it("a remote node that tells of another chain than at its first use gets nothing signed", async () => {
  vi.stubEnv("XDG_CONFIG_HOME", dir);
  const other = formatGenesis({ ...genesis, limits: { ...genesis.limits, minFee: 900n } });
  const place = { dir: join(dir, "home"), devnet: join(dir, "none") };
  const signing = await signingChain(out, clientOf(genesisText), place);
  expect(showHash(signing.trusted.genesisHash)).toBe(showHash(genesisHash));
  expect((await refusal(signingChain(out, clientOf(other), place)))?.code).toBe("GENESIS_CHANGED");
  // A file that the user names says more than what was remembered.
  const file = join(dir, "genesis.json");
  writeFileSync(file, other);
  expect((await signingChain(out, clientOf(other), { ...place, genesis: file })).fee).toBe(900n);
});

it("numbers of modules are those of genesis, and of what votes have added since as the node says", async () => {
  vi.stubEnv("XDG_CONFIG_HOME", dir);
  const version = { name: "registry", number: 16, version: 1, hash: asHash(new Uint8Array(32)) };
  const modules = { callUnitsMax: 1_000_000, unitsPerFee: 0n, list: [version] };
  const client = clientOf(formatGenesis({ ...genesis, modules }));
  const claimed = new Map([
    ["registry", 17],
    ["shop", 16],
    ["deeds", 18],
  ]);
  const { chain } = await signingChain(
    out,
    { ...client, chain: async () => ({ ...(await client.chain()), modules: claimed }) },
    { dir: join(dir, "home"), devnet: join(dir, "none") },
  );
  expect([...(chain.modules ?? [])].sort()).toEqual([
    ["deeds", 18],
    ["registry", 16],
  ]);
});
