/** results.json of a run of the lab, dropped or chosen: verdict, curves, options and tables. */
import { useState } from "preact/hooks";
import { FileDrop } from "../explorer/parts/file-drop.tsx";
import { Badge, Fact, Facts, Note, Panel, Scroll } from "../explorer/parts/layout.tsx";
import { Chart, type ChartSeries, percent } from "./chart.tsx";
import {
  type LabResults,
  RESULTS_BYTES_MAX,
  type ResultCurve,
  type ResultTable,
  readResults,
} from "./results.ts";

interface Opened {
  readonly name: string;
  readonly results?: LabResults;
  readonly problem?: string;
}

export function Results() {
  const [opened, setOpened] = useState<Opened | undefined>(undefined);
  const take = async ([file]: readonly File[]) => {
    if (file !== undefined) setOpened(await open(file));
  };
  return (
    <>
      <Panel title="A run of the lab" wide>
        <FileDrop
          label="Drop a results.json here, as quorate lab leaves it in lab-out. It stays in this browser."
          take={(files) => void take(files)}
        />
        {opened?.problem === undefined ? null : (
          <Note tone="bad">
            {opened.name}: {opened.problem}
          </Note>
        )}
      </Panel>
      {opened?.results === undefined ? null : <Found results={opened.results} />}
    </>
  );
}

async function open(file: File): Promise<Opened> {
  const { name } = file;
  if (file.size > RESULTS_BYTES_MAX)
    return { name, problem: `${file.size} bytes, at most ${RESULTS_BYTES_MAX} are read` };
  const read = readResults(await file.text());
  return read.ok ? { name, results: read.value } : { name, problem: read.fault.detail };
}

function Found({
  results: { experiment, program, isMatch, facts, tables, curves },
}: {
  readonly results: LabResults;
}) {
  return (
    <>
      <Panel
        title={`${experiment}: what it found`}
        wide
        aside={
          isMatch === undefined ? undefined : (
            <Badge tone={isMatch ? "good" : "bad"}>{isMatch ? "as predicted" : "not as predicted"}</Badge>
          )
        }
      >
        {curves.length === 0 ? null : <Curves curves={curves} />}
        <Facts>
          <Fact name="program">{program}</Fact>
          {facts.map(([name, value]) => (
            <Fact key={name} name={name}>
              {value}
            </Fact>
          ))}
        </Facts>
      </Panel>
      {tables.map((table) => (
        <Table key={table.name} table={table} />
      ))}
    </>
  );
}

/** Lines drawn at once: the others are in the table. */
const CURVES_MAX = 8;

function Curves({ curves }: { readonly curves: readonly ResultCurve[] }) {
  const shown = curves.slice(0, CURVES_MAX);
  const points = shown.flatMap(({ expected, measured }) => [...expected, ...measured]);
  const series = shown.flatMap(({ name, expected, measured }): ChartSeries[] => [
    { name: `theory, ${name}`, look: "theory", points: expected },
    { name: `measured, ${name}`, look: "measured", points: measured },
  ]);
  return (
    <Chart
      label="what was measured, and theory, by the share of the hash power"
      xLabel="share of the hash power"
      xMax={Math.max(0.5, ...points.map(({ x }) => x))}
      yMax={Math.max(0.01, ...points.map(({ y }) => y))}
      showX={(x) => percent(x, 0)}
      showY={(y) => percent(y, 0)}
      series={series}
    />
  );
}

function Table({ table: { name, columns, rows, left } }: { readonly table: ResultTable }) {
  return (
    <Panel title={name} wide>
      <Scroll label={`table: ${name}`}>
        <table>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column}>{column}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={`${i}`}>
                {row.map((cell, j) => (
                  <td key={columns[j]}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {left === 0 ? null : <p class="quiet">and {left} more rows</p>}
    </Panel>
  );
}
