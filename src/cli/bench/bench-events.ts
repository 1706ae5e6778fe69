/**
 * `quorate bench events`: events a second of processor time that a node replays, beside what reading and sending alone take. What
 * the figures are: docs/benchmarks.md.
 */
import { measureReplay, type ReplayFigures } from "../../tools/bench/event-replay.ts";
import type { Output } from "../output.ts";
import { row, short } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";

export interface BenchEventsOptions {
  readonly events: number;
  readonly perBlock: number;
}

export async function runEvents(out: Output, options: BenchEventsOptions): Promise<void> {
  const bench = new BenchRun(out);
  const figures = await bench.complete(() =>
    measureReplay(options, bench.signal, (text) => bench.stage(text)),
  );
  out.result(eventsResult(options, figures), describeEvents(out, options, figures));
}

function eventsResult(options: BenchEventsOptions, figures: ReplayFigures) {
  const { replay, limit, reading, sending, perClient, bytesPerEvent, indexUs } = figures;
  return {
    name: "events",
    unit: "events per second of one core",
    value: short(replay),
    limit: short(limit),
    ratio: short(replay / limit),
    reading: short(reading),
    sending: short(sending),
    perClient: short(perClient),
    bytesPerEvent: short(bytesPerEvent),
    indexUsPerBlock: short(indexUs),
    options,
  };
}

function describeEvents(
  out: Output,
  { events, perBlock }: BenchEventsOptions,
  { replay, limit, reading, sending, perClient, bytesPerEvent, indexUs }: ReplayFigures,
): readonly string[] {
  const whole = (value: number) => Math.round(value).toLocaleString("en");
  return [
    out.style("bold", `quorate bench events · ${whole(events)} events · node ${process.version}`),
    row("replay", `${out.style("bold", whole(replay))} events a second of processor time`),
    row("limit", `${whole(limit)}: reading ${whole(reading)} and sending ${whole(sending)}, each alone`),
    row("ratio", out.style("bold", (replay / limit).toFixed(2))),
    row("one client", `${whole(perClient)} a second within its budget of computing`),
    row("an event", `${whole(bytesPerEvent)} bytes of JSON`),
    row("index", `${whole(indexUs)} us of processor time a block of ${perBlock} events`),
  ];
}
