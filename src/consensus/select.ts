/**
 * Which consensus a genesis asks for: the only file that names the engines. Everything above sees the interfaces of
 * consensus/engine.ts and chain/rules.ts.
 */

import { unreachable } from "../base/assert.ts";
import type { Hash } from "../base/bytes.ts";
import { refuse } from "../base/fault.ts";
import type { PbftParameters } from "../chain/genesis/consensus-parameters.ts";
import { type Genesis, validatorsOf } from "../chain/genesis/genesis.ts";
import type { PowParameters } from "../chain/genesis/pow-parameters.ts";
import type { SignatureRules } from "../crypto/keys.ts";
import type { Consensus, Parsed, Typed } from "./engine.ts";
import { NO_VOTES, openEvidence } from "./open-evidence.ts";
import { openCheckpointCertificate } from "./pbft/certificate.ts";
import { PbftEngine } from "./pbft/engine.ts";
import { type PbftMessage, PbftMessageVerifier } from "./pbft/message-verifier.ts";
import { pbftRules } from "./pbft/rules.ts";
import type { ParsedMessage } from "./pbft/wire.ts";
import { PowEngine } from "./pow/engine.ts";
import { powRules } from "./pow/rules.ts";

/**
 * @param genesisHash hash of block 0, which every signature of the chain covers.
 * @param signatureRules a memo of Ed25519; the plain rules if left out.
 */
export function selectConsensus(
  genesis: Genesis,
  genesisHash: Hash,
  signatureRules?: SignatureRules,
): Consensus {
  const { consensus } = genesis;
  switch (consensus.type) {
    case "pbft":
      return pbftConsensus({ ...genesis, consensus }, genesisHash, signatureRules);
    case "pow":
      return powConsensus({ ...genesis, consensus });
    default:
      return unreachable(consensus);
  }
}

function pbftConsensus(
  genesis: Genesis<PbftParameters>,
  genesisHash: Hash,
  signatureRules: SignatureRules | undefined,
): Consensus<ParsedMessage, PbftMessage> {
  const validators = validatorsOf(genesis);
  const parameters = genesis.consensus;
  const { logWindow } = parameters;
  const context = { genesisHash, validators, signatureRules };
  const shape = { n: validators.members.length, logWindow, limits: genesis.limits };
  return {
    rules: pbftRules(context),
    validators,
    verifier: new PbftMessageVerifier({ ...context, ...shape }),
    recentHeads: 2 * logWindow,
    openEvidence: (evidence, wants) => openEvidence(genesis, evidence, context, wants),
    openCheckpoint: (certificate) => openCheckpointCertificate(context, certificate),
    createEngine: ({ self, signer, settings }) =>
      self === undefined || signer === undefined
        ? undefined
        : new PbftEngine({ self, signer, settings, ...context, parameters, limits: genesis.limits }),
  };
}

/** Nobody sends messages or can contradict himself: the message verifier and the evidence refuse whatever comes. */
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
