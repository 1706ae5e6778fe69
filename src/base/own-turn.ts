/**
 * Long work in turns of the event loop of its own. What is given to setImmediate in one turn runs together in the next, so
 * batches of signatures and calls of users, each bounded, would keep votes from being read for the sum of them. Here one
 * runs in each turn, in the order in which they were asked for, and sockets are read in between.
 */

type Task = () => void;

const waiting = new Set<Task>();
let isScheduled = false;

/** Runs `task` in a turn in which none of the others runs. @returns takes it back, if it has not begun */
export function inOwnTurn(task: Task): () => void {
  const own = () => task();
  waiting.add(own);
  schedule();
  return () => waiting.delete(own);
}

function schedule(): void {
  if (isScheduled || waiting.size === 0) return;
  isScheduled = true;
  setImmediate(() => {
    isScheduled = false;
    const [next] = waiting;
    if (next === undefined) return;
    waiting.delete(next);
    // Before it runs: it may throw, and an immediate that is made now runs in the next turn.
    schedule();
    next();
  });
}
