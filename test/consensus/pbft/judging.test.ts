/** What judging costs: everything that needs no signature comes first, and nothing follows the first bad one. */
import { expect, it } from "vitest";
import { EMPTY } from "../../../src/base/bytes.ts";
import { executeGenesis } from "../../../src/chain/genesis/genesis-state.ts";
import {
  encodeCommitCertificate,
  seemsCommitted,
  verifyCommitCertificate,
} from "../../../src/consensus/pbft/certificate.ts";
import { committedHead } from "../../../src/consensus/pbft/certified-head.ts";
import { encodeMessage } from "../../../src/consensus/pbft/message-bytes.ts";
import { signingBytes } from "../../../src/consensus/pbft/messages.ts";
import { selectConsensus } from "../../../src/consensus/select.ts";
import { ED25519, QUICK_CHECK_US, type SignatureRules } from "../../../src/crypto/keys.ts";
import { RememberedSignatures, SignatureMeter } from "../../../src/crypto/signature-meter.ts";
import { Forger } from "../../../src/tools/sim/adversaries/forger.ts";
import { signatureWorld } from "../../../src/tools/sim/signatures.ts";
import { World } from "../../../src/tools/sim/world.ts";

const world = new World({ validators: 4, accounts: 2, balance: 10n }, signatureWorld("ideal"));
const { genesis, genesisHash, validators: signers } = world;
const forger = new Forger(genesis, genesisHash);
const rules = world.signatures.rules;

/** The rules, counted. */
class Counted implements SignatureRules {
  quick = 0;
  whole = 0;
  verifyQuickly: SignatureRules["verifyQuickly"] = (...claim) => {
    this.quick++;
    return rules.verifyQuickly(...claim);
  };
  verifySignature: SignatureRules["verifySignature"] = (...claim) => {
    this.whole++;
    return rules.verifySignature(...claim);
  };
}

const block = forger.emptyBlock(executeGenesis(genesis).block, 0, 5);
const head = { hash: block.hash, header: block.header, summary: block.summary };
const place = { view: 0n, height: 1n, hash: block.hash };
const commits = signers.map((signer, from) => ({
  signer: from,
  signature: forger.sign(forger.vote("commit", place, from), signer),
}));

function viewChange(from: number, view: bigint, signatures = commits): Uint8Array {
  const certified = [committedHead(head, { view: 0n, signatures }).bytes];
  const base = { stableCheckpoint: 0n, checkpoint: EMPTY, certified };
  const body = { type: "view-change", from, epoch: 0n, view, ...base } as const;
  return encodeMessage(body, forger.sign(body, signers[from]!), EMPTY);
}

function newView(viewChanges: readonly Uint8Array[], view = 5n): Uint8Array {
  const from = forger.primaryOf(view);
  const vote = { type: "pre-prepare", from, epoch: 0n, view, height: 1n, hash: block.hash } as const;
  const carried = [{ height: 1n, hash: block.hash, signature: forger.sign(vote, signers[from]!) }];
  const body = { type: "new-view", from, epoch: 0n, view, viewChanges, carried } as const;
  return encodeMessage(body, forger.sign(body, signers[from]!), EMPTY);
}

function judge(message: Uint8Array): { readonly code: string; readonly checks: number } {
  const counted = new Counted();
  const { verifier } = selectConsensus(genesis, genesisHash, { signatureRules: counted });
  const parsed = verifier.parse(message);
  if (!parsed.ok) throw new Error(parsed.fault.detail);
  const verified = verifier.verify(parsed.value);
  return { code: verified.ok ? "valid" : verified.fault.code, checks: counted.quick + counted.whole };
}

it("the message verifier compares the senders and views of a NEW-VIEW before any signature", () => {
  const own = [
    viewChange(1, 5n),
    viewChange(1, 5n, commits.slice(1)),
    viewChange(1, 5n, commits.slice(0, 3)),
  ];
  expect(judge(newView(own))).toEqual({ code: "wrong-view-change", checks: 0 });
  const mixed = [viewChange(0, 5n), viewChange(1, 5n), viewChange(2, 9n)];
  expect(judge(newView(mixed))).toEqual({ code: "wrong-view-change", checks: 0 });
  const good = [viewChange(0, 5n), viewChange(1, 5n), viewChange(2, 5n)];
  // Its own, O's, and of each VIEW-CHANGE its own and four COMMITs.
  expect(judge(newView(good))).toEqual({ code: "valid", checks: 2 + 3 * 5 });
});

it("the message verifier checks the links of a VIEW-CHANGE before any signature", () => {
  const body = {
    type: "view-change",
    from: 1,
    epoch: 0n,
    view: 5n,
    stableCheckpoint: 0n,
    checkpoint: EMPTY,
  } as const;
  const entry = committedHead(head, { view: 0n, signatures: commits }).bytes;
  const twice = { ...body, certified: [entry, entry] };
  const message = encodeMessage(twice, forger.sign(twice, signers[1]!), EMPTY);
  expect(judge(message)).toEqual({ code: "wrong-view-change", checks: 0 });
});

it("the message verifier stops at the first bad signature of a certificate", () => {
  const forged = commits.map((one, i) => (i === 0 ? one : { ...one, signature: new Uint8Array(64) }));
  const seal = encodeCommitCertificate({ view: 0n, signatures: forged });
  const counted = new Counted();
  const { validators } = selectConsensus(genesis, genesisHash);
  const question = { genesisHash, validators, head, seal, signatureRules: counted };
  expect(verifyCommitCertificate(question)?.code).toBe("bad-signature");
  expect(counted.whole).toBe(2);
});

it("the message verifier does not verify slowly a seal with more bad signatures than there can be faulty validators", () => {
  const { validators } = selectConsensus(genesis, genesisHash);
  const seems = (bad: number): { worth: boolean; quick: number; whole: number } => {
    const counted = new Counted();
    const signatures = commits.map((one, i) => (i < bad ? { ...one, signature: new Uint8Array(64) } : one));
    const seal = encodeCommitCertificate({ view: 0n, signatures });
    const worth = seemsCommitted({ genesisHash, validators, head, seal, signatureRules: counted });
    return { worth, quick: counted.quick, whole: counted.whole };
  };
  expect(seems(4)).toEqual({ worth: false, quick: 2, whole: 0 });
  expect(seems(1)).toEqual({ worth: true, quick: 4, whole: 0 });
  expect(seems(0)).toEqual({ worth: true, quick: 4, whole: 0 });
});

it("the message verifier checks a signature once, whoever shows it, and remembers no refusal", () => {
  const meter = new SignatureMeter(rules);
  const remembered = new RememberedSignatures(meter);
  const message = signingBytes(genesisHash, forger.vote("commit", place, 0));
  const key = signers[0]!.publicKey;
  const { signature } = commits[0]!;
  expect(remembered.verifySignature(key, message, signature)).toBe(true);
  const once = meter.spentUs;
  expect(once).toBeGreaterThanOrEqual(QUICK_CHECK_US);
  expect(remembered.verifyQuickly(key, message, signature)).toBe(true);
  expect(meter.spentUs - once).toBeLessThan(QUICK_CHECK_US / 10);
  const bad = new Uint8Array(64);
  expect(remembered.verifySignature(key, message, bad)).toBe(false);
  const twice = meter.spentUs;
  expect(remembered.verifySignature(key, message, bad)).toBe(false);
  expect(meter.spentUs - twice).toBeGreaterThan(20 * QUICK_CHECK_US);
});

it("the message verifier says of an accepted signature that only ZIP-215 takes what the native library says", () => {
  // Whatever is remembered, the quick rule stays the native library's.
  const slow = { ...ED25519, verifyQuickly: () => false, verifySignature: () => true };
  const remembered = new RememberedSignatures(new SignatureMeter(slow));
  const claim = [new Uint8Array(32), new Uint8Array(8), new Uint8Array(64)] as const;
  expect(remembered.verifySignature(...claim)).toBe(true);
  expect(remembered.verifyQuickly(...claim)).toBe(false);
  expect(remembered.verifySignature(...claim)).toBe(true);
});
