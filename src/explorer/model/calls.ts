/**
 * A transaction's call in a few words, from its decoded form. Calls of modules that are not known here are
 * shown by their name.
 */
import { printable } from "../../base/printable.ts";

export type DecodedCall = Readonly<Record<string, unknown>> | null;

export interface CallSummary {
  readonly verb: string;
  /** A decimal string. */
  readonly amount?: string;
  readonly target?: { readonly page: "account" | "anchors"; readonly hash: string };
}

export function summarizeCall(module: string, call: DecodedCall): CallSummary {
  const text = (name: string) => (typeof call?.[name] === "string" ? (call[name] as string) : undefined);
  const type = text("type");
  const [amount, to, digest] = [text("amount"), text("to"), text("digest")];
  switch (type) {
    case "transfer":
      return { verb: "pays", ...given("amount", amount), ...given("target", account(to)) };
    case "coinbase":
      return { verb: "mints", ...given("amount", amount), ...given("target", account(to)) };
    case "anchor":
      return {
        verb: "anchors",
        ...(digest === undefined ? {} : { target: { page: "anchors", hash: digest } }),
      };
    default:
      return {
        verb: printable(type === undefined ? `calls ${module}` : `${module}: ${type}`),
        ...given("amount", amount),
      };
  }
}

function account(hash: string | undefined): CallSummary["target"] {
  return hash === undefined ? undefined : { page: "account", hash };
}

function given<N extends string, T>(name: N, value: T | undefined): { [K in N]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { [K in N]?: T };
}
