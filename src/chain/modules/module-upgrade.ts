/**
 * Whether a module's new version still reads what its older one wrote: places are numbers in bytes, so what is declared may
 * be added to at its end and not changed. Calls, maps, events and faults of the old version stay where they are, with the
 * types they have.
 */
import type { FieldForms, ModuleForm } from "./module-form.ts";
import type { TypeForm } from "./value-types.ts";

/** Says why `next` cannot follow `old`, one sentence for each reason. The list is empty when it can. */
export function upgradeProblems(old: ModuleForm, next: ModuleForm): readonly string[] {
  if (old.name !== next.name) return [`it is called ${next.name}, the old one ${old.name}`];
  const problems: string[] = [];
  if (next.version <= old.version)
    problems.push(`version ${next.version}, more than ${old.version} of the old one is expected`);
  const kept = <T extends { readonly name: string }>(
    what: string,
    lists: readonly [readonly T[], readonly T[]],
    differs: (before: T, now: T) => string | undefined,
  ) => {
    const [before, now] = lists;
    for (const [place, one] of before.entries()) {
      const found = now[place];
      if (found?.name !== one.name) {
        const there = found === undefined ? "nothing stands" : `${found.name} stands`;
        problems.push(
          `${what} ${one.name}: ${there} in its place ${place}; new ones come behind the old ones`,
        );
        continue;
      }
      const difference = differs(one, found);
      if (difference !== undefined) problems.push(`${what} ${one.name}: ${difference}`);
    }
  };
  kept("call", [old.calls, next.calls], (before, now) => fieldsDiffer(before.fields, now.fields));
  kept("state", [old.state, next.state], (before, now) => stateDiffers(before, now));
  kept("event", [old.events, next.events], (before, now) => fieldsDiffer(before.fields, now.fields));
  kept("fault", [old.faults, next.faults], () => undefined);
  return problems;
}

function stateDiffers(
  before: ModuleForm["state"][number],
  now: ModuleForm["state"][number],
): string | undefined {
  if ((before.key === undefined) !== (now.key === undefined)) return "a map and a cell are two things";
  if (before.key !== undefined && now.key !== undefined && !sameType(before.key, now.key))
    return "its key has another type";
  return sameType(before.value, now.value) ? undefined : "its value has another type";
}

function fieldsDiffer(before: FieldForms, now: FieldForms): string | undefined {
  const [old, next] = [Object.entries(before), Object.entries(now)];
  for (const [place, [name, type]] of old.entries()) {
    const [found, foundType] = next[place] ?? [];
    if (found !== name) return `field ${place} is ${found ?? "missing"}, it was ${name}`;
    if (foundType === undefined || !sameType(type, foundType)) return `${name} has another type`;
  }
  const added = next[old.length];
  return added === undefined ? undefined : `${added[0]} is a new field, and old bytes have none`;
}

/** Fields of a struct are bytes in their order; so are names of a choice. */
function sameType(before: TypeForm, now: TypeForm): boolean {
  return JSON.stringify(before) === JSON.stringify(now);
}
