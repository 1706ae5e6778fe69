/**
 * A page of metrics as numbers: enough of the Prometheus text format to read our own nodes. Knows no metric's name.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats.
 */

interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

export class Scrape {
  readonly #samples: readonly Sample[];

  private constructor(samples: readonly Sample[]) {
    this.#samples = samples;
  }

  /** Lines that are no samples are skipped. */
  static parse(page: string): Scrape {
    return new Scrape(page.split("\n").flatMap((line) => parseSample(line) ?? []));
  }

  /** The sum over all label values, or 0 when there is none. */
  sum(name: string): number {
    return this.#of(name).reduce((sum, sample) => sum + sample.value, 0);
  }

  /** The values by one label, summed over the others. */
  byLabel(name: string, label: string): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const { labels, value } of this.#of(name)) {
      const key = labels.get(label) ?? "";
      sums.set(key, (sums.get(key) ?? 0) + value);
    }
    return sums;
  }

  #of(name: string): readonly Sample[] {
    return this.#samples.filter((sample) => sample.name === name);
  }
}

function parseSample(line: string): Sample | undefined {
  const [, name, labels = "", value] = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
  if (name === undefined) return undefined;
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
  return { name, labels: new Map(pairs.map(([, key = "", text = ""]) => [key, text])), value: Number(value) };
}
