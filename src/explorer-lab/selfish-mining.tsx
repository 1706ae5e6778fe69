/** Selfish mining by hand: a pool keeps its blocks back; what it earns beside what honest mining would earn. */
import { useMemo, useState } from "preact/hooks";
import { Fact, Facts, Note, Panel } from "../explorer/parts/layout.tsx";
import { judgeSelfish, type SelfishResult } from "../tools/lab/pow/selfish.ts";
import { selfishRevenue } from "../tools/lab/pow/theory.ts";
import { Chart, percent } from "./chart.tsx";
import { Done, Slider } from "./controls.tsx";
import type { RaceRunner } from "./race-worker.ts";
import { selfishPieces } from "./small-jobs.ts";
import { useRaces } from "./use-races.ts";

const SHARE_MAX = 49;
const BLOCKS = 20_000;

export function SelfishMining({ runner }: { readonly runner: RaceRunner }) {
  const [share, setShare] = useState(35);
  const [gamma, setGamma] = useState(50);
  const cell = { share: share / 100, gamma: gamma / 100 };
  const progress = useRaces(runner, `${share} ${gamma}`, () => selfishPieces(cell, BLOCKS, 1));
  const result = progress.tally === undefined ? undefined : judgeSelfish(cell, progress.tally);
  const curve = useMemo(() => {
    const shares = Array.from({ length: SHARE_MAX }, (_, i) => (i + 1) / 100);
    return shares.map((x) => ({ x, y: Math.max(0, selfishRevenue(x, gamma / 100)) }));
  }, [gamma]);
  return (
    <Panel title="Keep blocks back" wide aside={<Done progress={progress} />}>
      <p>
        A pool publishes its blocks only to undo those of others (Eyal and Sirer). Does it earn more than its
        share?
      </p>
      <div class="sliders">
        <Slider
          name="the pool's share of the hash power"
          value={share}
          min={1}
          max={SHARE_MAX}
          show={(n) => `${n} %`}
          set={setShare}
        />
        <Slider
          name="honest miners who take its side at a tie"
          value={gamma}
          min={0}
          max={100}
          step={5}
          show={(n) => `${n} %`}
          set={setGamma}
        />
      </div>
      <Chart
        label="the pool's part of the chain by its share of the hash power: theory and what was measured"
        xLabel="the pool's share of the hash power"
        xMax={0.5}
        yMax={1}
        showX={(x) => percent(x, 0)}
        showY={(y) => percent(y, 0)}
        series={[
          {
            name: "honest mining",
            look: "other",
            points: [
              { x: 0, y: 0 },
              { x: 0.5, y: 0.5 },
            ],
          },
          { name: "theory of keeping back", look: "theory", points: curve },
          {
            name: "measured here",
            look: "now",
            points: result === undefined ? [] : [{ x: result.share, y: result.revenue }],
          },
        ]}
      />
      <Verdict result={result} isDone={progress.done === progress.of} />
    </Panel>
  );
}

function Verdict({
  result,
  isDone,
}: {
  readonly result: SelfishResult | undefined;
  readonly isDone: boolean;
}) {
  if (result === undefined) return <p class="quiet">mining…</p>;
  const { revenue, found, expected, threshold, isMatch, pays } = result;
  return (
    <>
      <Facts>
        <Fact name="its part of the final chain">
          {percent(revenue)} of {found} blocks found; theory {percent(expected)}
        </Fact>
        <Fact name="it pays from a share of">{percent(threshold)}</Fact>
      </Facts>
      {isDone ? (
        <Note tone={isMatch ? (pays ? "warn" : "good") : "bad"}>
          {isMatch ? "Measurement and theory agree: " : "Measurement and theory do not agree: "}
          {pays ? "keeping blocks back pays here." : "honest mining earns more here."}
        </Note>
      ) : null}
    </>
  );
}
