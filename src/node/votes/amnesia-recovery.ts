/**
 * The way back of a key whose votes are lost: it signs nothing before an epoch in which it cannot have voted. Whoever
 * voted in epoch e held the checkpoint that ended e-1, which f+1 other correct members of e-1 had executed; of n-f
 * answers at least one is theirs. So when n-f other members have told heights that the chain here has reached, the
 * epoch of the next height is at least e, and the one after it is safe.
 * Source: pbft.md 1.12 (Amnesia); docs/protocol.md, "Epochs".
 */
import { equalBytes } from "../../base/bytes.ts";
import type { ValidatorSet } from "../../chain/types/validator-set.ts";
import { quorumOf } from "../../consensus/pbft/quorum.ts";
import type { Signer } from "../../crypto/keys.ts";
import { StartError } from "../home/start-error.ts";
import type { Seat, Seats } from "./seats.ts";

/** @throws StartError where no member may fail: then one that is silent stops the chain, and a new key is the only way */
export function checkRecoverable({ members }: ValidatorSet): void {
  if (members.length >= 4) return;
  const { n, quorum } = quorumOf(members.length);
  const way =
    n - 1 >= quorum
      ? "replace its key by vote (quorate gov propose replace)"
      : `and with ${quorum} of ${n} needed no vote passes without it: the operators give its seat another key by a transition (quorate transition --help)`;
  const detail = `${n} validators tolerate no fault, and one that waits for the next epoch counts as one: ${way}`;
  throw new StartError({ code: "amnesia", detail });
}

interface AdvertisedHeights {
  readonly heights: ReadonlyMap<Seat, bigint>;
  readonly seats: Pick<Seats, "ofKey">;
  /** The height of the own chain. A height that it has reached is proved by its certificate. */
  readonly height: bigint;
  readonly signer: Pick<Signer, "publicKey"> | undefined;
}

/** Whether n-f other members of the set have told heights at or below the own. */
export function enoughHaveAdvertised(
  { members }: ValidatorSet,
  { heights, seats, height, signer }: AdvertisedHeights,
): boolean {
  const faulty = Math.floor((members.length - 1) / 3);
  const advertised = members.filter(({ publicKey }) => {
    if (signer !== undefined && equalBytes(publicKey, signer.publicKey)) return false;
    const seat = seats.ofKey(publicKey);
    const theirs = seat === undefined ? undefined : heights.get(seat);
    return theirs !== undefined && theirs <= height;
  });
  return advertised.length >= members.length - faulty;
}
