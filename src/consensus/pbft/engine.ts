/** The PBFT engine (in the making): its types stand, its steps follow. */

import type { Hash } from "../../base/bytes.ts";
import type { PbftParameters } from "../../chain/genesis.ts";
import type { ValidatorSet } from "../../chain/validators.ts";
import type { ConsensusEngine, Effect, EngineOptions, EngineStatus, Input } from "../engine.ts";
import type { PbftMessage } from "./gate.ts";
import type { ParsedMessage } from "./wire.ts";

export interface PbftEngineOptions extends EngineOptions {
  readonly genesisHash: Hash;
  readonly validators: ValidatorSet;
  readonly parameters: PbftParameters;
}

export class PbftEngine implements ConsensusEngine<ParsedMessage, PbftMessage> {
  readonly options: PbftEngineOptions;
  constructor(options: PbftEngineOptions) {
    this.options = options;
  }
  wants(_parsed: ParsedMessage): boolean {
    return true;
  }
  step(_input: Input<PbftMessage>): readonly Effect<PbftMessage>[] {
    return [];
  }
  status(): EngineStatus {
    throw new Error("not yet");
  }
}
