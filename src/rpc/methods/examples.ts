/**
 * Values for the examples of the table: made up, but of the right form, which a test checks against the schemas.
 * They are for readers; nothing depends on them.
 */
const fill = (pair: string, bytes = 32) => `0x${pair.repeat(bytes)}`;

export const ALICE = fill("a1");
const BOB = fill("b2");
export const DIGEST = fill("d1");
export const HASH_A = fill("9f");
export const HASH_B = fill("8c");
export const BLOCK_HASH = fill("5b");
export const PEER = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

export const HEADER = {
  height: 5,
  hash: BLOCK_HASH,
  parentHash: HASH_B,
  time: 1767225600000,
  epoch: 0,
  proposer: 0,
  txCount: 1,
  bodyBytes: 169,
  txRoot: fill("11"),
  stateRoot: fill("22"),
  receiptsRoot: fill("33"),
  validatorsHash: fill("44"),
  nextValidatorsHash: fill("44"),
  bodyRoot: fill("66"),
  version: 2,
  bits: 0,
  nonce: 0,
  extra: "0x",
};

export const COMMITS = [0, 1, 2].map((validator) => ({ validator, sig: fill("c0", 64) }));

/** Header, summary and seal of a block, all shortened. */
export const BLOCK_HEX = { header: fill("02", 80), summary: "0x00", seal: "0x01" };

export const TX_HASH = fill("5d");
/** The envelope of a transaction, shortened. */
export const RAW = "0x01";

export const TX = {
  txHash: TX_HASH,
  envelopeHash: fill("5e"),
  chainId: 31337,
  from: ALICE,
  nonce: 0,
  fee: "0",
  validUntilHeight: 0,
  module: "bank",
  call: { type: "transfer", to: BOB, amount: "5", memo: "" },
  payload: `${BOB}000000000000000500`,
  signature: fill("77", 64),
  raw: RAW,
};

const EVENT = {
  module: "bank",
  kind: 1,
  data: `0x${"a1".repeat(32)}${"b2".repeat(32)}0000000000000005`,
  decoded: { type: "transferred", from: ALICE, to: BOB, amount: "5" },
};

export const OUTCOME = { status: "success", code: 0, fault: null, fee: "0", events: [EVENT] };

export const RECEIPT = {
  txHash: TX_HASH,
  ...OUTCOME,
  blockHash: BLOCK_HASH,
  blockHeight: 5,
  index: 0,
  confirmations: 1,
  final: true,
};
