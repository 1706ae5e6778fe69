/** `quorate lab generals`: the Byzantine generals by oral and by signed messages (src/tools/lab/pbft/generals.ts). */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type Generals,
  isPromised,
  MESSAGES_MAX,
  messagesOfOm,
  ORDERS,
  type Order,
  oralMessages,
  pbftMessages,
  STRATEGIES,
  type Strategy,
  signedMessages,
} from "../../tools/lab/pbft/generals.ts";
import {
  GENERALS_HEAD,
  type GeneralsRow,
  generalsCells,
  generalsReport,
  howItEnded,
  isKept,
} from "../../tools/lab/report/generals-report.ts";
import { isLie, LIE_MARK, wordsOfRounds } from "../../tools/lab/report/generals-words.ts";
import { integer, list } from "../arguments.ts";
import { leaf } from "../command.ts";
import { badInput, EXIT, Finished } from "../exit.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";
import { addSeedAndOut, type LabOptions } from "./lab-arguments.ts";
import { writeLabFiles } from "./lab-files.ts";

interface Options extends LabOptions {
  readonly generals?: number;
  readonly traitors?: number;
  readonly traitorIds?: readonly number[];
  readonly depth?: number;
  readonly order: Order;
  readonly strategy: Strategy;
}

const GENERALS_MAX = 16;

export function addGenerals(lab: Command): void {
  leaf<Options>(
    lab,
    "generals",
    "play the Byzantine generals, by oral messages OM(m) and signed messages SM(m)",
    (command) =>
      addSeedAndOut(command)
        .option(
          "-n, --generals <n>",
          "how many, the commander (general 0) included (default: 3 for each traitor, which is too few, and one more)",
          integer(2, GENERALS_MAX),
        )
        .option("-t, --traitors <n>", "how many traitors: the last lieutenants (default: 1)", traitorCount)
        .option("--traitor-ids <list>", 'which generals are traitors, such as 0,3, or "none"', traitorIds)
        .option(
          "-m, --depth <m>",
          "traitors to be borne (default: as many as there are)",
          integer(0, GENERALS_MAX),
        )
        .addOption(new Option("--order <order>", "the commander's").choices(ORDERS).default("attack"))
        .addOption(
          new Option("--strategy <name>", "what the traitors do").choices(STRATEGIES).default("split"),
        ),
    ({ out, options }) => play(out, options),
  );
}

/** A list was the option's value once. */
function traitorCount(text: string): number {
  if (text === "none") return 0;
  if (text.includes(",")) {
    throw new InvalidArgumentError(`it says how many; to name them: --traitor-ids ${text}`);
  }
  return integer(0, GENERALS_MAX)(text);
}

function traitorIds(text: string): readonly number[] {
  if (text === "none") return [];
  const numbers = list(text).map((part) => (/^[0-9]{1,2}$/.test(part) ? Number(part) : Number.NaN));
  if (numbers.length > 0 && numbers.every((each) => each < GENERALS_MAX)) return [...new Set(numbers)];
  throw new InvalidArgumentError('expected numbers of generals, such as 0,3, or "none".');
}

function play(out: Output, options: Options): void {
  const problems = problemsOf(options);
  const rows: GeneralsRow[] = problems.flatMap((problem) =>
    [oralMessages(problem), signedMessages(problem)].map((outcome) => ({
      outcome,
      generals: problem.generals,
      traitors: problem.traitors,
      isPromised: isPromised(outcome.algorithm, problem),
    })),
  );
  const command = commandOf(options);
  const found = {
    experiment: "generals",
    options: problems,
    isMatch: rows.every(isKept),
    runs: rows.map(({ outcome, ...rest }) => ({ ...rest, ...outcome })),
    pbft: [pbftMessages(13, 0), pbftMessages(13, 4)],
  };
  const report = writeLabFiles(options.out, {
    results: found,
    rows: rows.map(({ outcome: { messagesByRound, decisions, sent: _, ...rest }, ...row }) => ({
      ...row,
      ...rest,
      traitors: row.traitors.join(" "),
      messagesByRound: messagesByRound.join(" "),
      decisions: decisions.join(" "),
    })),
    report: generalsReport(rows, comparison(), command),
    timing: {},
  });
  const [{ traitors }] = problems as [Generals];
  if (options.traitors !== undefined && traitors.length > 1 && options.traitorIds === undefined) {
    out.note(
      `--traitors ${traitors.length} is how many; to name a general: --traitor-ids ${traitors.length}`,
    );
  }
  out.result({ ...found, report }, [
    ...rows.flatMap((row) => linesOf(row)),
    ...table(GENERALS_HEAD, rows.map(generalsCells)),
    "",
    ...pbftTable(),
    `  ${report}`,
  ]);
  if (!found.isMatch) throw new Finished(EXIT.failedCheck);
}

/** Three generals for each traitor cannot agree by word of mouth, one more can: both, unless the number is given. */
function problemsOf(options: Options): readonly Generals[] {
  const { generals, traitors, traitorIds: ids } = options;
  if (traitors !== undefined && ids !== undefined && traitors !== ids.length) {
    throw badInput(`--traitors ${traitors}, but --traitor-ids names ${ids.length}: give one of them`);
  }
  const count = ids?.length ?? traitors ?? 1;
  const least = Math.max(2, 3 * count, ...(ids ?? []).map((id) => id + 1));
  const sizes = generals !== undefined ? [generals] : count === 0 ? [4] : [least, least + 1];
  return sizes.map((size) => problemOf(options, size, ids ?? lastOf(size, count)));
}

function lastOf(generals: number, count: number): readonly number[] {
  if (count <= generals) return Array.from({ length: count }, (_, i) => generals - count + i);
  throw badInput(`--traitors ${count}: there are only ${generals} generals`);
}

function problemOf(
  { depth, order, strategy, seed }: Options,
  generals: number,
  traitors: readonly number[],
): Generals {
  const stranger = traitors.find((each) => each >= generals);
  if (stranger !== undefined) {
    throw badInput(`--traitor-ids ${stranger}: the generals are 0 to ${generals - 1}`);
  }
  const m = depth ?? traitors.length;
  if (generals > GENERALS_MAX || messagesOfOm(generals, m) > MESSAGES_MAX) {
    throw badInput(
      `OM(${m}) among ${generals} generals sends more than ${MESSAGES_MAX} messages: take fewer`,
    );
  }
  return { generals, traitors: [...traitors].sort((a, b) => a - b), order, depth: m, strategy, seed };
}

/** Tells who told whom what, and what came of it. */
function linesOf(row: GeneralsRow): readonly string[] {
  return [howItEnded(row), ...wordsOfRounds(row.outcome).map((line) => `  ${line}`), ...decidedLine(row), ""];
}

function decidedLine({ outcome, traitors }: GeneralsRow): readonly string[] {
  const loyal = outcome.decisions.flatMap((decision, general) =>
    general === 0 || traitors.includes(general) ? [] : [`${general} ${decision}`],
  );
  const lies = outcome.sent.some(isLie) ? `   (${LIE_MARK} a lie)` : "";
  return loyal.length === 0 ? [] : [`  decide   ${loyal.join(", ")}${lies}`];
}

/** n = 13 bears f = 4: with nobody silent, and with all four. */
function comparison(): string[][] {
  return [0, 4].map((silent) => {
    const { prePrepare, prepare, commit } = pbftMessages(13, silent);
    return ["13, 4", ...[silent, prePrepare, prepare, commit, prePrepare + prepare + commit].map(String)];
  });
}

function pbftTable(): readonly string[] {
  return table(["PBFT n, f", "silent", "pre-prepare", "prepare", "commit", "together"], comparison());
}

function commandOf({ generals, traitors, traitorIds: ids, depth, order, strategy, seed }: Options): string {
  const words = ["quorate lab generals"];
  if (generals !== undefined) words.push(`--generals ${generals}`);
  if (ids !== undefined) words.push(`--traitor-ids ${ids.join(",") || "none"}`);
  else words.push(`--traitors ${traitors ?? 1}`);
  if (depth !== undefined) words.push(`--depth ${depth}`);
  return [...words, `--order ${order} --strategy ${strategy} --seed ${seed}`].join(" ");
}
