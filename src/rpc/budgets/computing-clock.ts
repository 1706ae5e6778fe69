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
 * The processor time of a process with many threads is dear to read (3 us, measured): what passed since is taken for
 * computed until then, and is taken back from what comes after.
 */
const READ_AFTER_MS = 5;

/**
 * Milliseconds that only ever grow: of what passed since the last reading of the processor the lesser of the two.
 * @param processorMs of all threads of the process: garbage that the calls make is collected on others
 */
export function computingClock(loopMs = loopActiveMs, processorMs = processorTimeMs): () => number {
  let last = { loop: loopMs(), processor: processorMs() };
  let computedMs = 0;
  let shownMs = 0;
  return () => {
    const loop = loopMs();
    const unread = Math.max(0, loop - last.loop);
    if (unread < READ_AFTER_MS) {
      shownMs = Math.max(shownMs, computedMs + unread);
      return shownMs;
    }
    const processor = processorMs();
    computedMs += Math.max(0, Math.min(unread, processor - last.processor));
    last = { loop, processor };
    shownMs = Math.max(shownMs, computedMs);
    return shownMs;
  };
}

function processorTimeMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
