/** A small chart in SVG: lines that theory gives, points that were measured, with their intervals. */

import type { ChartPoint } from "./results.ts";

export interface ChartSeries {
  readonly name: string;
  /** A class of the style sheet: "theory", "other", "measured", "now". */
  readonly look: "theory" | "other" | "measured" | "now";
  readonly points: readonly ChartPoint[];
}

interface ChartProps {
  readonly label: string;
  readonly xLabel: string;
  readonly series: readonly ChartSeries[];
  readonly xMax: number;
  readonly yMax: number;
  readonly showX: (x: number) => string;
  readonly showY: (y: number) => string;
}

const WIDTH = 640;
const HEIGHT = 300;
const LEFT = 72;
const BOTTOM = 58;
const TOP = 10;
const RIGHT = 24;
const TICKS = [0, 0.25, 0.5, 0.75, 1];

export function Chart({ label, xLabel, series, xMax, yMax, showX, showY }: ChartProps) {
  const x = (value: number) => LEFT + (value / xMax) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => HEIGHT - BOTTOM - (Math.min(value, yMax) / yMax) * (HEIGHT - BOTTOM - TOP);
  return (
    <figure class="chart">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
        {TICKS.map((part) => (
          <g key={part} class="grid-line">
            <line x1={LEFT} x2={WIDTH - RIGHT} y1={y(part * yMax)} y2={y(part * yMax)} />
            <text x={LEFT - 6} y={y(part * yMax) + 4} text-anchor="end">
              {showY(part * yMax)}
            </text>
            <text x={x(part * xMax)} y={HEIGHT - BOTTOM + 22} text-anchor="middle">
              {showX(part * xMax)}
            </text>
          </g>
        ))}
        <text x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 6} text-anchor="middle">
          {xLabel}
        </text>
        {series.map(({ name, look, points }) =>
          look === "theory" || look === "other" ? (
            <polyline key={name} class={look} points={points.map((p) => `${x(p.x)},${y(p.y)}`).join(" ")} />
          ) : (
            <g key={name} class={look}>
              {points.map((point) => (
                <g key={`${point.x}`}>
                  {point.low === undefined || point.high === undefined ? null : (
                    <line x1={x(point.x)} x2={x(point.x)} y1={y(point.low)} y2={y(point.high)} />
                  )}
                  <circle cx={x(point.x)} cy={y(point.y)} r={look === "now" ? 5 : 3.5} />
                </g>
              ))}
            </g>
          ),
        )}
      </svg>
      <figcaption>
        {series.map(({ name, look }) => (
          <span key={name} class={`key ${look}`}>
            {name}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

export function percent(value: number, digits = 1): string {
  const shown = 100 * value;
  return `${shown !== 0 && shown < 0.1 ? shown.toPrecision(2) : shown.toFixed(digits)} %`;
}
