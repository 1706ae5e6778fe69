/** The Byzantine validators of the profile `flood`: who overloads the others, how fast and with what. */
import type { ValidatorId } from "../../consensus/engine.ts";
import type { Random } from "./random.ts";
import { type AdversarySpec, OVERLOADS } from "./schedule.ts";

/** They never stop, so that nothing becomes final unless what they cost is bounded. */
export function pickOverloads(random: Random, corrupt: readonly ValidatorId[]): AdversarySpec[] {
  return corrupt.map((validator, i) => {
    const own = random.split(validator);
    const who = { id: `a${i}`, validator, atMs: 0, untilMs: Number.MAX_SAFE_INTEGER };
    const perSecond = own.pick([1_000, 4_000]);
    return own.chance(0.3)
      ? { ...who, kind: "overload", perSecond }
      : { ...who, kind: "overload", perSecond, load: own.pick(OVERLOADS) };
  });
}
