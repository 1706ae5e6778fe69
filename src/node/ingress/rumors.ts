/**
 * What a rumor is worth: a transaction goes through the pool's admission, an announced block is judged as the mode has
 * it (final-announcements.ts, announcements.ts), evidence of equivocation is verified. The answer says whether to pass
 * it on; `reject` only for what is wrong on every node (decision 3, decision 7).
 */
import { must } from "../../base/assert.ts";
import type { Relay, Verdict } from "../../base/fault.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import { type AdmissionCode, RELAY_OF_FAULT } from "../../mempool/admission.ts";
import type { Mempool } from "../../mempool/mempool.ts";
import type { ReceivedTransactions } from "../../p2p/network-ports.ts";
import type { RumorTopic } from "../ports.ts";
import type { PassedOn } from "./passed-on.ts";

export interface RumorPorts {
  readonly pool: Pick<Mempool, "find" | "getByHash" | "isExecutable">;
  /** Offers envelopes to the pool. The verdicts are in their order. */
  admitTogether(envelopes: readonly Uint8Array[]): readonly Verdict<SignedTransaction, AdmissionCode>[];
  /** A peer brought a transaction that was new here. */
  fromPeer?(peerId: string, transaction: SignedTransaction): void;
  /** Transactions of this peer are new here and can run. */
  brought(peerId: string): void;
  readonly passedOn: PassedOn;
  judgeBlock(peerId: string, bytes: Uint8Array): Promise<Relay>;
  judgeEvidence(peerId: string, bytes: Uint8Array): Relay;
}

export async function judgeRumor(
  ports: RumorPorts,
  topic: RumorTopic,
  peerId: string,
  bytes: Uint8Array,
): Promise<Relay> {
  switch (topic) {
    case "transactions":
      return must(judgeTransactions(ports, [{ peerId, envelopes: [bytes] }])[0]?.[0], "one was judged");
    case "blocks":
      return ports.judgeBlock(peerId, bytes);
    case "evidence":
      return ports.judgeEvidence(peerId, bytes);
  }
}

/** What each transaction of some batches is worth, by batch and in its order. */
export function judgeTransactions(
  ports: RumorPorts,
  batches: readonly ReceivedTransactions[],
): readonly (readonly Relay[])[] {
  const admitted = ports.admitTogether(batches.flatMap(({ envelopes }) => envelopes));
  let next = 0;
  return batches.map(({ peerId, envelopes }) => {
    let hasBrought = false;
    const relays = envelopes.map((envelope) => {
      const verdict = must(admitted[next++], "each envelope has its verdict");
      const relay = relayOfAdmission(ports.pool, ports.passedOn, envelope, verdict);
      if (verdict.ok) ports.fromPeer?.(peerId, verdict.value);
      if (verdict.ok && relay === "accept") hasBrought = true;
      return relay;
    });
    if (hasBrought) ports.brought(peerId);
    return relays;
  });
}

/**
 * Passes on what can run, once, whichever way it came first. What waits for an earlier nonce is passed on when it can
 * run; what is known with another signature was not verified.
 */
export function relayOfAdmission(
  pool: Pick<Mempool, "find" | "isExecutable">,
  passedOn: PassedOn,
  envelope: Uint8Array,
  admitted: Verdict<SignedTransaction, AdmissionCode>,
): Relay {
  if (!admitted.ok && admitted.fault.code !== "TX_DUPLICATE") return RELAY_OF_FAULT[admitted.fault.code];
  const held = admitted.ok ? admitted.value : pool.find(envelope);
  return held !== undefined && pool.isExecutable(held) ? passedOn.transaction(held) : "ignore";
}
