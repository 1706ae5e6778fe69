/** Fuzz targets: what peers send before anybody knows what it is worth. Frames, HELLO, mail, gossip, questions, answers. */
import { asHash, concatBytes, utf8 } from "../../src/base/bytes.ts";
import { TX_BYTES_CEILING } from "../../src/base/limits.ts";
import {
  coinbaseValue,
  decodeTransaction,
  encodeUnsigned,
  isCoinbase,
  makeCoinbase,
} from "../../src/chain/types/transaction.ts";
import {
  decodeBlockTransactions,
  decodeWanted,
  encodeBlockTransactions,
  encodeWanted,
} from "../../src/node/ingress/compact-wire.ts";
import {
  decodeAddresses,
  decodeAddressQuestion,
  encodeAddresses,
  encodeAddressQuestion,
} from "../../src/p2p/discovery/address-wire.ts";
import {
  decodeBranchAnswer,
  decodeBranchQuestion,
  encodeBranchAnswer,
  encodeBranchQuestion,
} from "../../src/p2p/sync/branch-wire.ts";
import {
  decodeAnswer,
  decodeQuestion,
  encodeAnswer,
  encodeQuestion,
} from "../../src/p2p/sync/repair-wire.ts";
import {
  decodeSnapshotAnswer,
  decodeSnapshotQuestion,
  encodeSnapshotAnswer,
  encodeSnapshotQuestion,
} from "../../src/p2p/sync/snapshot-wire.ts";
import { FrameDecoder } from "../../src/p2p/transport/frame-decoder.ts";
import { checkHello, signClaim } from "../../src/p2p/transport/handshake.ts";
import { peerIdFromSeed } from "../../src/p2p/transport/identity.ts";
import {
  announcementOf,
  decodeAnnouncement,
  decodeHello,
  decodeMailFrame,
  decodeTransactionBatch,
  encodeAnnouncement,
  encodeHello,
  encodeMailFrame,
  encodeTransactionBatch,
  mailFrameStart,
  WIRE_VERSION,
} from "../../src/p2p/transport/wire.ts";
import { alice, bob, genesisHash, person, transfer } from "../chain/fixtures.ts";
import { blockOf, coinbaseBlock } from "./examples.ts";
import { canonical, codeOf, FuzzFailure, type FuzzTarget } from "./target.ts";

const HASH = asHash(new Uint8Array(32).fill(0xab));
const transactions = [0n, 1n, 2n].map((nonce) => transfer(alice, bob.publicKey, 3n, { nonce }));
const envelopes = transactions.map(({ bytes }) => bytes);
const FRAME_BYTES_MAX = 1_000_000;
const FRAME_UNASKED_MAX = 512;

function hello(): FuzzTarget {
  const peerId = peerIdFromSeed(new Uint8Array(32).fill(3));
  const own = {
    wireVersion: WIRE_VERSION,
    wireVersionMin: 2,
    chainId: 7n,
    genesisHash,
    name: "node0",
    headHeight: 5n,
    storage: { mode: "pruned", lowestBody: 3n },
    rules: 1,
  } as const;
  const claim = signClaim(person("proposer"), genesisHash, peerId);
  const chain = { chainId: 7n, genesisHash, validators: () => [person("proposer").publicKey] };
  const seeds = [encodeHello({ ...own, claim: undefined }), encodeHello({ ...own, claim })];
  return {
    name: "wire.hello",
    inSuite: 2_000,
    open: () => ({
      form: "bytes",
      seeds,
      words: [utf8("node0"), genesisHash, Uint8Array.of(0xef, 0xbb, 0xbf), Uint8Array.of(0, WIRE_VERSION)],
      run: (input) => {
        const code = canonical(input, decodeHello(input), encodeHello);
        const read = decodeHello(input);
        if (!read.ok) return code;
        return codeOf(checkHello(chain, read.value, peerId));
      },
    }),
  };
}

/** Whatever the pieces: the same frames, or the documented Error, and never more memory than has come. */
const frames: FuzzTarget = {
  name: "wire.frames",
  inSuite: 2_000,
  open: () => ({
    form: "bytes",
    seeds: [concatBytes(...envelopes.map(framed)), framed(new Uint8Array(2_000).fill(5)), framed(utf8("x"))],
    words: [Uint8Array.of(0), Uint8Array.of(0x80, 0), Uint8Array.of(0xff, 0xff, 0xff, 0x7f)],
    run: (input) => {
      const whole = framesOf(input, input.length);
      const pieces = framesOf(input, 7);
      if (whole !== pieces)
        throw new FuzzFailure(`pieces of 7 bytes read as ${pieces}, the whole as ${whole}`);
      return whole.replace(/^.*;/, "").replace(/\d+/g, "n");
    },
  }),
};

function framesOf(input: Uint8Array, piece: number): string {
  const decoder = new FrameDecoder({
    bytesMax: FRAME_BYTES_MAX,
    unaskedMax: FRAME_UNASKED_MAX,
    isWanted: (start) => start[0] === 5,
  });
  const lengths: number[] = [];
  try {
    for (let at = 0; at < input.length; at += piece)
      decoder.push(input.subarray(at, at + piece), (frame) => lengths.push(frame.length));
    return `${lengths};ok`;
  } catch (error) {
    if ((error as Error).constructor !== Error) throw error;
    return `${lengths};${(error as Error).message}`;
  }
}

function framed(frame: Uint8Array): Uint8Array {
  const { length } = frame;
  const head = length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >>> 7];
  return concatBytes(Uint8Array.from(head), frame);
}

const mail: FuzzTarget = {
  name: "wire.mail",
  inSuite: 2_000,
  open: () => ({
    form: "bytes",
    seeds: [encodeMailFrame(envelopes), encodeMailFrame([utf8("one")]), encodeMailFrame([new Uint8Array(0)])],
    run: (input) => {
      mailFrameStart({ start: input.slice(0, 128), bytes: input.length });
      return canonical(input, decodeMailFrame(input), encodeMailFrame);
    },
  }),
};

/** What is asked and answered about a compact proposal. */
const compact: FuzzTarget = {
  name: "wire.compact",
  inSuite: 2_000,
  open: () => {
    const limits = { maxTxBytes: 1_000, maxBlockBytes: 100_000, maxBlockTransactions: 100 };
    return {
      form: "bytes",
      seeds: [
        encodeWanted({ block: HASH, indexes: [0, 2, 5] }),
        encodeBlockTransactions({ block: HASH, envelopes }),
      ],
      run: (input) => {
        const codes = [
          canonical(input, decodeWanted(input, limits), encodeWanted),
          canonical(input, decodeBlockTransactions(input, limits), encodeBlockTransactions),
        ];
        return codes.includes("ok") ? "ok" : "malformed";
      },
    };
  },
};

const batch: FuzzTarget = {
  name: "gossip.batch",
  inSuite: 5_000,
  open: () => ({
    form: "bytes",
    seeds: [encodeTransactionBatch(envelopes), encodeTransactionBatch([utf8("one")])],
    run: (input) => canonical(input, decodeTransactionBatch(input), encodeTransactionBatch),
  }),
};

const announcement: FuzzTarget = {
  name: "gossip.announcement",
  inSuite: 4_000,
  open: () => ({
    form: "bytes",
    seeds: [blockOf(transactions), coinbaseBlock()].map((block) =>
      encodeAnnouncement(announcementOf({ block, seal: Uint8Array.of(1, 2, 3) })),
    ),
    run: (input) => canonical(input, decodeAnnouncement(input), encodeAnnouncement),
  }),
};

/** The envelope alone, and everything that is asked of one before it may wait in a pool. */
const transaction: FuzzTarget = {
  name: "transaction.envelope",
  inSuite: 10_000,
  open: () => ({
    form: "bytes",
    seeds: [...envelopes, coinbaseBlock().transactions[0]!.bytes],
    words: [alice.publicKey, bob.publicKey, Uint8Array.of(1), new Uint8Array(8).fill(0xff)],
    run: (input) =>
      canonical(input, decodeTransaction(input, TX_BYTES_CEILING), (read) =>
        isCoinbase(read)
          ? makeCoinbase(read.nonce, read.from, coinbaseValue(read)).bytes
          : concatBytes(encodeUnsigned(read), read.signature),
      ),
  }),
};

const question: FuzzTarget = {
  name: "wire.question",
  inSuite: 3_000,
  open: () => {
    const digest = { height: 9n, headHash: HASH, poolCount: 3, poolChecksum: HASH };
    return {
      form: "bytes",
      seeds: [
        encodeQuestion({ kind: "compare", digest, feeMin: 1n }),
        encodeQuestion({ kind: "blocks", from: 3n, bytesMax: 1_000 }),
        encodeQuestion({ kind: "pool", feeMin: 0n, salt: 5n }),
        encodeQuestion({ kind: "transactions", salt: 5n, shortHashes: [1n, 2n, 3n] }),
        encodeBranchQuestion({ kind: "heads", locator: [HASH, HASH] }),
        encodeBranchQuestion({ kind: "bodies", bytesMax: 1_000, hashes: [HASH] }),
        encodeBranchQuestion({ kind: "block-transactions", hash: HASH, indexes: [0, 2, 5] }),
        encodeSnapshotQuestion({ kind: "list" }),
        encodeSnapshotQuestion({ kind: "head", headHash: HASH, offset: 5 }),
        encodeSnapshotQuestion({ kind: "chunk", headHash: HASH, path: HASH }),
        encodeAddressQuestion({ listenPort: 30_300 }),
      ],
      run: (input) =>
        [
          canonical(input, decodeQuestion(input), encodeQuestion),
          canonical(input, decodeBranchQuestion(input), encodeBranchQuestion),
          canonical(input, decodeSnapshotQuestion(input), encodeSnapshotQuestion),
          canonical(input, decodeAddressQuestion(input), encodeAddressQuestion),
        ].find((code) => code === "ok") ?? "malformed",
    };
  },
};

const peerId = peerIdFromSeed(new Uint8Array(32).fill(9));

const answer: FuzzTarget = {
  name: "wire.answer",
  inSuite: 1_500,
  open: () => {
    const digest = { height: 9n, headHash: HASH, poolCount: 3, poolChecksum: HASH };
    const block = blockOf(transactions);
    return {
      form: "bytes",
      seeds: [
        encodeAnswer({ kind: "compare", digest }),
        encodeAnswer({ kind: "blocks", blocks: [utf8("block"), utf8("")] }),
        encodeAnswer({ kind: "pool", shortHashes: [1n, 2n] }),
        encodeAnswer({ kind: "transactions", envelopes }),
        encodeBranchAnswer({ kind: "heads", heads: [block, coinbaseBlock()] }),
        encodeBranchAnswer({ kind: "bodies", bodies: [utf8("body")] }),
        encodeBranchAnswer({ kind: "block-transactions", envelopes }),
        encodeSnapshotAnswer({
          kind: "list",
          offers: [{ height: 5n, headHash: HASH, chunks: 2, bytes: 99n }],
        }),
        encodeSnapshotAnswer({ kind: "head", bytes: 12, piece: utf8("piece") }),
        encodeSnapshotAnswer({ kind: "chunk", chunk: utf8("chunk") }),
        encodeAddresses([
          { peerId, multiaddr: "/ip4/8.8.8.8/tcp/30300", lastSeenMs: 5_000 },
          { peerId, multiaddr: "/ip6/2001:4860::1/tcp/1", lastSeenMs: 0 },
        ]),
      ],
      run: (input) =>
        [
          ...(["compare", "blocks", "pool", "transactions"] as const).map((kind) =>
            canonical(input, decodeAnswer(kind, input), encodeAnswer),
          ),
          ...(["heads", "bodies", "block-transactions"] as const).map((kind) =>
            canonical(input, decodeBranchAnswer(kind, input), encodeBranchAnswer),
          ),
          ...(["list", "head", "chunk"] as const).map((kind) =>
            canonical(input, decodeSnapshotAnswer(kind, input), encodeSnapshotAnswer),
          ),
          canonical(input, decodeAddresses(input), encodeAddresses),
        ].find((code) => code === "ok") ?? "malformed",
    };
  },
};

export const WIRE_TARGETS: readonly FuzzTarget[] = [
  hello(),
  frames,
  mail,
  compact,
  question,
  answer,
  batch,
  announcement,
  transaction,
];
