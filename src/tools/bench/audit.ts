/**
 * The check at the end of a load: all nodes hold the same head, no money appeared or vanished, and every transfer
 * that was sent is on the ledger once. A benchmark of a chain that is wrong is worth nothing.
 */
import { setTimeout as pause } from "node:timers/promises";
import { must } from "../../base/assert.ts";
import { hex0x } from "../../base/bytes.ts";
import type { RpcLine } from "./rpc-line.ts";

export interface AuditOptions {
  /** The addresses of all accounts of the genesis and of the validators that take fees. */
  readonly addresses: readonly Uint8Array[];
  readonly supply: bigint;
  /** Transfers sent. */
  readonly transfers: number;
}

export interface Audit {
  readonly ok: boolean;
  readonly height: number;
  readonly headHash: string;
  /** What is wrong, one line each. */
  readonly faults: readonly string[];
}

interface Status {
  readonly height: number;
  readonly headHash: string;
  readonly mempool: number;
}

const AGREE_MS_MAX = 10_000;
const POLL_MS = 50;
const BATCH = 100;

export async function audit(lines: readonly RpcLine[], options: AuditOptions): Promise<Audit> {
  const heads = await settle(lines);
  const [{ height, headHash }] = heads as [Status];
  const faults: string[] = [];
  heads.forEach((head, i) => {
    if (head.headHash !== headHash)
      faults.push(
        `${lines[i]?.url} is at height ${head.height}, head ${head.headHash}; ${lines[0]?.url} at ${height}, ${headHash}`,
      );
  });
  const { balances, nonces } = await sumAccounts(must(lines[0], "a network has nodes"), options.addresses);
  if (balances !== options.supply)
    faults.push(`the balances add up to ${balances}, the genesis made ${options.supply}`);
  if (nonces !== options.transfers)
    faults.push(`${nonces} transfers are on the ledger, ${options.transfers} were sent`);
  return { ok: faults.length === 0, height, headHash, faults };
}

/** The heads when all agree, or as they are after a while. */
async function settle(lines: readonly RpcLine[]): Promise<readonly Status[]> {
  const deadline = performance.now() + AGREE_MS_MAX;
  for (;;) {
    const heads = await Promise.all(lines.map((line) => line.read<Status>("node_status")));
    const agreed = heads.every((head) => head.headHash === heads[0]?.headHash && head.mempool === 0);
    if (agreed || performance.now() > deadline) return heads;
    await pause(POLL_MS);
  }
}

async function sumAccounts(line: RpcLine, addresses: readonly Uint8Array[]) {
  let balances = 0n;
  let nonces = 0;
  for (let from = 0; from < addresses.length; from += BATCH) {
    const calls = addresses.slice(from, from + BATCH).map((address, id) => ({
      jsonrpc: "2.0",
      id,
      method: "account_get",
      params: { address: hex0x(address) },
    }));
    const answers = JSON.parse(await line.post(JSON.stringify(calls))) as {
      result?: { balance: string; nonce: number };
    }[];
    for (const { result } of answers) {
      if (result === undefined) throw new Error(`${line.url}: an account cannot be read`);
      balances += BigInt(result.balance);
      nonces += result.nonce;
    }
  }
  return { balances, nonces };
}
