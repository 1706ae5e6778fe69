/** A number that is moved by hand, and how far its races are. */
import type { Progress } from "./use-races.ts";

interface SliderProps {
  readonly name: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step?: number;
  readonly show: (value: number) => string;
  readonly set: (value: number) => void;
}

export function Slider({ name, value, min, max, step = 1, show, set }: SliderProps) {
  return (
    <label class="slider">
      <span>{name}</span>
      <b class="amount">{show(value)}</b>
      <input
        type="range"
        min={min}
        max={max}
        step={step}
        value={value}
        aria-valuetext={show(value)}
        onInput={({ currentTarget }) => set(Number(currentTarget.value))}
      />
    </label>
  );
}

export function Done({ progress: { done, of, problem } }: { readonly progress: Progress<unknown> }) {
  if (problem !== undefined) return <span class="badge bad">{problem}</span>;
  return <progress max={of} value={done} aria-label="races done" />;
}
