/**
 * Amnesia shown by peers: a message validly signed by this replica's key that its journal lacks. Then votes of its
 * own are missing and every new one could contradict them, so it stops voting and says why. What lies at or below
 * the stable checkpoint proves nothing: the journal dropped its own.
 * Source: pbft.md 1.12 (Amnesia).
 */
import { equalBytes } from "../../base/bytes.ts";
import type { Phase } from "./cast-votes.ts";
import type { CommitCertificate } from "./certificate.ts";
import type { CertifiedHead } from "./certified-head.ts";
import type { Core } from "./core.ts";
import type { NewView, ViewChange } from "./new-view.ts";

const ADVICE =
  "either the journal is not the newest one of this key, or another node votes with a copy of the key: stop that node, and give the validator a new key";

/** @returns true when this replica has stopped. */
export function checkViewChange(core: Core, message: ViewChange): boolean {
  if (message.from === core.self) return checkOwnViewChange(core, message);
  return message.entries.some((entry) => checkCertified(core, entry));
}

export function checkNewViewVotes(core: Core, message: NewView): boolean {
  if (message.from === core.self) {
    // It was in the journal before it left, and then this view would have been entered.
    core.halt(
      core.committed,
      `a NEW-VIEW ${message.view} of this key is not in its journal; ${ADVICE}`,
      "amnesia",
    );
    return true;
  }
  return message.asked.some((asked) => checkViewChange(core, asked));
}

/** A block's certificate from a peer. */
export function checkSeal(
  core: Core,
  height: bigint,
  hash: Uint8Array,
  { view, signatures }: CommitCertificate,
): boolean {
  if (!signatures.some(({ signer }) => signer === core.self)) return false;
  return checkVote(core, view, height, "commit", hash);
}

function checkOwnViewChange(core: Core, message: ViewChange): boolean {
  const own = core.ownViewChange;
  if (own !== undefined && own.view > message.view) return false;
  if (own !== undefined && own.view === message.view && equalBytes(own.signature, message.signature))
    return false;
  core.halt(
    core.committed,
    `a VIEW-CHANGE to ${message.view} of this key is not in its journal; ${ADVICE}`,
    "amnesia",
  );
  return true;
}

function checkCertified(core: Core, { kind, view, head, signers }: CertifiedHead): boolean {
  if (!signers.includes(core.self)) return false;
  const phase = kind === "prepared" ? "prepare" : "commit";
  return checkVote(core, view, head.summary.height, phase, head.hash);
}

function checkVote(core: Core, view: bigint, height: bigint, phase: Phase, hash: Uint8Array): boolean {
  if (height <= core.forgottenUpTo || view > core.view) return false;
  const own = core.castVotes.find(view, height, phase);
  if (own !== undefined && equalBytes(own.record.vote.hash, hash)) return false;
  core.halt(height, `a ${phase} of this key in view ${view} is not in its journal; ${ADVICE}`, "amnesia");
  return true;
}
