/**
 * A devnet in parts: which nodes may talk to which. The words of `devnet partition`, what follows for each node, and
 * the two commands. It keeps nothing: the supervisor does, and tells the nodes.
 */
import type { Command } from "commander";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { didYouMean } from "../../base/suggest.ts";
import { leaf } from "../command.ts";
import type { Output } from "../output.ts";
import { askDevnet, type DevnetReport } from "./devnet-control.ts";
import { nodeTable, summarizeNetwork } from "./devnet-monitor.ts";

/** Groups of node indices, disjoint and complete. One group is a whole network. */
export type Partition = readonly (readonly number[])[];

/**
 * Groups of names or indices. Nodes that no group names form one more group together, so "3" cuts node3 off from
 * all others.
 * @param names of all nodes, by index
 */
export function parsePartition(
  groups: readonly string[],
  names: readonly string[],
): Verdict<Partition, "malformed"> {
  const parsed: number[][] = [];
  const placed = new Set<number>();
  for (const group of groups) {
    const members: number[] = [];
    for (const word of group.split(",")) {
      const index = names.findIndex((name, i) => word === name || word === String(i));
      if (index < 0) return refuse("malformed", unknownNode(word, names));
      if (placed.has(index)) return refuse("malformed", `${names[index]} stands in the groups twice`);
      placed.add(index);
      members.push(index);
    }
    parsed.push(members);
  }
  const rest = names.map((_, i) => i).filter((i) => !placed.has(i));
  const partition = rest.length === 0 ? parsed : [...parsed, rest];
  if (partition.length > 1) return accept(partition);
  return refuse("malformed", "one group of all nodes is no partition; to end one: quorate devnet heal");
}

function unknownNode(word: string, names: readonly string[]): string {
  if (word === "") return 'an empty group; expected groups such as "0,1/2,3"';
  return `no node "${word}"${didYouMean(word, names)}: there are ${names.join(", ")}, or 0 to ${names.length - 1}`;
}

/** The nodes that `index` may not talk to. */
export function cutOff(partition: Partition | undefined, index: number): readonly number[] {
  return (partition ?? []).filter((group) => !group.includes(index)).flat();
}

export function addPartition(devnet: Command, withDir: (command: Command) => Command): void {
  leaf<{ readonly devnet: string }>(
    devnet,
    "partition <groups>",
    'cut the network into groups, such as 0,1/2,3 or node3; "heal" ends it',
    withDir,
    async ({ out, options, args: [groups] }) => {
      const words = (groups as string).split("/").map(encodeURIComponent).join("/");
      show(out, await askDevnet<DevnetReport>(options.devnet, "POST", `/partition/${words}`));
    },
  );
  leaf<{ readonly devnet: string }>(
    devnet,
    "heal",
    "end a partition: all nodes may talk again",
    withDir,
    async ({ out, options }) => show(out, await askDevnet<DevnetReport>(options.devnet, "POST", "/heal")),
  );
}

function show(out: Output, report: DevnetReport): void {
  out.result(report, [...nodeTable(out, report), ...summarizeNetwork(out, report)]);
}
