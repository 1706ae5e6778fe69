/**
 * The way to a key in a token, as the node's voting takes it: the journal is the home's, and is opened anew whenever the token is
 * back. So a token that was pulled out is to the engine what a crash is.
 */
import type { HomePaths } from "../home/home.ts";
import { SignerLost } from "../votes/validator-key.ts";
import { openVotes, secureVotes } from "../votes/vote-journal-home.ts";
import type { KeyLink, RemoteSignerPorts } from "./remote-signer.ts";
import type { TokenKey } from "./token-key.ts";

export class TokenLinks {
  readonly #key: TokenKey;
  readonly #paths: HomePaths;
  #closeJournal: () => Promise<void> = () => Promise.resolve();

  constructor(key: TokenKey, paths: HomePaths) {
    this.#key = key;
    this.#paths = paths;
  }

  readonly open: RemoteSignerPorts["open"] = async (lost) => {
    this.#key.ready();
    let isOver = false;
    const end = (error: SignerLost): SignerLost => {
      if (!isOver) lost(error);
      isOver = true;
      return error;
    };
    const link: KeyLink = {
      ask: async (message) => {
        try {
          return await this.#key.sign(message);
        } catch (error) {
          const { message: words, code } = error as Error & { readonly code?: string };
          throw end(new SignerLost(words, code));
        }
      },
      read: async () => {
        await this.closeJournal();
        const journal = await openVotes(this.#paths);
        this.#closeJournal = () => journal.log.close();
        await secureVotes(this.#paths, journal);
        return journal;
      },
      close: (reason = "closed") => void end(new SignerLost(reason)),
    };
    return link;
  };

  /** Nobody writes to it any more. */
  async closeJournal(): Promise<void> {
    const close = this.#closeJournal;
    this.#closeJournal = () => Promise.resolve();
    await close();
  }
}
