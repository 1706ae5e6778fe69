/** How busy the whole machine is: so that a report can say how much of it somebody else used meanwhile. */
import { cpus } from "node:os";

/** Seconds that all processors together have worked since the machine started. */
export function busySeconds(): number {
  const ms = cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  return ms / 1_000;
}
