/**
 * The second script (src/explorer-lab), which few readers need: the lab, and what verifies equivocations, which are rare.
 * On a copy that was saved to disk it is there where it was loaded when the page was saved.
 */

import type { TrustedGenesis } from "../../sdk/trusted-genesis.ts";
import type { EvidenceAnswer } from "../../sdk/verify-evidence.ts";

export interface OnDemand {
  /** Draws the lab page into an element. @returns what takes it away and ends its work */
  draw(element: HTMLElement): () => void;
  verifyEvidence(genesis: TrustedGenesis, evidence: string): EvidenceAnswer;
}

const loaded = () => (globalThis as { quorateOnDemand?: OnDemand }).quorateOnDemand;

/** @throws Error where it cannot be had */
export function loadMore(): Promise<OnDemand> {
  const known = loaded();
  if (known !== undefined) return Promise.resolve(known);
  return new Promise((done, fail) => {
    const script = document.createElement("script");
    script.src = LAB_SCRIPT;
    script.onload = () => {
      const more = loaded();
      if (more === undefined) fail(new Error("the page's second script left nothing"));
      else done(more);
    };
    script.onerror = () =>
      fail(new Error("the page's second script cannot be loaded: it comes from the node"));
    document.head.append(script);
  });
}
