/**
 * results.json of the attack lab, whatever its experiment: what it found as facts and tables of plain text, and the
 * curves of the two experiments that have a theory to draw. A file may be anything; what is no result is refused in a
 * sentence.
 */
import { accept, refuse, type Verdict } from "../base/fault.ts";
import { printable } from "../base/printable.ts";

/** Bytes of a results.json that are read: the largest table of the lab has a few hundred kB. */
export const RESULTS_BYTES_MAX = 16 * 1024 * 1024;
/** Rows of one table and tables of one file that are shown. */
const ROWS_MAX = 500;
const TABLES_MAX = 20;
const COLUMNS_MAX = 24;
const DEPTH_MAX = 4;

type Row = Readonly<Record<string, unknown>>;

export interface ResultTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Rows that are there and not shown. */
  readonly left: number;
}

export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
}

/** Theory and measurement of one line: of a wait, or of a gamma. */
export interface ResultCurve {
  readonly name: string;
  readonly expected: readonly ChartPoint[];
  readonly measured: readonly ChartPoint[];
}

export interface LabResults {
  readonly experiment: string;
  readonly program: string;
  readonly isMatch: boolean | undefined;
  readonly facts: readonly (readonly [string, string])[];
  readonly tables: readonly ResultTable[];
  readonly curves: readonly ResultCurve[];
}

export function readResults(text: string): Verdict<LabResults, "malformed"> {
  const json = parse(text);
  const experiment = json?.experiment;
  if (json === undefined || typeof experiment !== "string") {
    return refuse(
      "malformed",
      'no results of the lab: a JSON object with the field "experiment" is expected (lab-out/…/results.json)',
    );
  }
  const { isMatch, program, experiment: _, ...rest } = json;
  const facts: [string, string][] = [];
  const tables: ResultTable[] = [];
  collect(rest, "", 0, { facts, tables });
  return accept({
    experiment: printable(experiment),
    program: isRow(program) ? `${show(program.version)} ${show(program.commit).slice(0, 12)}` : "unknown",
    isMatch: typeof isMatch === "boolean" ? isMatch : undefined,
    facts,
    tables: tables.slice(0, TABLES_MAX),
    curves: curvesOf(experiment, json.cells),
  });
}

function parse(text: string): Row | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return isRow(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function isRow(value: unknown): value is Row {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

interface Collected {
  readonly facts: [string, string][];
  readonly tables: ResultTable[];
}

/** Lists of objects are tables, wherever they stand; everything else is a fact by its path. */
function collect(value: Row, path: string, depth: number, into: Collected): void {
  for (const [key, part] of Object.entries(value)) {
    const name = path === "" ? key : `${path}.${key}`;
    if (Array.isArray(part) && part.some(isRow)) into.tables.push(tableOf(name, part.filter(isRow)));
    else if (isRow(part) && depth < DEPTH_MAX) collect(part, name, depth + 1, into);
    else into.facts.push([printable(name), show(part)]);
  }
}

function tableOf(name: string, all: readonly Row[]): ResultTable {
  const rows = all.slice(0, ROWS_MAX).map(flat);
  const columns = [...new Set(rows.flatMap((row) => [...row.keys()]))].slice(0, COLUMNS_MAX);
  return {
    name: printable(name),
    columns: columns.map((column) => printable(column)),
    rows: rows.map((row) => columns.map((column) => show(row.get(column)))),
    left: all.length - rows.length,
  };
}

/** A row's objects become columns of their own, such as interval.low. */
function flat(row: Row): ReadonlyMap<string, unknown> {
  return new Map(
    Object.entries(row).flatMap(([key, value]): [string, unknown][] =>
      isRow(value) ? Object.entries(value).map(([inner, part]) => [`${key}.${inner}`, part]) : [[key, value]],
    ),
  );
}

const TEXT_MAX = 120;

function show(value: unknown): string {
  if (value === undefined || value === null) return "–";
  if (typeof value === "number")
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(5)));
  if (typeof value === "boolean") return value ? "yes" : "no";
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "–");
  return printable(text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text);
}

/** The two experiments whose cells have a share on one axis and a chance on the other. */
const DRAWN: Readonly<
  Record<string, { readonly by: string; readonly y: string; readonly name: (value: number) => string }>
> = {
  attack51: { by: "confirmations", y: "rate", name: (n) => `${n} ${n === 1 ? "block" : "blocks"}` },
  selfish: { by: "gamma", y: "revenue", name: (n) => `gamma ${n}` },
};

function curvesOf(experiment: string, cells: unknown): ResultCurve[] {
  const drawn = Object.hasOwn(DRAWN, experiment) ? DRAWN[experiment] : undefined;
  if (drawn === undefined || !Array.isArray(cells)) return [];
  const points = cells.filter(isRow).flatMap((cell) => {
    const [x, y, by, expected] = [cell.share, cell[drawn.y], cell[drawn.by], cell.expected].map(number);
    if (x === undefined || y === undefined || by === undefined || expected === undefined) return [];
    const { low, high } = isRow(cell.interval) ? cell.interval : ({} as Row);
    return [{ by, expected: { x, y: expected }, measured: { x, y, low: number(low), high: number(high) } }];
  });
  const lines = [...new Set(points.map(({ by }) => by))].sort((a, b) => a - b);
  return lines.map((line) => {
    const own = points.filter(({ by }) => by === line).sort((a, b) => a.measured.x - b.measured.x);
    return {
      name: drawn.name(line),
      expected: own.map((one) => one.expected),
      measured: own.map((one) => one.measured),
    };
  });
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
