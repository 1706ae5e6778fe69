/**
 * What an announced block is worth where blocks can be abandoned. Header, summary and transaction hashes prove
 * themselves without a body, so they are judged and passed on alone; a fault in them is permanent and the sender's,
 * all else (early, unknown parent, too light, failing on execution) is nobody's. An early one is judged again when it
 * is due, and passed on then. The body is put together from
 * the pool and the announced coinbase; transactions that are not there are asked of whoever announced the block, half
 * a second later of others too, and what that does not bring is fetched as a whole body by repair. Source: pow.md 2.8, 7.
 */
import { must } from "../../base/assert.ts";
import { byteText, equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import type { Fault, Relay } from "../../base/fault.ts";
import {
  ANNOUNCED_ASKED_MAX,
  ANNOUNCED_DEPTH_MAX,
  ASSEMBLIES_MAX,
  EARLY_BLOCKS_MAX,
} from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { Chain } from "../../chain/chain.ts";
import type { Branches } from "../../chain/forks/branches.ts";
import type { HeadsResult } from "../../chain/forks/header-admission.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import { sha256 } from "../../crypto/hash.ts";
import { type BlockAnnouncement, decodeAnnouncement } from "../../p2p/transport/wire.ts";
import { askInTurn } from "./ask-in-turn.ts";
import type { BlockIngress } from "./block-ingress.ts";

/** Who announces a block that is due later than this is not waited for. */
const EARLY_MS_MAX = 2 * 3_600_000;
/** Whoever announced a block and does not answer for so long is not waited for: others are asked, ms. */
const NEXT_ASKED_AFTER_MS = 500;
/** Faults of what stands before the block, which the sender need not know. */
const NOT_ITS_OWN: readonly string[] = ["invalid-block", "invalidated"];

export interface AnnouncementPorts {
  readonly chain: Chain;
  readonly branches: Branches;
  readonly ingress: BlockIngress;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** The envelope of a transaction in the pool, by the hash of the whole envelope. */
  pooled(hash: Hash): Uint8Array | undefined;
  /** A peer has told this head: what is missing of its branch is fetched. */
  advertised(peerId: string, height: bigint, hash: Hash): void;
  /** A peer was the first to announce a block. */
  brought?(peerId: string): void;
  /** Connected peers that may have a block too, those first that are likelier to. */
  others(peerId: string): readonly string[];
  /** Asks for transactions of one block by their places. Undefined when there is no answer. */
  ask(peerId: string, hash: Hash, indexes: readonly number[]): Promise<readonly Uint8Array[] | undefined>;
  reportFault(peerId: string, detail: string): void;
}

export class Announcements {
  readonly #ports: AnnouncementPorts;
  /** How to stop waiting for an early block, by its hash; the verdict is then that nothing is known. */
  readonly #early = new Map<string, () => void>();
  #isStopped = false;

  constructor(ports: AnnouncementPorts) {
    this.#ports = ports;
  }

  stop(): void {
    this.#isStopped = true;
    for (const cancel of this.#early.values()) cancel();
    this.#early.clear();
  }

  /**
   * Whether to pass it on. For a block that is early the answer comes when it is due: gossip would swallow a second
   * publication of the same bytes, but passes on what is accepted late. Never rejects.
   */
  async judge(peerId: string, bytes: Uint8Array): Promise<Relay> {
    try {
      return await this.#judge(peerId, bytes);
    } catch {
      return "ignore"; // the disk: the ingress has said so
    }
  }

  async #judge(peerId: string, bytes: Uint8Array): Promise<Relay> {
    // A copy: what is kept of it must not keep the message's memory.
    const decoded = decodeAnnouncement(bytes.slice());
    if (!decoded.ok) return "reject";
    const { head, seal } = decoded.value;
    const { chain, ingress } = this.#ports;
    if (isOld(head, chain.head)) return "ignore";
    const unproven = chain.rules.verifySeal(head, seal);
    if (unproven !== undefined) return this.#refuse(peerId, decoded.value, unproven);
    const known = ingress.find(head.hash);
    if (known?.hasInvalidAncestor === true) return "ignore";
    if (known !== undefined) {
      // One more who holds it, or will in a moment.
      if (!known.hasBody) this.#ports.advertised(peerId, known.height, known.hash);
      return "accept";
    }
    return this.#offer(peerId, decoded.value);
  }

  #take(peerId: string, announcement: BlockAnnouncement, result: HeadsResult): Relay | Promise<Relay> {
    const { hash, summary } = announcement.head;
    switch (result.kind) {
      case "added":
        this.#ports.brought?.(peerId);
        void this.#complete(peerId, announcement);
        return "accept";
      case "early":
        return this.#keep(peerId, announcement);
      case "orphan":
        this.#ports.advertised(peerId, summary.height, hash);
        return "ignore";
      case "too-light":
        return "ignore";
      case "invalid":
        return this.#refuse(peerId, announcement, result.fault);
    }
  }

  #refuse(peerId: string, { head }: BlockAnnouncement, { code, detail }: Fault): Relay {
    if (NOT_ITS_OWN.includes(code)) return "ignore";
    const fields = {
      peer: peerId,
      height: head.summary.height,
      hash: showHash(head.hash),
      fault: code,
      detail,
    };
    this.#ports.log.log("warn", "chain", "announced block refused", fields);
    return "reject";
  }

  /** Its work is proven; gossip will not bring it again. */
  #keep(peerId: string, announcement: BlockAnnouncement): Relay | Promise<Relay> {
    const { chain, scheduler } = this.#ports;
    const id = byteText(announcement.head.hash);
    const waitMs = chain.rules.notBeforeMs(announcement.head) - scheduler.now();
    if (waitMs > EARLY_MS_MAX || this.#early.has(id) || this.#early.size >= EARLY_BLOCKS_MAX) return "ignore";
    return new Promise((resolve) => {
      const cancel = scheduler.after(Math.max(1, waitMs), () => {
        this.#early.delete(id);
        resolve(this.#offer(peerId, announcement));
      });
      this.#early.set(id, () => {
        cancel();
        resolve("ignore");
      });
    });
  }

  async #offer(peerId: string, announcement: BlockAnnouncement): Promise<Relay> {
    const result = await this.#ports.ingress.addHeads([announcement.head], 0n);
    return this.#isStopped ? "ignore" : this.#take(peerId, announcement, result);
  }

  /** The body, unless repair has to fetch others before it. Never rejects. */
  async #complete(peerId: string, announcement: BlockAnnouncement): Promise<void> {
    const { ingress, advertised, log } = this.#ports;
    const { hash, summary } = announcement.head;
    try {
      if (this.#isWorthIt(announcement)) {
        await ingress.whileAssembling(hash, () => this.#assemble(peerId, announcement));
      }
    } catch (error) {
      log.log("error", "chain", "announced block not taken", { error: (error as Error).message });
    }
    // Also when it is complete: the peer has said where its head is.
    if (!this.#isStopped) advertised(peerId, summary.height, hash);
  }

  /** Its parent is complete, and it is not behind the head: of an equal one the body is wanted for what follows. */
  #isWorthIt({ head }: BlockAnnouncement): boolean {
    const { ingress, branches } = this.#ports;
    const parent = branches.tree.get(head.header.previousHash);
    const known = ingress.find(head.hash);
    if (known === undefined || parent?.isComplete !== true) return false;
    return known.work >= ingress.head().work && ingress.assemblies < ASSEMBLIES_MAX;
  }

  async #assemble(peerId: string, announcement: BlockAnnouncement): Promise<void> {
    const { head, transactionHashes, coinbase } = announcement;
    const envelopes = transactionHashes.map((hash) => this.#ports.pooled(hash));
    if (coinbase.length > 0) envelopes[0] = coinbase;
    const lacking = [...envelopes.keys()].filter((index) => envelopes[index] === undefined);
    if (lacking.length > 0) {
      const sent = await this.#fetch(peerId, announcement, lacking);
      for (const [i, envelope] of (sent ?? []).entries())
        envelopes[must(lacking[i], "no more is answered than was asked for")] = envelope;
    }
    const whole = envelopes.filter((envelope) => envelope !== undefined);
    if (whole.length === envelopes.length && !this.#isStopped) {
      await this.#ports.ingress.addEnvelopes(head.hash, whole);
    }
  }

  /** All transactions at these places of the block, or undefined when no peer that was asked has them. */
  #fetch(
    announcer: string,
    { head, transactionHashes }: BlockAnnouncement,
    indexes: readonly number[],
  ): Promise<readonly Uint8Array[] | undefined> {
    const { scheduler, ask, reportFault, others } = this.#ports;
    const asked = [announcer, ...others(announcer)].slice(0, ANNOUNCED_ASKED_MAX);
    return askInTurn(asked, {
      scheduler,
      nextAfterMs: NEXT_ASKED_AFTER_MS,
      ask: async (peerId) => {
        const sent = (await ask(peerId, head.hash, indexes)) ?? [];
        const isWrong = sent.some((bytes, i) => {
          const hash = transactionHashes[indexes[i] ?? -1];
          return hash !== undefined && !equalBytes(sha256(bytes), hash);
        });
        if (isWrong) reportFault(peerId, "sent a transaction that is not the block's");
        const isWhole = !isWrong && sent.length >= indexes.length;
        return isWhole ? sent.slice(0, indexes.length).map((bytes) => bytes.slice()) : undefined;
      },
    });
  }
}

/**
 * Whether a block lies so far below the head that whoever lacks it fetches it by sync: nobody needs its announcement.
 */
export function isOld({ summary }: BlockHead, head: BlockHead): boolean {
  return summary.height + ANNOUNCED_DEPTH_MAX <= head.summary.height;
}
