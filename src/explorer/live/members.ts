/**
 * Who had which seat at which height: the members of an epoch are sorted, so that an index means another validator where
 * the members changed. As the node tells it; the sets that checks rely on follow from the genesis (checks.ts).
 */
import { computed, effect, signal } from "@preact/signals";
import { primaryOf } from "../../consensus/pbft/quorum.ts";
import { askAll, orUndefined } from "./asked-nodes.ts";
import { heads, standing } from "./feed.ts";

export interface Seats {
  readonly epoch: number;
  /** The names by index. Empty where the epoch is too long ago. */
  readonly names: readonly string[];
}

interface EndedEpoch extends Seats {
  readonly firstHeight: number;
  readonly lastHeight: number;
}

/** Epochs that are asked for: seats before them go by their index. */
const EPOCHS_SHOWN = 64;

const ended = signal<readonly EndedEpoch[]>([]);
/** The newest epoch that the node has shown. */
const epoch = computed(() => {
  const state = standing.value?.consensus;
  return Math.max(heads.value[0]?.epoch ?? 0, state?.type === "pbft" ? state.epoch : 0);
});

/** Asks once for each epoch. */
export function startMembers(): void {
  effect(() => {
    if (epoch.value > 0) void askEnded(epoch.value);
  });
}

async function askEnded(newest: number): Promise<void> {
  const from = Math.max(0, newest - EPOCHS_SHOWN);
  const [answer] = await askAll([{ method: "chain_getEpochs", params: { from } }]).catch(() => [undefined]);
  ended.value = (orUndefined(answer) ?? []).flatMap(
    ({ epoch: ended, firstHeight, lastHeight, validators }) =>
      lastHeight === null
        ? []
        : [
            {
              epoch: Number(ended),
              firstHeight: Number(firstHeight),
              lastHeight: Number(lastHeight),
              names: validators.map(({ name }) => name),
            },
          ],
  );
}

/** The names of those who vote for a height, by their index; none where it is of an epoch too long ago. */
export function membersAt(height: number): readonly string[] {
  return seatsAt(height).names;
}

export function seatsAt(height: number): Seats {
  const [first] = ended.value;
  if (first !== undefined && height < first.firstHeight) return { epoch: 0, names: [] };
  const found = ended.value.find(({ lastHeight }) => height <= lastHeight);
  return found ?? { epoch: epoch.value, names: membersNow() };
}

/** Who proposes in a view, by its index. */
export function primaryIn(view: number, { epoch: of, names }: Seats): number {
  return names.length === 0 ? -1 : primaryOf(BigInt(of), BigInt(view), names.length);
}

/** Counts the epochs that the node enters. Undefined before it has answered. */
export const epochNow = computed(() => (standing.value === undefined ? undefined : epoch.value));

export function membersNow(): readonly string[] {
  return (standing.value?.validators ?? []).map(({ id }) => id);
}

/** The name of a member, of those who vote now, or at a height. */
export function memberName(index: number, names: readonly string[] = membersNow()): string {
  return names[index] ?? `#${index}`;
}
