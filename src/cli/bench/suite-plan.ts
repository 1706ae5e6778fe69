/** Which benchmarks of the suite run: those of each number of validators and the others, or the ones that are asked for. */
import { list } from "../arguments.ts";
import { badInput } from "../exit.ts";
import { casesOf, SUITE_CASES, type SuiteCase } from "./suite-cases.ts";
import { DEPTH_COST_CASES, PIPELINE_CASES } from "./suite-pipeline.ts";

/** Numbers of validators in one suite: a round is to end within the hour. */
const NUMBERS_MAX = 8;

export const SUITE_VALIDATORS: readonly number[] = [4, 7, 10, 13];

export interface SuiteChoice {
  readonly validators: readonly number[];
  /** Names or groups. Where undefined all run but those aside. */
  readonly only?: readonly string[];
}

/** In the order in which they run. @throws CliError for a name that there is not */
export function planSuite({ validators, only }: SuiteChoice): readonly SuiteCase[] {
  const all = [...validators.flatMap(casesOf), ...SUITE_CASES, ...PIPELINE_CASES, ...DEPTH_COST_CASES];
  if (only === undefined) return all.filter(({ isAside }) => isAside !== true);
  const isAsked = ({ name, group }: SuiteCase, word: string) => word === name || word === group;
  const unknown = only.find((word) => !all.some((each) => isAsked(each, word)));
  if (unknown === undefined && only.length > 0)
    return all.filter((each) => only.some((word) => isAsked(each, word)));
  const groups = [...new Set(all.map(({ group }) => group))];
  const single = all.map(({ name }) => name).filter((name) => !groups.includes(name));
  throw badInput(
    `--only: ${unknown === undefined ? "no benchmark is named" : `no benchmark "${unknown}"`}; there are the groups ${groups.join(", ")}, and of these ${single.join(", ")}`,
  );
}

/**
 * Reads "4,7,10,13".
 * @param count reads one of them
 * @throws CliError
 */
export function readValidators(text: string, count: (text: string) => number): readonly number[] {
  const numbers = list(text).map(count);
  if (numbers.length === 0 || numbers.length > NUMBERS_MAX)
    throw badInput(
      `--validators "${text}": expected 1 to ${NUMBERS_MAX} numbers by commas, such as 4,7,10,13`,
    );
  const twice = numbers.find((number, i) => numbers.indexOf(number) < i);
  if (twice !== undefined) throw badInput(`--validators "${text}": ${twice} stands there twice`);
  return numbers;
}

/** What is said before the first one begins. */
export function announce(cases: readonly SuiteCase[], rounds: number): string {
  const minutes = (seconds: number) =>
    seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} minutes`;
  const round = cases.reduce((sum, { seconds }) => sum + seconds, 0);
  const count = cases.length === 1 ? "1 benchmark" : `${cases.length} benchmarks`;
  const times = rounds === 1 ? "1 round" : `${rounds} rounds`;
  return `${count}, ${times} of about ${minutes(round)} on two quiet cores, ${minutes(rounds * round)} in all`;
}
