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
import { type GeneralsRow, generalsReport, isKept } from "../../tools/lab/report/report.ts";
import { integer, list } from "../arguments.ts";
import { leaf } from "../command.ts";
import { badInput, EXIT, Finished } from "../exit.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";
import { addSeedAndOut, type LabOptions, listOption } from "./lab-arguments.ts";
import { writeLabFiles } from "./lab-files.ts";

interface Options extends LabOptions {
  readonly generals: number;
  readonly traitors: readonly number[];
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
          "how many, the commander (general 0) included",
          integer(2, GENERALS_MAX),
          4,
        )
        .addOption(
          listOption("-t, --traitors <list>", 'their numbers, such as 0,3, or "none"', traitors, [3]),
        )
        .option(
          "-m, --depth <m>",
          "traitors to be borne (default: as many as there are)",
          integer(0, GENERALS_MAX),
        )
        .addOption(new Option("--order <order>", "the commander's").choices(ORDERS).default("attack"))
        .addOption(new Option("--strategy <name>", "of the traitors").choices(STRATEGIES).default("split")),
    ({ out, options }) => play(out, options),
  );
}

function traitors(text: string): readonly number[] {
  if (text === "none") return [];
  const numbers = list(text).map((part) => (/^[0-9]{1,2}$/.test(part) ? Number(part) : Number.NaN));
  if (numbers.length > 0 && numbers.every((each) => each < GENERALS_MAX)) return [...new Set(numbers)];
  throw new InvalidArgumentError('expected numbers of generals, such as 0,3, or "none".');
}

function play(out: Output, options: Options): void {
  const problem = problemOf(options);
  const rows: GeneralsRow[] = [oralMessages(problem), signedMessages(problem)].map((outcome) => ({
    outcome,
    generals: problem.generals,
    traitors: problem.traitors,
    isPromised: isPromised(outcome.algorithm, problem),
  }));
  const found = {
    experiment: "generals",
    options: problem,
    isMatch: rows.every(isKept),
    runs: rows.map(({ outcome, isPromised }) => ({ ...outcome, isPromised })),
    pbft: [pbftMessages(13, 0), pbftMessages(13, 4)],
  };
  const report = writeLabFiles(options.out, {
    results: found,
    rows: rows.map(({ outcome: { messagesByRound, decisions, ...rest }, isPromised }) => ({
      ...rest,
      messagesByRound: messagesByRound.join(" "),
      decisions: decisions.join(" "),
      isPromised,
    })),
    report: generalsReport(rows, comparison(), commandOf(problem)),
    timing: {},
  });
  out.result({ ...found, report }, [...tableOf(out, rows), "", ...pbftTable(), `  ${report}`]);
  if (!found.isMatch) throw new Finished(EXIT.failedCheck);
}

function problemOf({ generals, traitors: named, depth, order, strategy, seed }: Options): Generals {
  const stranger = named.find((each) => each >= generals);
  if (stranger !== undefined) {
    throw badInput(`--traitors ${stranger}: the generals are 0 to ${generals - 1}`);
  }
  const m = depth ?? named.length;
  if (messagesOfOm(generals, m) > MESSAGES_MAX) {
    throw badInput(
      `OM(${m}) among ${generals} generals sends more than ${MESSAGES_MAX} messages: take fewer`,
    );
  }
  return { generals, traitors: [...named].sort((a, b) => a - b), order, depth: m, strategy, seed };
}

function tableOf(out: Output, rows: readonly GeneralsRow[]): readonly string[] {
  const head = [
    "algorithm",
    "rounds",
    "messages",
    "alike",
    "as ordered",
    "promised",
    "",
    "loyal lieutenants decide",
  ];
  return table(
    head,
    rows.map((row) => {
      const { outcome, traitors: named } = row;
      const loyal = outcome.decisions.flatMap((decision, general) =>
        general === 0 || named.includes(general) ? [] : [`${general} ${decision}`],
      );
      return [
        `${outcome.algorithm}(${outcome.rounds - 1})`,
        String(outcome.rounds),
        `${outcome.messagesByRound.join(" + ")} = ${outcome.messages}`,
        outcome.isAgreement ? "yes" : "no",
        outcome.isObedience ? "yes" : "no",
        row.isPromised ? "yes" : "no",
        isKept(row) ? out.tick : out.cross,
        loyal.join(", "),
      ];
    }),
  );
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

function commandOf({ generals, traitors: named, depth, order, strategy, seed }: Generals): string {
  return `quorate lab generals --generals ${generals} --traitors ${named.join(",") || "none"} --depth ${depth} --order ${order} --strategy ${strategy} --seed ${seed}`;
}
