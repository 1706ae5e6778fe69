/** The figures that scripts read and the page that people read, from runs made up by hand. */
import { describe, expect, it } from "vitest";
import type { LatencyRun } from "../../../src/cli/bench/bench-latency.ts";
import {
  describeLatency,
  describeThroughput,
  latencyResult,
  throughputResult,
} from "../../../src/cli/bench/bench-report.ts";
import type { ThroughputRun } from "../../../src/cli/bench/bench-throughput.ts";
import { Output } from "../../../src/cli/output.ts";

const out = new Output({ color: false });
const options = {
  validators: 4,
  blockTime: 0,
  verificationThread: "auto",
  delay: 0,
  loss: 0,
  runs: 3,
  accounts: 400,
  seconds: 10,
  warmUp: 5,
  batch: 100,
  outstanding: 2_000,
  pipelineDepth: 1,
};

function throughputRun(committed: number): ThroughputRun {
  const traffic = { mail: { messages: 60, bytes: 12_000 }, blocks: { messages: 3, bytes: 3_000 } };
  const node = {
    cpu: 0.4,
    memory: 2e8,
    eventLoopLagP99Ms: 20,
    signatureChecks: 10_000,
    databaseWriteMs: 5,
    sent: traffic,
  };
  return {
    load: {
      seconds: 10,
      sent: committed,
      committed,
      blocks: 10,
      refused: {},
      latencyMs: { count: committed, p50: 250, p99: 500, max: 600 },
      cpu: 0.1,
      signedLate: 0,
    },
    nodes: [0, 1, 2, 3].map((i) => ({ name: `node${i}`, ...node })),
    moments: [],
    verifications: [15_000, 17_000],
    cores: 2,
    foreignCpu: 0.05,
    audit: { ok: true, height: 99, headHash: `0x${"ab".repeat(32)}`, faults: [] },
  };
}

const latencyRun: LatencyRun = {
  byNode: [
    [4, 5, 6],
    [7, 8, 9],
  ],
  primary: 1,
  fsyncMs: [1, 1, 1],
  roundTripMs: [0.2],
  waits: [{ name: "PREPAREs of a quorum", ms: 4.25 }],
};

describe("the throughput benchmark", () => {
  const runs = [40_000, 20_000, 30_000].map(throughputRun);

  it("reports the median beside the machine's limit", () => {
    expect(throughputResult(options, runs)).toMatchObject({
      name: "throughput",
      value: 3_000,
      limit: 8_000,
      ratio: 0.375,
      unit: "committed transfers per second",
      runs: [
        { committedPerSecond: 4_000, ratio: 0.5, sentPerBlock: { mail: { messages: 24, bytes: 4_800 } } },
        {},
        {},
      ],
    });
  });

  it("shows people the same", () => {
    const page = describeThroughput(out, options, runs).join("\n");
    expect(page).toContain("3,000 tx/s of 8,000 that 2 cores can verify for 4 nodes: ratio 0.38");
    expect(page).toContain("4,000 (0.50), 2,000 (0.25), 3,000 (0.38)");
    expect(page).toContain("✔ 4 nodes at height 99");
    expect(page).toContain("throughput · 4 validators · 2 cores");
    const far = describeThroughput(out, { ...options, delay: 50, loss: 0.01 }, runs).join("\n");
    expect(far).toContain("throughput · 4 validators 50 ms apart, 1 % lost · 2 cores");
  });

  it("shows how the memory went where the window is long", () => {
    const moments = Array.from({ length: 25 }, (_, i) => ({
      seconds: 10 * (i + 1),
      committed: 40_000 * (i + 1),
      bytes: 300e6 + i,
      meanBytes: 250e6,
    }));
    expect(describeThroughput(out, options, runs).join("\n")).not.toContain("of the largest");
    const page = describeThroughput(out, options, [{ ...runs[0]!, moments }]).join("\n");
    expect(page).toContain(
      "of a node in the mean (of the largest) 250 (300) MB after 120,000, 250 (300) MB after 240,000",
    );
    expect(page.match(/ MB after /g)).toHaveLength(8);
  });

  it("says when somebody else used the machine", () => {
    expect(describeThroughput(out, options, runs).join("\n")).not.toContain("other processes");
    const disturbed = describeThroughput(out, options, [{ ...runs[0]!, foreignCpu: 1.24 }]).join("\n");
    expect(disturbed).toContain("other processes used 1.2 of 2 cores meanwhile");
  });

  it("shows what the audit found", () => {
    const audit = { ok: false, height: 9, headHash: "0x00", faults: ["12 transfers did not become final"] };
    expect(describeThroughput(out, options, [{ ...runs[0]!, audit }]).join("\n")).toContain(
      "✖ 12 transfers did not become final",
    );
  });
});

describe("the latency benchmark", () => {
  it("sets the median of all nodes against fsyncs and round trips", () => {
    const result = latencyResult({ ...options, warmUp: 0, transfers: 6 }, [latencyRun]);
    expect(result).toMatchObject({
      name: "latency",
      value: 6,
      limit: 5,
      ratio: 1.2,
      runs: [{ p50: 6, max: 9 }],
    });
    const page = describeLatency(out, { ...options, runs: 1, warmUp: 0, transfers: 6 }, [latencyRun]).join(
      "\n",
    );
    expect(page).toContain("PREPAREs of a quorum  4.25 ms");
    expect(page).toContain("5.00 ms = 4 fsync of 1.00 ms + 5 round trips of 0.20 ms");
    const apart = { ...options, delay: 10, runs: 1, warmUp: 0, transfers: 6 };
    expect(latencyResult(apart, [latencyRun]).limit).toBe(45);
    expect(describeLatency(out, apart, [latencyRun]).join("\n")).toContain("+ 4 delays of 10 ms");
    expect(page).toMatch(/node1 +primary +3 +8\.00 ms/);
  });
});
