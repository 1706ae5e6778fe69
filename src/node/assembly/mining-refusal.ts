/** What keeps a node from mining by its operator's order. */
import { type Fault, fault } from "../../base/fault.ts";
import type { Chain } from "../../chain/chain.ts";
import type { MiningOrder } from "../replica-ports.ts";

/** Why this node does not mine by that order. */
export function miningRefusal(
  { mode, rules }: Pick<Chain, "mode" | "rules">,
  miner: unknown,
  order: MiningOrder,
): Fault<"WRONG_CONSENSUS" | "NO_COINBASE"> | undefined {
  if (mode.kind === "final" || miner === undefined) {
    return fault("WRONG_CONSENSUS", `blocks of this chain (${rules.name}) are not mined`);
  }
  if (!order.isOn || order.rewardTo !== undefined) return undefined;
  return fault("NO_COINBASE", "say which account is paid: --coinbase, or miner_setCoinbase");
}
