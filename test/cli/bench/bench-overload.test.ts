/** The figures of an overload that scripts read and the page that people read, from a run made up by hand. */
import { describe, expect, it } from "vitest";
import type { OverloadPhase, OverloadRun } from "../../../src/cli/bench/bench-overload.ts";
import { describeOverload, overloadResult } from "../../../src/cli/bench/overload-report.ts";
import { Output } from "../../../src/cli/output.ts";

const out = new Output({ color: false });
const options = {
  ...{ validators: 1, accounts: 8_000, verificationThread: "auto", factor: 2, seconds: 10 },
  ...{ warmUp: 5, recovery: 60, batch: 100, outstanding: 2_000 },
};
const node = {
  ...{ name: "node0", cpu: 0.5, memory: 3e8, eventLoopLagP99Ms: 40, signatureChecks: 1, databaseWriteMs: 2 },
  ...{ sent: {}, pooled: 20_000 },
};
const none = { count: 0, p50: Number.NaN, p99: Number.NaN, max: Number.NaN };
const span = { count: 10, p50: 300, p99: 500, max: 600 };

function phase(offered: number, committed: number, more: Partial<OverloadPhase> = {}): OverloadPhase {
  return {
    ...{ seconds: 10, offered, withheld: 0, accepted: offered, committed, blocks: 20, refusals: [] },
    ...{ answerMs: span, latencyMs: span, nodes: [node], cpu: 0.2, foreignCpu: 0, ...more },
  };
}

const refusals = [
  {
    code: "MEMPOOL_FULL",
    number: -32005,
    count: 18_000,
    retryAfterMs: { count: 18_000, p50: 1_000, p99: 1_000, max: 1_000 },
  },
  { code: "TX_NONCE_GAP", number: -32001, count: 2_000, retryAfterMs: none },
];
const run: OverloadRun = {
  peak: phase(30_000, 30_000),
  normal: phase(15_000, 15_000),
  filling: phase(60_000, 21_000),
  overload: phase(60_000, 28_500, { refusals }),
  recovery: phase(15_000, 35_000),
  recoveredAfter: 7,
  audit: { ok: true, height: 99, headHash: `0x${"ab".repeat(32)}`, faults: [] },
};

describe("the overload benchmark", () => {
  it("relates what is committed to what the network takes, and tells refusals with their time from others", () => {
    expect(overloadResult(options, run)).toMatchObject({
      name: "overload",
      ...{ value: 2_850, limit: 3_000, ratio: 0.95, refused: 20_000, refusedWithTime: 18_000 },
      recoveredAfterSeconds: 7,
      phases: { overload: { offeredPerSecond: 6_000, nodes: [{ pooled: 20_000 }] } },
    });
    expect(JSON.stringify(overloadResult(options, run))).not.toContain("null");
    const { recoveredAfter, ...lost } = run;
    expect(overloadResult(options, { ...lost, recoveredAfter: undefined }).recoveredAfterSeconds).toBeNull();
  });

  it("says it on a page", () => {
    const page = describeOverload(out, options, run).join("\n");
    expect(page).toContain("2,850 transfers a second of 3,000 that they take: ratio 0.95 (0.70 at first");
    expect(page).toContain(
      "20,000 (33 % of what was offered), 18,000 of them with -32005 and a time to wait",
    );
    expect(page).toContain("18,000 MEMPOOL_FULL (-32005), wait 1,000 ms");
    expect(page).toContain("from second 7 after it on nothing is refused");
    expect(page).not.toContain("disturbed");
    const late = { ...run, recoveredAfter: undefined, peak: phase(1, 1, { foreignCpu: 1.2 }) };
    const other = describeOverload(out, options, late).join("\n");
    expect(other).toContain("not within 60 s");
    expect(other).toContain("other processes used up to 1.2 cores");
  });
});
