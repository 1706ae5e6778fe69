/**
 * Goal: genesis.json is accepted exactly when every field is right, and a refusal names the path, what was found and
 * what is expected. Method: the devnet's file with one thing changed at a time.
 */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hex0x } from "../../../src/base/bytes.ts";
import { MAIL_MESSAGE_BYTES_MAX, VALIDATORS_MAX } from "../../../src/base/limits.ts";
import { encodeGenesis } from "../../../src/chain/genesis/genesis.ts";
import { formatGenesis, parseGenesis } from "../../../src/chain/genesis/genesis-file.ts";
import { newViewBytesMax } from "../../../src/chain/types/view-change-size.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../../src/node/home/network-plan.ts";

const SHIPPED = readFileSync(new URL("../../../genesis/pbft-dev.json", import.meta.url), "utf8");
const WEAK_KEY = `0x01${"00".repeat(31)}`;

// biome-ignore lint/suspicious/noExplicitAny: the tests break the file on purpose
type File = any;

function changed(change: (file: File) => void): string {
  const file = JSON.parse(SHIPPED);
  change(file);
  return JSON.stringify(file);
}

function refusal(json: string): string {
  const verdict = parseGenesis(json);
  return verdict.ok ? "accepted" : `${verdict.fault.code}: ${verdict.fault.detail}`;
}

test("the shipped genesis is exactly what the devnet generates", () => {
  const { genesis } = planNetwork(DEVNET, secretsFromSeed("dev"));
  expect(SHIPPED).toBe(formatGenesis(genesis));
});

test("what is written reads back as the same genesis, without a warning", () => {
  const verdict = parseGenesis(SHIPPED);
  expect(verdict.ok && verdict.value.warnings).toEqual([]);
  expect(verdict.ok && formatGenesis(verdict.value.genesis)).toBe(SHIPPED);
});

test("decimal strings stand for integers, and the order of validators and accounts does not matter", () => {
  const json = changed((file) => {
    file.chainId = "31337";
    file.consensus.logWindow = "32";
    file.validators.reverse();
    file.accounts.reverse();
  });
  const [plain, other] = [parseGenesis(SHIPPED), parseGenesis(json)];
  expect(plain.ok && other.ok && hex0x(encodeGenesis(other.value.genesis))).toBe(
    plain.ok && hex0x(encodeGenesis(plain.value.genesis)),
  );
});

describe("the reader of a genesis file refuses", () => {
  const cases: readonly [string, (file: File) => void, string][] = [
    [
      "another format",
      (f) => (f.format = 2),
      "format: expected 1 (the only format this version reads), found 2",
    ],
    [
      "a missing field",
      (f) => delete f.chainId,
      "chainId: expected an integer from 1 to 9007199254740991, found nothing",
    ],
    ["an unknown key", (f) => (f.validater = []), 'validater: unknown key; did you mean "validators"?'],
    [
      "an unknown nested key",
      (f) => (f.limits.maxTxByte = 1),
      'limits.maxTxByte: unknown key; did you mean "maxTxBytes"?',
    ],
    [
      "an unknown key of a list's item",
      (f) => (f.validators[2].peerID = 1),
      'validators[2].peerID: unknown key; did you mean "peerId"?',
    ],
    [
      "a fraction",
      (f) => (f.consensus.logWindow = 1.5),
      "consensus.logWindow: expected an integer from 2 to 1024, found 1.5",
    ],
    ["an inexact number", (f) => (f.chainId = 2 ** 60), "write a decimal string"],
    [
      "an amount as a number",
      (f) => (f.accounts[0].balance = 5),
      'accounts[0].balance: expected a decimal string from "0" to "9223372036854775807", found 5',
    ],
    ["a negative amount", (f) => (f.accounts[0].balance = "-5"), 'found "-5"'],
    [
      "a short key",
      (f) => (f.validators[0].publicKey = "0x12"),
      'validators[0].publicKey: expected a consensus public key: 0x and 64 hex digits (32 bytes), found "0x12"',
    ],
    [
      "hex without 0x",
      (f) => (f.accounts[0].address = f.accounts[0].address.slice(2)),
      "accounts[0].address: expected an account",
    ],
    [
      "another consensus",
      (f) => (f.consensus.type = "raft"),
      'consensus.type: expected "pbft" or "pow", found "raft"',
    ],
    ["a list that is none", (f) => (f.validators = {}), "validators: expected a list, found an object"],
    ["an object that is none", (f) => (f.limits = null), "limits: expected an object, found null"],
    [
      "L not a multiple of K",
      (f) => (f.consensus.logWindow = 40),
      "consensus.logWindow: 40 is not a multiple of checkpointInterval 16",
    ],
    [
      "a window of more bytes than a validator should hold",
      (f) => (f.consensus.logWindow = 160),
      "consensus.logWindow: 160 blocks of 1048576 bytes are 167772160 bytes in flight, at most 134217728",
    ],
    [
      "L below 2K",
      (f) => (f.consensus.logWindow = 16),
      "consensus.logWindow: 16 is less than twice checkpointInterval 16",
    ],
    [
      "W_p above L",
      (f) => (f.consensus.pipelineDepth = 33),
      "consensus.pipelineDepth: 33 is more than logWindow 32",
    ],
    [
      "K of 0",
      (f) => (f.consensus.checkpointInterval = 0),
      "consensus.checkpointInterval: expected an integer from 1",
    ],
    [
      "a transaction larger than a block",
      (f) => (f.limits.maxBlockBytes = 1024),
      "such a transaction would never fit",
    ],
    [
      "a limit above its ceiling",
      (f) => (f.limits.maxBlockBytes = 1e9),
      "limits.maxBlockBytes: expected an integer from 512 to 2097152",
    ],
    [
      "fee 0 in production",
      (f) => (f.profile = "production"),
      'limits.minFee: "0" is for profile "dev" only',
    ],
    ["no validator", (f) => (f.validators = []), "validators: expected 1 to 200 members, found 0"],
    ["a weak validator key", (f) => (f.validators[1].publicKey = WEAK_KEY), "validators[1].publicKey"],
    [
      "a repeated validator key",
      (f) => (f.validators[1].publicKey = f.validators[0].publicKey),
      "validators[1].publicKey: the same as validators[0].publicKey",
    ],
    [
      "a repeated peer id",
      (f) => (f.validators[3].peerId = f.validators[0].peerId),
      "validators[3].peerId: the same as validators[0].peerId",
    ],
    [
      "a repeated name",
      (f) => (f.validators[3].name = "node1"),
      "validators[3].name: the same as validators[1].name",
    ],
    [
      "a repeated account",
      (f) => f.accounts.push(f.accounts[4]),
      "accounts[10].address: the same as accounts[4].address",
    ],
    [
      "too much money",
      (f) => (f.accounts[0].balance = "9223372036854775807"),
      "accounts: the balances add up to 9223372036863775807",
    ],
    [
      "a time beyond the header's",
      (f) => (f.timeMs = 2 ** 43),
      "timeMs: expected an integer from 0 to 4294967295000",
    ],
  ];
  test.each(cases)("%s", (_, change, expected) => {
    expect(refusal(changed(change))).toContain(expected);
  });

  test("text that is not JSON, and JSON that is not an object", () => {
    expect(refusal("{")).toContain("malformed: not JSON");
    expect(refusal("[]")).toContain("the file: expected an object, found a list of 0");
  });

  test("a long list of problems by its first five", () => {
    const json = changed((file) => {
      for (const account of file.accounts) account.balance = 1;
    });
    expect(refusal(json)).toMatch(/accounts\[4\].*; and 5 more$/);
  });
});

test("a log window whose NEW-VIEW would not fit into one message is refused with one that would", () => {
  const { genesis } = planNetwork({ ...DEVNET, validators: 100 }, secretsFromSeed("dev"));
  const withWindow = (checkpointInterval: number, logWindow: number) =>
    refusal(
      formatGenesis({ ...genesis, consensus: { ...genesis.consensus, checkpointInterval, logWindow } }),
    );
  const detail = withWindow(16, 32);
  expect(detail).toContain(
    "unfit: consensus.logWindow: with 100 validators and 32 heights a NEW-VIEW may take",
  );
  expect(detail).toContain(
    `${newViewBytesMax(100, 32)} bytes, a message has at most ${MAIL_MESSAGE_BYTES_MAX}`,
  );
  expect(detail).toContain("; logWindow 14 with checkpointInterval 7 fits");
  expect(withWindow(7, 14)).toBe("accepted");
  expect(withWindow(5, 15)).toBe("accepted");
  expect(withWindow(4, 16)).toContain("logWindow 12 with checkpointInterval 4 fits");
});

test("the largest set of validators has a log window that fits", () => {
  expect(newViewBytesMax(VALIDATORS_MAX, 2)).toBeLessThan(MAIL_MESSAGE_BYTES_MAX);
});

test("fewer than four validators are accepted with a warning", () => {
  const verdict = parseGenesis(changed((file) => file.validators.pop()));
  expect(verdict.ok && verdict.value.warnings).toEqual([
    "validators: 3 of them tolerate no fault: the chain halts when one is away; 4 tolerate one",
  ]);
});

test("no JSON whatever makes the reader of a genesis file throw", () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom("validators", "accounts", "limits", "chainId"), (json, key) => {
      parseGenesis(json);
      parseGenesis(changed((file) => (file[key] = JSON.parse(json))));
    }),
  );
});
