/** The races of a page in a worker: one piece a message, answered by its tally. The page decides what comes next. */
import { type Piece, runPiece, type TallyOf } from "./small-jobs.ts";

interface Scope {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: unknown): void;
}

/** Runs in the worker and answers each piece. */
export function answerJobs(): void {
  const scope = globalThis as unknown as Scope;
  scope.onmessage = ({ data }) => scope.postMessage(runPiece(data as Piece));
}

/** Does one piece at a time, away from the page where the browser allows it. */
export interface RaceRunner {
  run<P extends Piece>(piece: P): Promise<TallyOf<P>>;
  readonly isWorker: boolean;
  end(): void;
}

/** @param script of this very file; undefined or from a disk: the page does the work itself, between its frames */
export function startRunner(script: string | undefined): RaceRunner {
  const isServed = script !== undefined && /^https?:/.test(script);
  return isServed ? inWorker(new Worker(script)) : inPage();
}

function inWorker(worker: Worker): RaceRunner {
  let last: Promise<unknown> = Promise.resolve();
  const ask = (piece: Piece) =>
    new Promise<unknown>((done, fail) => {
      worker.onmessage = ({ data }) => done(data);
      worker.onerror = ({ message }) => fail(new Error(message));
      worker.postMessage(piece);
    });
  return {
    isWorker: true,
    run: (piece) => {
      const answer = last.then(() => ask(piece));
      last = answer.catch(() => undefined);
      return answer as Promise<TallyOf<typeof piece>>;
    },
    end: () => worker.terminate(),
  };
}

function inPage(): RaceRunner {
  const pause = () => new Promise((done) => setTimeout(done, 0));
  return { isWorker: false, run: (piece) => pause().then(() => runPiece(piece)), end: () => undefined };
}
