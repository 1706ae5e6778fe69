/** How users' transactions come to a replica: together, one by one, or to try what they would do. */
import type { Hash } from "../../base/bytes.ts";
import type { Verdict } from "../../base/fault.ts";
import type { Logger } from "../../base/log.ts";
import { decodeTransaction } from "../../chain/types/transaction.ts";
import type { Simulation } from "../../rpc/api.ts";
import { Backlog } from "../ingress/backlog.ts";
import { logRefused } from "../metrics/transaction-log.ts";
import type { Replica } from "../replica.ts";
import { harmOf } from "./guarded-calls.ts";
import type { ReplicaRecent } from "./recent-api.ts";

export class UserTransactions {
  readonly #replica: Replica;
  readonly #recent: ReplicaRecent;
  readonly #now: () => number;
  readonly #log: Logger;
  /** Undefined where blocks can be abandoned: there transactions wait for many of them. */
  readonly #backlog: Backlog | undefined;

  /** @param now milliseconds since the Unix epoch */
  constructor(replica: Replica, recent: ReplicaRecent, now: () => number, log: Logger) {
    this.#log = log;
    this.#replica = replica;
    this.#recent = recent;
    this.#now = now;
    this.#backlog = replica.chain.mode.kind === "final" ? new Backlog(replica, now) : undefined;
  }

  /** As NodeApi.submit. What is in the pool already is refused neither for the backlog nor by the guard of votes. */
  submit(bytes: Uint8Array): Verdict<Hash> {
    const verdict = this.#submit(bytes);
    if (!verdict.ok)
      logRefused(this.#log, bytes, verdict.fault, this.#replica.chain.genesis.limits.maxTxBytes);
    return verdict;
  }

  #submit(bytes: Uint8Array): Verdict<Hash> {
    const fault = this.#backlog?.refusal() ?? harmOf(bytes, this.#replica);
    if (fault !== undefined && this.#replica.pool.find(bytes) === undefined) return { ok: false, fault };
    const added = this.#recent.receive(this.#now(), () => this.#replica.submit(bytes));
    return added.ok ? { ok: true, value: added.value.id } : added;
  }

  /** As NodeApi.prepare: no signature is judged of what will be refused. */
  prepare(envelopes: readonly Uint8Array[]): Promise<number> | undefined {
    return this.#backlog?.refusal() === undefined ? this.#replica.ahead.prepare(envelopes) : undefined;
  }

  /** Milliseconds after which a transaction that was refused for want of room may have some. */
  retryAfterMs(): number {
    return this.#backlog?.retryAfterMs() ?? POOL_FULL_RETRY_MS;
  }

  /** As NodeApi.simulate. */
  simulate(bytes: Uint8Array): Verdict<Simulation> {
    const { chain } = this.#replica;
    const decoded = decodeTransaction(bytes, chain.genesis.limits.maxTxBytes);
    if (!decoded.ok) return decoded;
    const timeMs = BigInt(this.#now());
    const { head, value } = chain.readAtHead((view, parent) => {
      const { proposer } = parent.summary;
      return chain.rehearse({ view, parent }, { timeMs, proposer }, decoded.value);
    });
    if (!value.ok) return value;
    return { ok: true, value: { receipt: value.value, module: decoded.value.module, at: head } };
  }
}

/** A pool that is full has room again after a block or two. */
const POOL_FULL_RETRY_MS = 1_000;
