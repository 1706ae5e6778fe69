/** Which validator of the world sits where at a replica (node/votes/seats.ts). */
import { type Address, equalBytes } from "../../base/bytes.ts";
import type { ValidatorId } from "../../consensus/engine.ts";

/** @param known the keys of the world's validators @param keys by seat */
export function seatsOf(
  known: readonly Address[],
  keys: readonly Address[],
): readonly (ValidatorId | undefined)[] {
  return keys.map((key) => {
    const index = known.findIndex((other) => equalBytes(other, key));
    return index < 0 ? undefined : index;
  });
}
