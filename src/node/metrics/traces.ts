/**
 * Where a transaction's time goes, as OpenTelemetry traces: every node that has it exports its own spans, and they join,
 * because the trace's id is the first 16 bytes of the transaction's id. Switched on by OTEL_EXPORTER_OTLP_ENDPOINT, as every
 * program with OpenTelemetry is; the libraries are loaded only then. Source: OpenTelemetry specification, "SDK
 * Environment Variables"; OTLP/HTTP.
 */
import type { Context, Span, Tracer } from "@opentelemetry/api";
import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import { hex } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import type { Logger } from "../../base/log.ts";

/** When a transaction passed each stage on this node, ms since the Unix epoch; what nobody saw is left out. */
export interface TracedStages {
  readonly received?: number;
  readonly pooled?: number;
  readonly proposed?: number;
  readonly prepared?: number;
  readonly committed?: number;
  /** When it was in the chain and on disk. */
  readonly included: number;
}

export interface TracedTransaction {
  readonly id: Uint8Array;
  readonly height: bigint;
  readonly blockHash: string;
  readonly stages: TracedStages;
}

export interface Traces {
  /** A transaction is in the chain. */
  included(transaction: TracedTransaction): void;
  /** Exports what is left. */
  stop(): Promise<void>;
}

export interface TraceSettings {
  /** The part of all transactions that is traced, from 0 to 1. It is the same ones on every node. */
  readonly share: number;
}

/** ExportResultCode.SUCCESS of @opentelemetry/core, which is loaded only when something is traced. */
const EXPORTED = 0;
const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
const SAMPLED = 1;
/** Spans that wait to be exported at most; what comes beyond them is dropped. */
const QUEUED_MAX = 8_192;

/** What the variables of the environment say, or undefined when nothing is traced. */
export function traceSettings(
  environment: NodeJS.ProcessEnv,
): Verdict<TraceSettings | undefined, "malformed"> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_SDK_DISABLED } = environment;
  const endpoint = OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? OTEL_EXPORTER_OTLP_ENDPOINT ?? "";
  if (endpoint === "" || OTEL_SDK_DISABLED === "true") return accept(undefined);
  // The exporter would take its default instead, and nobody would hear of it.
  if (!/^https?:/i.test(endpoint) || !URL.canParse(endpoint))
    return refuse("malformed", `OTEL_EXPORTER_OTLP_ENDPOINT: expected http://HOST:PORT, found "${endpoint}"`);
  const said = environment.OTEL_TRACES_SAMPLER_ARG ?? "1";
  const share = Number(said);
  if (said.trim() !== "" && share >= 0 && share <= 1) return accept({ share });
  return refuse("malformed", `OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, found "${said}"`);
}

/** @param name of the node @throws Error when the libraries are not installed */
export async function startTraces(
  { share }: TraceSettings,
  node: { readonly name: string; readonly version: string; readonly logger: Logger },
): Promise<Traces> {
  const loaded = await load();
  const { api, base, exporter, resources } = loaded;
  const provider = new base.BasicTracerProvider({
    resource: resources.resourceFromAttributes({
      "service.name": process.env.OTEL_SERVICE_NAME ?? "quorate",
      "service.version": node.version,
      "service.instance.id": node.name,
    }),
    // What is traced was chosen already, alike on every node.
    sampler: new base.AlwaysOnSampler(),
    spanProcessors: [
      new base.BatchSpanProcessor(new WatchedExporter(new exporter.OTLPTraceExporter(), node.logger), {
        maxQueueSize: QUEUED_MAX,
      }),
    ],
  });
  const tracer = provider.getTracer("quorate", node.version);
  return {
    included: (transaction) => {
      if (!isTraced(transaction.id, share)) return;
      const remote = { ...idsOf(transaction.id), traceFlags: SAMPLED, isRemote: true };
      spansOf(tracer, api, api.trace.setSpanContext(api.ROOT_CONTEXT, remote), transaction);
    },
    stop: async () => {
      try {
        await provider.shutdown();
      } catch (error) {
        node.logger.log("warn", "node", "traces were not exported", { error: (error as Error).message });
      }
    },
  };
}

/** Says once that the collector takes nothing, and once that it does again. */
export class WatchedExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #logger: Logger;
  #isFailing = false;

  constructor(exporter: SpanExporter, logger: Logger) {
    this.#exporter = exporter;
    this.#logger = logger;
  }

  export(...[spans, done]: Parameters<SpanExporter["export"]>): void {
    this.#exporter.export(spans, (result) => {
      this.#note(result.code !== EXPORTED, result.error);
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush?.() ?? Promise.resolve();
  }

  #note(isFailing: boolean, error: Error | undefined): void {
    if (isFailing === this.#isFailing) return;
    this.#isFailing = isFailing;
    if (isFailing) {
      const why = error?.message === undefined || error.message === "" ? "no reason is given" : error.message;
      this.#logger.log("warn", "node", "the collector takes no traces", { error: why });
    } else this.#logger.log("info", "node", "the collector takes traces again");
  }
}

/** Decides by the id alone, so that a trace is whole or not there at all. */
function isTraced(id: Uint8Array, share: number): boolean {
  const { buffer, byteOffset } = id;
  return new DataView(buffer, byteOffset).getUint32(TRACE_ID_BYTES + SPAN_ID_BYTES) < share * 2 ** 32;
}

/** A parent that no node exports: the transaction itself, of which each node tells its part. */
function idsOf(id: Uint8Array): { traceId: string; spanId: string } {
  const spanFrom = TRACE_ID_BYTES;
  return {
    traceId: hex(id.subarray(0, TRACE_ID_BYTES)),
    spanId: hex(id.subarray(spanFrom, spanFrom + SPAN_ID_BYTES)),
  };
}

/** One span for the node, and one for each stage that was seen to begin and to end. */
function spansOf(
  tracer: Tracer,
  api: Loaded["api"],
  context: Context,
  { id, height, blockHash, stages }: TracedTransaction,
): void {
  const { received, pooled, proposed, prepared, committed, included } = stages;
  const began = received ?? pooled ?? proposed ?? included;
  const attributes = {
    "quorate.tx.id": `0x${hex(id)}`,
    "quorate.block.height": Number(height),
    "quorate.block.hash": blockHash,
  };
  const whole = tracer.startSpan("transaction", { startTime: began, attributes }, context);
  const inside = api.trace.setSpan(context, whole);
  const part = (name: string, from: number | undefined, to: number | undefined) => {
    if (from === undefined || to === undefined) return;
    end(tracer.startSpan(name, { startTime: from }, inside), Math.max(from, to));
  };
  part("admission", received, pooled);
  part("pool", pooled, proposed ?? included);
  part("prepare", proposed, prepared);
  part("commit", prepared, committed);
  part("write", committed, included);
  end(whole, Math.max(began, included));
}

function end(span: Span, atMs: number): void {
  span.end(atMs);
}

type Loaded = Awaited<ReturnType<typeof load>>;

async function load() {
  try {
    const [api, base, exporter, resources] = await Promise.all([
      import("@opentelemetry/api"),
      import("@opentelemetry/sdk-trace-base"),
      import("@opentelemetry/exporter-trace-otlp-http"),
      import("@opentelemetry/resources"),
    ]);
    return { api, base, exporter, resources };
  } catch (cause) {
    const reason =
      "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the optional packages @opentelemetry/* are not installed: npm install, or unset it";
    throw new Error(reason, { cause });
  }
}
