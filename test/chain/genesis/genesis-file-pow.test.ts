/**
 * Goal: a genesis of a mined chain is accepted exactly when its parameters can be lived with, and the shipped files
 * are what their profiles say. Method: the shipped files with one thing changed at a time.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { encodeGenesis } from "../../../src/chain/genesis/genesis.ts";
import { formatGenesis, parseGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { workOf } from "../../../src/chain/types/target.ts";
import { devMining } from "../../../src/node/home/mining-profiles.ts";
import {
  MINED_DEVNET,
  MINED_NETWORKS,
  planMinedNetwork,
  secretsFromSeed,
} from "../../../src/node/home/network-plan.ts";

const PROFILES = ["dev", "bitcoin", "regtest"] as const;

function shipped(profile: (typeof PROFILES)[number]): string {
  return readFileSync(new URL(`../../../genesis/pow-${profile}.json`, import.meta.url), "utf8");
}

// biome-ignore lint/suspicious/noExplicitAny: the tests break the file on purpose
type File = any;

function refusal(change: (file: File) => void, profile: (typeof PROFILES)[number] = "dev"): string {
  const file = JSON.parse(shipped(profile));
  change(file);
  const verdict = parseGenesis(JSON.stringify(file));
  return verdict.ok ? "accepted" : `${verdict.fault.code}: ${verdict.fault.detail}`;
}

test.each(PROFILES)(
  "the shipped genesis of profile %s is what its profile makes, without a warning",
  (profile) => {
    const { genesis } = planMinedNetwork(MINED_NETWORKS[profile], secretsFromSeed("dev"));
    expect(shipped(profile)).toBe(formatGenesis(genesis));
    const verdict = parseGenesis(shipped(profile));
    expect(verdict.ok && verdict.value.warnings).toEqual([]);
    expect(verdict.ok && formatGenesis(verdict.value.genesis)).toBe(shipped(profile));
  },
);

test("no two shipped chains are the same", () => {
  const texts = PROFILES.map((profile) => {
    const verdict = parseGenesis(shipped(profile));
    return verdict.ok ? Buffer.from(encodeGenesis(verdict.value.genesis)).toString("hex") : "";
  });
  expect(new Set(texts).size).toBe(PROFILES.length);
});

test("a dev chain of any spacing starts as easy a second as the shipped one", () => {
  expect(workOf(devMining(5).startBits)).toBe(2n ** 20n - 1n);
  for (const spacing of [1, 2, 3, 10, 60, 600]) {
    const parameters = devMining(spacing);
    expect(Number(workOf(parameters.startBits)) / (spacing * 2 ** 20)).toBeCloseTo(0.2, 3);
    const { genesis } = planMinedNetwork({ ...MINED_DEVNET, consensus: parameters }, secretsFromSeed("dev"));
    expect(parseGenesis(formatGenesis(genesis)).ok).toBe(true);
  }
});

test("a plan of miners follows from the seed, and its genesis names none of them", () => {
  const [one, same, other] = ["a", "a", "b"].map((seed) =>
    planMinedNetwork(MINED_DEVNET, secretsFromSeed(seed)),
  );
  expect(same).toEqual(one);
  expect(other!.miners[0]!.publicKey).not.toEqual(one!.miners[0]!.publicKey);
  expect(one!.miners.map(({ name }) => name)).toEqual(["node0", "node1", "node2"]);
  expect(new Set(one!.miners.map(({ peerId }) => peerId)).size).toBe(3);
  expect(one!.genesis.validators).toEqual([]);
});

describe("the reader of a mined chain's genesis file refuses", () => {
  const consensus = (fields: object) => (file: File) => Object.assign(file.consensus, fields);
  const cases: readonly [string, (file: File) => void, string][] = [
    [
      "bits as a number",
      consensus({ startBits: 0x1e100000 }),
      'consensus.startBits: expected compact bits: "0x" and 8 hex digits',
    ],
    [
      "a negative target",
      consensus({ powLimitBits: "0x1e900000" }),
      "consensus.powLimitBits: bits 1e900000 are a negative",
    ],
    [
      "a target of 0",
      consensus({ startBits: "0x1e000000" }),
      "consensus.startBits: bits 1e000000 are a target of 0",
    ],
    [
      "a target beyond 256 bits",
      consensus({ powLimitBits: "0x227fffff" }),
      "bits 227fffff are a number of more than 256 bits",
    ],
    [
      "a start easier than the limit",
      consensus({ startBits: "0x1f100000" }),
      "consensus.startBits: bits 1f100000 are an easier target than the limit 1e100000",
    ],
    [
      "a limit in another form than the canonical one",
      consensus({ powLimitBits: "0x1f001000" }),
      "consensus.powLimitBits: 0x1f001000 is not how its target is written; write 0x1e100000",
    ],
    [
      "a start in another form than the canonical one",
      consensus({ startBits: "0x1e000100" }),
      "consensus.startBits: 0x1e000100 is not how its target is written; write 0x1d010000",
    ],
    ["a spacing of 0", consensus({ spacing: 0 }), "consensus.spacing: expected an integer from 1 to"],
    [
      "a future limit above a tenth of the halflife",
      consensus({ futureLimit: 31 }),
      "consensus.futureLimit: 31 s, at most a tenth of the halflife of 300 s is safe",
    ],
    ["an unknown retarget", consensus({ retarget: { rule: "lwma" } }), "consensus.retarget"],
    [
      "a field of another retarget",
      consensus({ retarget: { rule: "fixed", halflife: 300 } }),
      "consensus.retarget.halflife: unknown key",
    ],
    [
      "a retarget without its field",
      consensus({ retarget: { rule: "bitcoin", interval: 2016 } }),
      "consensus.retarget.timewarpGuard: expected true or false, found nothing",
    ],
    [
      "more money than may exist",
      consensus({ subsidy: "50000000000000", halvingInterval: 1_000_000 }),
      "consensus.subsidy: accounts hold 10000000 and blocks will mint",
    ],
    ["a maturity of 0", consensus({ maturity: 0 }), "consensus.maturity: expected an integer from 1 to"],
    ["a field of another consensus", consensus({ logWindow: 32 }), "consensus.logWindow: unknown key"],
    [
      "validators",
      (file) => file.validators.push(validator()),
      "validators: 1 of them, but nobody votes here; leave the list empty",
    ],
  ];
  test.each(cases)("%s", (_, change, expected) => {
    expect(refusal(change)).toContain(expected);
  });

  test("a public chain whose full blocks could not be checked in time", () => {
    const spacing = consensus({ spacing: 10 });
    expect(refusal(spacing, "bitcoin")).toContain(
      "limits.maxBlockTransactions: 5000 signatures can take longer to check than a quarter of the spacing of 10 s; at most 1666",
    );
    expect(refusal(spacing, "regtest")).toBe("accepted");
  });
});

function validator(): unknown {
  const file = JSON.parse(readFileSync(new URL("../../../genesis/pbft-dev.json", import.meta.url), "utf8"));
  return file.validators[0];
}
