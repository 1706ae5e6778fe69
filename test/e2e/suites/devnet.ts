/** Four real processes: final everywhere, through SIGKILL of one backup and of all four under load. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { hex } from "../../../src/base/bytes.ts";
import type { PbftParameters } from "../../../src/chain/genesis/consensus-parameters.ts";
import { validatorsOf } from "../../../src/chain/genesis/genesis.ts";
import { parseGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { computeGenesisHash } from "../../../src/chain/genesis/genesis-state.ts";
import { decodeRecord } from "../../../src/consensus/pbft/journal.ts";
import type { Wallet } from "../../../src/sdk/client.ts";
import { scanJournal } from "../../../src/storage/journal-format.ts";
import { EventLog } from "../event-log.ts";
import { commonHead, Load, sendFinal } from "../load.ts";
import { Devnet, quorate, until } from "../processes.ts";

const devnet = new Devnet(inject("devnet"));
const levelHead = () => commonHead(devnet);
const send = (node: number, from: Wallet, to: Wallet) => sendFinal(devnet, node, from, to);

const ALL = [0, 1, 2, 3];
/** Who is killed alone and twice during its recovery, besides all four at once: a backup of the first view. */
const VICTIM = 3;

interface AccountAnswer {
  readonly balance: string;
  readonly height: number;
}

/** Starts a dead node; resolves when it has opened its ledger and journal and begins to take part. */
async function recovering(node: number): Promise<{ readonly restarted: Promise<unknown> }> {
  const starts = () => devnet.log(node).split('"msg":"starting"').length;
  const before = starts();
  const restarted = devnet.act(node, "restart");
  await until(async () => starts() > before, `node${node} recovers`);
  return { restarted };
}

describe("a devnet of four validators", () => {
  it("makes a transfer sent to one node final on all, and each answer names its height", async () => {
    const alice = devnet.wallet("alice");
    const bob = devnet.wallet("bob");
    const before = await devnet.rpc<AccountAnswer>(0, "account_get", { address: bob.addressHex });
    await send(1, alice, bob);
    const { height } = await until(levelHead, "all level");
    for (const i of [0, 1, 2, 3]) {
      const account = await devnet.rpc<AccountAnswer>(i, "account_get", { address: bob.addressHex });
      expect(account).toMatchObject({ balance: String(BigInt(before.balance) + 1n), height });
    }
  });

  it("pays each of six equal payments from six processes at once, or says that it did not", async () => {
    const words = ["--from", "frank", "--to", "grace", "--amount", "7", "--wait", "final", "--json"];
    const balance = async () => {
      const address = devnet.wallet("grace").addressHex;
      return BigInt((await devnet.rpc<AccountAnswer>(0, "account_get", { address })).balance);
    };
    const before = await balance();
    const paying = ALL.concat(0, 1).map((node) =>
      quorate("tx", "transfer", ...words, "--rpc", devnet.rpcUrl(node), "--devnet", devnet.dir),
    );
    const outcomes = await Promise.all(paying);
    const said = outcomes.map(({ code, stdout }) => ({ code, ...JSON.parse(stdout) }));
    const paid = said.filter(({ code }) => code === 0);
    expect(paid.length).toBeGreaterThan(0);
    expect(new Set(paid.map(({ txHash }) => txHash)).size).toBe(paid.length);
    // Whoever lost its nonce to another pays with the next, is refused, or says that it may still happen: never "final".
    const open = said.filter(({ code }) => code === 5).map(({ error }) => error);
    expect(open.every(({ message }) => /may still happen: look with "quorate tx show 0x/.test(message))).toBe(
      true,
    );
    expect(said.filter(({ code }) => ![0, 3, 5].includes(code))).toEqual([]);
    await until(levelHead, "all level");
    const received = (await balance()) - before;
    const happened = await Promise.all(
      open.map(async ({ message }) => {
        const [txHash] = /0x[0-9a-f]{64}/.exec(message)!;
        const found = await devnet.rpc<{ status: string } | null>(0, "tx_get", { hash: txHash! });
        return found?.status === "final";
      }),
    );
    expect(received).toBe(7n * BigInt(paid.length + happened.filter(Boolean).length));
  });

  it("goes on without a killed backup, which catches up when it is restarted", async () => {
    const alice = devnet.wallet("alice");
    const bob = devnet.wallet("bob");
    expect(await devnet.control("kill", "3")).toMatchObject({ code: 0 });
    for (let i = 0; i < 5; i++) await send(i % 3, alice, bob);
    expect(await devnet.control("restart", "3")).toMatchObject({ code: 0 });
    const head = await until(levelHead, "all level");
    expect(head.height).toBeGreaterThanOrEqual(5);
  });

  it("loses nothing that was final through six kill -9 under load, and a reader of events misses and repeats none", async () => {
    const { height } = await until(levelHead, "all level");
    const log = new EventLog(devnet, height + 1, VICTIM);
    const load = new Load(devnet, ["carol", "dave", "erin"]);
    await load.grows(6);
    await devnet.act(VICTIM, "kill");
    await load.grows(6);
    const interrupted = await recovering(VICTIM);
    await Promise.all(ALL.map((i) => devnet.act(i, "kill")));
    await interrupted.restarted;
    const others = ALL.filter((i) => i !== VICTIM).map((i) => devnet.act(i, "restart"));
    const again = await recovering(VICTIM);
    await devnet.act(VICTIM, "kill");
    await Promise.all([...others, again.restarted]);
    await devnet.act(VICTIM, "restart");
    await load.grows(3);
    const promised = await load.end();
    await until(levelHead, "all level again");
    for (const i of [0, 1, 2, 3]) {
      for (const hash of promised)
        expect(await devnet.rpc(i, "tx_get", { hash })).toMatchObject({ status: "final" });
    }
    const { seen, held } = await log.compared(0);
    expect(held.length).toBeGreaterThanOrEqual(promised.length);
    expect(seen).toEqual(held);
  });

  it("holds no conflicting votes afterwards, and re-executes to the same state", async () => {
    expect(conflictingVotes(0, 1, 2, 3)).toEqual([]);
    await devnet.act(2, "kill");
    const verified = await quorate("verify", "--dir", join(devnet.dir, "node2"), "--json");
    expect(verified).toMatchObject({ code: 0 });
    await devnet.act(2, "restart");
    await until(levelHead, "all level again");
  });
});

/** Two votes of one validator for one place with different digests, in any journal. */
function conflictingVotes(...validators: readonly number[]): string[] {
  const genesisJson = readFileSync(join(devnet.dir, "genesis.json"), "utf8");
  const parsed = parseGenesis(genesisJson);
  if (!parsed.ok) throw new Error(parsed.fault.detail);
  const { genesis } = parsed.value;
  const conflicts: string[] = [];
  for (const self of validators) {
    const path = join(devnet.dir, `node${self}`, "data", "journal", "votes.log");
    const { records } = scanJournal(readFileSync(path));
    const votes = new Map<string, string>();
    const context = {
      self,
      limits: genesis.limits,
      genesisHash: computeGenesisHash(genesis),
      validators: validatorsOf(genesis),
      n: genesis.validators.length,
      logWindow: (genesis.consensus as PbftParameters).logWindow,
    };
    for (const record of records) {
      const decoded = decodeRecord(record, context);
      if (!("vote" in decoded)) continue;
      const { vote } = decoded;
      const phase = vote.type === "commit" ? "commit" : "prepare";
      const place = `node${self} ${phase} view ${vote.view} height ${vote.height}`;
      const digest = hex(vote.hash);
      if ((votes.get(place) ?? digest) !== digest) conflicts.push(place);
      votes.set(place, digest);
    }
  }
  return conflicts;
}
