/** What the lab's experiments with validators share on the command line: sizes and times that are possible. */
import { type Command, InvalidArgumentError } from "commander";
import { cheatsThatFork, faultsSurvived } from "../../tools/lab/pbft/pbft-cluster.ts";
import { duration, integer } from "../arguments.ts";
import { badInput } from "../exit.ts";
import { addSeedAndOut } from "./lab-arguments.ts";

export interface PbftLabOptions {
  readonly nodes: number;
  readonly seed: number;
  readonly out: string;
}

/** The smallest PBFT cluster that survives a fault, and the largest that is still drawn well. */
const [NODES_MIN, NODES_MAX] = [4, 16];

export function addNodes(command: Command): Command {
  return addSeedAndOut(command).option("-n, --nodes <n>", "validators", integer(NODES_MIN, NODES_MAX), 4);
}

/** Checks how many cheat: as many as fork the chain are the most. */
export function checkByzantine(option: string, count: number, nodes: number): number {
  const f = faultsSurvived(nodes);
  const most = cheatsThatFork(nodes);
  if (count <= most) return count;
  throw badInput(
    `${option} ${count}: of ${nodes} validators up to ${f} may be faulty; take at most ${most}, which fork it`,
  );
}

/** Virtual time, long enough to see something and short enough to be drawn. */
export function virtualTime(text: string): number {
  const ms = duration(text);
  if (ms >= 1_000 && ms <= 120_000) return ms;
  throw new InvalidArgumentError('expected from 1s to 2m, such as "10s".');
}
