/**
 * How far the replacement of a validator's key is: read from the home's key files and from what the chain says, and
 * remembered nowhere else. So a command that was killed at any step goes on by looking again. Pure.
 */
import type { ResultOf } from "../../sdk/client.ts";

type Membership = Pick<ResultOf<"gov_getMembership">, "members" | "nextMembers" | "lastHeight">;
type Proposal = Pick<
  ResultOf<"gov_getProposals">[number],
  "id" | "status" | "change" | "approve" | "needed" | "expires"
>;
type Epoch = Pick<ResultOf<"chain_getEpochs">[number], "lastHeight" | "validators">;

/** The public keys of a home as 0x-hex, 32 bytes each. */
export interface RotatedKeys {
  /** The key in keys/validator.json. */
  readonly own: string;
  /** The key in keys/validator-next.json. Undefined where none waits. */
  readonly next: string | undefined;
}

export type RotationStep =
  /** The present key has no seat, and no key waits for one. */
  | { readonly step: "no-seat" }
  /** The seat is to be given up, or goes to a key that is not in this home. */
  | { readonly step: "leaving" }
  /** Nothing is under way. */
  | { readonly step: "none" }
  /** The new key is here, and nobody was asked yet; or the proposal was rejected or has expired. */
  | { readonly step: "made" }
  | {
      readonly step: "proposed";
      readonly proposal: number | string;
      readonly approve: number;
      readonly needed: number;
      readonly expires: number | string;
    }
  /** The new key has the seat above this height; the present one is needed up to it. */
  | { readonly step: "approved"; readonly lastHeight: number | string }
  /** The new key has the seat; the node takes it by itself. */
  | { readonly step: "in-force" };

export function rotationStep(
  { own, next }: RotatedKeys,
  { members, nextMembers, lastHeight }: Membership,
  proposals: readonly Proposal[],
): RotationStep {
  const has = (list: Membership["members"], key: string | undefined) =>
    list.some(({ publicKey }) => publicKey === key);
  if (has(members, next)) return { step: "in-force" };
  if (has(nextMembers, next)) return { step: "approved", lastHeight };
  if (!has(members, own) && !has(nextMembers, own)) return { step: "no-seat" };
  if (!has(nextMembers, own)) return { step: "leaving" };
  if (next === undefined) return { step: "none" };
  const open = proposals.find(
    ({ status, change }) =>
      status === "open" && change.change === "replace" && change.publicKey === own && change.newKey === next,
  );
  if (open === undefined) return { step: "made" };
  const { id: proposal, approve, needed, expires } = open;
  return { step: "proposed", proposal, approve, needed, expires };
}

/**
 * From which height on a key that had a seat may be deleted: 2 K behind the last block of its last epoch, where no proof over a
 * block of that epoch is taken any more and no member can still stand at its barrier.
 * @param epochs ascending, up to the running one
 * @param checkpointInterval K
 * @returns undefined while it has the seat; 0 where it has had none in these epochs
 */
export function deletableFrom(
  key: string,
  epochs: readonly Epoch[],
  checkpointInterval: number,
): bigint | undefined {
  const last = epochs.findLast(({ validators }) => validators.some(({ publicKey }) => publicKey === key));
  if (last === undefined) return 0n;
  return last.lastHeight === null ? undefined : BigInt(last.lastHeight) + 2n * BigInt(checkpointInterval);
}
