/**
 * The evidence of equivocation that this node keeps: found by its own engine or told by a peer, verified before it
 * is kept or passed on, one record per validator, epoch, view, height and phase. Durable, because a conviction that
 * a restart forgets is none. What a record says is judged by the consensus; nothing here knows its form.
 * Bounds: EVIDENCE_RECORDS_MAX in all and EVIDENCE_PER_VALIDATOR_MAX of one validator; what comes beyond them is
 * dropped before a signature is checked, so that a flood of contradictions costs little.
 * Source: pbft.md 1.5 (A4), 1.15.
 */
import { assert } from "../../base/assert.ts";
import { byteText } from "../../base/bytes.ts";
import type { Relay } from "../../base/fault.ts";
import {
  EVIDENCE_CHECKS_PER_SECOND,
  EVIDENCE_PER_VALIDATOR_MAX,
  EVIDENCE_RECORDS_MAX,
} from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import type { Consensus, Evidence, ValidatorId } from "../../consensus/engine.ts";
import type { EvidenceView } from "../../rpc/api.ts";
import { EVIDENCE_RANGE, evidenceKey } from "../../storage/database-keys.ts";
import type { Kv } from "../../storage/kv.ts";

export interface EvidencePorts {
  readonly kv: Kv;
  readonly consensus: Pick<Consensus, "openEvidence">;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** Tells all peers. */
  readonly publish: (bytes: Uint8Array) => void;
  /** The disk failed: the node must stop. */
  readonly fatal: (error: unknown) => void;
}

/** What is no proof against its sender: others may know another epoch, speak a newer version, or less. */
const RELAYS: Readonly<Record<string, Relay>> = {
  unwanted: "ignore",
  "wrong-epoch": "ignore",
  "unknown-type": "ignore",
};

type Found = Omit<EvidenceView, "bytes">;

export class EvidenceStore {
  readonly #ports: EvidencePorts;
  /** Evidence by key, in the order in which it was found. */
  readonly #found: Map<string, Found>;
  readonly #checks = { second: 0, byPeer: new Map<string, number>() };
  #writes: Promise<void> = Promise.resolve();

  private constructor(ports: EvidencePorts, found: Map<string, Found>) {
    this.#ports = ports;
    this.#found = found;
  }

  /** Reads what was kept. A record that does not hold is left alone and logged: the disk has changed it. */
  static async open(ports: EvidencePorts): Promise<EvidenceStore> {
    const entries = await ports.kv.entries({ ...EVIDENCE_RANGE, limit: EVIDENCE_RECORDS_MAX });
    const found: [string, Found][] = [];
    for (const [key, value] of entries) {
      const { foundAtMs, bytes } = readRecord(value);
      const opened = ports.consensus.openEvidence(bytes);
      if (opened.ok) found.push([byteText(key), { evidence: opened.value, foundAtMs }]);
      else ports.log.log("warn", "pbft", "stored evidence does not hold", { detail: opened.fault.detail });
    }
    found.sort(([, a], [, b]) => a.foundAtMs - b.foundAtMs);
    return new EvidenceStore(ports, new Map(found));
  }

  /** This node's engine found it: kept, and told to all if it is new. */
  report(bytes: Uint8Array): void {
    const opened = this.#ports.consensus.openEvidence(bytes);
    assert(opened.ok, "the engine's own evidence must hold");
    if (!this.#wants(opened.value)) return;
    this.#keep(opened.value, bytes);
    this.#ports.publish(bytes);
  }

  /** A peer tells it. Passed on exactly when it is new here and holds, so once. */
  judge(peerId: string, bytes: Uint8Array): Relay {
    if (!this.#mayCheck(peerId)) return "ignore";
    const opened = this.#ports.consensus.openEvidence(bytes, (claimed) => this.#wants(claimed));
    if (!opened.ok) {
      const { code, detail } = opened.fault;
      this.#ports.log.log("debug", "pbft", "evidence refused", { peer: peerId, fault: code, detail });
      return RELAYS[code] ?? "reject";
    }
    this.#keep(opened.value, bytes.slice());
    return "accept";
  }

  /** The newest first. */
  list(countMax: number): readonly EvidenceView[] {
    return [...this.#found]
      .slice(-countMax)
      .reverse()
      .map(([, found]) => {
        const stored = this.#ports.kv.get(evidenceKey(found.evidence));
        return { ...found, bytes: stored === undefined ? new Uint8Array(0) : readRecord(stored).bytes };
      })
      .filter(({ bytes }) => bytes.length > 0); // not written yet
  }

  /** Records by validator, for the metrics. */
  counts(): ReadonlyMap<ValidatorId, number> {
    const counts = new Map<ValidatorId, number>();
    for (const { evidence } of this.#found.values()) {
      counts.set(evidence.author, (counts.get(evidence.author) ?? 0) + 1);
    }
    return counts;
  }

  /** Resolves when everything found is on disk. */
  settled(): Promise<void> {
    return this.#writes;
  }

  #wants(evidence: Evidence): boolean {
    if (this.#found.has(byteText(evidenceKey(evidence)))) return false;
    if (this.#found.size >= EVIDENCE_RECORDS_MAX) return false;
    return (this.counts().get(evidence.author) ?? 0) < EVIDENCE_PER_VALIDATOR_MAX;
  }

  #keep(evidence: Evidence, bytes: Uint8Array): void {
    const { kv, scheduler, log, fatal } = this.#ports;
    const foundAtMs = scheduler.now();
    const { author, epoch, view, height, phase } = evidence;
    log.log("error", "pbft", "equivocation", { validator: author, epoch, view, height, phase });
    const key = evidenceKey(evidence);
    this.#found.set(byteText(key), { evidence, foundAtMs });
    const value = new Writer(bytes.length + 8).u64(BigInt(foundAtMs)).raw(bytes).finish();
    const written = kv.write([{ kind: "put", key, value }], { sync: true }).catch(fatal);
    this.#writes = Promise.all([this.#writes, written]).then(() => undefined);
  }

  /** Whether one more piece of a peer may be checked in this second of the clock. */
  #mayCheck(peerId: string): boolean {
    const second = Math.floor(this.#ports.scheduler.now() / 1_000);
    if (second !== this.#checks.second) this.#checks.byPeer.clear();
    this.#checks.second = second;
    const count = (this.#checks.byPeer.get(peerId) ?? 0) + 1;
    this.#checks.byPeer.set(peerId, count);
    return count <= EVIDENCE_CHECKS_PER_SECOND;
  }
}

function readRecord(value: Uint8Array): { foundAtMs: number; bytes: Uint8Array } {
  const reader = new Reader(value);
  return { foundAtMs: Number(reader.u64()), bytes: reader.raw(reader.remaining) };
}
