/** Goal: the spans of a transaction join over all nodes. Method: a server in place of a collector takes what is exported. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { SILENT } from "../../../src/base/log.ts";
import { startTraces, traceSettings, WatchedExporter } from "../../../src/node/metrics/traces.ts";

interface Exported {
  readonly traceId: string;
  readonly parentSpanId?: string;
  readonly spanId: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

const spans: { node: string; span: Exported }[] = [];
const collector = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString());
    for (const { resource, scopeSpans } of resourceSpans) {
      const node = resource.attributes.find(({ key }: { key: string }) => key === "service.instance.id");
      for (const { spans: exported } of scopeSpans)
        spans.push(...exported.map((span: Exported) => ({ node: node.value.stringValue, span })));
    }
    response.setHeader("content-type", "application/json").end("{}");
  });
});

afterEach(() => {
  collector.close();
  delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
});

const id = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const atMs = (ms: number) => Date.UTC(2026, 10, 1) + ms;
const stages = {
  received: atMs(0),
  pooled: atMs(2),
  proposed: atMs(10),
  prepared: atMs(20),
  committed: atMs(31),
  included: atMs(40),
};

describe("traces of transactions", () => {
  it("of two nodes have one id and one parent, and a span for each stage", async () => {
    await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
    process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
    for (const name of ["node0", "node1"]) {
      const traces = await startTraces({ share: 1 }, { name, version: "1", logger: SILENT });
      const { received, pooled, ...seen } = stages;
      const known = name === "node0" ? stages : seen; // to the second it came in a block
      traces.included({ id, height: 5n, blockHash: "0xab", stages: known });
      await traces.stop();
    }
    const traceId = "0102030405060708090a0b0c0d0e0f10";
    expect(spans.every(({ span }) => span.traceId === traceId)).toBe(true);
    const of = (node: string) => spans.filter((one) => one.node === node).map(({ span }) => span);
    expect(
      of("node0")
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["admission", "commit", "pool", "prepare", "transaction", "write"].sort());
    expect(
      of("node1")
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["commit", "prepare", "transaction", "write"].sort());
    const wholes = spans.filter(({ span }) => span.name === "transaction").map(({ span }) => span);
    expect(wholes.map(({ parentSpanId }) => parentSpanId)).toEqual(["1112131415161718", "1112131415161718"]);
    expect(wholes[0]).toMatchObject({
      startTimeUnixNano: `${atMs(0)}000000`,
      endTimeUnixNano: `${atMs(40)}000000`,
    });
    const prepare = of("node0").find(({ name }) => name === "prepare")!;
    expect(prepare.parentSpanId).toBe(wholes[0]!.spanId);
    expect(BigInt(prepare.endTimeUnixNano) - BigInt(prepare.startTimeUnixNano)).toBe(10_000_000n);
  });

  it("are asked for by the variables of OpenTelemetry alone", () => {
    expect(traceSettings({})).toEqual({ ok: true, value: undefined });
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };
    expect(traceSettings(endpoint)).toEqual({ ok: true, value: { share: 1 } });
    for (const wrong of ["collector", "ftp://collector"])
      expect(traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: wrong })).toMatchObject({
        fault: { detail: expect.stringContaining(`expected http://HOST:PORT, found "${wrong}"`) },
      });
    expect(traceSettings({ ...endpoint, OTEL_SDK_DISABLED: "true" })).toMatchObject({
      value: undefined,
    });
    expect(traceSettings({ ...endpoint, OTEL_TRACES_SAMPLER_ARG: "0.05" })).toMatchObject({
      value: { share: 0.05 },
    });
    for (const wrong of ["2", "-1", "x", " "]) {
      expect(traceSettings({ ...endpoint, OTEL_TRACES_SAMPLER_ARG: wrong })).toMatchObject({
        fault: { detail: `OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, found "${wrong}"` },
      });
    }
  });

  it("say once that the collector takes none, and once that it does again", () => {
    const said: string[] = [];
    const logger = { log: (level: string, _: string, words: string) => said.push(`${level} ${words}`) };
    const codes = [1, 1, 0, 0, 1];
    const exporter = new WatchedExporter(
      {
        export: (_, done) => done({ code: codes.shift() ?? 0, error: new Error("refused") }),
        shutdown: () => Promise.resolve(),
      },
      logger,
    );
    for (let i = 0; i < 5; i++) exporter.export([], () => undefined);
    expect(said).toEqual([
      "warn the collector takes no traces",
      "info the collector takes traces again",
      "warn the collector takes no traces",
    ]);
  });
});
