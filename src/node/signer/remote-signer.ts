/**
 * The validator's key outside this process (a signer elsewhere, a token), seen from the node: it connects, hands the journal
 * that goes with the key to the node's voting, and takes the vote away when the key is lost. It comes back by itself. So a key that
 * is gone is to the engine what a crash is, and one that is back is a start from the journal.
 */
import type { Address } from "../../base/bytes.ts";
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { OpenedLog } from "../../storage/record-log.ts";
import { type RemoteKey, SignerLost } from "../votes/validator-key.ts";
import type { SignerReport } from "./signer-frames.ts";
import { SIGNER_RETRY_MS, SIGNER_RETRY_MS_MAX, SIGNER_STATUS_MS } from "./signer-limits.ts";
import type { SignerRefusal } from "./signer-link.ts";

/** What a signer gives a vote to. */
export interface Voter {
  /** It may sign from now on. Rejects when its journal is not what was durable. */
  readonly attach: (journal: OpenedLog) => Promise<void>;
  /** It signs nothing any more. */
  readonly detach: () => Promise<void>;
}

export interface RemoteSignerOptions {
  readonly publicKey: Address;
  /** HOST:PORT, or which token, for people. */
  readonly address: string;
}

/** The way to the key for as long as it lasts. */
export interface KeyLink {
  /** A signature of the validator, or why it is refused. Rejects when the key is lost. */
  ask(message: Uint8Array): Promise<Uint8Array | SignerRefusal>;
  /** The journal that goes with the key. */
  read(): Promise<OpenedLog>;
  /** How the signer stands, where there is one that says so. Rejects when it is lost. */
  standing?(): Promise<SignerReport | undefined>;
  /** Ends the connection. What waits fails. */
  close(reason?: string): void;
}

export interface RemoteSignerPorts {
  /** A way to the key that was shown to be the right one. `lost` is called once, when it is over. */
  readonly open: (lost: (error: SignerLost) => void) => Promise<KeyLink>;
  readonly scheduler: Scheduler;
  readonly log: Logger;
}

/** What operators read. */
export interface RemoteSignerStatus {
  readonly address: string;
  readonly connected: boolean;
  /** Since when it is so, Unix ms. */
  readonly sinceMs: number;
  /** Why it is not connected. Undefined while it is. */
  readonly reason: string | undefined;
  /** Signatures that were made, and refused. */
  readonly signed: number;
  readonly refused: number;
  /** What the signer last said of itself, or undefined where nothing does. */
  readonly report?: SignerReport | undefined;
}

export class RemoteSigner implements RemoteKey {
  readonly publicKey: Address;
  readonly #options: RemoteSignerOptions;
  readonly #ports: RemoteSignerPorts;
  #voter: Voter | undefined;
  #link: KeyLink | undefined;
  #status: RemoteSignerStatus;
  #failures = 0;
  #saidRefusal: string | undefined;
  #turn: Promise<void> = Promise.resolve();
  #cancelRetry: () => void = () => undefined;
  #cancelAsking: () => void = () => undefined;
  #stopped = false;

  constructor(options: RemoteSignerOptions, ports: RemoteSignerPorts) {
    this.publicKey = options.publicKey;
    this.#options = options;
    this.#ports = ports;
    const { address } = options;
    const sinceMs = ports.scheduler.now();
    this.#status = { address, connected: false, sinceMs, reason: "not asked yet", signed: 0, refused: 0 };
  }

  get status(): RemoteSignerStatus {
    return this.#status;
  }

  /** A signature, or undefined for one that is refused. Rejects with a SignerLost while there is no connection. */
  readonly ask = async (message: Uint8Array): Promise<Uint8Array | undefined> => {
    if (this.#link === undefined) throw new SignerLost(this.#status.reason ?? "not connected");
    const answer = await this.#link.ask(message);
    if (answer instanceof Uint8Array) {
      this.#status = { ...this.#status, signed: this.#status.signed + 1 };
      return answer;
    }
    this.#status = { ...this.#status, refused: this.#status.refused + 1 };
    this.#sayRefused(answer);
    return undefined;
  };

  /** Each reason once until another one comes: what is refused is asked for again. */
  #sayRefused({ code, detail }: SignerRefusal): void {
    if (this.#saidRefusal === detail) return;
    this.#saidRefusal = detail;
    const fields = { signer: this.#options.address, fault: code, detail };
    this.#ports.log.log("warn", "signer", "the signer refused to sign", fields);
  }

  /** One signature over a connection of its own, before the node runs. Rejects with a SignerLost. */
  async askOnce(message: Uint8Array): Promise<Uint8Array> {
    const link = await this.#open(() => undefined);
    try {
      const answer = await link.ask(message);
      if (answer instanceof Uint8Array) return answer;
      throw new SignerLost(answer.detail, answer.code);
    } finally {
      link.close();
    }
  }

  start(voter: Voter): void {
    this.#voter = voter;
    this.#connect();
  }

  /** The engine could not go on, for want of a signature or of its journal. */
  readonly failed = (error: SignerLost): void => {
    this.#link?.close(error.message);
  };

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry();
    this.#cancelAsking();
    this.#link?.close();
    await this.#turn;
  }

  #connect(): void {
    this.#turn = this.#turn.then(async () => {
      if (this.#stopped) return;
      let link: KeyLink | undefined;
      try {
        const opened = await this.#open((error) => link && this.#lost(link, error));
        link = opened;
        this.#link = opened;
        await this.#voter?.attach(await opened.read());
        this.#connected();
      } catch (error) {
        const lost = error instanceof SignerLost ? error : new SignerLost((error as Error).message);
        if (link === undefined) return this.#again(lost);
        link.close(lost.message);
        this.#lost(link, lost);
      }
    });
  }

  async #open(lost: (error: SignerLost) => void): Promise<KeyLink> {
    return this.#ports.open(lost).catch((error: Error) => {
      throw error instanceof SignerLost ? error : new SignerLost(error.message);
    });
  }

  #connected(): void {
    if (this.#link === undefined) return;
    this.#failures = 0;
    const { address, reason } = this.#status;
    this.#status = {
      ...this.#status,
      connected: true,
      sinceMs: this.#ports.scheduler.now(),
      reason: undefined,
    };
    const words =
      reason === undefined ? "the signer is connected" : "the signer is connected: this node votes";
    this.#ports.log.log("info", "signer", words, { signer: address });
    this.#askStanding(this.#link);
  }

  /** Now and then, for as long as the connection lasts. */
  #askStanding(link: KeyLink): void {
    if (link.standing === undefined || this.#link !== link || this.#stopped) return;
    link.standing().then(
      (report) => {
        if (report !== undefined) this.#status = { ...this.#status, report };
      },
      () => undefined, // lost: that is told by itself
    );
    this.#cancelAsking();
    this.#cancelAsking = this.#ports.scheduler.after(SIGNER_STATUS_MS, () => this.#askStanding(link));
  }

  /** Counts once for each connection. */
  #lost(link: KeyLink, error: SignerLost): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    this.#cancelAsking();
    if (this.#stopped) return;
    this.#again(error);
    this.#turn = this.#turn.then(() => this.#voter?.detach());
  }

  #again(error: SignerLost): void {
    const { scheduler, log } = this.#ports;
    const { address, connected, reason } = this.#status;
    const isNew = connected || reason !== error.message;
    const delayMs = Math.min(SIGNER_RETRY_MS * 2 ** this.#failures++, SIGNER_RETRY_MS_MAX);
    const sinceMs = connected ? scheduler.now() : this.#status.sinceMs;
    this.#status = { ...this.#status, connected: false, sinceMs, reason: error.message };
    if (isNew) {
      const words = "no vote: the signer cannot be asked; this node follows and tries again by itself";
      log.log("warn", "signer", words, { signer: address, fault: error.code, reason: error.message });
    }
    this.#cancelRetry();
    this.#cancelRetry = scheduler.after(delayMs, () => this.#connect());
  }
}
