/**
 * From certificates to the chain: blocks are handed over for import strictly in height order, each linked to the one
 * before; a certified block whose body is missing is fetched. And the way back: the head moved, by an own import or
 * by sync. A commit certificate is final from whatever source and in whatever mode.
 * Source: pbft.md 1.5 (committed-local), 1.13.
 */
import { assert } from "../../base/assert.ts";
import { equalBytes, type Hash } from "../../base/bytes.ts";
import type { Head, SealedHead } from "../engine.ts";
import { forgetMissing, needBody } from "./bodies.ts";
import { decodeCommitCertificate, encodeCommitCertificate } from "./certificate.ts";
import type { Core } from "./core.ts";
import type { Signing } from "./signed-messages.ts";
import type { Slot } from "./slots.ts";

/** Orders the import of every certified block that extends what was ordered before. */
export function* orderImports(core: Core): Signing {
  while (!core.isStopped && core.ordered !== undefined) {
    const { ordered } = core;
    const slot = core.slots.get(ordered.height + 1n);
    if (slot?.certificate === undefined) return;
    if (!(yield* orderImport(core, ordered.hash, slot, slot.certificate))) return;
  }
}

function* orderImport(
  core: Core,
  parent: Hash,
  slot: Slot,
  certificate: NonNullable<Slot["certificate"]>,
): Signing<boolean> {
  const { hash, view } = certificate;
  const body = slot.body(hash);
  if (body === undefined) {
    const signers = certificate.signatures.map(({ signer }) => signer);
    yield* needBody(core, slot.height, hash, signers);
    return false;
  }
  if (!equalBytes(body.block.header.previousHash, parent)) {
    core.halt(slot.height, "a certified block does not extend the block committed before it");
    return false;
  }
  core.ordered = { height: slot.height, hash };
  core.announce({ type: "committed", view, height: slot.height, hash });
  core.emit({
    kind: "import-block",
    sealed: { block: body.block, seal: encodeCommitCertificate(certificate) },
  });
  return true;
}

/**
 * Takes in that the chain's head moved. Heights come without a gap, except over a range that was synced
 * before the start.
 */
export function advanceHead(core: Core, head: Head): void {
  if (core.head !== undefined && head.height <= core.head.height) return;
  core.head = head;
  if (core.ordered === undefined || core.ordered.height <= head.height) core.ordered = head;
  forgetMissing(core, head.height);
}

/**
 * Remembers which digest the chain holds at a height (A3), and its certificate: it belongs into P. The 2L heights
 * above h are kept, and while a long range is synced the newest 2L: one of the two is what a later P covers. What
 * lies between goes, also below a min_s that is far above h.
 */
export function recordCommitted(core: Core, { head, seal }: SealedHead): void {
  const { height } = head.summary;
  if (height <= core.stable) return;
  const certificate = decodeCommitCertificate(seal);
  assert(certificate.ok, "a seal in the chain does not decode");
  const slot = core.slots.at(height);
  slot.committed = head.hash;
  slot.sealed = { head, certificate: certificate.value };
  if (certificate.value.view > core.certifiedView) core.certifiedView = certificate.value.view;
  if (slot.certificate !== undefined && !equalBytes(slot.certificate.hash, head.hash)) {
    core.halt(height, "the chain holds another block than the one that a quorum committed");
  }
  const kept = 2n * BigInt(core.options.parameters.logWindow);
  const old = height - kept;
  if (old > core.stable + kept) core.slots.delete(old);
}
