/**
 * VIEW-CHANGE and NEW-VIEW from bytes to verified messages, at the message verifier and out of the journal. The VIEW-CHANGEs in
 * a NEW-VIEW are mostly known already: what was verified once is remembered by its hash, so that a new view costs
 * each distinct certificate once (pbft.md 1.15). What makes them valid stands in new-view.ts.
 */

import { byteText } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { VERIFIED_VIEW_CHANGES_MAX } from "../../base/limits.ts";
import { sha256 } from "../../crypto/hash.ts";
import type { CertificateContext } from "./certificate.ts";
import { parseMessage, type WireShape } from "./message-bytes.ts";
import type { NewViewBody, ViewChangeBody } from "./messages.ts";
import {
  type NewView,
  type Proofs,
  readClaims,
  readDecision,
  type ViewChange,
  verifyCarried,
  verifyClaims,
} from "./new-view.ts";
import { checkSignature, type MessageFault, type Signed } from "./signed-messages.ts";

export interface ViewContext extends CertificateContext, WireShape {
  /** VIEW-CHANGEs that were judged already, by the hash of their bytes. The calls of one node share it. */
  readonly known?: KnownViewChanges;
}

/** The newest verified VIEW-CHANGEs; the oldest is forgotten and verified anew if it comes again. */
export class KnownViewChanges {
  readonly #known = new Map<string, ViewChange>();

  find(bytes: Uint8Array): ViewChange | undefined {
    return this.#known.get(byteText(sha256(bytes)));
  }

  remember(bytes: Uint8Array, message: ViewChange): void {
    this.#known.set(byteText(sha256(bytes)), message);
    if (this.#known.size <= VERIFIED_VIEW_CHANGES_MAX) return;
    dropOldest(this.#known);
  }
}

/** A VIEW-CHANGE whose form and links hold, and how to check the rest. */
interface Claimed {
  readonly message: ViewChangeBody & Signed;
  readonly claims: Proofs;
  verify(): Verdict<ViewChange, MessageFault>;
}

/** Parses and verifies a VIEW-CHANGE as on the wire. */
export function openViewChange(context: ViewContext, bytes: Uint8Array): Verdict<ViewChange, MessageFault> {
  const claimed = readViewChange(context, bytes);
  return claimed.ok ? claimed.value.verify() : claimed;
}

export function verifyViewChange(
  context: ViewContext,
  message: ViewChangeBody & Signed,
): Verdict<ViewChange, MessageFault> {
  const claimed = claimOf(context, message);
  return claimed.ok ? claimed.value.verify() : claimed;
}

/** All that needs no signature. */
function readViewChange(context: ViewContext, bytes: Uint8Array): Verdict<Claimed, MessageFault> {
  const known = context.known?.find(bytes);
  if (known !== undefined) return accept({ message: known, claims: known, verify: () => accept(known) });
  const parsed = parseMessage(bytes, context);
  if (!parsed.ok) return parsed;
  if (parsed.value.type !== "view-change") {
    return refuse("wrong-view-change", `a ${parsed.value.type} where a VIEW-CHANGE must be`);
  }
  const { attachment: _, relayed: __, ...message } = parsed.value;
  const claimed = claimOf(context, message);
  if (!claimed.ok) return claimed;
  const verify = () => {
    const opened = claimed.value.verify();
    if (opened.ok) context.known?.remember(bytes, opened.value);
    return opened;
  };
  return accept({ ...claimed.value, verify });
}

function claimOf(context: ViewContext, message: ViewChangeBody & Signed): Verdict<Claimed, MessageFault> {
  if (message.view === 0n) return refuse("wrong-view-change", "a VIEW-CHANGE to view 0");
  const claims = readClaims(context, message);
  if (!claims.ok) return claims;
  const verify = (): Verdict<ViewChange, MessageFault> => {
    const bad = checkSignature(context, message, message.signature);
    if (bad !== undefined) return { ok: false, fault: bad };
    const proofs = verifyClaims(context, claims.value);
    return proofs.ok ? accept({ ...message, ...proofs.value } as ViewChange) : proofs;
  };
  return accept({ message, claims: claims.value, verify });
}

/** Parses and verifies a NEW-VIEW as on the wire. */
export function openNewView(context: ViewContext, bytes: Uint8Array): Verdict<NewView, MessageFault> {
  const parsed = parseMessage(bytes, context);
  if (!parsed.ok) return parsed;
  if (parsed.value.type !== "new-view") {
    return refuse("wrong-view-change", `a ${parsed.value.type} where a NEW-VIEW must be`);
  }
  const { attachment: _, relayed: __, ...message } = parsed.value;
  return verifyNewView(context, message);
}

/** Senders, views, links and O of the whole message first, then signatures up to the first that is bad. */
export function verifyNewView(
  context: ViewContext,
  message: NewViewBody & Signed,
): Verdict<NewView, MessageFault> {
  const claimed: Claimed[] = [];
  for (const bytes of message.viewChanges) {
    const read = readViewChange(context, bytes);
    if (!read.ok) return read;
    claimed.push(read.value);
  }
  const claims = claimed.map((each) => ({ ...each.message, ...each.claims }));
  const decision = readDecision(context, message, claims);
  if (!decision.ok) return decision;
  const bad = checkSignature(context, message, message.signature) ?? verifyCarried(context, message);
  if (bad !== undefined) return { ok: false, fault: bad };
  const asked: ViewChange[] = [];
  for (const each of claimed) {
    const opened = each.verify();
    if (!opened.ok) return opened;
    asked.push(opened.value);
  }
  return accept({ ...message, asked, decision: decision.value } as unknown as NewView);
}
