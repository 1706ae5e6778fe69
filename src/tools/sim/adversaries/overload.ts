/**
 * Whatever is dear to judge, as much of it as the line takes: seals with false signatures, VIEW-CHANGEs that are good
 * but for the last signature, NEW-VIEWs of many own VIEW-CHANGEs, transactions that nobody signed. Each gets as far as
 * it can before it is refused. It is found where computing takes time (simulated-processor.ts).
 * Source: pbft.md 1.15.
 */
import { must } from "../../../base/assert.ts";
import { EMPTY, type Hash } from "../../../base/bytes.ts";
import { readAccount } from "../../../chain/modules/accounts.ts";
import { bank } from "../../../chain/modules/bank.ts";
import { encodeSealedBlock, type SealedBlock } from "../../../chain/types/block.ts";
import { signTransaction } from "../../../chain/types/transaction.ts";
import {
  type CommitCertificate,
  decodeCommitCertificate,
  encodeCheckpointCertificate,
  encodeCommitCertificate,
} from "../../../consensus/pbft/certificate.ts";
import { committedHead } from "../../../consensus/pbft/certified-head.ts";
import { encodeMessage } from "../../../consensus/pbft/message-bytes.ts";
import type { NewViewBody, PbftBody, ViewChangeBody } from "../../../consensus/pbft/messages.ts";
import { SIGNATURE_BYTES } from "../../../crypto/keys.ts";
import { encodePacket, MAIL_BLOCK, MAIL_CONSENSUS, MAIL_TRANSACTION } from "../../../node/ingress/packet.ts";
import type { Replica } from "../../../node/replica.ts";
import type { Misbehaviour, MisbehaviourContext } from "../misbehaviour.ts";
import { type AdversarySpec, OVERLOADS, type OverloadName } from "../schedule.ts";
import { type Forger, othersOf } from "./forger.ts";
import { repeatedly } from "./noise.ts";

/** Packets leave in bundles, as from a full outbox. */
const BUNDLE_MS = 20;

interface Tools {
  readonly context: MisbehaviourContext;
  readonly forger: Forger;
  readonly replica: Replica;
}

export function overload(
  context: MisbehaviourContext,
  { perSecond, load }: Extract<AdversarySpec, { kind: "overload" }>,
  forger: Forger,
): Misbehaviour {
  let turn = 0;
  return repeatedly(context, BUNDLE_MS, () => {
    const replica = context.replica();
    if (replica === undefined) return;
    const name = load ?? must(OVERLOADS[turn++ % OVERLOADS.length], "the index is below their number");
    const packet = MAKERS[name]({ context, forger, replica });
    if (packet === undefined) return;
    // The same again and again: what is refused is remembered by nobody, so it costs as much as a new one.
    for (let i = 0; i < (perSecond * BUNDLE_MS) / 1_000; i++)
      for (const to of othersOf(context)) context.mail(to, packet);
  });
}

const MAKERS: Readonly<Record<OverloadName, (tools: Tools) => Uint8Array | undefined>> = {
  "false-seals": falselySealed,
  "own-view-changes": ownViewChanges,
  "late-flaw": flawedViewChange,
  "strangers-view-changes": strangersViewChanges,
  transactions: unsignedTransfer,
  votes: unsignedVote,
  checkpoints: falseCheckpoint,
  garbage: ({ context }) => encodePacket(MAIL_CONSENSUS, context.random.bytes(400)),
};

/** A block of the next height whose COMMITs nobody gave. */
function falselySealed({ context, forger, replica }: Tools): Uint8Array {
  const { random } = context;
  const block = forger.emptyBlock(replica.chain.head, context.validator, random.integer(1, 10_000));
  const signatures = Array.from({ length: forger.n }, (_, signer) => ({ signer, signature: noise(context) }));
  const seal = encodeCommitCertificate({ view: 0n, signatures });
  return encodePacket(MAIL_BLOCK, encodeSealedBlock({ block, seal }));
}

/** V of one sender, many times, each valid by itself and none like the other. */
function ownViewChanges(tools: Tools): Uint8Array {
  const { forger } = tools;
  const view = nextOwnView(tools);
  const viewChanges = Array.from({ length: forger.quorum }, (_, i) => signedViewChange(tools, view, i));
  return newView(tools, view, viewChanges);
}

/** V of a quorum: the own one, and others that their senders did not sign. */
function strangersViewChanges(tools: Tools): Uint8Array {
  const { context, forger } = tools;
  const { validator } = context;
  const view = nextOwnView(tools);
  const others = othersOf(context).slice(0, forger.quorum - 1);
  const viewChanges = [validator, ...others].map((from) => {
    if (from === validator) return signedViewChange(tools, view, 0);
    return encodeMessage(viewChangeBody(tools, view, 0, from), noise(context), EMPTY);
  });
  return newView(tools, view, viewChanges);
}

/** A VIEW-CHANGE of real certificates, but for one signature of the last. */
function flawedViewChange(tools: Tools): Uint8Array {
  const { context, forger, replica } = tools;
  const view = (replica.engineStatus()?.view ?? 0n) + BigInt(context.random.integer(1, 3));
  const body = viewChangeBody(tools, view, 0, context.validator, true);
  return forger.packet(body, context.signer);
}

function unsignedTransfer({ context, forger, replica }: Tools): Uint8Array | undefined {
  const { genesis, random } = context;
  const from = random.pick(genesis.accounts).address;
  const nonce = readAccount(replica.chain.committed, from)?.nonce ?? 0n;
  const payload = bank.encodeCall({ to: from, amount: BigInt(random.integer(1, 1_000)), memo: EMPTY });
  const fields = { chainId: genesis.chainId, nonce, fee: 0n, validUntilHeight: 0n, module: bank.id, payload };
  const nobody = { publicKey: from, sign: () => noise(context) };
  return encodePacket(MAIL_TRANSACTION, signTransaction(fields, nobody, forger.genesisHash).bytes);
}

function unsignedVote({ context, forger, replica }: Tools): Uint8Array {
  const { random, validator } = context;
  const status = replica.engineStatus();
  const height = (status?.lastCommitted ?? 0n) + BigInt(random.integer(1, 4));
  const place = { view: status?.view ?? 0n, height, hash: random.bytes(32) as Hash };
  const body = forger.vote(random.pick(["prepare", "commit"]), place, validator);
  return encodePacket(MAIL_CONSENSUS, encodeMessage(body, noise(context), EMPTY));
}

/** Its own CHECKPOINT is good, those of the others are not. */
function falseCheckpoint({ context, forger, replica }: Tools): Uint8Array {
  const { random, signer, validator } = context;
  const interval = BigInt(forger.genesis.consensus.checkpointInterval);
  const height = (replica.chain.head.summary.height / interval + 2n) * interval;
  const hash = random.bytes(32) as Hash;
  const facts = { height, hash, stateRoot: hash, nextValidatorsHash: hash };
  const own: PbftBody = { type: "checkpoint", from: validator, epoch: 0n, ...facts };
  const signatures = Array.from({ length: forger.n }, (_, from) => ({
    signer: from,
    signature: from === validator ? forger.sign(own, signer) : noise(context),
  }));
  const body: PbftBody = { type: "checkpoint-certificate", from: validator, epoch: 0n, height, hash };
  return forger.packet(body, signer, encodeCheckpointCertificate({ ...facts, signatures }));
}

function nextOwnView({ context, forger, replica }: Tools): bigint {
  const n = BigInt(forger.n);
  const now = replica.engineStatus()?.view ?? 0n;
  const later = BigInt(context.random.integer(1, 4));
  return (now / n + later) * n + BigInt(context.validator);
}

function newView({ context, forger }: Tools, view: bigint, viewChanges: readonly Uint8Array[]): Uint8Array {
  const body: NewViewBody = {
    type: "new-view",
    from: context.validator,
    epoch: 0n,
    view,
    viewChanges,
    carried: [],
  };
  return forger.packet(body, context.signer);
}

/** A signed VIEW-CHANGE in the form that a NEW-VIEW holds. */
function signedViewChange(tools: Tools, view: bigint, shorter: number): Uint8Array {
  const { context, forger } = tools;
  const body = viewChangeBody(tools, view, shorter, context.validator);
  return encodeMessage(body, forger.sign(body, context.signer), EMPTY);
}

/** P from height 1 on, by what the chain holds, `shorter` by so many heights. */
function viewChangeBody(
  { context, forger, replica: { chain } }: Tools,
  view: bigint,
  shorter: number,
  from: number,
  isFlawed = false,
): ViewChangeBody {
  const top = Math.min(forger.genesis.consensus.logWindow, Number(chain.head.summary.height)) - shorter;
  const sealed = Array.from({ length: Math.max(0, top) }, (_, i) =>
    chain.sealedBlockAt(BigInt(i + 1)),
  ).filter((one): one is SealedBlock => one !== undefined);
  const certified = sealed.map(({ block, seal }, i) => {
    const certificate = decodeCommitCertificate(seal);
    const { view: certifiedIn, signatures: good } = certificate.ok ? certificate.value : NOTHING;
    const isLast = isFlawed && i === sealed.length - 1;
    const signatures = isLast
      ? good.map((one, k) => (k === good.length - 1 ? { ...one, signature: noise(context) } : one))
      : good;
    const { hash, header, summary } = block;
    return committedHead({ hash, header, summary }, { view: certifiedIn, signatures }).bytes;
  });
  const base = { stableCheckpoint: 0n, checkpoint: EMPTY, certified };
  return { type: "view-change", from, epoch: 0n, view, ...base };
}

const NOTHING: CommitCertificate = { view: 0n, signatures: [] };

function noise({ random }: MisbehaviourContext): Uint8Array {
  return random.bytes(SIGNATURE_BYTES);
}
