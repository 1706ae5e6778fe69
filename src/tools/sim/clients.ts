/**
 * The users of a run: each hands its transfer to one node, and to all of them while it does not become final, as the
 * client library does. It knows what is final by what correct nodes committed.
 */
import { byteText, hex0x } from "../../base/bytes.ts";
import { modulesOf } from "../../chain/execution/modules-in-force.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import type { Cluster } from "./cluster.ts";
import { drawCall } from "./module-calls.ts";
import type { Observer } from "./observer.ts";
import { Random } from "./random.ts";
import type { ScheduledSubmission } from "./schedule.ts";

/** How many of the users' transactions are no calls, on a chain with modules. */
const TRANSFER_CHANCE = 0.25;
/** T_client of pbft.md 1.7, at the pace of the simulated timers, ms. */
const RETRY_MS = 400;

export class Clients implements Observer {
  readonly #submissions: readonly ScheduledSubmission[];
  readonly #cluster: () => Cluster;
  readonly #nonces = new Map<number, bigint>();
  /** Issued and not yet final, by the text of the id. */
  readonly #pending = new Map<string, SignedTransaction>();
  #unissued: number;

  readonly #seed: number | string;

  /** @param seed of the calls of declared modules */
  constructor(submissions: readonly ScheduledSubmission[], cluster: () => Cluster, seed: number | string) {
    this.#seed = seed;
    this.#submissions = submissions;
    this.#cluster = cluster;
    this.#unissued = submissions.length;
  }

  start(): void {
    for (const submission of this.#submissions) {
      this.#cluster().time.at(submission.atMs, () => this.#issue(submission));
    }
  }

  /** Every transfer was issued and is final at a correct node. */
  get done(): boolean {
    return this.#unissued === 0 && this.#pending.size === 0;
  }

  get pending(): number {
    return this.#unissued + this.#pending.size;
  }

  committed(node: number, { block }: Parameters<NonNullable<Observer["committed"]>>[1]): void {
    if (this.#pending.size === 0 || !this.#cluster().isCorrect(node)) return;
    for (const { id } of block.transactions) this.#pending.delete(byteText(id));
  }

  #issue(submission: ScheduledSubmission): void {
    const { node, from } = submission;
    const nonce = this.#nonces.get(from) ?? 0n;
    this.#nonces.set(from, nonce + 1n);
    const cluster = this.#cluster();
    const transaction = this.#sign(submission, nonce);
    this.#unissued--;
    this.#pending.set(byteText(transaction.id), transaction);
    cluster.submit(node, transaction);
    cluster.time.after(RETRY_MS, () => this.#retry(transaction));
  }

  /** Where the chain has modules of its own, most are calls of these; the others stay transfers. */
  #sign({ id, from, to, amount, fee }: ScheduledSubmission, nonce: bigint): SignedTransaction {
    const { world } = this.#cluster();
    const modules = modulesOf(world.genesis).own();
    const random = new Random(`${this.#seed}/call/${id}`);
    if (modules.length === 0 || random.chance(TRANSFER_CHANCE))
      return world.transfer(from, to, amount, nonce, fee);
    const addresses = world.accounts.map(({ publicKey }) => hex0x(publicKey));
    return world.call(from, drawCall(random, modules, addresses), nonce, fee);
  }

  #retry(transaction: SignedTransaction): void {
    if (!this.#pending.has(byteText(transaction.id))) return;
    const cluster = this.#cluster();
    for (const { id, isUp } of cluster.nodes) if (isUp) cluster.submit(id, transaction);
    cluster.time.after(RETRY_MS, () => this.#retry(transaction));
  }
}
