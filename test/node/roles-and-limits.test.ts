/**
 * Goal: where genesis names roles, whoever has none gets nothing into pool or block, an admin and the validators change that, and no
 * chain without roles is another one by it; limits change by votes from an epoch on, within what genesis allows.
 */
import { afterEach, describe, expect, it } from "vitest";
import { EMPTY } from "../../src/base/bytes.ts";
import { formatGenesis, parseGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { hashGenesis } from "../../src/chain/genesis/genesis-hash.ts";
import { applyChange, type Change } from "../../src/chain/governance/change.ts";
import { genesisGovernance } from "../../src/chain/governance/governance-state.ts";
import { hasRole } from "../../src/chain/governance/roles.ts";
import { readAccount } from "../../src/chain/modules/accounts.ts";
import { gov } from "../../src/chain/modules/gov.ts";
import { signTransaction } from "../../src/chain/types/transaction.ts";
import { EpochNet, type EpochNetOptions } from "../../src/tools/sim/epochs/epoch-net.ts";

let net: EpochNet;
afterEach(() => net.cluster.stop());

function start(options: Partial<EpochNetOptions> = {}): void {
  net = new EpochNet({ seed: 1, nodes: 4, members: 4, signatures: "ed25519", ...options });
  net.start();
}

const address = (account: number) => net.world.plan.accounts[account]!.address;
const nonceOf = (account: number) =>
  readAccount(net.cluster.replica(0)!.chain.committed, address(account))?.nonce;
const submit = (envelope: Uint8Array, node = 0) => net.cluster.replica(node)!.submit(envelope);
const codeOf = (envelope: Uint8Array) => {
  const verdict = submit(envelope);
  return verdict.ok ? "taken" : verdict.fault.code;
};
const transfer = (from: number, nonce: bigint, fee = 0n) => net.world.transfer(from, 3, 1n, nonce, fee).bytes;

/** A proposal by an account that is no validator's. */
function propose(from: number, nonce: bigint, change: Change): Uint8Array {
  const payload = gov.encodeCall({ kind: "propose", change, isForced: false, note: EMPTY });
  const { chainId } = net.world.genesis;
  const fields = { chainId, nonce, fee: 0n, validUntilHeight: 0n, module: gov.id, payload };
  return signTransaction(fields, net.world.accounts[from]!, net.world.genesisHash).bytes;
}

const isSettled = (account: number, nonce: bigint) => () => nonceOf(account) === nonce;

describe("roles of accounts", () => {
  it("keep transactions of whoever has none out of pool and blocks, and anybody in where genesis names none", async () => {
    start({ roles: { senders: [0], admins: [1] } });
    await net.until(() => net.height(0) >= 1n, 20_000);
    expect(codeOf(transfer(0, 0n))).toBe("taken");
    const refused = submit(transfer(2, 0n));
    expect(refused).toMatchObject({ ok: false, fault: { code: "TX_SENDER_NOT_ALLOWED" } });
    expect(refused.ok ? "" : refused.fault.detail).toContain("quorate gov propose grant");
    expect(await net.until(isSettled(0, 1n), 20_000)).toBe(true);
    // An admin is no sender of genesis, and may send all the same: it pays for what it administers.
    expect(codeOf(transfer(1, 0n))).toBe("taken");
  });

  it("are judged in a block as in the pool: one that holds a transaction of whoever has none is invalid", async () => {
    start({ roles: { senders: [0], admins: [] } });
    await net.until(() => net.height(0) >= 1n, 20_000);
    const { chain } = net.cluster.replica(0)!;
    const proposal = { timeMs: chain.head.summary.timeMs + 1n, proposer: 0 };
    const { value: judged } = chain.readAtHead((view, parent) =>
      [0, 2].map((from) => chain.rehearse({ view, parent }, proposal, net.world.transfer(from, 3, 1n, 0n))),
    );
    expect(judged).toMatchObject([{ ok: true }, { ok: false, fault: { code: "TX_SENDER_NOT_ALLOWED" } }]);
  });

  it("are given and taken by an admin alone, from the next block on, and dropped from the pool with the role", async () => {
    start({ roles: { senders: [0], admins: [1] } });
    await net.until(() => net.height(0) >= 1n, 20_000);
    expect(codeOf(propose(1, 0n, { kind: "grant", account: address(2), role: "sender" }))).toBe("taken");
    expect(await net.until(isSettled(1, 1n), 20_000)).toBe(true);
    expect(hasRole(net.governance.roles!, address(2), "sender")).toBe(true);
    expect(codeOf(transfer(2, 0n))).toBe("taken");
    expect(await net.until(isSettled(2, 1n), 20_000)).toBe(true);
    // What waits behind a gap when the role goes is dropped.
    expect(codeOf(transfer(2, 5n))).toBe("taken");
    expect(codeOf(propose(1, 1n, { kind: "revoke", account: address(2), role: "sender" }))).toBe("taken");
    expect(await net.until(isSettled(1, 2n), 20_000)).toBe(true);
    expect(net.cluster.replica(0)!.pool.size).toBe(0);
    expect(codeOf(transfer(2, 1n))).toBe("TX_SENDER_NOT_ALLOWED");
    // Admins make no admins, and who has no role is no admin.
    expect(codeOf(propose(1, 2n, { kind: "grant", account: address(2), role: "admin" }))).toBe("taken");
    expect(codeOf(propose(0, 0n, { kind: "grant", account: address(2), role: "sender" }))).toBe("taken");
    expect(await net.until(isSettled(0, 1n), 20_000)).toBe(true);
    expect(net.governance.roles!.some(({ bits }) => bits === 2)).toBe(true);
    expect(hasRole(net.governance.roles!, address(2), "admin")).toBe(false);
    expect(hasRole(net.governance.roles!, address(2), "sender")).toBe(false);
  });

  it("are changed by the validators' votes too, who may always send", async () => {
    start({ roles: { senders: [], admins: [] } });
    await net.until(() => net.height(0) >= 1n, 20_000);
    expect(await net.decide({ kind: "grant", account: address(2), role: "admin" }, [0, 1, 2])).toBe(true);
    expect(hasRole(net.governance.roles!, address(2), "admin")).toBe(true);
  });

  it("are part of genesis and of its hash, need votes, and leave a genesis without them as it was", () => {
    start({ roles: { senders: [0], admins: [1] } });
    const { genesis } = net.world;
    const read = parseGenesis(formatGenesis(genesis));
    expect(read.ok && read.value.genesis.roles).toEqual(genesis.roles);
    const { roles, ...without } = genesis;
    expect(roles).toHaveLength(2);
    expect(hashGenesis(without)).not.toEqual(hashGenesis(genesis));
    expect(formatGenesis(without)).not.toContain("roles");
    const { epochLength: _, ...fixed } = genesis.consensus;
    const unfit = parseGenesis(formatGenesis({ ...genesis, consensus: fixed }));
    expect(unfit.ok ? "" : unfit.fault.detail).toContain("roles: nobody could change them without votes");
  });
});

describe("limits that a vote may change", () => {
  it("hold from the next epoch on: cheaper transactions leave the pool and are refused, blocks hold less", async () => {
    start();
    await net.until(() => net.height(0) >= 1n, 20_000);
    expect(await net.decide({ kind: "set", parameter: "minFee", value: 5 }, [0, 1, 2])).toBe(true);
    expect(await net.decide({ kind: "set", parameter: "maxBlockTransactions", value: 2 }, [0, 1, 2])).toBe(
      true,
    );
    expect(codeOf(transfer(0, 0n))).toBe("taken");
    const { lastHeight } = net.governance;
    expect(await net.until(() => net.height(0) > lastHeight, 30_000)).toBe(true);
    expect(net.governance.parameters.limits).toEqual({
      minFee: 5n,
      maxBlockTransactions: 2,
      maxBlockBytes: 1_048_576,
    });
    expect(codeOf(transfer(0, 1n, 4n))).toBe("TX_FEE_TOO_LOW");
    for (let i = 1n; i <= 5n; i++) expect(codeOf(transfer(0, i, 5n))).toBe("taken");
    expect(await net.until(isSettled(0, 6n), 30_000)).toBe(true);
    const { chain } = net.first;
    for (let h = lastHeight + 1n; h <= chain.head.summary.height; h++)
      expect(chain.sealedBlockAt(h)!.block.summary.txCount).toBeLessThanOrEqual(2);
    // A node that starts now finds them in its database.
    net.cluster.crash(1);
    net.cluster.start(1);
    expect(await net.until(() => net.height(1) >= chain.head.summary.height, 30_000)).toBe(true);
  });

  it("stay within what genesis allows, and the least fee grows by a factor of ten at most", () => {
    net = new EpochNet({ seed: 1, nodes: 4, members: 4, limits: { minFee: 3n } });
    const { consensus, limits, validators } = net.world.genesis;
    const governance = genesisGovernance(consensus, validators)!;
    const set = (parameter: "minFee" | "maxBlockTransactions" | "maxBlockBytes", value: number) => {
      const applied = applyChange(governance, { kind: "set", parameter, value }, { ...consensus, limits });
      return applied.ok ? "fits" : applied.fault.detail;
    };
    expect(set("minFee", 30)).toBe("fits");
    expect(set("minFee", 31)).toBe("minFee: 31 is not from 1 to 30");
    expect(set("minFee", 0)).toContain("is not from 1 to 30");
    expect(set("maxBlockTransactions", 5_000)).toBe("fits");
    expect(set("maxBlockTransactions", 5_001)).toContain("is not from 1 to 5000");
    expect(set("maxBlockTransactions", 0)).toContain("is not from 1 to 5000");
    expect(set("maxBlockBytes", 16_383)).toContain("is not from 16384 to 1048576");
    expect(set("maxBlockBytes", 16_384)).toBe("fits");
  });
});
