import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asHash, concatBytes, type Hash, hex, utf8 } from "../../../src/base/bytes.ts";
import {
  HELLO_BYTES_MAX,
  MAIL_FRAME_BYTES_MAX,
  POOL_FETCH_MAX,
  TRANSACTION_BATCH_BYTES_MAX,
} from "../../../src/base/limits.ts";
import { assembleBlock, type Block, NO_PARENT, VERSION_PBFT } from "../../../src/chain/types/block.ts";
import { signTransaction } from "../../../src/chain/types/transaction.ts";
import { createSigner } from "../../../src/crypto/keys.ts";
import { merkleRoot } from "../../../src/crypto/merkle.ts";
import { combine } from "../../../src/p2p/gossip/rumor.ts";
import {
  decodeAnswer,
  decodeQuestion,
  encodeAnswer,
  encodeQuestion,
  type RepairAnswer,
  type RepairQuestion,
} from "../../../src/p2p/sync/repair-wire.ts";
import { decodeLength } from "../../../src/p2p/transport/frames.ts";
import { checkHello, signClaim } from "../../../src/p2p/transport/handshake.ts";
import { peerIdFromSeed } from "../../../src/p2p/transport/identity.ts";
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
  firstHello,
  type Hello,
  isPeerName,
  WIRE_VERSION,
  WIRE_VERSION_MIN,
} from "../../../src/p2p/transport/wire.ts";

const u64 = fc.bigInt(0n, (1n << 64n) - 1n);
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const hash = bytes(32).map((value) => asHash(value));
const blob = fc.uint8Array({ maxLength: 300 });

const hello: fc.Arbitrary<Hello> = fc.record({
  wireVersion: fc.constant(WIRE_VERSION),
  wireVersionMin: fc.constantFrom(WIRE_VERSION_MIN, WIRE_VERSION),
  chainId: u64,
  genesisHash: hash,
  name: fc.string({ unit: "grapheme", maxLength: 20 }).filter(isPeerName),
  headHeight: u64,
  storage: fc.record({ mode: fc.constantFrom("archive", "pruned"), lowestBody: u64 }),
  rules: u32,
  claim: fc.option(fc.record({ publicKey: bytes(32), signature: bytes(64) }), { nil: undefined }),
});

const digest = fc.record({ height: u64, headHash: hash, poolCount: u32, poolChecksum: bytes(32) });

const question: fc.Arbitrary<RepairQuestion> = fc.oneof(
  fc.record({ kind: fc.constant("compare" as const), digest, feeMin: u64 }),
  fc.record({ kind: fc.constant("blocks" as const), from: u64, bytesMax: u32 }),
  fc.record({ kind: fc.constant("pool" as const), feeMin: u64, salt: u64 }),
  fc.record({ kind: fc.constant("transactions" as const), salt: u64, shortHashes: fc.array(u64) }),
);

const answer: fc.Arbitrary<RepairAnswer> = fc.oneof(
  fc.record({ kind: fc.constant("compare" as const), digest }),
  fc.record({ kind: fc.constant("blocks" as const), blocks: fc.array(blob) }),
  fc.record({ kind: fc.constant("pool" as const), shortHashes: fc.array(u64) }),
  fc.record({ kind: fc.constant("transactions" as const), envelopes: fc.array(blob) }),
);

/** A block with `count` transactions that is consistent with itself. */
function blockOf(count: number): Block {
  const signer = createSigner(new Uint8Array(32).fill(3));
  const genesisHash = new Uint8Array(32) as Hash;
  const transactions = Array.from({ length: count }, (_, i) =>
    signTransaction(
      { chainId: 1n, nonce: BigInt(i), fee: 0n, validUntilHeight: 0n, module: 1, payload: utf8("payload") },
      signer,
      genesisHash,
    ),
  );
  const zero = new Uint8Array(32) as Hash;
  return assembleBlock(
    { version: VERSION_PBFT, previousHash: NO_PARENT, time: 1, bits: 0, nonce: 0 },
    {
      chainId: 1n,
      height: 1n,
      epoch: 0n,
      timeMs: 1_000n,
      proposer: 0,
      flags: 0,
      txRoot: merkleRoot(transactions.map((transaction) => transaction.hash)),
      stateRoot: zero,
      receiptsRoot: zero,
      txCount: count,
      bodyBytes: transactions.reduce((sum, transaction) => sum + transaction.bytes.length, 0),
      validatorsHash: zero,
      nextValidatorsHash: zero,
      extra: new Uint8Array(0),
    },
    transactions,
  );
}

/** What any decoder must do with bytes that were not made by its encoder: refuse, or re-encode to the same bytes. */
function isCanonical<T>(
  decode: (input: Uint8Array) => { ok: true; value: T } | { ok: false },
  encode: (value: T) => Uint8Array,
): (input: Uint8Array) => boolean {
  return (input) => {
    const decoded = decode(input);
    return !decoded.ok || hex(encode(decoded.value)) === hex(input);
  };
}

/** A valid encoding with some bytes changed, cut or added: nearer to the truth than noise. */
function mutants(valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(valid, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), fc.nat(3), blob)
    .map(([whole, changes, cut, tail]) => {
      const mutant = concatBytes(whole.slice(0, whole.length - cut), tail.slice(0, tail.length % 4));
      for (const [position, value] of changes)
        if (mutant.length > 0) mutant[position % mutant.length] = value;
      return mutant;
    });
}

describe("the HELLO", () => {
  it("comes back as it was written", () => {
    fc.assert(
      fc.property(hello, (value) => {
        expect(decodeHello(encodeHello(value))).toEqual({ ok: true, value });
      }),
    );
  });

  it("has one encoding, whatever was changed", () => {
    fc.assert(fc.property(mutants(hello.map(encodeHello)), isCanonical(decodeHello, encodeHello)));
  });

  it("stays within its bound with the longest name", () => {
    const longest = fc.sample(hello, 1)[0]!;
    const claim = { publicKey: new Uint8Array(32), signature: new Uint8Array(64) };
    expect(encodeHello({ ...longest, name: "n".repeat(32), claim }).length).toBeLessThanOrEqual(
      HELLO_BYTES_MAX,
    );
    expect(decodeHello(new Uint8Array(HELLO_BYTES_MAX + 1))).toMatchObject({ fault: { code: "too-large" } });
  });

  it("of a version that has nothing in common with ours is refused whatever follows, with both ranges", () => {
    const ours = `ours ${WIRE_VERSION_MIN} to ${WIRE_VERSION}, peer's`;
    for (const [newest, oldest, theirs] of [
      [WIRE_VERSION_MIN - 1, 7, `${WIRE_VERSION_MIN - 1};`],
      [9, WIRE_VERSION + 1, `${WIRE_VERSION + 1} to 9;`],
      [0xffff, 0xffff, "65535;"],
    ] as const) {
      const versions = Uint8Array.of(newest >> 8, newest & 0xff, oldest >> 8, oldest & 0xff);
      const result = decodeHello(concatBytes(versions, fc.sample(blob, 1)[0]!));
      expect(result).toMatchObject({ ok: false, fault: { code: "wire-version" } });
      expect(!result.ok && result.fault.detail).toContain(`${ours} ${theirs}`);
    }
  });

  it("of a newer version that still speaks ours is read as far as it is known", () => {
    const value = { ...fc.sample(hello, 1)[0]!, wireVersion: WIRE_VERSION + 1, wireVersionMin: WIRE_VERSION };
    const bytes = concatBytes(encodeHello(value), Uint8Array.of(1, 2, 3));
    expect(decodeHello(bytes)).toEqual({ ok: true, value: { ...value, beyond: Uint8Array.of(1, 2, 3) } });
  });

  it("for the release before has its bytes, and says nothing of storage and rules", () => {
    const value = firstHello(fc.sample(hello, 1)[0]!);
    const bytes = encodeHello(value);
    expect(decodeHello(bytes)).toEqual({ ok: true, value });
    expect(value).toMatchObject({ wireVersion: 2, storage: undefined, rules: undefined });
  });

  it("has the bytes of docs/protocol.md", () => {
    const genesisHash = asHash(new Uint8Array(32).fill(0xab));
    const value = {
      wireVersion: WIRE_VERSION,
      wireVersionMin: WIRE_VERSION_MIN,
      storage: { mode: "pruned", lowestBody: 17n } as const,
      rules: 1,
      chainId: 7n,
      genesisHash,
      name: "org1",
      headHeight: 258n,
      claim: undefined,
    };
    const chain = `${"0000000000000007"}${"ab".repeat(32)}04${"6f726731"}${"0000000000000102"}`;
    const expected = `00040002${chain}01${"0000000000000011"}${"00000001"}00`;
    expect(hex(encodeHello(firstHello(value)))).toBe(`0002${chain}00`);
    expect(hex(encodeHello(value))).toBe(expected);
    const claim = { publicKey: new Uint8Array(32).fill(0xcd), signature: new Uint8Array(64).fill(0xef) };
    const claimed = `${expected.slice(0, -2)}01${"cd".repeat(32)}${"ef".repeat(64)}`;
    expect(hex(encodeHello({ ...value, claim }))).toBe(claimed);
  });

  it("with a byte order mark before the name is refused", () => {
    const value = { ...fc.sample(hello, 1)[0]!, name: "abc" };
    const whole = encodeHello(value);
    const at = 2 + 2 + 8 + 32;
    const marked = concatBytes(whole.slice(0, at), Uint8Array.of(6, 0xef, 0xbb, 0xbf), whole.slice(at + 1));
    expect(decodeHello(whole).ok).toBe(true);
    expect(decodeHello(marked).ok).toBe(false);
  });

  it("cannot carry a name that writes log lines of its own", () => {
    for (const name of ["a\nb", "a\u001b[31m", "\u2028", "\u0000", "x".repeat(33), "\ud800"]) {
      expect(isPeerName(name)).toBe(false);
    }
    const value = fc.sample(hello, 1)[0]!;
    expect(decodeHello(encodeHello({ ...value, name: "a\nb" }))).toMatchObject({ ok: false });
  });
});

describe("the validator claim", () => {
  const signers = [1, 2].map((byte) => createSigner(new Uint8Array(32).fill(byte)));
  const genesisHash = asHash(new Uint8Array(32).fill(9));
  const chain = { genesisHash, chainId: 1n, validators: () => signers.map((signer) => signer.publicKey) };
  const peers = [5, 6].map((byte) => peerIdFromSeed(new Uint8Array(32).fill(byte)));
  const base = { ...firstHello(fc.sample(hello, 1)[0]!), chainId: 1n, genesisHash, name: "", headHeight: 0n };

  it("proves the validator for its own peer id and genesis only", () => {
    const claim = signClaim(signers[1]!, genesisHash, peers[0]!);
    expect(checkHello(chain, { ...base, claim }, peers[0]!)).toEqual({ ok: true, value: 1 });
    expect(checkHello(chain, { ...base, claim }, peers[1]!)).toMatchObject({ fault: { code: "claim" } });
    const elsewhere = signClaim(signers[1]!, asHash(new Uint8Array(32)), peers[0]!);
    expect(checkHello(chain, { ...base, claim: elsewhere }, peers[0]!)).toMatchObject({
      fault: { code: "claim" },
    });
    const stolen = { ...claim, publicKey: signers[0]!.publicKey };
    expect(checkHello(chain, { ...base, claim: stolen }, peers[0]!)).toMatchObject({
      fault: { code: "claim" },
    });
  });
});

describe("mail frames and transaction batches", () => {
  const list = fc.array(blob, { minLength: 1, maxLength: 50 });

  it("come back as they were written", () => {
    fc.assert(
      fc.property(list, (items) => {
        expect(decodeMailFrame(encodeMailFrame(items))).toEqual({ ok: true, value: items });
        expect(decodeTransactionBatch(encodeTransactionBatch(items))).toEqual({ ok: true, value: items });
      }),
    );
  });

  it("have one encoding, whatever was changed", () => {
    fc.assert(fc.property(mutants(list.map(encodeMailFrame)), isCanonical(decodeMailFrame, encodeMailFrame)));
    const canonical = isCanonical(decodeTransactionBatch, encodeTransactionBatch);
    fc.assert(fc.property(mutants(list.map(encodeTransactionBatch)), canonical));
  });

  it("are refused when empty or longer than the bound", () => {
    expect(decodeMailFrame(encodeMailFrame([]))).toMatchObject({ fault: { code: "malformed" } });
    expect(decodeTransactionBatch(encodeTransactionBatch([]))).toMatchObject({
      fault: { code: "malformed" },
    });
    const tooLarge = { fault: { code: "too-large" } };
    expect(decodeMailFrame(new Uint8Array(MAIL_FRAME_BYTES_MAX + 1))).toMatchObject(tooLarge);
    expect(decodeTransactionBatch(new Uint8Array(TRANSACTION_BATCH_BYTES_MAX + 1))).toMatchObject(tooLarge);
  });

  it("hold one transaction of the largest size", () => {
    const batch = encodeTransactionBatch([new Uint8Array(65_535)]);
    expect(batch.length).toBeLessThanOrEqual(TRANSACTION_BATCH_BYTES_MAX);
    expect(decodeTransactionBatch(batch).ok).toBe(true);
  });
});

describe("the block announcement", () => {
  it("comes back as it was written", () => {
    for (const count of [0, 1, 7]) {
      const announcement = announcementOf({ block: blockOf(count), seal: utf8("seal") });
      const decoded = decodeAnnouncement(encodeAnnouncement(announcement));
      expect(decoded.ok && decoded.value.head.hash).toEqual(announcement.head.hash);
      expect(decoded.ok && decoded.value.seal).toEqual(announcement.seal);
      expect(decoded.ok && decoded.value.transactionHashes).toEqual(announcement.transactionHashes);
    }
  });

  it("is refused when its hashes are not those of its summary", () => {
    const announcement = announcementOf({ block: blockOf(3), seal: utf8("seal") });
    const [first, second, third] = announcement.transactionHashes;
    for (const transactionHashes of [
      [first!, second!],
      [second!, first!, third!],
      [first!, second!, second!],
    ]) {
      const bytes = encodeAnnouncement({ ...announcement, transactionHashes });
      expect(decodeAnnouncement(bytes)).toMatchObject({ fault: { code: "malformed" } });
    }
  });

  it("has one encoding, whatever was changed", () => {
    const whole = encodeAnnouncement(announcementOf({ block: blockOf(3), seal: utf8("seal") }));
    fc.assert(fc.property(mutants(fc.constant(whole)), isCanonical(decodeAnnouncement, encodeAnnouncement)));
  });
});

describe("questions and answers of repair", () => {
  it("have the bytes of docs/protocol.md", () => {
    const [headHash, poolChecksum] = [0x11, 0x22].map((byte) => asHash(new Uint8Array(32).fill(byte)));
    const digest = { height: 3n, headHash: headHash!, poolCount: 9, poolChecksum: poolChecksum! };
    const compare = `01${"0000000000000003"}${"11".repeat(32)}${"00000009"}${"22".repeat(32)}`;
    expect(hex(encodeQuestion({ kind: "compare", digest, feeMin: 4n }))).toBe(`${compare}0000000000000004`);
    expect(hex(encodeAnswer({ kind: "compare", digest }))).toBe(compare);
    expect(hex(encodeQuestion({ kind: "blocks", from: 1n, bytesMax: 2 }))).toBe("02000000000000000100000002");
    expect(hex(encodeQuestion({ kind: "pool", feeMin: 4n, salt: 6n }))).toBe(
      "0300000000000000040000000000000006",
    );
    const asked = encodeQuestion({ kind: "transactions", salt: 6n, shortHashes: [5n] });
    expect(hex(asked)).toBe("040000000000000006000000010000000000000005");
    const blocks = encodeAnswer({ kind: "blocks", blocks: [utf8("b")] });
    expect(hex(blocks)).toBe("02000000010000000162");
    const envelopes = encodeAnswer({ kind: "transactions", envelopes: [utf8("t")] });
    expect(hex(envelopes)).toBe("0400000001000174");
  });

  it("come back as they were written", () => {
    fc.assert(
      fc.property(question, answer, (asked, answered) => {
        expect(decodeQuestion(encodeQuestion(asked))).toEqual({ ok: true, value: asked });
        expect(decodeAnswer(answered.kind, encodeAnswer(answered))).toEqual({ ok: true, value: answered });
      }),
    );
  });

  it("have one encoding, whatever was changed", () => {
    fc.assert(
      fc.property(mutants(question.map(encodeQuestion)), isCanonical(decodeQuestion, encodeQuestion)),
    );
    fc.assert(
      fc.property(mutants(answer.map(encodeAnswer)), (input) =>
        (["compare", "blocks", "pool", "transactions"] as const).every((kind) =>
          isCanonical((b) => decodeAnswer(kind, b), encodeAnswer)(input),
        ),
      ),
    );
  });

  it("refuse an answer to another question, and too many hashes", () => {
    const pool = encodeAnswer({ kind: "pool", shortHashes: [] });
    expect(decodeAnswer("blocks", pool)).toMatchObject({ fault: { code: "malformed" } });
    const shortHashes = Array.from({ length: POOL_FETCH_MAX + 1 }, (_, i) => BigInt(i));
    const asked = encodeQuestion({ kind: "transactions", salt: 0n, shortHashes });
    expect(decodeQuestion(asked)).toMatchObject({ fault: { code: "malformed" } });
  });
});

describe("frame lengths", () => {
  it("are read in their shortest form only", () => {
    expect(decodeLength(Uint8Array.of(0x01))).toBe(1);
    expect(decodeLength(Uint8Array.of(0xac, 0x02, 0xff))).toBe(300);
    expect(decodeLength(Uint8Array.of(0xff, 0xff, 0xff, 0x7f))).toBe(0x0fffffff);
    expect(() => decodeLength(Uint8Array.of(0x80))).toThrow(RangeError);
    expect(() => decodeLength(new Uint8Array(0))).toThrow(RangeError);
    for (const bad of [[0], [0x80, 0], [0xff, 0xff, 0xff, 0x80], [0xff, 0xff, 0xff, 0xff, 1]]) {
      expect(() => decodeLength(Uint8Array.from(bad))).toThrow(Error);
      expect(() => decodeLength(Uint8Array.from(bad))).toThrow(/length/);
    }
  });
});

describe("a batch of rumors", () => {
  it("is rejected for one permanent fault, passed on only whole", () => {
    expect(combine(["accept", "accept"])).toBe("accept");
    expect(combine(["accept", "ignore"])).toBe("ignore");
    expect(combine(["ignore", "reject", "accept"])).toBe("reject");
    expect(combine(["known", "accept"])).toBe("accept");
    expect(combine(["known", "ignore", "accept"])).toBe("ignore");
    expect(combine(["known", "known"])).toBe("known");
  });
});
