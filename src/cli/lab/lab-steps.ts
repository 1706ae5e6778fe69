/** A progress bar over an experiment of the lab that runs in this thread (src/tools/lab/step.ts). */
import type { Step } from "../../tools/lab/step.ts";
import { startBar } from "../bar.ts";
import type { Output } from "../output.ts";

export interface Stepped<T> {
  readonly result: T;
  readonly tookMs: number;
}

/**
 * @param total how often the experiment calls its step
 * @param doing a word for the bar, such as "mining"
 */
export async function runSteps<T>(
  out: Output,
  [total, doing]: readonly [number, string],
  experiment: (step: Step) => Promise<T>,
): Promise<Stepped<T>> {
  const bar = startBar(out, total, `${doing} {bar} {percentage} %  {eta_formatted} left`);
  const started = performance.now();
  let done = 0;
  try {
    const result = await experiment(async () => {
      bar?.update(++done);
      await new Promise((resolve) => setImmediate(resolve));
    });
    return { result, tookMs: performance.now() - started };
  } finally {
    bar?.stop();
  }
}
