/**
 * How commands talk to a node: the client of this package, with its failures turned into exit codes. A refusal of
 * the node is 3, a wait that ran out is 5, no answer is 4.
 */
import { Option } from "commander";
import WebSocket from "ws";
import { Client, RpcError } from "../rpc/client.ts";
import type { SocketLike } from "../rpc/clientsocket.ts";
import { rpcUrl } from "./arguments.ts";
import { CliError, EXIT } from "./exit.ts";

export interface RpcOptions {
  readonly rpc: string;
}

export function rpcOption(): Option {
  return new Option("--rpc <url>", "JSON-RPC of the node to ask")
    .env("QUORATE_RPC_URL")
    .default("http://127.0.0.1:18545")
    .argParser(rpcUrl);
}

export function connect({ rpc }: RpcOptions): Client {
  return new Client(rpc, { webSocket: (url) => new WebSocket(url) as unknown as SocketLike });
}

/** Awaits an answer; @throws CliError with the node's own code and words, or `unreachable`. */
export async function ask<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw error instanceof RpcError ? refusalError(error) : unreachableError(error);
  }
}

export function refusalError(error: RpcError): CliError {
  const code = error.data.code ?? "REFUSED";
  const exitCode = code === "WAIT_TIMEOUT" ? EXIT.timedOut : EXIT.refused;
  const issues = Array.isArray(error.data.issues) ? ` ${JSON.stringify(error.data.issues)}` : "";
  return new CliError(exitCode, code, `${error.code} ${code}: ${error.message}${issues}`, { cause: error });
}

function unreachableError(error: unknown): CliError {
  const detail = error instanceof Error ? error.message : String(error);
  const message = `${detail}. Is a node running there? Start a network with: quorate devnet (or say where: --rpc URL)`;
  return new CliError(EXIT.unreachable, "UNREACHABLE", message, { cause: error });
}
