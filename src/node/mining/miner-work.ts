/**
 * Work for miners outside: headers that are given out, and what comes back. Every header differs by an extra nonce,
 * so that no two miners search the same one; a template is shared by those who ask within seconds. What comes back
 * must meet the target before anything else is looked at; then it is imported like any block.
 * Bounds: MINER_WORKS_MAX headers, WORK_MS each, and none of them outlives its parent as the head.
 */
import { type Address, concatBytes, equalBytes } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import { MINER_WORKS_MAX } from "../../base/limits.ts";
import type { ImportResult } from "../../chain/chain.ts";
import { type Block, encodeHeader } from "../../chain/types/block.ts";
import { meetsTarget, showBits, targetOf } from "../../chain/types/target.ts";
import { Writer } from "../../codec/writer.ts";
import type { WorkVerdict, WorkView } from "../../rpc/mining-api.ts";
import { completeBlock } from "./miner.ts";
import { buildTemplate, type TemplatePorts } from "./miner-template.ts";

/** Given out longer ago, a header is forgotten. */
const WORK_MS = 60_000;
/** A template serves other askers for so long: as the engine's own. */
const TEMPLATE_MS = 3_000;
/** Stands in place of a thread's index in the extra nonce: threads have lower ones. */
const OUTSIDE = 0xffff;

export interface MinerWorkPorts extends TemplatePorts {
  /** Imports a block into the chain. */
  readonly importBlock: (block: Block) => Promise<ImportResult>;
}

interface Template {
  readonly block: Block;
  readonly rewardTo: Address;
  readonly builtAtMs: number;
}

interface Work {
  readonly block: Block;
  readonly givenAtMs: number;
}

export class MinerWorks {
  readonly #ports: MinerWorkPorts;
  readonly #works = new Map<string, Work>();
  #template: Template | undefined;
  #serial = 0;

  constructor(ports: MinerWorkPorts) {
    this.#ports = ports;
  }

  async give(rewardTo: Address): Promise<Verdict<WorkView>> {
    const template = await this.#fresh(rewardTo);
    if (template === undefined) return refuse("SYNCING", "the head is moving; ask again when it rests");
    this.#serial++;
    const { header, summary } = template;
    const extraNonce = new Writer(8)
      .u16(OUTSIDE)
      .u32(this.#serial >>> 0)
      .u16(0)
      .finish();
    const block = completeBlock(template, concatBytes(summary.extra, extraNonce), header);
    const workId = `${summary.height}-${this.#serial}`;
    this.#works.set(workId, { block, givenAtMs: this.#ports.now() });
    if (this.#works.size > MINER_WORKS_MAX) dropOldest(this.#works);
    return {
      ok: true,
      value: {
        workId,
        header: encodeHeader(block.header),
        target: targetOf(header.bits),
        bits: header.bits,
        height: summary.height,
        expiresMs: WORK_MS,
      },
    };
  }

  async take(workId: string, nonce: number, time: number | undefined): Promise<WorkVerdict> {
    const work = this.#works.get(workId);
    if (work === undefined || this.#ports.now() - work.givenAtMs > WORK_MS) {
      this.#works.delete(workId);
      return no(`unknown work ${JSON.stringify(workId)}: solved, expired or never given; ask for another`);
    }
    const { bits, time: templateTime, previousHash } = work.block.header;
    const solved = completeBlock(work.block, work.block.summary.extra, { nonce, time: time ?? templateTime });
    if (!meetsTarget(solved.hash, bits)) {
      return no(`high-hash: with this nonce the hash is above the target of bits ${showBits(bits)}`);
    }
    if (!equalBytes(previousHash, this.#ports.replica.chain.head.hash)) {
      this.#works.delete(workId);
      return no(`stale: the head has moved since height ${work.block.summary.height} was given out`);
    }
    const result = await this.#ports.importBlock(solved);
    if (result.kind === "imported" || result.kind === "known") {
      this.#works.delete(workId);
      return { accepted: true, hash: solved.hash };
    }
    if (result.kind === "invalid") {
      this.#works.clear();
      this.#template = undefined; // the next one is built without what made this one invalid
      return no(`${result.fault.code}: ${result.fault.detail}`);
    }
    if (result.kind === "early") return no("early: its time is too far ahead of this node's clock");
    return no("stale: its parent is not the head any more");
  }

  async #fresh(rewardTo: Address): Promise<Block | undefined> {
    const last = this.#template;
    const { now, replica } = this.#ports;
    const isFresh =
      last !== undefined &&
      equalBytes(last.block.header.previousHash, replica.chain.head.hash) &&
      equalBytes(last.rewardTo, rewardTo) &&
      now() - last.builtAtMs < TEMPLATE_MS;
    if (isFresh) return last.block;
    const block = await buildTemplate(this.#ports, rewardTo);
    if (block !== undefined) this.#template = { block, rewardTo, builtAtMs: now() };
    return block;
  }
}

function no(reason: string): WorkVerdict {
  return { accepted: false, reason };
}
