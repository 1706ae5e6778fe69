/**
 * How long the loop has computed: the time that it was busy, but no more than the process had a processor. On a machine
 * with more to do than it has processors the loop is "busy" while others run, and a client would pay for those.
 */
import { performance } from "node:perf_hooks";

/** Milliseconds that the loop was busy since the process began. */
export function loopActiveMs(): number {
  return performance.eventLoopUtilization().active;
}

/**
 * Milliseconds that only ever grow: of what passed since the last reading the lesser of the two.
 * @param processorMs of all threads of the process: garbage that the calls make is collected on others
 */
export function computingClock(loopMs = loopActiveMs, processorMs = processorTimeMs): () => number {
  let last = { loop: loopMs(), processor: processorMs() };
  let computedMs = 0;
  return () => {
    const now = { loop: loopMs(), processor: processorMs() };
    computedMs += Math.max(0, Math.min(now.loop - last.loop, now.processor - last.processor));
    last = now;
    return computedMs;
  };
}

function processorTimeMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
