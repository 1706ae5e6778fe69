/** The Prometheus text format 0.0.4 as far as the node writes it: samples with their labels, and what each is. */

export interface MetricSample {
  /** The name with its suffix: a histogram has NAME_bucket, NAME_sum and NAME_count. */
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly MetricSample[];
}

/** Metrics and samples that are read; the rest is left out. */
const METRICS_MAX = 500;
const SAMPLES_MAX = 5_000;

export function parseMetrics(text: string): readonly Metric[] {
  const metrics = new Map<string, { help: string; type: string; samples: MetricSample[] }>();
  let samples = 0;
  const entry = (name: string) => {
    const found = metrics.get(name) ?? { help: "", type: "untyped", samples: [] };
    if (metrics.size < METRICS_MAX) metrics.set(name, found);
    return found;
  };
  for (const line of text.split("\n")) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === "HELP") entry(name).help = rest;
    else if (kind === "TYPE") entry(name).type = rest;
    else {
      const [, sample = "", labels = "", value = ""] =
        /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
      if (sample === "" || Number.isNaN(Number(value)) || ++samples > SAMPLES_MAX) continue;
      const base = sample.replace(/_(bucket|sum|count|total)$/, "");
      const owner = metrics.get(sample) ?? metrics.get(base) ?? entry(sample);
      owner.samples.push({ name: sample, labels, value: Number(value) });
    }
  }
  return [...metrics].map(([name, metric]) => ({ name, ...metric }));
}

/** The first sample of this name, or undefined where there is none. */
export function sampleOf(metrics: readonly Metric[], name: string): number | undefined {
  for (const { samples } of metrics)
    for (const sample of samples) if (sample.name === name) return sample.value;
  return undefined;
}
