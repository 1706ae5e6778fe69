/**
 * Asks one peer after another the same question, the next one as soon as the last has nothing or is slow: whoever is
 * asked first cannot delay the answer by silence. The first useful answer ends it.
 */
import type { Scheduler } from "../../base/scheduler.ts";

export interface TurnPorts<Answer> {
  readonly scheduler: Scheduler;
  /** Asks one peer; undefined means that no answer came, or no useful one. It must not reject. */
  readonly ask: (peerId: string) => Promise<Answer | undefined>;
  /** After so long without an answer the next peer is asked too, ms. */
  readonly nextAfterMs: number;
}

/** Undefined when nobody had a useful answer. */
export function askInTurn<Answer>(
  peerIds: readonly string[],
  { scheduler, ask, nextAfterMs }: TurnPorts<Answer>,
): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const waiting = [...peerIds];
    let open = 0;
    let cancel = () => {};
    const askNext = () => {
      cancel();
      const peerId = waiting.shift();
      if (peerId === undefined) return open === 0 ? resolve(undefined) : undefined;
      open++;
      cancel = scheduler.after(nextAfterMs, askNext);
      void ask(peerId).then((answer) => {
        open--;
        if (answer === undefined) return askNext();
        cancel();
        waiting.length = 0;
        resolve(answer);
      });
    };
    askNext();
  });
}
