/** Epochs left out of a chain of links: who may vouch for a later epoch, and what somebody makes up. Real keys, no node. */
import { beforeAll, describe, expect, it } from "vitest";
import { hex0x, showHash } from "../../src/base/bytes.ts";
import { computeGenesisHash, executeGenesis } from "../../src/chain/genesis/genesis-state.ts";
import {
  assembleBlock,
  type BlockHead,
  encodeHeader,
  encodeSummary,
  txRootOf,
} from "../../src/chain/types/block.ts";
import { blockTimeMs } from "../../src/chain/types/block-time.ts";
import { encodeReceipt, receiptsRootOf } from "../../src/chain/types/receipt.ts";
import type { SignedTransaction } from "../../src/chain/types/transaction.ts";
import { createValidatorSet, type ValidatorSet } from "../../src/chain/types/validator-set.ts";
import { encodeCommitCertificate } from "../../src/consensus/pbft/certificate.ts";
import { signingBytes } from "../../src/consensus/pbft/messages.ts";
import { createSigner, type Signer } from "../../src/crypto/keys.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../src/node/home/network-plan.ts";
import { type EpochLink, ProvedSets } from "../../src/sdk/epoch-chain.ts";
import {
  type SkippingLink,
  SkippingSets,
  skipEpochs,
  skipInReceipt,
  verifySkippingReceipt,
} from "../../src/sdk/epoch-skips.ts";
import type { TrustedGenesis } from "../../src/sdk/trusted-genesis.ts";
import { createReceipt, verifyReceipt } from "../../src/sdk/verify.ts";
import { Wallet } from "../../src/sdk/wallet.ts";

const { genesis } = planNetwork({ ...DEVNET, epochLength: 32 }, secretsFromSeed("skips"));
const genesisHash = computeGenesisHash(genesis);
const zero = executeGenesis(genesis).block;
const planned = planNetwork({ ...DEVNET, validators: 12 }, secretsFromSeed("skips"));
const signers: readonly Signer[] = planned.validators.map(({ seed }) => createSigner(seed));
const signerOf = new Map(signers.map((signer) => [hex0x(signer.publicKey), signer]));

/** The set of an epoch, by indices of signers. */
const setOf = (epoch: bigint, members: readonly number[]): ValidatorSet =>
  createValidatorSet(
    epoch,
    members.map((i) => {
      const { publicKey } = signers[i]!;
      return { name: `n${i}`, publicKey, account: publicKey, peerId: "" };
    }),
  );

interface Made {
  readonly own: ValidatorSet;
  readonly next: ValidatorSet;
  /** Who of its own set signs; all if left out. */
  readonly by?: readonly number[];
  readonly transactions?: readonly SignedTransaction[];
  readonly receipts?: readonly Uint8Array[];
}

function headOf({ own, next, transactions = [], receipts = [] }: Made): BlockHead {
  const summary = {
    ...zero.summary,
    height: 32n * (own.epoch + 1n),
    epoch: own.epoch,
    validatorsHash: own.hash,
    nextValidatorsHash: next.hash,
    txRoot: txRootOf(transactions),
    receiptsRoot: receiptsRootOf(receipts),
    txCount: transactions.length,
  };
  return assembleBlock({ ...zero.header, previousHash: genesisHash }, summary, transactions);
}

function sealOf({ hash, summary: { height, epoch } }: BlockHead, { own, by }: Made): Uint8Array {
  const signatures = own.members.flatMap(({ publicKey }, signer) => {
    const key = signerOf.get(hex0x(publicKey))!;
    if (by !== undefined && !by.some((i) => signers[i] === key)) return [];
    const vote = { type: "commit", from: signer, epoch, view: 0n, height, hash } as const;
    return [{ signer, signature: key.sign(signingBytes(genesisHash, vote)) }];
  });
  return encodeCommitCertificate({ view: 0n, signatures });
}

const shown = ({ members }: ValidatorSet): EpochLink["members"] =>
  members.map(({ name, publicKey, account }) => {
    return { name, publicKey: hex0x(publicKey), account: hex0x(account) };
  });

function link(made: Made, isSkip = false): SkippingLink {
  const head = headOf(made);
  return {
    header: hex0x(encodeHeader(head.header)),
    summary: hex0x(encodeSummary(head.summary)),
    seal: hex0x(sealOf(head, made)),
    members: shown(made.next),
    ...(isSkip ? { validators: shown(made.own) } : {}),
  };
}

/** A link for each epoch, from the sets that follow each other. */
const chain = (sets: readonly (readonly number[])[]): EpochLink[] =>
  sets.slice(1).map((next, epoch) => {
    return link({
      own: setOf(BigInt(epoch), sets[epoch]!),
      next: setOf(BigInt(epoch) + 1n, next),
    });
  });

const FIRST = [0, 1, 2, 3];
let trusted: TrustedGenesis;
beforeAll(() => {
  trusted = { genesis, genesisHash, validators: setOf(0n, FIRST) };
});

/** A refusal in words, or the epochs that were skipped. */
function take(links: readonly SkippingLink[]): string {
  const sets = new SkippingSets(trusted);
  for (const one of links) {
    const taken = sets.extend(one);
    if (!taken.ok) return `${taken.fault.code}: ${taken.fault.detail}`;
  }
  return sets.skips.map(({ from, to }) => `${from}-${to}`).join(" ");
}

describe("epochs that are left out", () => {
  it("need one link where the members stay, and lead to the same set", () => {
    const links = chain(Array.from({ length: 13 }, () => FIRST));
    const few = skipEpochs(links, trusted);
    expect([few.length, take(few)]).toEqual([1, "0-11"]);
    const [plain, skipping] = [new ProvedSets(trusted), new SkippingSets(trusted)];
    for (const one of links) plain.extend(one);
    for (const one of few) skipping.extend(one);
    expect(skipping.newest).toBe(12n);
    expect(skipping.setOf(12n)?.hash).toEqual(plain.setOf(12n)?.hash);
    expect(skipping.setOf(5n)).toBeUndefined();
  });

  it("go on from each set as far as a quorum of it has signed, by plain links where it has not", () => {
    const moving = [
      FIRST,
      [4, 1, 2, 3],
      [4, 5, 2, 3],
      [4, 5, 6, 3],
      [4, 5, 6, 7],
      [4, 5, 6, 7],
      [4, 5, 6, 7],
    ];
    const few = skipEpochs(chain(moving), trusted);
    expect(take(few)).toBe("0-1 2-3 4-5");
    const other = chain([FIRST, [4, 5, 2, 3], [4, 5, 6, 7]]);
    expect(skipEpochs(other, trusted)).toEqual(other);
  });

  const later = setOf(5n, [0, 1, 4, 5]);
  it.each<[string, () => SkippingLink[], RegExp]>([
    [
      "f + 1 of the trusted set signed, who can be on either side of a break of trust",
      () => [link({ own: later, next: setOf(6n, FIRST) }, true)],
      /2 of the 4 validators of epoch 0 have signed block 192, a quorum is 3/,
    ],
    [
      "strangers make up a set",
      () => [link({ own: setOf(5n, [8, 9, 10, 11]), next: setOf(6n, [8, 9, 10, 11]) }, true)],
      /0 of the 4 validators/,
    ],
    [
      "one key of the trusted set stands in a set three times",
      () => [link({ own: setOf(5n, [0, 0, 0, 4]), next: setOf(6n, FIRST) }, true)],
      /1 of the 4 validators/,
    ],
    [
      "a quorum of the trusted set is no quorum of a larger one",
      () => {
        const own = setOf(5n, [0, 1, 2, 3, 4, 5, 6]);
        return [link({ own, next: setOf(6n, FIRST), by: [0, 1, 2] }, true)];
      },
      /certificate/,
    ],
    [
      "signatures are of others",
      () => {
        const made = { own: setOf(5n, FIRST), next: setOf(6n, FIRST) };
        const other = sealOf(headOf({ ...made, next: setOf(6n, [8, 9, 10, 11]) }), made);
        return [{ ...link(made, true), seal: hex0x(other) }];
      },
      /certificate/,
    ],
    [
      "the validators are not those that the block names",
      () => [{ ...link({ own: later, next: setOf(6n, FIRST) }, true), validators: shown(setOf(5n, FIRST)) }],
      /the validators given are not those that block 192 names/,
    ],
    [
      "the members behind it are not those that the block names",
      () => {
        const made = link({ own: setOf(5n, FIRST), next: setOf(6n, FIRST) }, true);
        return [{ ...made, members: shown(setOf(6n, [8, 9, 10, 11])) }];
      },
      /the members given are not those/,
    ],
    [
      "the block ends no epoch",
      () => [link({ own: setOf(5n, FIRST), next: setOf(5n, FIRST) }, true)],
      /ends no epoch/,
    ],
    [
      "they lead back",
      () => [
        link({ own: setOf(5n, FIRST), next: setOf(6n, FIRST) }, true),
        link({ own: setOf(3n, FIRST), next: setOf(4n, FIRST) }, true),
      ],
      /from epoch 6 to 3: a later epoch is expected/,
    ],
    [
      "a transition comes behind them",
      () => [
        link({ own: setOf(5n, FIRST), next: setOf(6n, FIRST) }, true),
        { ...link({ own: setOf(6n, FIRST), next: setOf(7n, FIRST) }), transition: {} },
      ],
      /no epochs are skipped over a transition, or before one/,
    ],
    [
      "a transition is what is skipped to",
      () => [{ ...link({ own: setOf(5n, FIRST), next: setOf(6n, FIRST) }, true), transition: {} }],
      /no epochs are skipped over a transition, or before one/,
    ],
  ])("prove nothing where %s", (_, links, words) => {
    expect(take(links())).toMatch(words);
  });

  it("are never chosen over a transition by whoever makes the links", () => {
    const links = chain(Array.from({ length: 9 }, () => FIRST));
    const broken = links.with(4, { ...links[4]!, transition: { kind: "quorate-transition" } });
    const few = skipEpochs(broken, trusted);
    expect(few.slice(0, 5)).toEqual(broken.slice(0, 5));
    expect(few.slice(5).map(({ validators }) => validators?.length)).toEqual([4]);
  });
});

describe("a receipt of a late epoch", () => {
  const digest = new Uint8Array(32).fill(7);
  const made = () => {
    const wallet = Wallet.fromSeed(new Uint8Array(32).fill(3));
    const ref = { chainId: genesis.chainId, genesisHash };
    const tx = wallet.anchor({ chain: ref, nonce: 0, digest });
    const receipt = encodeReceipt({
      ...{ txid: tx.id, index: 0, status: "success", code: 0, fee: 0n, events: [] },
    });
    const own = setOf(40n, FIRST);
    const block = { own, next: own, transactions: [tx], receipts: [receipt] };
    const head = headOf(block);
    const path = { index: 0, count: 1, siblings: [] };
    const proof = {
      ...{
        height: Number(head.summary.height),
        blockHash: showHash(head.hash),
        time: Number(blockTimeMs(head)),
      },
      ...{ header: hex0x(encodeHeader(head.header)), summary: hex0x(encodeSummary(head.summary)) },
      ...{ seal: hex0x(sealOf(head, block)), tx: hex0x(tx.bytes), txPath: path },
      ...{ receipt: hex0x(receipt), receiptPath: path },
    };
    const links = chain(Array.from({ length: 41 }, () => FIRST));
    const source = { chain: ref, digest, proof: proof as never };
    const whole = createReceipt({ ...source, epochs: links });
    return { whole, small: skipInReceipt(whole, trusted) };
  };

  it("is small with skips, of a format of its own, and says what was not looked at", () => {
    const { whole, small } = made();
    expect([whole.format, small.format]).toEqual([4, 5]);
    expect(JSON.stringify(small).length).toBeLessThan(JSON.stringify(whole).length / 10);
    const question = { genesis: trusted, digest };
    for (const verify of [verifyReceipt, verifySkippingReceipt])
      expect(verify({ ...question, receipt: whole })).toMatchObject({ valid: true });
    for (const receipt of [small, JSON.stringify(small)])
      expect(verifySkippingReceipt({ ...question, receipt })).toMatchObject({
        valid: true,
        skipped: [{ from: 0, to: 39 }],
      });
    expect(verifyReceipt({ ...question, receipt: small })).toMatchObject({
      valid: false,
      reason: expect.stringContaining("format"),
    });
  });

  it("is refused where anything of it is another", () => {
    const { whole, small } = made();
    const reason = (receipt: unknown, more = {}) => {
      const answer = verifySkippingReceipt({ receipt, genesis: trusted, digest, ...more });
      return answer.valid ? "valid" : answer.reason;
    };
    expect(reason({ ...small, format: 4 })).toMatch(/validators/);
    expect(reason({ ...whole, epochs: [], format: 5 })).toMatch(/proved up to epoch 0 only/);
    expect(reason({ ...small, epochs: "all" })).toMatch(/^receipt: epochs/);
    expect(reason({ ...small, note: 1 })).toMatch(/note/);
    expect(reason({ ...small, height: 7 })).toMatch(/^height 7/);
    expect(reason(small, { digest: new Uint8Array(32) })).toMatch(/the document differs/);
    expect(reason("{")).toBe("receipt: not JSON");
    expect(reason(small, { genesis: "{" })).toMatch(/^genesis/);
  });
});
