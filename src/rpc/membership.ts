/** The members of a chain whose validators may change, as JSON-RPC asks a node for them. These are shapes alone. */
import type { Verdict } from "../base/fault.ts";
import type { BlockLimits, Governance } from "../chain/governance/governance-state.ts";
import type { ChangeProposal } from "../chain/governance/proposals.ts";
import type { RulesState } from "../chain/governance/rules-version.ts";
import type { GovCall } from "../chain/modules/gov-declaration.ts";
import type { BlockHead } from "../chain/types/block.ts";
import type { Transition } from "../chain/types/transition.ts";
import type { Validator, ValidatorSet } from "../chain/types/validator-set.ts";

export interface EpochView {
  readonly epoch: bigint;
  readonly firstHeight: bigint;
  readonly validators: ValidatorSet;
  /** The block that ends it, with its certificate: it names the set of the next one. Undefined for the last. */
  readonly end: { readonly head: BlockHead; readonly seal: Uint8Array } | undefined;
  /** Where it began by a break of trust and not by a vote. */
  readonly openedBy?: Transition | undefined;
}

export interface MembershipApi {
  /** The state of governance at the head. */
  governance(): Governance;
  /** The version of the rules, now and from the next epoch on, and the highest that this program knows. */
  rules(): RulesState & { readonly known: number };
  /** Those of genesis, which hold until a vote changes them. */
  limits(): BlockLimits;
  /** The newest first. */
  proposals(countMax: number): readonly ChangeProposal[];
  /** The epochs from `from` on, ascending, at most `countMax`. */
  epochs(from: bigint, countMax: number): readonly EpochView[];
  /**
   * The members of the epoch of a height. Above the running epoch, those of now. Undefined where the epoch is not known
   * here.
   */
  membersAt(height: bigint): readonly Validator[] | undefined;
  /** The epoch that this node is in: behind the chain's while it waits at the barrier. */
  epoch(): bigint;
  /** Whether this node has a key that is in no set now. */
  isCandidate(): boolean;
  /** The epoch before which this node's key signs nothing, as its journal says. Undefined when it may sign now. */
  silentUntil(): bigint | undefined;
  /**
   * What a change would do as this node sees it, in words with names and figures. It is empty when nothing speaks
   * against it. Faults: `unknown-proposal`, `decided`, and those of applying the change.
   */
  harms(call: GovCall): Verdict<readonly string[]>;
  /**
   * What its sender should know of a change against which nothing speaks, in the same form. It is empty where there is
   * nothing, and where `harms` has a fault.
   */
  notes(call: GovCall): readonly string[];
  /**
   * Whether nothing speaks against a vote but that the newcomer is not connected or not level yet. While the proposal is
   * open that passes by itself, mostly within seconds.
   */
  awaitsNewcomer(call: GovCall): boolean;
}
