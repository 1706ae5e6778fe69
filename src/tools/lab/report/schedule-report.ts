/** The page of `sim --report`: one schedule of the simulator as pictures, what was injected, and which rule broke. */
import type { Violation } from "../../sim/checkers/facts.ts";
import type { Recorder } from "../../sim/recorder.ts";
import type { Schedule } from "../../sim/schedule.ts";
import { factTable, figure, renderPage, type Section } from "./page.ts";
import { messageLegend, type ScheduleFigure, SPANS_MAX, scheduleFigure } from "./schedule-figure.ts";

/** Arrows that one picture may have. */
const ARROWS_MAX = 40;
const FACTS_MAX = 100;
const FACT_CHARS_MAX = 300;
const BEFORE = "Violations";

export interface RecordedRun {
  readonly schedule: Schedule;
  readonly recorder: Recorder;
  readonly violations: readonly Violation[];
  readonly virtualMs: number;
}

export function scheduleReport(
  { schedule, recorder, violations, virtualMs }: RecordedRun,
  command: string,
): string {
  const { seed, nodes, byzantine, profile } = schedule;
  const [first] = violations;
  const frame = {
    nodes: Math.max(nodes, ...recorder.notes.map(({ node }) => node + 1)),
    validators: nodes,
    notes: recorder.notes,
    spans: spansOf(schedule, first, virtualMs),
  };
  const overview = { ...frame, title: "The whole run", fromMs: 0, untilMs: virtualMs, messages: [] };
  return renderPage({
    title: `Schedule ${seed} of the simulator`,
    question: `${nodes} validators, ${byzantine} of them Byzantine, faults of the profile ${profile}: does every rule hold?`,
    isMatch: undefined,
    ending:
      first === undefined
        ? { kind: "good", words: "no rule was broken" }
        : { kind: "bad", words: `broken: ${first.checker}` },
    verdict:
      first === undefined
        ? "Every checker is content."
        : `${first.checker} after ${Math.round(first.atMs)} ms: ${first.detail}`,
    sections: [
      {
        heading: "The whole run",
        text: `A line for each node, coloured by the primary of its view. Dots: proposals; ticks below: commits; upright bars: asks for another view; crosses: crashes; rings: starts. Grey below: what the schedule injects, the first ${SPANS_MAX}.`,
        html: figure(scheduleFigure(overview), `${Math.round(virtualMs)} ms of virtual time.`),
      },
      ...closeUps(frame, recorder, first?.atMs ?? virtualMs),
      facts(
        BEFORE,
        violations.map(({ checker, atMs, detail }) => [`${checker}, ${Math.round(atMs)} ms`, detail]),
      ),
      facts(
        "What was injected",
        itemsOf(schedule).map(({ id, ...rest }) => [id, JSON.stringify(rest, plain)]),
      ),
    ].filter(({ html }) => html !== ""),
    command,
  });
}

type Frame = Omit<ScheduleFigure, "title" | "fromMs" | "untilMs" | "messages">;

/** Messages from the first proposal on, those around the first view change, and the last ones before the end or the violation. */
function closeUps(frame: Frame, recorder: Recorder, endMs: number): Section[] {
  const { messages, notes } = recorder;
  const change = notes.find(({ kind }) => kind === "view-change")?.atMs;
  const from = (atMs: number) => messages.filter(({ sentMs }) => sentMs >= atMs).slice(0, ARROWS_MAX);
  const closeUp = (heading: string, own: typeof messages): Section => {
    const fromMs = own[0]?.sentMs ?? 0;
    const untilMs = Math.max(fromMs + 1, ...own.map(({ sentMs, arrivedMs }) => arrivedMs ?? sentMs));
    const html = figure(
      scheduleFigure({ ...frame, title: heading, fromMs, untilMs, messages: own }),
      `${own.length} messages.`,
    );
    return { heading, text: "", html: own.length === 0 ? "" : messageLegend() + html };
  };
  return [
    closeUp("The first proposal", from(notes.find(({ kind }) => kind === "proposal")?.atMs ?? 0)),
    ...(change === undefined ? [] : [closeUp("The first view change", from(change - 1))]),
    closeUp("The last messages", messages.filter(({ sentMs }) => sentMs <= endMs).slice(-ARROWS_MAX)),
  ];
}

function facts(heading: string, rows: readonly (readonly string[])[]): Section {
  const shown = rows
    .slice(0, FACTS_MAX)
    .map(([name = "", value = ""]) => [name, value.slice(0, FACT_CHARS_MAX)] as const);
  return { heading, text: "", html: rows.length === 0 ? "" : factTable(`${rows.length} in all`, shown) };
}

function itemsOf({ faults, crashes, disks, clocks, adversaries, rollbacks = [], strangers = [] }: Schedule) {
  return [...faults, ...crashes, ...disks, ...clocks, ...rollbacks, ...adversaries, ...strangers];
}

function spansOf(
  schedule: Schedule,
  violation: Violation | undefined,
  endMs: number,
): ScheduleFigure["spans"] {
  const spans = itemsOf(schedule).flatMap((item) => {
    const kind = "kind" in item ? item.kind : "when" in item ? "crash" : "fault";
    const fromMs =
      "atMs" in item ? item.atMs : "when" in item && item.when.kind === "time" ? item.when.atMs : undefined;
    if (fromMs === undefined) return [];
    const untilMs = "untilMs" in item ? item.untilMs : fromMs;
    return [{ name: `${item.id} ${kind}`, fromMs, untilMs: Math.min(untilMs, endMs) }];
  });
  if (violation === undefined) return spans;
  return [
    { name: `broken: ${violation.checker}`, fromMs: violation.atMs, untilMs: violation.atMs },
    ...spans,
  ];
}

function plain(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
