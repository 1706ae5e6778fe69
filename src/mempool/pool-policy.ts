/**
 * What votes may change of admission from one head to the next: the least fee, and who may send
 * (docs/protocol.md, "Roles").
 */
import { POOL_NONCE_GAP_MAX } from "../base/limits.ts";
import { modulesOf } from "../chain/execution/modules-in-force.ts";
import { hasEpochs } from "../chain/genesis/consensus-parameters.ts";
import type { ModuleSet } from "../chain/modules/module-set.ts";
import type { AdmissionRules, HeadState } from "./admission.ts";
import type { PoolIndex } from "./pool-index.ts";
import type { MempoolOptions } from "./pool-ports.ts";
import type { QueueEntry } from "./sender-queue.ts";

/** The rules of one pool, which follow its head. */
export interface PoolRules extends AdmissionRules {
  minFee: bigint;
  senders: ReadonlySet<string> | undefined;
  modules: ModuleSet;
}

/** @returns whether something that is in the pool may not run any more */
export function followPolicy(rules: PoolRules, { policy, modules }: HeadState): boolean {
  if (modules !== undefined) rules.modules = modules;
  if (policy === undefined) return false;
  const { minFee, senders } = policy;
  const isStricter = minFee > rules.minFee || (senders !== undefined && senders !== rules.senders);
  rules.minFee = minFee;
  rules.senders = senders;
  return isStricter;
}

/** The rules of the pool that follow from the genesis. */
export function poolRulesOf({
  genesis,
  feeMin = 0n,
  nonceGapMax = POOL_NONCE_GAP_MAX,
}: MempoolOptions): PoolRules {
  const { chainId, limits, consensus } = genesis;
  return {
    chainId,
    ...{ minFee: limits.minFee, senders: undefined },
    governs: consensus !== undefined && hasEpochs(consensus),
    maxTxBytes: limits.maxTxBytes,
    feeMin,
    nonceGapMax,
    modules: modulesOf(genesis),
  };
}

/** Takes over what the head says. @returns what was taken once and may not run now; nothing is looked through where the rules are no stricter */
export function newlyBarred(
  rules: PoolRules,
  head: HeadState,
  poolIndex: Pick<PoolIndex, "entries">,
): readonly QueueEntry[] {
  if (!followPolicy(rules, head)) return [];
  const { minFee, senders } = rules;
  return [...poolIndex.entries()].filter(
    ({ transaction: { fee, fromKey } }) => fee < minFee || senders?.has(fromKey) === false,
  );
}
