/**
 * Which consensus a genesis asks for: the only file that names the engines. Everything above sees the interfaces of
 * consensus/engine.ts and chain/rules.ts.
 */

import { unreachable } from "../base/assert.ts";
import type { Hash } from "../base/bytes.ts";
import { type Genesis, validatorsOf } from "../chain/genesis.ts";
import type { SignatureRules } from "../crypto/keys.ts";
import type { Consensus } from "./engine.ts";
import { PbftEngine } from "./pbft/engine.ts";
import { verifyEvidence } from "./pbft/evidence.ts";
import { PbftGate, type PbftMessage } from "./pbft/gate.ts";
import { pbftRules } from "./pbft/rules.ts";
import type { ParsedMessage } from "./pbft/wire.ts";

/**
 * @param genesisHash hash of block 0, which every signature of the chain covers.
 * @param signatureRules a memo of Ed25519; the plain rules if left out.
 */
export function selectConsensus(
  genesis: Genesis,
  genesisHash: Hash,
  signatureRules?: SignatureRules,
): Consensus {
  switch (genesis.consensus.type) {
    case "pbft":
      return pbftConsensus(genesis, genesisHash, signatureRules);
    default:
      return unreachable(genesis.consensus.type);
  }
}

function pbftConsensus(
  genesis: Genesis,
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
    gate: new PbftGate({ ...context, ...shape }),
    recentHeads: 2 * logWindow,
    openEvidence: (evidence, wants) => verifyEvidence({ ...context, ...shape }, evidence, wants),
    createEngine: (options) => new PbftEngine({ ...options, ...context, parameters, limits: genesis.limits }),
  };
}
