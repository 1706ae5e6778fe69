/**
 * The journal of a validator's own votes in its home, and the mark beside the key that says there is one. A key
 * that has voted must find its journal: without it the node could vote again, and differently. The mark is durable
 * before the first vote, and the journal before the mark, so that a crash between the two refuses nobody who has
 * not voted. What the records mean is the engine's matter.
 * Source: pbft.md 1.12 (Amnesia); docs/protocol.md, "Journal".
 */
import { existsSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder, syncDirectory, writeDurably } from "../../storage/durable-file.ts";
import { openJournalFile } from "../../storage/journal-file.ts";
import type { OpenedLog } from "../../storage/record-log.ts";
import type { HomePaths } from "../home/home.ts";
import { StartError } from "../home/start-error.ts";
import { AMNESIA_ADVICE } from "./journal-watermark.ts";

const MARK_TEXT = "This key has voted: it must not be used without data/journal/votes.log.\n";

export function votesPath(paths: HomePaths): string {
  return join(paths.journal, "votes.log");
}

function markPath(paths: HomePaths): string {
  return `${paths.validatorKey}.voted`;
}

/**
 * Reads the journal; makes nothing.
 * @param forgets that votes are missing is known: a damaged journal is moved aside
 * @throws StartError `corrupt-journal`, `missing-journal`, `unusable-journal`
 */
export async function openVotes(paths: HomePaths, forgets = false): Promise<OpenedLog> {
  const path = votesPath(paths);
  const journal = await openJournalFile(path).catch((cause: Error) => {
    throw new StartError({ code: "unusable-journal", detail: cause.message }, { cause });
  });
  const refusal =
    journal.state === "corrupt"
      ? { code: "corrupt-journal", detail: `${path} is damaged in the middle. ${AMNESIA_ADVICE}.` }
      : journal.state === "missing" && existsSync(markPath(paths))
        ? {
            code: "missing-journal",
            detail: `${path} is missing, but this key has voted. ${AMNESIA_ADVICE}.`,
          }
        : undefined;
  if (refusal === undefined || (forgets && journal.state === "missing")) return journal;
  await journal.log.close();
  if (forgets) {
    renameSync(path, `${path}.damaged`);
    return openVotes(paths, forgets);
  }
  throw new StartError(refusal);
}

/**
 * To be called before the first vote: makes the journal exist and the mark say so. Both are durable when it resolves.
 */
export async function secureVotes(paths: HomePaths, journal: OpenedLog): Promise<void> {
  if (journal.state === "missing") {
    makeFolder(paths.journal);
    await journal.log.replace([]);
    for (const made of [dirname(paths.journal), paths.dir]) await syncDirectory(made);
  }
  await markVoted(paths);
}

/**
 * Says that the key of this home has voted: from now on it is not used without its journal. It is durable
 * when this resolves.
 */
export async function markVoted(paths: HomePaths): Promise<void> {
  if (!existsSync(markPath(paths))) await writeDurably(markPath(paths), MARK_TEXT);
}
