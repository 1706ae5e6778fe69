/**
 * The table of methods as an OpenRPC document (https://spec.open-rpc.org, 1.3), from which generic tools make
 * forms and clients. JSON Schemas come from zod; descriptions, order and examples from the table.
 */
import { z } from "zod";
import { ERROR_NUMBERS } from "../errors.ts";
import type { Method, MethodTable } from "./method.ts";

type Json = Record<string, unknown>;

export interface OpenRpcDocument extends Json {
  openrpc: string;
  info: Json;
  methods: Json[];
}

/** One parameter as documents show it. */
export interface Parameter {
  readonly name: string;
  readonly required: boolean;
  readonly schema: Json;
}

// Making the schemas takes milliseconds, and a table never changes.
const described = new WeakMap<MethodTable, Json[]>();

export function describeMethods(methods: MethodTable, version: string): OpenRpcDocument {
  let descriptions = described.get(methods);
  if (descriptions === undefined) {
    descriptions = [...methods.values()].map(describeMethod);
    described.set(methods, descriptions);
  }
  const info = { title: "Quorate JSON-RPC", version, license: { name: "Apache-2.0" } };
  return { openrpc: "1.3.2", info, methods: descriptions };
}

/** Lists the parameters in the order of by-position params. */
export function parametersOf(method: Method): Parameter[] {
  const { properties = {}, required = [] } = schemaOf(method.params, "input") as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.keys(method.params.shape).map((name) => ({
    name,
    required: required.includes(name),
    schema: properties[name] ?? {},
  }));
}

/** The JSON Schema (draft 2020-12) of what is sent ("input") or answered ("output"). */
export function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}

function describeMethod(method: Method): Json {
  return {
    name: method.name,
    summary: method.summary,
    tags: [method.kind, ...(method.transport === "websocket" ? ["websocket"] : [])].map((name) => ({ name })),
    paramStructure: "either",
    params: parametersOf(method),
    result: { name: "result", schema: schemaOf(method.result, "output") },
    errors: method.kind === "write" ? [error("TX_REJECTED", "Transaction rejected")] : [],
    examples: method.examples.map((example) => ({
      name: example.name,
      params: Object.entries(example.params).map(([name, value]) => ({ name, value })),
      result: { name: "result", value: example.result },
    })),
  };
}

function error(code: "TX_REJECTED", message: string): Json {
  return { code: ERROR_NUMBERS[code], message };
}
