/**
 * What may be in the next block, as the state has it: the limits of genesis where no vote has changed them, and who may send.
 * Fixed for a whole block: what a block changes holds from the next one on, so the pool knows it beforehand.
 */
import { byteText } from "../../base/bytes.ts";
import type { StateReader } from "../modules/module.ts";
import { governanceKey, rolesKey } from "../state/state-keys.ts";
import { type BlockLimits, readGovernance } from "./governance-state.ts";
import { sendersOf } from "./roles.ts";

export interface Policy extends BlockLimits {
  /** Who may send, by the text of an account's bytes. Anybody may where this is undefined. */
  readonly senders: ReadonlySet<string> | undefined;
}

/** The last one of each state's records: a block is built, judged and followed by the pool with the same. */
let last: { readonly records: string; readonly limits: BlockLimits; readonly policy: Policy } | undefined;

/** @param limits of genesis */
export function policyOf({ limits }: { readonly limits: BlockLimits }, state: StateReader): Policy {
  const governed = state.get(governanceKey());
  // The validators of this chain never change.
  if (governed === undefined) return { ...limits, senders: undefined };
  const roles = state.get(rolesKey());
  const records = `${byteText(governed)} ${roles && byteText(roles)}`;
  if (last?.records === records && last.limits === limits) return last.policy;
  const governance = readGovernance(state);
  const { minFee, maxBlockTransactions, maxBlockBytes } = governance?.parameters.limits ?? limits;
  const members = [...(governance?.members ?? []), ...(governance?.nextMembers ?? [])];
  const senders = governance?.roles && sendersOf(governance.roles, members);
  const policy = { minFee, maxBlockTransactions, maxBlockBytes, senders };
  last = { records, limits, policy };
  return policy;
}
