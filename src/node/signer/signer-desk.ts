/**
 * The signer itself, without its network: the key, the record of what it has signed, and the journal that it keeps for
 * its node. One thing at a time; what must be durable is, before a signature leaves. When its disk fails it does
 * nothing more: what the disk then holds is unknown, and a start finds out.
 *
 * This folder: a validator's key in another process or in a token: what it has signed, both ends of the connection,
 * TLS. Not here: the rule what may be signed (consensus/pbft/vote-guard.ts).
 */
import { equalBytes, type Hash, utf8 } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import type { Logger } from "../../base/log.ts";
import type { VoteGuard } from "../../consensus/pbft/vote-guard.ts";
import type { Signer } from "../../crypto/keys.ts";
import type { LogPosition, OpenedLog, RecordLog } from "../../storage/record-log.ts";
import { TokenError } from "./pkcs11-library.ts";
import type { RefusalCode, SignerReport } from "./signer-frames.ts";
import { SIGNER_CLAIM_BYTES_MAX, SIGNER_DETAIL_BYTES_MAX } from "./signer-limits.ts";

/** The key, here or in a token. */
export interface DeskKey {
  readonly publicKey: Signer["publicKey"];
  /** Rejects with a TokenError where a token cannot be asked now. */
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** @throws TokenError when it cannot be asked now */
  readonly ready?: () => void;
}

export interface DeskParts {
  readonly signer: DeskKey;
  readonly genesisHash: Hash;
  readonly guard: VoteGuard;
  /** Where the guard's records are. */
  readonly signed: RecordLog;
  /** The node's journal of votes. */
  readonly journal: OpenedLog;
  readonly log: Logger;
  /** A write has failed. */
  readonly fatal: (error: unknown) => void;
}

/** Counts since the start. */
export interface DeskCounts {
  readonly signed: number;
  readonly refused: number;
}

type Answered<T> = Promise<Verdict<T, RefusalCode>>;

export class SignerDesk {
  readonly #parts: DeskParts;
  #records: readonly Uint8Array[];
  #turn: Promise<unknown> = Promise.resolve();
  #failure: Error | undefined;
  #counts = { signed: 0, refused: 0 };

  constructor(parts: DeskParts) {
    this.#parts = parts;
    this.#records = parts.journal.records;
  }

  get publicKey(): Signer["publicKey"] {
    return this.#parts.signer.publicKey;
  }

  get genesisHash(): Hash {
    return this.#parts.genesisHash;
  }

  get counts(): DeskCounts {
    return this.#counts;
  }

  /** How it stands: whose it is, and what it has done since its start. */
  get report(): Omit<SignerReport, "isServed"> {
    const { guard, journal } = this.#parts;
    const { epoch, view, cut: height } = guard;
    const { publicKey, genesisHash } = this;
    return {
      publicKey,
      genesisHash,
      ...this.#counts,
      epoch,
      view,
      height,
      records: journal.log.durable.records,
    };
  }

  /** Signs what contradicts nothing that was signed before. */
  sign(message: Uint8Array): Answered<Uint8Array> {
    return this.#next(async () => {
      const { guard, signed, log } = this.#parts;
      if (this.#isClaim(message)) return this.#bySigner((signer) => signer.sign(message));
      const allowed = guard.allow(message);
      if (!allowed.ok) {
        this.#counts.refused++;
        log.log("warn", "signer", "refused to sign", {
          fault: allowed.fault.code,
          detail: allowed.fault.detail,
        });
        return allowed;
      }
      const write = allowed.value;
      if (write.kind === "append") await signed.append([write.record]);
      else if (write.kind === "replace") await signed.replace(write.records);
      const signature = await this.#bySigner((signer) => signer.sign(message));
      if (signature.ok) this.#counts.signed++;
      return signature;
    });
  }

  /** Whether the key can be asked now. */
  ready(): Answered<undefined> {
    return this.#next(() => this.#bySigner((signer) => void signer.ready?.()));
  }

  /** A token that is away is no failed disk: whoever asks again finds it when it is back. */
  async #bySigner<T>(ask: (signer: DeskKey) => T | Promise<T>): Answered<T> {
    try {
      return accept(await ask(this.#parts.signer));
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
      this.#parts.log.log("warn", "signer", "the token cannot be asked", {
        fault: error.code,
        detail: error.message,
      });
      return refuse("SIGNER_FAILED", error.message.slice(0, SIGNER_DETAIL_BYTES_MAX));
    }
  }

  /** The journal as it is, and how far it is durable. */
  read(): Answered<{ readonly records: readonly Uint8Array[]; readonly position: LogPosition }> {
    return this.#next(async () =>
      accept({ records: this.#records, position: this.#parts.journal.log.durable }),
    );
  }

  /** Appends to the journal. The records are durable when it resolves. */
  append(records: readonly Uint8Array[]): Answered<LogPosition> {
    return this.#next(async () => {
      const { log } = this.#parts.journal;
      await log.append(records);
      this.#records = [...this.#records, ...records];
      return accept(log.durable);
    });
  }

  /** Makes the journal hold exactly these records. They are durable when it resolves. */
  replace(records: readonly Uint8Array[]): Answered<LogPosition> {
    return this.#next(async () => {
      const { log } = this.#parts.journal;
      await log.replace(records);
      this.#records = records;
      return accept(log.durable);
    });
  }

  /** Everything asked for is done. */
  async close(): Promise<void> {
    await this.#turn;
    await this.#parts.signed.close();
    await this.#parts.journal.log.close();
  }

  #next<T>(task: () => Answered<T>): Answered<T> {
    const done = this.#turn.then(async (): Answered<T> => {
      if (this.#failure !== undefined) return this.#failed(this.#failure);
      try {
        return await task();
      } catch (error) {
        this.#failure = error instanceof Error ? error : new Error(String(error));
        this.#parts.fatal(this.#failure);
        return this.#failed(this.#failure);
      }
    });
    this.#turn = done;
    return done;
  }

  #failed({ message }: Error): Verdict<never, RefusalCode> {
    return refuse("SIGNER_FAILED", `the signer has stopped: ${message}`);
  }

  /** "This peer id is the validator's": it binds to no vote, and says nothing that a replaced node could not say. */
  #isClaim(message: Uint8Array): boolean {
    const head = CLAIM_TAG.length + this.#parts.genesisHash.length;
    return (
      message.length > head &&
      message.length <= head + SIGNER_CLAIM_BYTES_MAX &&
      equalBytes(message.subarray(0, CLAIM_TAG.length), CLAIM_TAG) &&
      equalBytes(message.subarray(CLAIM_TAG.length, head), this.#parts.genesisHash)
    );
  }
}

const CLAIM_TAG = utf8("quorate/hello/v1");
