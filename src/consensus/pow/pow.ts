/**
 * The entry point `quorate/pow`: the rules of proof of work for other programs, under the names of its contract
 * (docs/protocol.md, "Proof of work"). It decides nothing; inside the project everybody imports the files themselves.
 * Pure, and free of Node: it also runs in browsers.
 */
export type { Hash } from "../../base/bytes.ts";
export type { Fault, Verdict } from "../../base/fault.ts";
export type { PowParameters, RetargetParameters } from "../../chain/genesis/pow-parameters.ts";
export { subsidyAt, totalSupply } from "../../chain/genesis/subsidy.ts";
export type { Ancestry } from "../../chain/types/ancestry.ts";
export { encodeHeader, HEADER_BYTES, type Header, hashHeader } from "../../chain/types/block.ts";
export {
  type Compact,
  checkProofOfWork,
  compactOf as bitsFromTarget,
  decodeCompact,
  difficultyOf,
  hashAsInteger,
  targetOf as targetFromBits,
  workOf as workOfBits,
  workOfTarget,
} from "../../chain/types/target.ts";
export { type AsertSchedule, asertTarget } from "./asert.ts";
export { BITCOIN } from "./bitcoin.ts";
export { bitcoinMerkleRoot, checkMerkleList, type MerkleListCode } from "./bitcoin-merkle.ts";
export { checkHeader, earliestTime, type HeaderCode } from "./check-header.ts";
export {
  type ChainCode,
  checkHeaders,
  decodeHeader,
  HeaderChain,
  type HeaderFault,
  type HeadersVerdict,
} from "./header-chain.ts";
export { checkHeaderState, type HeaderState } from "./header-state.ts";
export type { HeaderMark, Reference } from "./lookback.ts";
export { expectedBits, type Period, type PeriodParameters, retargetBitcoin } from "./retarget.ts";
export { dueAt, medianTimePast, type Past } from "./time-bounds.ts";
