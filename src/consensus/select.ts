/**
 * Which consensus a genesis asks for: the only file that names the engines. Everything above sees the interfaces of
 * consensus/engine.ts and chain/rules.ts.
 */

import { unreachable } from "../base/assert.ts";
import type { Hash } from "../base/bytes.ts";
import { type Genesis, validatorsOf } from "../chain/genesis.ts";
import type { Consensus } from "./engine.ts";
import { PbftEngine } from "./pbft/engine.ts";
import { PbftGate, type PbftMessage } from "./pbft/gate.ts";
import { pbftRules } from "./pbft/rules.ts";
import type { ParsedMessage } from "./pbft/wire.ts";

/** @param genesisHash hash of block 0, which every signature of the chain covers. */
export function selectConsensus(genesis: Genesis, genesisHash: Hash): Consensus {
  switch (genesis.consensus.type) {
    case "pbft":
      return pbftConsensus(genesis, genesisHash);
    default:
      return unreachable(genesis.consensus.type);
  }
}

function pbftConsensus(genesis: Genesis, genesisHash: Hash): Consensus<ParsedMessage, PbftMessage> {
  const validators = validatorsOf(genesis);
  const parameters = genesis.consensus;
  const { logWindow } = parameters;
  return {
    rules: pbftRules({ genesisHash, validators }),
    validators,
    gate: new PbftGate({ genesisHash, validators, logWindow, limits: genesis.limits }),
    recentHeads: 2 * logWindow,
    createEngine: (options) =>
      new PbftEngine({ ...options, genesisHash, validators, parameters, limits: genesis.limits }),
  };
}
