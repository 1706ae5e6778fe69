/** The journal of a validator in its home, or what a signer elsewhere gives the vote to: a replica, whose journal is then the signer's. */
import type { OpenedLog } from "../../storage/record-log.ts";
import type { NodeOptions } from "../node.ts";
import type { Replica } from "../replica.ts";
import type { Voter } from "../signer/remote-signer.ts";
import { openVotes } from "../votes/vote-journal-home.ts";
import type { Closers } from "./closers.ts";
import type { OwnKey } from "./own-key.ts";

function voterOf({ chain, voting, votes }: Pick<Replica, "chain" | "voting" | "votes">): Voter {
  return {
    attach: async (journal) => {
      votes.use(journal);
      votes.check(chain.store.lastStamp());
      await voting.attach(journal);
    },
    detach: async () => {
      await voting.detach();
      votes.use(undefined);
    },
  };
}

/** After the database: its lock is the kernel's, and holds where pids say nothing (lock.ts). */
export async function openOwnVotes(
  { home, recoversAmnesia }: NodeOptions,
  key: OwnKey | undefined,
  closers: Closers,
): Promise<OpenedLog | undefined> {
  if (key === undefined || key.remote !== undefined) return undefined;
  const journal = await openVotes(home.paths, recoversAmnesia);
  closers.add(() => journal.log.close());
  return journal;
}

/** From now on the signer, where there is one, gives and takes the vote. */
export function startRemote(key: OwnKey | undefined, replica: Replica, closers: Closers): void {
  const remote = key?.remote;
  if (remote === undefined) return;
  closers.add(() => remote.stop());
  remote.start(voterOf(replica));
}
