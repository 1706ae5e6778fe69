/**
 * The attack lab in the page: runs of it that are opened, and two experiments that are done here.
 *
 * This folder: the lab as a page of the explorer, a script of its own: opened results, and races that run in a worker.
 * Not here: the experiments (tools/lab).
 */
import { useEffect, useMemo } from "preact/hooks";
import { Heading } from "../explorer/parts/layout.tsx";
import { DoubleSpend } from "./double-spend.tsx";
import { startRunner } from "./race-worker.ts";
import { Results } from "./results-view.tsx";
import { SelfishMining } from "./selfish-mining.tsx";

/** @param script of this file, for the worker. With undefined the page does the work */
export function LabPage({ script }: { readonly script: string | undefined }) {
  const attacks = useMemo(() => startRunner(script), [script]);
  const selfish = useMemo(() => startRunner(script), [script]);
  useEffect(
    () => () => {
      attacks.end();
      selfish.end();
    },
    [attacks, selfish],
  );
  return (
    <>
      <Heading>Attack lab</Heading>
      <p class="quiet">
        The code of <code>quorate lab</code>, in this browser
        {attacks.isWorker ? " (in a worker)" : ""}: the same numbers come out here and there for the same
        seed.
      </p>
      <DoubleSpend runner={attacks} />
      <SelfishMining runner={selfish} />
      <Results />
    </>
  );
}
