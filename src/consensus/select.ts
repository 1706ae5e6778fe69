/**
 * Which consensus a genesis asks for: the only file that names the engines. Everything above sees the interfaces of
 * consensus/engine.ts and chain/rules.ts.
 */

import { must, unreachable } from "../base/assert.ts";
import { equalBytes, type Hash, hex0x } from "../base/bytes.ts";
import { type Fault, fault, refuse } from "../base/fault.ts";
import { Epochs } from "../chain/epochs.ts";
import { hasEpochs, type PbftParameters } from "../chain/genesis/consensus-parameters.ts";
import { type Genesis, validatorsOf } from "../chain/genesis/genesis.ts";
import type { PowParameters } from "../chain/genesis/pow-parameters.ts";
import type { BlockLimits } from "../chain/governance/governance-state.ts";
import type { SignatureRules } from "../crypto/keys.ts";
import type { Consensus, ConsensusEpochs, EpochConsensus, Parsed, Typed } from "./engine.ts";
import { NO_VOTES, openEvidence } from "./open-evidence.ts";
import {
  type CertificateContext,
  decodeCheckpointCertificate,
  openCheckpointCertificate,
  verifyCommitCertificate,
} from "./pbft/certificate.ts";
import { PbftEngine } from "./pbft/engine.ts";
import { AMNESIA_RECORD, encodeEpochRecord, hasAmnesia, hasVotes, journalPlace } from "./pbft/journal.ts";
import { messageEpoch, type ParsedMessage } from "./pbft/message-bytes.ts";
import { type PbftMessage, PbftMessageVerifier } from "./pbft/message-verifier.ts";
import { pbftRules } from "./pbft/rules.ts";
import { PowEngine } from "./pow/engine.ts";
import { powRules } from "./pow/rules.ts";

export interface ConsensusSources {
  /** Rules that remember which signatures they checked. When left out each one is checked by the plain rules. */
  readonly signatureRules?: SignatureRules | undefined;
  /** The validator sets by epoch, of a chain whose validators may change. */
  readonly epochs?: Epochs | undefined;
}

/** @param genesisHash hash of block 0, which every signature of the chain covers. */
export function selectConsensus(
  genesis: Genesis,
  genesisHash: Hash,
  sources: ConsensusSources = {},
): Consensus {
  const { consensus } = genesis;
  switch (consensus.type) {
    case "pbft":
      return pbftConsensus({ ...genesis, consensus }, genesisHash, sources);
    case "pow":
      return powConsensus({ ...genesis, consensus });
    default:
      return unreachable(consensus);
  }
}

function pbftConsensus(
  genesis: Genesis<PbftParameters>,
  genesisHash: Hash,
  { signatureRules, epochs: known }: ConsensusSources,
): Consensus<ParsedMessage, PbftMessage> {
  const validators = validatorsOf(genesis);
  const { logWindow } = genesis.consensus;
  const epochs = hasEpochs(genesis.consensus) ? (known ?? new Epochs(genesis)) : undefined;
  const context = { genesisHash, validators, signatureRules, epochs };
  return {
    ...epochConsensus(genesis, context),
    rules: pbftRules(context),
    recentHeads: 2 * logWindow,
    openEvidence: (evidence, wants) => openEvidence(genesis, evidence, context, wants),
    certificates: {
      verifySeal: (set, head, seal) => verifyCommitCertificate({ ...context, validators: set, head, seal }),
      openCheckpoint: (setAt, certificate) => {
        const decoded = decodeCheckpointCertificate(certificate);
        if (!decoded.ok) return decoded;
        const { height } = decoded.value;
        if (height === 0n) return refuse("malformed", "a checkpoint at height 0, which nobody signs");
        return openCheckpointCertificate({ ...context, validators: setAt(height) }, certificate);
      },
    },
    ...(epochs === undefined ? {} : { changing: changingConsensus(genesis, { ...context, epochs }) }),
  };
}

type EpochContext = CertificateContext & {
  readonly rotationInterval?: number;
  readonly transition?: Hash | undefined;
  readonly room?: BlockLimits | undefined;
};

/** What works in one epoch. */
function epochConsensus(
  genesis: Genesis<PbftParameters>,
  { rotationInterval = genesis.consensus.rotationInterval, transition, room, ...context }: EpochContext,
): EpochConsensus<ParsedMessage, PbftMessage> {
  const parameters = { ...genesis.consensus, rotationInterval };
  const { validators } = context;
  const { limits } = genesis;
  const shape = { n: validators.members.length, logWindow: parameters.logWindow, limits };
  return {
    validators,
    verifier: new PbftMessageVerifier({ ...context, ...shape }),
    createEngine: ({ self, signer, settings }) =>
      self === undefined || signer === undefined
        ? undefined
        : new PbftEngine({ self, signer, settings, ...context, parameters, limits, transition, room }),
  };
}

function changingConsensus(
  genesis: Genesis<PbftParameters>,
  { epochs, ...context }: CertificateContext & { readonly epochs: Epochs },
): ConsensusEpochs<ParsedMessage, PbftMessage> {
  const contextOf = (epoch: bigint) => {
    const found = epochs.find(epoch);
    return found && { ...context, validators: found.validators };
  };
  return {
    epochs,
    inEpoch: (epoch, base) => {
      const found = epochs.find(epoch);
      const { validators, parameters } = must(found, `epoch ${epoch} has begun here`);
      const rotation = parameters === undefined ? {} : { rotationInterval: parameters.rotationInterval };
      const transition = epochs.newestTransition(epoch);
      const room = parameters?.limits;
      return epochConsensus(genesis, { ...context, validators, base, transition, room, ...rotation });
    },
    epochOfMessage: messageEpoch,
    epochOfJournal: (records) => journalPlace(records).epoch,
    hasVotes,
    otherSide: (records) => otherSide(records, epochs),
    journalOf: (epoch, records) => [
      encodeEpochRecord(epoch, epochs.newestTransition(epoch)),
      ...(hasAmnesia(records) ? [AMNESIA_RECORD] : []),
    ],
    amnesia: [AMNESIA_RECORD],
    openEpochEnd: (epoch, certificate) => {
      const known = contextOf(epoch);
      if (known === undefined) return refuse("wrong-epoch", `epoch ${epoch} has not begun here`);
      return openCheckpointCertificate(known, certificate);
    },
  };
}

/**
 * Why the votes of a journal are of another chain than this one, which agrees with it up to a break, or undefined when they are not. Of an epoch
 * that has not begun here it cannot be told yet, unless one up to it is known and the journal names none, or none that may still come.
 */
function otherSide(records: readonly Uint8Array[], epochs: Epochs): Fault | undefined {
  const { epoch, transition } = journalPlace(records);
  if (!hasVotes(records)) return undefined;
  const here = epochs.newestTransition(epoch);
  const mayCome = transition !== undefined && (here === undefined || epochs.accepts(transition));
  const isKnown = epochs.find(epoch) !== undefined || !mayCome;
  if (!isKnown || equalOptional(here, transition)) return undefined;
  const side = (id: Hash | undefined) => (id === undefined ? "no transition" : `the transition ${hex0x(id)}`);
  const detail = `the journal of votes is of epoch ${epoch} under ${side(transition)}; this chain has come, or is to come, to that epoch under ${side(here)}: these are two chains, and a key that voted for both would help both to become final. Start as before, or give this node a new validator key on a new home (docs/operations.md, "Quorum lost")`;
  return fault("other-side", detail);
}

function equalOptional(a: Hash | undefined, b: Hash | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalBytes(a, b);
}

/** Nobody sends messages or can contradict itself: the message verifier and the evidence refuse whatever comes. */
function powConsensus(genesis: Genesis<PowParameters>): Consensus<Parsed, Typed> {
  const refuseAll = () => refuse("no-votes", NO_VOTES);
  return {
    rules: powRules(genesis.consensus),
    validators: validatorsOf(genesis),
    verifier: {
      parse: refuseAll,
      verify: refuseAll,
      encode() {
        throw new Error("an engine that mines sends no messages");
      },
    },
    recentHeads: 0,
    openEvidence: refuseAll,
    createEngine: () => new PowEngine(),
  };
}
