/**
 * The attack lab: a script of its own (src/explorer-lab), loaded when the page is opened, since most readers never do.
 * On a copy that was saved to disk it is there where the lab was open when it was saved.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { loadMore } from "../live/on-demand.ts";
import { Heading, Note } from "../parts/layout.tsx";

export function Lab() {
  const box = useRef<HTMLDivElement>(null);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  useEffect(() => {
    let end: (() => void) | undefined;
    let isWanted = true;
    loadMore().then(
      ({ draw }) => {
        if (isWanted && box.current !== null) end = draw(box.current);
      },
      (error: unknown) => setProblem(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      isWanted = false;
      end?.();
    };
  }, []);
  return (
    <>
      {problem === undefined ? null : (
        <>
          <Heading>Attack lab</Heading>
          <Note tone="bad">{problem}</Note>
        </>
      )}
      <div ref={box}>
        <Heading>Attack lab</Heading>
        <p class="quiet">loading…</p>
      </div>
    </>
  );
}
