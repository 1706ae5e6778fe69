/** What `explain` says of changes that were voted for and wait for the end of the epoch. */
import { expect, it } from "vitest";
import { asAddress, asHash } from "../../../src/base/bytes.ts";
import { describeMembers, membersStandingOf } from "../../../src/rpc/explain/explain-members.ts";

const bytes = (fill: number) => new Uint8Array(32).fill(fill);
const seat = (number: number, key = number) => ({
  name: `node${number}`,
  publicKey: asAddress(bytes(key)),
  account: asAddress(bytes(100 + number)),
  peerId: `peer${number}`,
});
const limits = { minFee: 1n, maxBlockTransactions: 5_000, maxBlockBytes: 1_000_000 };
const parameters = { epochLength: 64, rotationInterval: 4 };
const settled = {
  ...{ epoch: 3n, firstHeight: 97n, lastHeight: 128n, changed: 0, peers: [], parameters },
  ...{ members: [seat(0), seat(1)], nextMembers: [seat(0), seat(1)], nextParameters: parameters },
};
const shop = { number: 16, name: "shop", version: 1, hash: asHash(bytes(7)), since: 0n };

function linesOf(governance: object = {}, rules = 1, modules: readonly object[] = [shop]): string[] {
  const membership = {
    governance: () => ({ ...settled, ...governance }),
    rules: () => ({ current: 1, next: rules, nextFrom: 129n, known: 1 }),
    limits: () => limits,
    proposals: () => [],
    epoch: () => 3n,
    isCandidate: () => false,
    silentUntil: () => undefined,
  };
  const api = {
    membership: () => membership,
    head: () => ({ summary: { height: 120n } }),
    moduleVersions: { records: () => modules },
  };
  return describeMembers({ members: membersStandingOf(api as never) } as never);
}

it("explain tells of nothing but the end of the epoch where nothing waits for it", () => {
  expect(linesOf()).toEqual(["epoch 3 ends at height 128"]);
});

it("explain says of a seat whose key is rotated that it takes a new key, and not that it leaves and joins", () => {
  expect(linesOf({ nextMembers: [seat(0, 9), seat(1)] })).toEqual([
    "epoch 3 ends at height 128: node0 takes a new key, and needs the present one until then",
  ]);
  expect(linesOf({ nextMembers: [seat(0, 9), seat(2)] })).toEqual([
    "epoch 3 ends at height 128: node2 will join; node1 will leave, and is needed until then; node0 takes a new key, and needs the present one until then",
  ]);
});

it("explain tells of parameters, rules and modules that hold from the next epoch on, with what holds now", () => {
  const nextParameters = { epochLength: 128, rotationInterval: 4, limits: { ...limits, minFee: 5n } };
  const planned = { version: 2, hash: asHash(bytes(8)), since: 4n };
  const modules = [
    { ...shop, planned },
    { ...shop, number: 17, name: "notes", version: 0, planned: { ...planned, version: 1 } },
  ];
  expect(linesOf({ nextParameters }, 2, modules)).toEqual([
    "epoch 3 ends at height 128",
    "from height 129 on, by votes: epochLength 128 (64 now); minFee 5 (1 now); rules 2 (1 now); module shop 2 (1 now); module notes 1 (new)",
  ]);
  // A limit that was changed before and is taken back to what genesis names.
  const raised = { ...parameters, limits: { ...limits, minFee: 5n } };
  expect(linesOf({ parameters: raised, nextParameters: { ...parameters, limits } })).toContain(
    "from height 129 on, by votes: minFee 1 (5 now)",
  );
});
