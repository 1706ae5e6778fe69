/**
 * The lab page's own script, loaded when somebody opens it: it leaves a way to draw the page, for the explorer. The
 * same file in a worker does the races.
 */
import { render } from "preact";
import { LabPage } from "./lab-page.tsx";
import { answerJobs } from "./race-worker.ts";

/** Draws the page into an element. @returns what takes it away and ends its work */
export type DrawLab = (element: HTMLElement) => () => void;

declare global {
  var quorateLab: DrawLab | undefined;
}

if (typeof document === "undefined") answerJobs();
else {
  const { currentScript } = document;
  const ownUrl = currentScript instanceof HTMLScriptElement ? currentScript.src : undefined;
  globalThis.quorateLab = (element) => {
    render(<LabPage script={ownUrl} />, element);
    return () => render(null, element);
  };
}
