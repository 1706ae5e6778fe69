/**
 * How commands talk to a node: the client of this package, with its failures turned into exit codes. A refusal of
 * the node is 3, a wait that ran out is 5, no answer is 4.
 */
import { Option } from "commander";
import WebSocket from "ws";
import { findRpcToken } from "../node/home/rpc-token.ts";
import { Client, type ClientOptions, OutcomeUnknownError, RpcError } from "../sdk/client.ts";
import type { SocketLike } from "../sdk/client-socket.ts";
import { list, rpcUrl } from "./arguments.ts";
import { badInput, CliError, EXIT } from "./exit.ts";

export interface RpcOptions {
  /** The URLs of nodes in the order in which they are asked. */
  readonly rpc: readonly string[];
}

const DEFAULT_URLS: readonly string[] = ["http://127.0.0.1:18545"];

export function rpcOption(): Option {
  return new Option(
    "--rpc <url>",
    "JSON-RPC of the node to ask; several (a,b or repeated): the next one when it does not answer",
  )
    .env("QUORATE_RPC_URL")
    .default(DEFAULT_URLS, DEFAULT_URLS[0])
    .argParser((text: string, earlier: readonly string[]) => [
      ...(earlier === DEFAULT_URLS ? [] : earlier),
      ...list(text).map(rpcUrl),
    ]);
}

/** QUORATE_RPC_TOKEN, or that of this user's node on this machine. */
function rpcToken(url: string): string | undefined {
  return process.env.QUORATE_RPC_TOKEN ?? findRpcToken(url);
}

/** @param trust is what the client believes of "final". */
export function connect(
  { rpc }: RpcOptions,
  trust: Pick<ClientOptions, "genesis" | "faults" | "reconnectMs"> = {},
): Client {
  try {
    return new Client(rpc, {
      ...trust,
      token: rpcToken,
      webSocket: (url, options) => new WebSocket(url, options) as unknown as SocketLike,
    });
  } catch (error) {
    if (error instanceof RangeError) throw badInput(`--rpc: ${error.message}`);
    throw error;
  }
}

/** Awaits an answer. @throws CliError with the node's own code and words, or `unreachable`. */
export async function ask<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof OutcomeUnknownError) {
      throw new CliError(EXIT.timedOut, error.code, error.message, { cause: error });
    }
    throw error instanceof RpcError ? refusalError(error) : unreachableError(error);
  }
}

export function refusalError(error: RpcError): CliError {
  const code = error.data.code ?? "REFUSED";
  const exitCode = code === "WAIT_TIMEOUT" ? EXIT.timedOut : EXIT.refused;
  const issues = Array.isArray(error.data.issues) ? ` ${JSON.stringify(error.data.issues)}` : "";
  return new CliError(exitCode, code, `${error.code} ${code}: ${error.message}${issues}`, { cause: error });
}

export function unreachableError(error: unknown): CliError {
  const detail = error instanceof Error ? error.message : String(error);
  const message = `${detail}. Is a node running there? Start a network with: quorate devnet (or say where: --rpc URL)`;
  return new CliError(EXIT.unreachable, "UNREACHABLE", message, { cause: error });
}
