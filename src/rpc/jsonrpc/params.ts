/**
 * From the params of a call to what a handler takes: by name or by position (in the order of the schema's keys),
 * checked by the method's schema. Missing, wrong and unknown params are refused with their names.
 */

import type { z } from "zod";
import { must } from "../../base/assert.ts";
import { RPC_ECHO_MAX } from "../../base/limits.ts";
import { didYouMean } from "../../base/suggest.ts";
import { CallError } from "../errors.ts";
import type { Method } from "./method.ts";

/** Issues that a refusal lists. The rest would only repeat them. */
const ISSUES_MAX = 10;

/** @throws CallError INVALID_PARAMS, or the code that an issue carries (BAD_HEX, ...) */
export function parseParams(method: Method, params: unknown): Record<string, unknown> {
  const named = Array.isArray(params) ? nameParams(method, params) : params;
  const parsed = method.params.safeParse(named);
  if (parsed.success) return parsed.data;
  throw refusal(method, named, parsed.error.issues);
}

function nameParams(method: Method, values: readonly unknown[]): Record<string, unknown> {
  const names = Object.keys(method.params.shape);
  if (values.length > names.length) {
    throw new CallError(
      "INVALID_PARAMS",
      `${values.length} params, ${method.name} takes at most ${names.length}: ${names.join(", ") || "none"}`,
    );
  }
  return Object.fromEntries(values.map((value, i) => [names[i], value]));
}

function refusal(method: Method, params: unknown, issues: readonly z.core.$ZodIssue[]): CallError {
  const shown = issues.slice(0, ISSUES_MAX).map((issue) => ({
    path: issue.path.map(String),
    message: describeIssue(method, params, issue),
  }));
  const detail = shown.map(({ path, message }) => [...path, message].join(": ")).join("; ");
  return new CallError(codeOf(issues), detail, { issues: shown });
}

/** A code of its own counts only when nothing else is wrong with the params. */
function codeOf(issues: readonly z.core.$ZodIssue[]): string {
  const codes = issues.map((issue) => (issue.code === "custom" ? issue.params?.code : undefined));
  return typeof codes[0] === "string" && codes.every((code) => typeof code === "string")
    ? codes[0]
    : "INVALID_PARAMS";
}

function describeIssue(method: Method, params: unknown, issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") {
    const names = Object.keys(method.params.shape);
    const key = issue.keys[0] ?? "";
    const takes = names.length === 0 ? "no params" : names.join(", ");
    return `unknown param "${key.slice(0, RPC_ECHO_MAX)}"${didYouMean(key, names)} (${method.name} takes ${takes})`;
  }
  if (
    issue.path.length === 1 &&
    (params as Record<PropertyKey, unknown>)[must(issue.path[0], "the path has one step")] === undefined
  ) {
    return "is missing";
  }
  return issue.message;
}
