/**
 * One transaction on its way to being final, as PBFT's client goes about it: it is sent to one node (to f+1 when
 * their answers are to be compared), after T_client without a good answer the same bytes to all, and an answer
 * counts for what it proves. It decides when the sender may believe: one certificate that it checked itself, f+1
 * equal answers, or the word of one node when neither was asked for. Sending again is harmless: a transaction takes
 * effect once. pbft.md 1.7 (T_client), 1.11.
 */
import { must } from "../base/assert.ts";
import { type Hash, hex0x } from "../base/bytes.ts";
import type { Verdict } from "../base/fault.ts";
import { RpcError } from "../rpc/rpc-error.ts";
import type { ResultOf, WaitFor } from "./client.ts";
import type { Endpoint } from "./endpoint.ts";
import { NotConfirmedError, OutcomeUnknownError } from "./outcome.ts";
import { wasNeverReached } from "./reached.ts";
import type { VerifiedInclusion } from "./verify-inclusion.ts";

/** How the client knows that a transaction is final. */
export interface Finality {
  readonly by: "certificate" | "answers" | "node";
  /** Where blocks are mined: so many blocks on top are called final, and more work can still undo them. */
  readonly depth?: number;
  /** URLs of the nodes whose answers it rests on. */
  readonly nodes: readonly string[];
  /** Names of the validators whose signatures were checked, where a certificate says that it is final. */
  readonly signers?: readonly string[];
}

type Answer = ResultOf<"tx_send">;
type Receipt = NonNullable<Answer["receipt"]>;
export type Sent = Answer & { readonly finality?: Finality };
/** What is known after waiting so long: once it is in a block, which one and what it did there. */
export type SentAfter<W extends WaitFor> = W extends "included" | "final"
  ? Sent & { readonly blockHeight: number; readonly receipt: Receipt }
  : Sent;

/** What the sender believes without asking, and how it checks the rest. */
export interface Trust {
  /** f: so many of the nodes asked may lie. Undefined: one node's word is taken. */
  readonly faults: number | undefined;
  /** Peer ids of the validators, whose answers alone count. When undefined, whoever says that it validates counts. */
  readonly validators: ReadonlySet<string> | undefined;
  /** Checks an answer of tx_getProof. */
  readonly verify: ((proof: unknown, id: Hash) => Promise<Verdict<VerifiedInclusion>>) | undefined;
}

export interface SubmissionOptions {
  /** The signed envelope, and its txid. */
  readonly bytes: Uint8Array;
  readonly id: Hash;
  readonly wait: WaitFor;
  /** How long to wait for a block. */
  readonly waitMs: number;
  /** How long to wait for an answer beside that. */
  readonly answerMs: number;
  /** T_client: after so many ms without enough answers the transaction is sent to all nodes. */
  readonly resendMs: number;
  readonly trust: Trust;
}

/** A node's answer that cannot be true, or that it does not prove. */
class UnbelievedError extends Error {}

/** Refusals that say nothing about the transaction: another node may take it. */
const TRANSIENT_CODES: readonly number[] = [-32002, -32005, -32603];
/** A node that failed inside says nothing of what it had done by then. */
const INTERNAL_CODE = -32603;

export class Submission {
  readonly #endpoints: readonly Endpoint[];
  readonly #options: SubmissionOptions;
  readonly #over = new AbortController();
  readonly #startedAt = performance.now();
  readonly #errors: Error[] = [];
  readonly #refusals: RpcError[] = [];
  /** URLs by what they answered, then by who they said they are. */
  readonly #votes = new Map<string, Map<string, string>>();
  /** A refusal that settles the matter, while other nodes may still say that they have the transaction. */
  #refusal: Error | undefined;
  #grace: ReturnType<typeof setTimeout> | undefined;
  #begun = 0;
  #open = 0;
  #resolve!: (sent: Sent) => void;
  #reject!: (error: Error) => void;

  /** @param endpoints lists the one to ask first, then the others. */
  constructor(endpoints: readonly Endpoint[], options: SubmissionOptions) {
    this.#endpoints = endpoints;
    this.#options = options;
  }

  /** @throws RpcError when it is refused, Error when no node was reached: nothing was sent; else OutcomeUnknownError. */
  async run(): Promise<Sent> {
    // A wait that is shorter than two T_client asks the others half-way.
    const resendMs = this.#waits
      ? Math.min(this.#options.resendMs, this.#options.waitMs / 2)
      : this.#options.resendMs;
    const timer = setTimeout(() => this.#startAll(), resendMs);
    try {
      return await new Promise<Sent>((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
        for (let i = 0; i < this.#firstCount; i++) this.#startNext();
      });
    } finally {
      clearTimeout(timer);
      clearTimeout(this.#grace);
      this.#over.abort();
    }
  }

  get #waits(): boolean {
    return this.#options.wait === "included" || this.#options.wait === "final";
  }

  /** One node, or as many as must answer: asking for the second answer after the first doubles the time (measured). */
  get #firstCount(): number {
    const { trust } = this.#options;
    const counts = this.#waits && trust.verify === undefined ? (trust.faults ?? 0) + 1 : 1;
    return Math.min(counts, this.#endpoints.length);
  }

  #startNext(): void {
    const endpoint = must(this.#endpoints[this.#begun++], "no more are begun than there are");
    this.#open++;
    void this.#ask(endpoint);
  }

  #startAll(): void {
    if (this.#refusal !== undefined) return;
    while (this.#begun < this.#endpoints.length && !this.#over.signal.aborted) this.#startNext();
  }

  async #ask(endpoint: Endpoint): Promise<void> {
    try {
      const answer = await this.#send(endpoint);
      const sent = await this.#judge(endpoint, this.#begun === 1 ? answer : withoutAlready(answer));
      if (sent !== undefined) return this.#resolve(sent);
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error));
      this.#errors.push(reason);
      if (this.#isRefused(reason)) this.#settle(reason);
    }
    this.#open--;
    this.#startAll();
    if (this.#open === 0) this.#reject(this.#outcome(this.#refusal ?? this.#failure()));
  }

  /** Nobody else is asked. Who was asked already is waited for: only if all refuse is it known that nothing was sent. */
  #settle(refusal: Error): void {
    this.#refusal ??= refusal;
    this.#grace ??= setTimeout(() => this.#reject(this.#outcome(refusal)), this.#options.resendMs);
  }

  /** The node's answer; what it holds already counts as taken. */
  async #send(endpoint: Endpoint): Promise<Answer> {
    const { bytes, wait, waitMs, answerMs } = this.#options;
    const leftMs = Math.max(1, Math.round(waitMs - (performance.now() - this.#startedAt)));
    const params = { tx: hex0x(bytes), wait, ...(this.#waits ? { timeoutMs: leftMs } : {}) };
    try {
      const timeoutMs = answerMs + (this.#waits ? leftMs : 0);
      return (await this.#call(endpoint, "tx_send", params, timeoutMs)) as Answer;
    } catch (error) {
      const code = error instanceof RpcError ? error.data.code : undefined;
      if (code === "TX_DUPLICATE") return { txHash: this.#txHash, status: "pending", already: true };
      const known = code === "TX_NONCE_TOO_LOW" ? await this.#find(endpoint) : undefined;
      if (known === undefined) throw error;
      return known;
    }
  }

  /** A nonce is also too low when the transaction itself has used it. */
  async #find(endpoint: Endpoint): Promise<Answer | undefined> {
    const hash = { hash: this.#txHash };
    const receipt = (await this.#call(endpoint, "tx_getReceipt", hash)) as Receipt | null;
    if (receipt === null) return undefined;
    const status = receipt.final ? "final" : "included";
    return { txHash: this.#txHash, status, blockHeight: receipt.blockHeight, receipt, already: true };
  }

  /** What may be believed of an answer, or undefined when it takes more answers. @throws Error for a lie */
  async #judge(endpoint: Endpoint, answer: Answer): Promise<Sent | undefined> {
    const { wait, trust } = this.#options;
    if (answer.txHash !== this.#txHash) throw lie(endpoint, "answers for another transaction");
    if (answer.status !== "final") {
      if (wait === "final") throw lie(endpoint, `answers "${answer.status}" to a wait for final`);
      if (wait === "included" && (answer.blockHeight === undefined || answer.receipt === undefined))
        throw lie(endpoint, `answers "${answer.status}" to a wait for a block, without block and receipt`);
      return answer;
    }
    if (answer.receipt === undefined || answer.blockHeight === undefined)
      throw lie(endpoint, "calls it final without block and receipt");
    if (trust.verify !== undefined) {
      const proved = await this.#prove(endpoint, answer, trust.verify);
      if (proved !== undefined) return proved;
    }
    if (trust.faults === undefined) {
      const depth = answer.finalityDepth === undefined ? {} : { depth: answer.finalityDepth };
      return { ...answer, finality: { by: "node", nodes: [endpoint.url], ...depth } };
    }
    return this.#count(endpoint, answer, trust.faults + 1);
  }

  /** The answer with what the certificate covers, or undefined when the node gives no proof. @throws Error for a lie */
  async #prove(
    endpoint: Endpoint,
    answer: Answer,
    verify: NonNullable<Trust["verify"]>,
  ): Promise<Sent | undefined> {
    let proof: unknown;
    try {
      proof = await this.#call(endpoint, "tx_getProof", { hash: this.#txHash });
    } catch (error) {
      this.#errors.push(error as Error);
      return undefined;
    }
    const verified = await verify(proof, this.#options.id);
    if (!verified.ok) throw lie(endpoint, `calls it final without proof: ${verified.fault.detail}`);
    const { blockHeight, blockHash, index, outcome, signers } = verified.value;
    const confirmations = answer.receipt?.confirmations ?? 1;
    const place = { txHash: this.#txHash, blockHash, blockHeight, index };
    return {
      ...answer,
      blockHeight,
      receipt: { ...place, ...outcome, confirmations, final: true },
      finality: {
        by: "certificate",
        nodes: [endpoint.url],
        signers: signers.map((signer) => signer.name),
      },
    };
  }

  /** Counts an answer. Each node counts once, whatever number of URLs lead to it. */
  async #count(endpoint: Endpoint, answer: Answer, needed: number): Promise<Sent | undefined> {
    const key = voteOf(answer);
    // The others are asked meanwhile.
    if (needed > 1) this.#startAll();
    const name = await this.#identify(endpoint, answer.finalityDepth !== undefined);
    const votes = this.#votes.get(key) ?? new Map<string, string>();
    this.#votes.set(key, votes.set(name, endpoint.url));
    if (votes.size < needed) return undefined;
    const depth = answer.finalityDepth === undefined ? {} : { depth: answer.finalityDepth };
    return { ...answer, finality: { by: "answers", nodes: [...votes.values()], ...depth } };
  }

  /** @returns the peer id of a validator. @throws Error when the node is none */
  async #identify(endpoint: Endpoint, isMined: boolean): Promise<string> {
    const { validators } = this.#options.trust;
    const { nodeId, mode } = (await this.#call(endpoint, "node_info", {})) as ResultOf<"node_info">;
    // Where blocks are mined nobody validates: any node of the sender's choice counts.
    const counts = validators === undefined ? mode === "validator" || isMined : validators.has(nodeId);
    if (counts) return nodeId;
    throw new Error(`${endpoint.url}: ${nodeId} is no validator, its answer does not count`);
  }

  /** Whether a refusal settles the matter: so many nodes gave it as an answer needs. */
  #isRefused(error: Error): boolean {
    if (!(error instanceof RpcError) || error.data.code === "WAIT_TIMEOUT") return false;
    if (TRANSIENT_CODES.includes(error.code)) return false;
    this.#refusals.push(error);
    const equal = this.#refusals.filter((other) => other.data.code === error.data.code).length;
    return equal > (this.#options.trust.faults ?? 0);
  }

  /** Why it came to nothing, when all have been asked. */
  #failure(): Error {
    const refusals = this.#errors.filter((error) => error instanceof RpcError);
    const late = refusals.find((error) => error.data.code === "WAIT_TIMEOUT");
    const lies = this.#errors.filter((error) => error instanceof UnbelievedError);
    if (late !== undefined) return late;
    const most = Math.max(0, ...[...this.#votes.values()].map((votes) => votes.size));
    if (most > 0 || lies.length > 0) {
      const needed = (this.#options.trust.faults ?? 0) + 1;
      const reasons = this.#errors.map((error) => error.message);
      const words = [`${most} of ${needed} equal answers, no certificate`, ...reasons].join("; ");
      return new NotConfirmedError(`not known to be final: ${words} (tx ${this.#txHash})`, this.#txHash);
    }
    if (refusals[0] !== undefined) return refusals[0];
    if (this.#errors.length === 1) return must(this.#errors[0], "there is one error");
    const [first] = this.#errors;
    const cause = new AggregateError(this.#errors, first?.message);
    return new Error(this.#errors.map((error) => error.message).join("; "), { cause });
  }

  /**
   * What the sender may conclude. A refusal stays one only if no node can have the transaction: each refused it or was
   * not reached. If one accepted, broke off, kept silent, failed inside, or has not answered yet, the outcome is open.
   */
  #outcome(error: Error): Error {
    if (error instanceof NotConfirmedError || !this.#mayBeHeld()) return error;
    const code = error instanceof RpcError ? (error.data.code ?? "REFUSED") : "NO_ANSWER";
    return new OutcomeUnknownError(error.message, { txHash: this.#txHash, code, cause: error });
  }

  #mayBeHeld(): boolean {
    if (this.#open > 0 || this.#votes.size > 0) return true;
    return this.#errors.some((error) =>
      error instanceof RpcError
        ? typeof error.data.txHash === "string" || error.code === INTERNAL_CODE
        : !wasNeverReached(error),
    );
  }

  get #txHash(): string {
    return hex0x(this.#options.id);
  }

  #call(
    endpoint: Endpoint,
    method: string,
    params: unknown,
    timeoutMs = this.#options.answerMs,
  ): Promise<unknown> {
    return endpoint.call(method, params, { timeoutMs, signal: this.#over.signal });
  }
}

function lie({ url }: Endpoint, words: string): UnbelievedError {
  return new UnbelievedError(`${url} ${words}`);
}

/** Only a node that was asked alone tells what was so before: any other may have it from this very sending. */
function withoutAlready({ already: _, ...answer }: Answer): Answer {
  return answer;
}

/** What two answers must have in common: block, place and all that the transaction did. */
function voteOf({ receipt, finalityDepth }: Answer): string {
  const { blockHash, blockHeight, index, status, code, fee, events } = must(
    receipt,
    "only an answer with a receipt is counted",
  );
  const shown = events.map(({ module, kind, data }) => [module, kind, data]);
  return JSON.stringify([finalityDepth, blockHash, blockHeight, index, status, code, fee, shown]);
}
