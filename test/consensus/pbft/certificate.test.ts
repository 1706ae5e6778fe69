/** Certificates: exactly the sets of at least Q good signatures of distinct validators prove something. */
import { describe, expect, it } from "vitest";
import { asHash } from "../../../src/base/bytes.ts";
import { decode } from "../../../src/codec/reader.ts";
import { Writer } from "../../../src/codec/writer.ts";
import {
  type CommitCertificate,
  decodeCommitCertificate,
  encodeCheckpointCertificate,
  encodeCommitCertificate,
  openCheckpointCertificate,
  type PreparedCertificate,
  readPreparedCertificate,
  type SignerSignature,
  verifyCommitCertificate,
  verifyPreparedCertificate,
  writePreparedCertificate,
} from "../../../src/consensus/pbft/certificate.ts";
import { type PbftBody, signingBytes, type VoteType } from "../../../src/consensus/pbft/messages.ts";
import { selectConsensus } from "../../../src/consensus/select.ts";
import { buildBlock, createFixture } from "./fixture.ts";

const fixture = createFixture(7);
const { genesisHash, validators, signers } = fixture;
const block = buildBlock(fixture, fixture.block0, 2, fixture.genesis.timeMs + 5n);
const { rules } = selectConsensus(fixture.genesis, genesisHash);

function vote(type: VoteType, signer: number, view = 4n, height = 1n): SignerSignature {
  const body = { type, from: signer, epoch: 0n, view, height, hash: block.hash } as PbftBody;
  return { signer, signature: signers[signer]!.sign(signingBytes(genesisHash, body)) };
}

function check(certificate: CommitCertificate): string | undefined {
  const seal = encodeCommitCertificate(certificate);
  const fault = verifyCommitCertificate({ genesisHash, validators, head: block, seal, namesEachBad: true });
  return fault && `${fault.code}: ${fault.detail}`;
}

const commits = [0, 1, 3, 4, 6].map((signer) => vote("commit", signer));

describe("a commit certificate", () => {
  it("of a quorum, or more, proves the block", () => {
    expect(check({ view: 4n, signatures: commits })).toBeUndefined();
    expect(
      check({ view: 4n, signatures: [0, 1, 2, 3, 4, 5, 6].map((i) => vote("commit", i)) }),
    ).toBeUndefined();
  });

  it("of one signature less says how many are needed", () => {
    expect(check({ view: 4n, signatures: commits.slice(1) })).toBe("no-quorum: 4 of 7 signatures, need 5");
  });

  it("with a bad signature says how many are valid and whose is not", () => {
    const forged = { signer: 4, signature: commits[0]!.signature };
    const signatures = commits.map((commit) => (commit.signer === 4 ? forged : commit));
    expect(check({ view: 4n, signatures })).toContain("bad-signature: 4 of 7 signatures valid, need 5");
    expect(check({ view: 4n, signatures })).toContain("signer 4 (");
  });

  it("of a stranger is refused", () => {
    const signatures = [...commits.slice(0, 4), { signer: 7, signature: commits[4]!.signature }];
    expect(check({ view: 4n, signatures })).toContain("signer 7 is not a validator");
  });

  it("does not stand for another view, phase, block or chain", () => {
    expect(check({ view: 3n, signatures: commits })).toContain("bad-signature");
    const prepares = [0, 1, 3, 4, 6].map((signer) => vote("prepare", signer));
    expect(check({ view: 4n, signatures: prepares })).toContain("bad-signature");
    const other = buildBlock(fixture, fixture.block0, 2, fixture.genesis.timeMs + 6n);
    const seal = encodeCommitCertificate({ view: 4n, signatures: commits });
    const question = { genesisHash, validators, head: other, seal };
    expect(verifyCommitCertificate(question)?.code).toBe("bad-signature");
    const chain = asHash(new Uint8Array(32));
    expect(verifyCommitCertificate({ ...question, head: block, genesisHash: chain })?.code).toBe(
      "bad-signature",
    );
  });

  it("has one encoding: ascending, each signer once, nothing left over", () => {
    const twice = encodeCommitCertificate({ view: 4n, signatures: [commits[0]!, ...commits] });
    const backward = encodeCommitCertificate({ view: 4n, signatures: commits.toReversed() });
    const longer = Uint8Array.of(...encodeCommitCertificate({ view: 4n, signatures: commits }), 0);
    for (const bytes of [twice, backward, longer, new Uint8Array(0)]) {
      expect(decodeCommitCertificate(bytes).ok).toBe(false);
    }
    const good = encodeCommitCertificate({ view: 4n, signatures: commits });
    expect(decodeCommitCertificate(good)).toEqual({ ok: true, value: { view: 4n, signatures: commits } });
    expect(decodeCommitCertificate(Uint8Array.of(2, ...good.subarray(1))).ok).toBe(false);
  });

  it("is the seal that the rules verify and describe", () => {
    const seal = encodeCommitCertificate({ view: 4n, signatures: commits });
    expect(rules.verifySeal(block, seal)).toBeUndefined();
    const signers = [0, 1, 3, 4, 6].map((validator) => ({ validator }));
    expect(rules.describeSeal(block, seal)).toMatchObject({ type: "pbft", view: 4n, commits: signers });
    expect(() => rules.describeSeal(block, new Uint8Array(3))).toThrow("does not decode");
  });
});

describe("a prepared certificate", () => {
  const certificate: PreparedCertificate = {
    view: 4n,
    head: { hash: block.hash, header: block.header, summary: block.summary },
    prePrepare: vote("pre-prepare", 4).signature,
    prepares: [0, 1, 3, 6].map((signer) => vote("prepare", signer)),
  };
  const code = (changed: Partial<PreparedCertificate>) =>
    verifyPreparedCertificate({ genesisHash, validators }, { ...certificate, ...changed })?.code;

  it("of the primary's PRE-PREPARE and Q-1 PREPAREs of others is good, and comes back from its bytes", () => {
    expect(code({})).toBeUndefined();
    const writer = new Writer();
    writePreparedCertificate(writer, certificate);
    expect(decode(writer.finish(), "certificate", readPreparedCertificate)).toEqual({
      ok: true,
      value: certificate,
    });
  });

  it("with the primary's PREPARE, too few, or another primary's proposal is refused", () => {
    expect(code({ prepares: [0, 1, 3, 4].map((signer) => vote("prepare", signer)) })).toBe("unknown-signer");
    expect(code({ prepares: certificate.prepares.slice(1) })).toBe("no-quorum");
    expect(code({ prePrepare: vote("pre-prepare", 3).signature })).toBe("bad-signature");
    expect(code({ view: 5n })).toBe("bad-signature");
  });
});

describe("a checkpoint certificate", () => {
  const facts = { height: 16n, hash: block.hash, stateRoot: block.hash, nextValidatorsHash: validators.hash };
  const sign = (from: number): SignerSignature => {
    const body: PbftBody = { type: "checkpoint", from, epoch: 0n, ...facts };
    return { signer: from, signature: signers[from]!.sign(signingBytes(genesisHash, body)) };
  };
  const signatures = [1, 2, 3, 5, 6].map(sign);

  it("of a quorum opens, and does not for another state or with too few", () => {
    const context = { genesisHash, validators };
    const open = (changed: object) =>
      openCheckpointCertificate(context, encodeCheckpointCertificate({ ...facts, signatures, ...changed }));
    expect(open({})).toEqual({ ok: true, value: { ...facts, signatures } });
    expect(open({ stateRoot: asHash(new Uint8Array(32)) }).ok).toBe(false);
    expect(open({ height: 17n }).ok).toBe(false);
    expect(open({ signatures: signatures.slice(1) }).ok).toBe(false);
  });
});
