/**
 * A node's connection to its signer, for as long as it lasts: questions go out, answers come back in order. Whatever
 * goes wrong ends it, and everything that waits fails with a SignerLost that says why.
 */
import type { Duplex } from "node:stream";
import { type Address, equalBytes, type Hash } from "../../base/bytes.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import { verifySignature } from "../../crypto/keys.ts";
import type { LogPosition, OpenedLog, RecordLog } from "../../storage/record-log.ts";
import { SignerLost } from "../votes/validator-key.ts";
import {
  decodeSignerAnswer,
  encodeSignerRequest,
  FrameReader,
  SIGNER_PROTOCOL_VERSION,
  SIGNER_STATUS_VERSION,
  type SignerAnswer,
  type SignerReport,
  type SignerRequest,
} from "./signer-frames.ts";
import { SIGNER_ANSWER_MS_MAX, SIGNER_PING_MS } from "./signer-limits.ts";

export interface LinkIdentity {
  readonly genesisHash: Hash;
  readonly publicKey: Address;
}

export type SignerRefusal = Extract<SignerAnswer, { type: "refused" }>;
/** Answers by which the connection does not end. */
const JUDGED: readonly string[] = ["SIGNER_CONFLICT", "SIGNER_REFUSED"];

/** Opens the way to a signer over connections that are open and authenticated. */
export function linkOver(
  connect: () => Promise<Duplex>,
  identity: LinkIdentity,
  scheduler: Scheduler,
): (lost: (error: SignerLost) => void) => Promise<SignerLink> {
  return async (lost) => {
    const link = new SignerLink(await connect(), { identity, scheduler, lost });
    await link.greet();
    return link;
  };
}

interface Waiting {
  readonly took: (answer: SignerAnswer) => boolean;
  readonly failed: (error: SignerLost) => void;
}

const UNKNOWN_NODE =
  " before the signer answered: most likely it does not know this node's certificate, signer.cert (its log says why; quorate signer pair, and SIGHUP to the signer)";

export class SignerLink {
  readonly #stream: Duplex;
  readonly #identity: LinkIdentity;
  readonly #scheduler: Scheduler;
  readonly #frames = new FrameReader();
  readonly #waiting: Waiting[] = [];
  readonly #lost: (error: SignerLost) => void;
  #cancelDeadline: () => void = () => undefined;
  #cancelPing: () => void = () => undefined;
  #failure: SignerLost | undefined;
  #answersStatus = false;
  #hasAnswered = false;

  /**
   * @param stream a connection that is open
   * @param lost called once, when it is over
   */
  constructor(
    stream: Duplex,
    {
      identity,
      scheduler,
      lost,
    }: { identity: LinkIdentity; scheduler: Scheduler; lost: (error: SignerLost) => void },
  ) {
    this.#stream = stream;
    this.#identity = identity;
    this.#scheduler = scheduler;
    this.#lost = lost;
    stream.on("data", (chunk: Uint8Array) => this.#received(chunk));
    stream.on("error", (error: Error) =>
      this.#fail(new SignerLost(`the connection failed${this.#hint()}: ${error.message}`)),
    );
    stream.on("close", () => this.#fail(new SignerLost(`the connection was closed${this.#hint()}`)));
    this.#pingSoon();
  }

  /** First: both hold the same key, for the same chain. */
  async greet(): Promise<void> {
    const { genesisHash, publicKey } = this.#identity;
    const hello = { type: "hello", version: SIGNER_PROTOCOL_VERSION, genesisHash, publicKey } as const;
    const welcome = await this.#askFor(hello, "welcome");
    this.#answersStatus = welcome.version >= SIGNER_STATUS_VERSION;
    if (equalBytes(welcome.publicKey, publicKey)) return;
    throw this.#fail(new SignerLost("the signer holds another key than config.toml names"));
  }

  /** A signature of the validator, or why it is refused. Rejects with a SignerLost. */
  async ask(message: Uint8Array): Promise<Uint8Array | SignerRefusal> {
    const answer = await this.#signatureOf(message);
    if (answer.type === "refused") return answer;
    const { signature } = answer;
    // A signature that others would refuse must not get into the journal.
    if (verifySignature(this.#identity.publicKey, message, signature)) return signature;
    throw this.#fail(new SignerLost("the signer's signature is not valid for its key"));
  }

  /**
   * How the signer stands. Undefined for one of a release that does not say. With `asksAnyway` it is asked
   * without a greeting.
   */
  async standing(asksAnyway = false): Promise<SignerReport | undefined> {
    if (!this.#answersStatus && !asksAnyway) return undefined;
    return this.#askFor({ type: "status" }, "standing");
  }

  /** The journal that the signer keeps, and a log that writes to it. */
  async read(): Promise<OpenedLog> {
    const records: Uint8Array[] = [];
    const position = await new Promise<LogPosition>((resolve, reject) => {
      this.#send({ type: "read" });
      this.#wait({
        took: (answer) => {
          if (answer.type === "record") {
            records.push(answer.record);
            return false;
          }
          if (answer.type === "position") resolve({ generation: answer.generation, records: answer.records });
          else reject(this.#unexpected(answer));
          return true;
        },
        failed: reject,
      });
    });
    return {
      records,
      state: "clean",
      log: new RemoteLog(position, (type, batch) => this.#write(type, batch)),
    };
  }

  /** Ends the connection. What waits fails. */
  close(reason = "the node closed the connection"): void {
    this.#fail(new SignerLost(reason));
  }

  async #write(type: "append" | "replace", records: readonly Uint8Array[]): Promise<LogPosition> {
    for (const record of records) this.#send({ type: "stage", record });
    return this.#askFor({ type }, "position");
  }

  #signatureOf(message: Uint8Array): Promise<Extract<SignerAnswer, { type: "signed" | "refused" }>> {
    return new Promise((resolve, reject) => {
      this.#send({ type: "sign", message });
      this.#wait({
        took: (answer) => {
          const isRefusal = answer.type === "refused" && JUDGED.includes(answer.code);
          if (answer.type === "signed" || isRefusal) resolve(answer);
          else reject(this.#unexpected(answer));
          return true;
        },
        failed: reject,
      });
    });
  }

  #askFor<T extends SignerAnswer["type"]>(
    request: SignerRequest,
    type: T,
  ): Promise<Extract<SignerAnswer, { type: T }>> {
    return new Promise((resolve, reject) => {
      this.#send(request);
      this.#wait({
        took: (answer) => {
          if (answer.type === type) resolve(answer as Extract<SignerAnswer, { type: T }>);
          else reject(this.#unexpected(answer));
          return true;
        },
        failed: reject,
      });
    });
  }

  /** Any other refusal ends the connection. */
  #unexpected(answer: SignerAnswer): SignerLost {
    if (answer.type === "refused") return this.#fail(new SignerLost(answer.detail, answer.code));
    return this.#fail(new SignerLost(`the signer answered ${answer.type} to another question`));
  }

  #send(request: SignerRequest): void {
    if (this.#failure === undefined) this.#stream.write(encodeSignerRequest(request));
  }

  #wait(waiting: Waiting): void {
    if (this.#failure !== undefined) return waiting.failed(this.#failure);
    this.#waiting.push(waiting);
    if (this.#waiting.length === 1) this.#expectAnswer();
  }

  #expectAnswer(): void {
    this.#cancelDeadline();
    this.#cancelDeadline = this.#scheduler.after(SIGNER_ANSWER_MS_MAX, () => {
      this.#fail(new SignerLost(`no answer for ${SIGNER_ANSWER_MS_MAX / 1_000} s`));
    });
  }

  /** TLS 1.3 refuses a client's certificate when the client takes the connection for open. */
  #hint(): string {
    return this.#hasAnswered ? "" : UNKNOWN_NODE;
  }

  #received(chunk: Uint8Array): void {
    this.#hasAnswered = true;
    const frames = this.#frames.push(chunk);
    if (frames === undefined) {
      this.#fail(new SignerLost("the signer sent a frame that is empty or too long"));
      return;
    }
    for (const frame of frames) {
      const answer = decodeSignerAnswer(frame);
      if (!answer.ok) {
        this.#fail(new SignerLost(answer.fault.detail));
        return;
      }
      this.#took(answer.value);
    }
  }

  #took(answer: SignerAnswer): void {
    if (this.#failure !== undefined) return;
    const [first] = this.#waiting;
    if (first === undefined) {
      this.#unexpected(answer);
      return;
    }
    this.#expectAnswer();
    if (!first.took(answer)) return;
    this.#waiting.shift();
    if (this.#waiting.length === 0) this.#cancelDeadline();
  }

  /** A signer that is gone without a word is noticed, and it notices a node that is. */
  #pingSoon(): void {
    this.#cancelPing = this.#scheduler.after(SIGNER_PING_MS, () => {
      if (this.#failure !== undefined) return;
      if (this.#waiting.length === 0) this.#askFor({ type: "ping" }, "pong").catch(() => undefined);
      this.#pingSoon();
    });
  }

  #fail(error: SignerLost): SignerLost {
    if (this.#failure !== undefined) return this.#failure;
    this.#failure = error;
    this.#cancelDeadline();
    this.#cancelPing();
    for (const { failed } of this.#waiting.splice(0)) failed(error);
    this.#stream.destroy();
    this.#lost(error);
    return error;
  }
}

type Write = (type: "append" | "replace", records: readonly Uint8Array[]) => Promise<LogPosition>;

/** The journal at the signer. Writes go out in order, so they are done in order. */
class RemoteLog implements RecordLog {
  #durable: LogPosition;
  #last: Promise<void> = Promise.resolve();
  readonly #write: Write;

  constructor(durable: LogPosition, write: Write) {
    this.#durable = durable;
    this.#write = write;
  }

  get durable(): LogPosition {
    return this.#durable;
  }

  append(payloads: readonly Uint8Array[]): Promise<void> {
    if (payloads.length === 0) return this.#last;
    return this.#noted(this.#write("append", payloads));
  }

  replace(payloads: readonly Uint8Array[]): Promise<void> {
    return this.#noted(this.#write("replace", payloads));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #noted(written: Promise<LogPosition>): Promise<void> {
    this.#last = written.then(({ generation, records }) => {
      this.#durable = { generation, records };
    });
    return this.#last;
  }
}
