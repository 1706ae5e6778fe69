/** The journal of a validator in its home, or what a signer elsewhere gives the vote to: a replica, whose journal is then the signer's. */
import { hasEpochs } from "../../chain/genesis/consensus-parameters.ts";
import type { OpenedLog } from "../../storage/record-log.ts";
import { StartError } from "../home/start-error.ts";
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

/** Opens the votes after the database, whose lock is the kernel's, and holds where pids say nothing (lock.ts). */
export async function openOwnVotes(
  { home, recoversAmnesia }: NodeOptions,
  key: OwnKey | undefined,
  closers: Closers,
): Promise<OpenedLog | undefined> {
  if (key === undefined || !key.journalIsHere) return undefined;
  const journal = await openVotes(home.paths, recoversAmnesia);
  if (key.remote !== undefined) {
    // Whether it is whole is known now; it is opened when the token is.
    await journal.log.close();
    return undefined;
  }
  closers.add(() => journal.log.close());
  return journal;
}

/** Lets the signer, where there is one, give and take the vote from now on. */
export function startRemote(key: OwnKey | undefined, replica: Replica, closers: Closers): void {
  const remote = key?.remote;
  if (remote === undefined) return;
  closers.add(() => remote.stop());
  remote.start(voterOf(replica));
}

/** There is no later epoch to come back in. @throws StartError */
export function checkRecovery({ home, config, recoversAmnesia }: NodeOptions): void {
  if (recoversAmnesia !== true) return;
  if (config.token !== undefined) {
    const detail = "--recover-amnesia: not with a key in a token: give the seat another key";
    throw new StartError({ code: "amnesia", detail });
  }
  if (config.signer !== undefined) {
    const detail = "--recover-amnesia: the signer keeps the votes of this key, and knows what it has signed";
    throw new StartError({ code: "amnesia", detail });
  }
  if (hasEpochs(home.genesis.consensus)) return;
  const detail =
    "--recover-amnesia: the validators of this chain never change, so a key that has lost votes never votes again";
  throw new StartError({ code: "amnesia", detail });
}
