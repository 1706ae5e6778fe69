/**
 * From certificates to the chain: blocks are handed over for import strictly in height order, each linked to the one
 * before; a certified block whose body is missing is fetched. And the way back: the head moved, by an own import or
 * by sync. A commit certificate is final from whatever source and in whatever mode.
 * Source: pbft.md 1.5 (committed-local), 1.13.
 */
import { equalBytes } from "../../base/bytes.ts";
import type { Head } from "../engine.ts";
import { encodeCommitCertificate } from "./certificate.ts";
import type { Core } from "./core.ts";
import type { BlockData } from "./gate.ts";
import type { Slot } from "./slots.ts";

/** Orders the import of every certified block that extends what was ordered before. */
export function orderImports(core: Core): void {
  while (core.mode !== "halted" && core.ordered !== undefined) {
    const slot = core.slots.get(core.ordered.height + 1n);
    if (slot?.certificate === undefined || !orderImport(core, slot, slot.certificate)) return;
  }
}

function orderImport(core: Core, slot: Slot, certificate: NonNullable<Slot["certificate"]>): boolean {
  const { hash, view } = certificate;
  const body = slot.body(hash);
  if (body === undefined) {
    fetchBlock(core, slot.height, certificate);
    return false;
  }
  if (!equalBytes(body.block.header.previousHash, core.ordered!.hash)) {
    core.halt(slot.height, "a certified block does not extend the block committed before it");
    return false;
  }
  core.ordered = { height: slot.height, hash };
  core.fetching = undefined;
  core.announce({ type: "committed", view, height: slot.height, hash });
  core.emit({
    kind: "import-block",
    sealed: { block: body.block, seal: encodeCommitCertificate(certificate) },
  });
  return true;
}

/** Asks one signer of the certificate: each of them had promised to hold the body (§1.5). */
function fetchBlock(core: Core, height: bigint, certificate: NonNullable<Slot["certificate"]>): void {
  if (core.fetching?.height === height) return;
  core.fetching = { height, hash: certificate.hash, attempt: 0 };
  sendFetch(core, certificate);
}

/** At each tick while the body is missing: the next signer. */
export function fetchAgain(core: Core): void {
  const certificate = core.fetching && core.slots.get(core.fetching.height)?.certificate;
  if (certificate === undefined) return;
  core.fetching!.attempt++;
  sendFetch(core, certificate);
}

function sendFetch(core: Core, { hash, signatures }: NonNullable<Slot["certificate"]>): void {
  const others = signatures.filter(({ signer }) => signer !== core.self);
  const asked = others[core.fetching!.attempt % others.length];
  if (asked === undefined) return;
  core.send(asked.signer, core.sign({ type: "fetch", from: core.self, epoch: core.epoch, hash }));
}

export function receiveBlock(core: Core, { block, blockBytes, hash }: BlockData): void {
  if (core.fetching === undefined || !equalBytes(core.fetching.hash, hash)) return;
  core.slots.at(core.fetching.height).fetched = { block, blockBytes };
}

/** The chain's head moved; heights come without a gap, except over a range that was synced before the start. */
export function advanceHead(core: Core, head: Head): void {
  if (core.head !== undefined && head.height <= core.head.height) return;
  core.head = head;
  recordCommitted(core, head);
  if (core.ordered === undefined || core.ordered.height <= head.height) core.ordered = head;
  if (core.fetching !== undefined && core.fetching.height <= head.height) core.fetching = undefined;
}

/** Remembers which digest the chain holds at a height (A3). */
export function recordCommitted(core: Core, { height, hash }: Pick<Head, "height" | "hash">): void {
  if (height <= core.stable || height > core.logTop) return;
  const slot = core.slots.at(height);
  slot.committed = hash;
  if (slot.certificate !== undefined && !equalBytes(slot.certificate.hash, hash)) {
    core.halt(height, "the chain holds another block than the one that a quorum committed");
  }
}
