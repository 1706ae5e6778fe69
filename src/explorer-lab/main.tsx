/**
 * The explorer's second script, loaded when somebody needs it: it leaves a way to draw the lab, and what verifies
 * equivocations. The same file in a worker does the races.
 */
import { render } from "preact";
import type { OnDemand } from "../explorer/live/on-demand.ts";
import { verifyEvidence } from "../sdk/verify-evidence.ts";
import { LabPage } from "./lab-page.tsx";
import { answerJobs } from "./race-worker.ts";

declare global {
  var quorateOnDemand: OnDemand | undefined;
}

if (typeof document === "undefined") answerJobs();
else {
  const { currentScript } = document;
  const ownUrl = currentScript instanceof HTMLScriptElement ? currentScript.src : undefined;
  globalThis.quorateOnDemand = {
    draw: (element) => {
      render(<LabPage script={ownUrl} />, element);
      return () => render(null, element);
    },
    verifyEvidence,
  };
}
