/** Runs the pieces of one cell and shows the sum as it grows; another cell ends what runs. */
import { useEffect, useState } from "preact/hooks";
import type { RaceRunner } from "./race-worker.ts";
import { addPiece, type Piece, type TallyOf } from "./small-jobs.ts";

export interface Progress<T> {
  readonly tally: T | undefined;
  readonly done: number;
  readonly of: number;
  /** Why it ended before its time. */
  readonly problem?: string;
}

/** @param key names the cell and its options: the same key is not run twice */
export function useRaces<P extends Piece>(
  runner: RaceRunner,
  key: string,
  makePieces: () => readonly P[],
): Progress<TallyOf<P>> {
  const [progress, setProgress] = useState<Progress<TallyOf<P>>>({ tally: undefined, done: 0, of: 1 });
  useEffect(() => {
    let isWanted = true;
    const pieces = makePieces();
    const go = async () => {
      let tally: TallyOf<P> | undefined;
      for (const [i, piece] of pieces.entries()) {
        const next = await runner.run(piece);
        if (!isWanted) return;
        tally = addPiece(tally, next);
        setProgress({ tally, done: i + 1, of: pieces.length });
      }
    };
    setProgress({ tally: undefined, done: 0, of: pieces.length });
    go().catch((error: unknown) =>
      setProgress({ tally: undefined, done: 0, of: pieces.length, problem: String(error) }),
    );
    return () => {
      isWanted = false;
    };
  }, [runner, key]);
  return progress;
}
