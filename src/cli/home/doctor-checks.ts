/** What the checks of `quorate doctor` have in common: a finding, and checks that more than one of its files makes. */
import { createServer } from "node:net";
import { CLOCK_AHEAD_MS_MAX } from "../../base/limits.ts";
import type { Genesis } from "../../chain/genesis/genesis.ts";
import { describeClocks, judgeClocks, type MeasuredClock } from "../../rpc/explain/explain-clocks.ts";

export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  /** A file that the operator gave is wrong: the exit code is that of wrong input. */
  readonly isInput?: boolean;
}

/** The clock against those of peers. */
export function checkClocks(
  clocks: readonly MeasuredClock[],
  { validators }: Pick<Genesis, "validators">,
): Finding {
  // Where blocks are mined far more is allowed; a clock that is off by seconds is worth a word all the same.
  const limitMs = validators.length === 0 ? 2 * CLOCK_AHEAD_MS_MAX : CLOCK_AHEAD_MS_MAX;
  const { words } = judgeClocks(clocks, limitMs);
  const detail = `${new Date().toISOString()}; ${words ?? describeClocks(clocks)}`;
  return { name: "clock", ok: words === undefined, detail };
}

/** Whether a TCP port of this machine's loopback can be listened on. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
