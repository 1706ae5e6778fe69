/** A double spend by hand: the share of hash power and the merchant's wait, theory beside what the races give. */
import { useMemo, useRef, useState } from "preact/hooks";
import { Fact, Facts, Note, Panel } from "../explorer/parts/layout.tsx";
import { type AttackOptions, type CellResult, judgeCell } from "../tools/lab/pow/attack51.ts";
import { doubleSpend, nakamoto } from "../tools/lab/pow/theory.ts";
import { Chart, percent } from "./chart.tsx";
import { Done, Slider } from "./controls.tsx";
import type { RaceRunner } from "./race-worker.ts";
import type { ChartPoint } from "./results.ts";
import { attackPieces } from "./small-jobs.ts";
import { useRaces } from "./use-races.ts";

const SHARE_MAX = 60;
const RACES = [100, 500, 2_000, 10_000];
/** Blocks behind at which the attacker gives up, as `quorate lab attack51` has it. */
const GIVE_UP = 20;
/** Cells that stay in the drawing. */
const KEPT_MAX = 60;

const fixed = { giveUp: GIVE_UP, premined: 0, seed: 1 } as const;
const rules = { release: "heavier", tie: "first-seen", retarget: "none", stamps: "now" } as const;

export function DoubleSpend({ runner }: { readonly runner: RaceRunner }) {
  const [share, setShare] = useState(30);
  const [confirmations, setConfirmations] = useState(3);
  const [size, setSize] = useState(1);
  const trials = RACES[size] ?? 500;
  const options: AttackOptions = { ...fixed, ...rules, trials };
  const cell = { share: share / 100, confirmations };
  const progress = useRaces(runner, `${share} ${confirmations} ${trials}`, () => attackPieces(options, cell));
  const result = progress.tally === undefined ? undefined : judgeCell(options, cell, progress.tally, 1);
  const points = useKept(confirmations, result);
  return (
    <Panel title="Spend twice" wide aside={<Done progress={progress} />}>
      <p>
        An attacker pays a merchant and mines another branch in secret. How often does the payment vanish?
        Each race mines headers that pass the node's own rules.
      </p>
      <div class="sliders">
        <Slider
          name="attacker's share of the hash power"
          value={share}
          min={1}
          max={SHARE_MAX}
          show={(n) => `${n} %`}
          set={setShare}
        />
        <Slider
          name="blocks that the merchant waits for"
          value={confirmations}
          min={0}
          max={12}
          show={String}
          set={setConfirmations}
        />
        <Slider
          name="races"
          value={size}
          min={0}
          max={RACES.length - 1}
          show={(i) => `${RACES[i]}`}
          set={setSize}
        />
      </div>
      <ShareChart confirmations={confirmations} measured={points} now={result} />
      <Verdict result={result} isDone={progress.done === progress.of} />
    </Panel>
  );
}

/** What was measured for this wait, the newest of each share. */
function useKept(confirmations: number, result: CellResult | undefined): readonly ChartPoint[] {
  const kept = useRef(new Map<string, { readonly wait: number; readonly point: ChartPoint }>());
  if (result !== undefined) {
    const { share, rate, interval } = result;
    const key = `${share} ${confirmations}`;
    kept.current.delete(key);
    kept.current.set(key, { wait: confirmations, point: { x: share, y: rate, ...interval } });
    const oldest = kept.current.keys().next().value;
    if (kept.current.size > KEPT_MAX && oldest !== undefined) kept.current.delete(oldest);
  }
  return [...kept.current.values()].flatMap(({ wait, point }) => (wait === confirmations ? [point] : []));
}

function ShareChart(props: {
  readonly confirmations: number;
  readonly measured: readonly ChartPoint[];
  readonly now: CellResult | undefined;
}) {
  const { confirmations, measured, now } = props;
  const [strict, approximate] = useMemo(() => {
    const shares = Array.from({ length: SHARE_MAX }, (_, i) => (i + 1) / 100);
    const race = { confirmations, premined: 0, giveUp: GIVE_UP, tieWins: 0 };
    return [
      shares.map((x) => ({ x, y: doubleSpend({ share: x, ...race }) })),
      shares.map((x) => ({ x, y: nakamoto(x, confirmations) })),
    ];
  }, [confirmations]);
  return (
    <Chart
      label={`chance that a payment vanishes after ${confirmations} blocks, by the attacker's share: theory and what was measured`}
      xLabel="attacker's share of the hash power"
      xMax={SHARE_MAX / 100}
      yMax={1}
      showX={(x) => percent(x, 0)}
      showY={(y) => percent(y, 0)}
      series={[
        { name: "Nakamoto's approximation", look: "other", points: approximate },
        { name: "theory of this race", look: "theory", points: strict },
        { name: "measured here, with the 95 % interval", look: "measured", points: measured },
        {
          name: "now",
          look: "now",
          points: now === undefined ? [] : [{ x: now.share, y: now.rate, ...now.interval }],
        },
      ]}
    />
  );
}

function Verdict({ result, isDone }: { readonly result: CellResult | undefined; readonly isDone: boolean }) {
  if (result === undefined) return <p class="quiet">racing…</p>;
  const { rate, interval, expected, trials, wins, pValue, isMatch, deepestReorg, lostPerWin } = result;
  return (
    <>
      <Facts>
        <Fact name="measured">
          {percent(rate)} ({wins} of {trials}; 95 %: {percent(interval.low)} to {percent(interval.high)})
        </Fact>
        <Fact name="theory">
          {percent(expected)} · Nakamoto {percent(result.nakamoto)} · Rosenfeld {percent(result.rosenfeld)}
        </Fact>
        <Fact name="chance of a deviation like this">{pValue.toPrecision(2)}</Fact>
        <Fact name="deepest reorganisation">{deepestReorg} blocks</Fact>
        <Fact name="block rewards lost for each success">{lostPerWin?.toFixed(1) ?? "no success"}</Fact>
      </Facts>
      {isDone ? (
        <Note tone={isMatch ? "good" : "bad"}>
          {isMatch
            ? "Measurement and theory agree."
            : "Measurement and theory do not agree: less likely than one in a thousand."}
        </Note>
      ) : null}
    </>
  );
}
