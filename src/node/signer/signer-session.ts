/**
 * One node's connection, seen from the signer: frames come in, answers go out in the order of the questions. A frame
 * that nobody of this version sends ends it. It knows no socket.
 */
import { equalBytes, hex0x } from "../../base/bytes.ts";
import type { Fault, Verdict } from "../../base/fault.ts";
import { JOURNAL_RECORD_BYTES_MAX } from "../../base/limits.ts";
import type { LogPosition } from "../../storage/record-log.ts";
import type { SignerDesk } from "./signer-desk.ts";
import {
  decodeSignerRequest,
  encodeSignerAnswer,
  FrameReader,
  type RefusalCode,
  SIGNER_STATUS_VERSION,
  type SignerAnswer,
  type SignerRequest,
} from "./signer-frames.ts";
import { SIGNER_STAGED_BYTES_MAX } from "./signer-limits.ts";

export interface SessionPorts {
  readonly desk: Pick<
    SignerDesk,
    "publicKey" | "genesisHash" | "ready" | "report" | "sign" | "read" | "append" | "replace"
  >;
  readonly send: (bytes: Uint8Array) => void;
  /** Nothing more is sent. */
  readonly end: () => void;
  /** Takes the place of the one node that is served. It returns false when another one has it. */
  readonly take: () => boolean;
  /** Whether a node is served, this one or another. */
  readonly isServed: () => boolean;
  /** Bytes that a node may stage, which tests lower. */
  readonly stagedBytesMax?: number;
}

export class SignerSession {
  readonly #ports: SessionPorts;
  readonly #frames = new FrameReader();
  #turn: Promise<void> = Promise.resolve();
  #staged: Uint8Array[] = [];
  #stagedBytes = 0;
  #greeted = false;
  #ended = false;

  constructor(ports: SessionPorts) {
    this.#ports = ports;
  }

  /** Resolves when what became whole is answered. */
  receive(chunk: Uint8Array): Promise<void> {
    if (this.#ended) return this.#turn;
    const frames = this.#frames.push(chunk);
    if (frames === undefined)
      this.#then(async () => this.#refuse("SIGNER_PROTOCOL", "a frame that is empty or too long"));
    for (const frame of frames ?? []) this.#then(() => this.#judge(frame));
    return this.#turn;
  }

  /** The connection is gone: nothing is answered any more. */
  close(): void {
    this.#ended = true;
    this.#staged = [];
  }

  #then(task: () => Promise<void>): void {
    this.#turn = this.#turn.then(async () => {
      if (!this.#ended) await task();
    });
  }

  async #judge(frame: Uint8Array): Promise<void> {
    const request = decodeSignerRequest(frame);
    if (!request.ok) return this.#refuse("SIGNER_PROTOCOL", request.fault.detail);
    const { value } = request;
    if (value.type === "hello") return this.#greet(value);
    // Whoever looks after the signer asks while its node is connected.
    if (value.type === "status") return this.#report();
    if (!this.#greeted) return this.#refuse("SIGNER_PROTOCOL", `${value.type} before a HELLO`);
    await this.#answer(value);
  }

  async #greet({ genesisHash, publicKey }: Extract<SignerRequest, { type: "hello" }>): Promise<void> {
    const { desk, take } = this.#ports;
    if (this.#greeted) return this.#refuse("SIGNER_PROTOCOL", "a second HELLO");
    if (!equalBytes(genesisHash, desk.genesisHash)) {
      const [theirs, ours] = [hex0x(genesisHash), hex0x(desk.genesisHash)];
      return this.#refuse("SIGNER_MISMATCH", `the node's genesis is ${theirs}, this signer votes on ${ours}`);
    }
    if (!equalBytes(publicKey, desk.publicKey)) {
      const [theirs, ours] = [hex0x(publicKey), hex0x(desk.publicKey)];
      return this.#refuse("SIGNER_MISMATCH", `the node wants the key ${theirs}, this signer holds ${ours}`);
    }
    const ready = await desk.ready();
    if (!ready.ok) return this.#refuseBy(ready.fault);
    if (this.#ended) return;
    if (!take()) {
      return this.#refuse("SIGNER_BUSY", "another node is connected; one key votes from one node at a time");
    }
    this.#greeted = true;
    this.#send({ type: "welcome", version: SIGNER_STATUS_VERSION, publicKey: desk.publicKey });
  }

  async #answer(request: Exclude<SignerRequest, { type: "hello" | "status" }>): Promise<void> {
    const { desk } = this.#ports;
    switch (request.type) {
      case "sign":
        return this.#sendVerdict(await desk.sign(request.message), (signature) => ({
          type: "signed",
          signature,
        }));
      case "ping":
        return this.#send({ type: "pong" });
      case "read": {
        const read = await desk.read();
        if (!read.ok) return this.#refuseBy(read.fault);
        for (const record of read.value.records) this.#send({ type: "record", record });
        return this.#send({ type: "position", ...read.value.position });
      }
      case "stage":
        return this.#stage(request.record);
      case "append":
        return this.#sendVerdict(await desk.append(this.#takeStaged()), positionOf);
      case "replace":
        return this.#sendVerdict(await desk.replace(this.#takeStaged()), positionOf);
    }
  }

  #report(): void {
    const { desk, isServed } = this.#ports;
    this.#send({ type: "standing", ...desk.report, isServed: isServed() });
  }

  #stage(record: Uint8Array): void {
    const { length } = record;
    this.#stagedBytes += length;
    const most = this.#ports.stagedBytesMax ?? SIGNER_STAGED_BYTES_MAX;
    const fits = length > 0 && length <= JOURNAL_RECORD_BYTES_MAX && this.#stagedBytes <= most;
    if (fits) this.#staged.push(record);
    else this.#refuse("SIGNER_PROTOCOL", `a record of ${length} bytes, ${this.#stagedBytes} together`);
  }

  #takeStaged(): Uint8Array[] {
    const staged = this.#staged;
    this.#staged = [];
    this.#stagedBytes = 0;
    return staged;
  }

  #sendVerdict<T>(verdict: Verdict<T, RefusalCode>, answer: (value: T) => SignerAnswer): void {
    if (verdict.ok) this.#send(answer(verdict.value));
    else this.#refuseBy(verdict.fault);
  }

  /** A refusal to sign leaves the connection as it is. */
  #refuseBy({ code, detail }: Fault<RefusalCode>): void {
    this.#send({ type: "refused", code, detail });
    if (code === "SIGNER_FAILED") this.#end();
  }

  #refuse(code: RefusalCode, detail: string): void {
    this.#send({ type: "refused", code, detail });
    this.#end();
  }

  #send(answer: SignerAnswer): void {
    if (!this.#ended) this.#ports.send(encodeSignerAnswer(answer));
  }

  #end(): void {
    if (this.#ended) return;
    this.close();
    this.#ports.end();
  }
}

function positionOf({ generation, records }: LogPosition): SignerAnswer {
  return { type: "position", generation, records };
}
