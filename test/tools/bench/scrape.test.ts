/** Pages as our own metrics write them. */
import { Counter, Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { nodeFigures, totalSent } from "../../../src/tools/bench/node-figures.ts";
import { Scrape } from "../../../src/tools/bench/scrape.ts";

describe("Scrape", () => {
  it("reads what prom-client writes, quotes and braces in labels included", async () => {
    const registers = [new Registry()];
    const counter = new Counter({ name: "calls_total", help: "h", labelNames: ["who", "how"], registers });
    counter.inc({ who: 'a"}', how: "x" }, 2);
    counter.inc({ who: 'a"}', how: "y" }, 3);
    counter.inc({ who: "b", how: "x" }, 0.5);
    const page = Scrape.parse(await registers[0]!.metrics());
    expect(page.sum("calls_total")).toBe(5.5);
    expect([...page.byLabel("calls_total", "who").values()]).toEqual([5, 0.5]);
    expect(page.byLabel("calls_total", "how")).toEqual(
      new Map([
        ["x", 2.5],
        ["y", 3],
      ]),
    );
  });

  it("has 0 for what is not there", () => {
    expect(Scrape.parse("# HELP x\nx 1\n").sum("y")).toBe(0);
  });
});

describe("nodeFigures", () => {
  const page = (cpu: number, mail: number) =>
    Scrape.parse(
      [
        `process_cpu_seconds_total ${cpu}`,
        "process_resident_memory_bytes 1000",
        "nodejs_eventloop_lag_p99_seconds 0.02",
        `sig_verify_total{path="native"} ${mail}`,
        `db_batch_seconds_sum ${mail / 100}`,
        `db_batch_seconds_count ${mail}`,
        `p2p_bytes_out_total{protocol="mail"} ${10 * mail}`,
        `p2p_messages_out_total{protocol="mail"} ${mail}`,
        'p2p_bytes_out_total{protocol="blocks"} 7',
        'p2p_messages_out_total{protocol="blocks"} 1',
      ].join("\n"),
    );

  it("takes the difference of two looks, and leaves out silent channels", () => {
    const figures = nodeFigures("node0", page(10, 100), page(13, 150), 2);
    expect(figures).toMatchObject({ cpu: 1.5, memory: 1000, eventLoopLagP99Ms: 10, signatureChecks: 50 });
    expect(figures.databaseWriteMs).toBeCloseTo(10);
    expect(figures.sent).toEqual({ mail: { messages: 50, bytes: 500 } });
  });

  it("adds up over nodes", () => {
    const figures = nodeFigures("node0", page(10, 100), page(13, 150), 2);
    expect(totalSent([figures, figures])).toEqual({ mail: { messages: 100, bytes: 1000 } });
  });
});
