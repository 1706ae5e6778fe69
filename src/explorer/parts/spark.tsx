/** A small line over time by uPlot: axes in the theme's colours, drawn anew when the data or the theme changes. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { theme } from "../live/theme.ts";

export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** A custom property of the style sheet, such as "--accent". */
  readonly color: string;
}

export interface GraphProps {
  /** Says to a screen reader what the drawing shows. */
  readonly label: string;
  readonly xs: readonly number[];
  readonly lines: readonly Line[];
  readonly height?: number;
  /** x are seconds since the Unix epoch. */
  readonly isTime?: boolean;
  readonly showX?: (x: number) => string;
  readonly showY?: (y: number) => string;
  readonly stepped?: boolean;
}

export function Graph(props: GraphProps) {
  const { label, xs, lines, height = 120, isTime = false } = props;
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const data = [xs as number[], ...lines.map(({ values }) => values as number[])] as uPlot.AlignedData;
  const shape = `${lines.map(({ label: name, color }) => name + color)} ${height} ${theme.value} ${isTime}`;
  // drawn anew when its shape changes; data has its own effect.
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    plot.current = new uPlot(optionsOf(props, element), data, element);
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
    };
  }, [shape]);
  // `data` is made of these.
  useEffect(() => plot.current?.setData(data), [xs, lines]);
  return <div class="graph" ref={box} role="img" aria-label={label} />;
}

function optionsOf(
  { lines, height = 120, isTime = false, showX, showY, stepped }: GraphProps,
  element: HTMLElement,
): uPlot.Options {
  const color = (name: string) => resolve(element, name);
  const axis = {
    stroke: color("--quiet"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  const compact = new Intl.NumberFormat(undefined, { notation: "compact" });
  const ofY = showY ?? ((y: number) => compact.format(y));
  const paths = stepped === true ? { paths: uPlot.paths.stepped?.({ align: 1 }) } : {};
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: isTime } },
    axes: [
      {
        ...axis,
        size: isTime ? 40 : 28,
        ...(showX === undefined ? {} : { values: (_, xs) => xs.map(showX) }),
      },
      { ...axis, size: 52, values: (_, ys) => ys.map(ofY) },
    ],
    series: [
      {},
      ...lines.map(({ label, color: name }) => ({
        label,
        stroke: color(name),
        fill: color(name).replace(/^rgb\((.*)\)$/, "rgba($1, 0.13)"),
        width: 1.5,
        points: { show: false },
        ...paths,
      })),
    ] as uPlot.Series[],
  };
}

/** A custom property as the canvas takes it: "rgb(r, g, b)" of the theme that is shown. */
function resolve(element: HTMLElement, name: string): string {
  const before = element.style.color;
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.color = before;
  return color;
}
