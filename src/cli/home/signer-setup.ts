/** What `quorate signer init` does in folders: a new key is made, or one moves there with its votes. */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { type Address, asHash, type Hash } from "../../base/bytes.ts";
import { computeGenesisHash } from "../../chain/genesis/genesis-state.ts";
import { formatEncryptedKey, formatKey, keyOfSeed, loadPublicKey } from "../../node/home/key-file.ts";
import { readTextFile } from "../../node/home/text-file.ts";
import { createSignerHome } from "../../node/signer/signer-home.ts";
import { badInput, CliError, EXIT, valueOrThrow } from "../exit.ts";
import { newPassword, type PasswordOptions } from "./passwords.ts";
import { withStoppedHome } from "./stopped-home.ts";

export interface SignerSource extends PasswordOptions {
  readonly from?: string;
  /** As it lies. */
  readonly genesisHash?: Uint8Array;
  readonly encrypt?: boolean;
  readonly host?: readonly string[];
}

export interface MadeSigner {
  readonly publicKey: Address;
  readonly genesisHash: Hash;
  readonly votes: number;
}

/** @throws CliError */
export function makeSigner(dir: string, source: SignerSource): Promise<MadeSigner> {
  const { from, genesisHash } = source;
  if (from !== undefined) return moveKey(dir, from, source);
  if (genesisHash === undefined)
    throw badInput("say whose key it is: --from HOME, or --genesis-hash HASH for a new one");
  return newKey(dir, asHash(genesisHash), source);
}

async function newKey(dir: string, genesisHash: Hash, source: SignerSource): Promise<MadeSigner> {
  const key = keyOfSeed(new Uint8Array(randomBytes(32)));
  const keyText =
    source.encrypt === true
      ? formatEncryptedKey(key, await newPassword("the new key", source))
      : formatKey(key);
  const made = { genesisHash, keyText, hosts: hostsOf(source), signed: [], votes: [] };
  valueOrThrow(await createSignerHome(dir, made, Date.now()));
  return { publicKey: key.publicKey, genesisHash, votes: 0 };
}

/** The key goes from the home when all of it is durable at the signer's. */
function moveKey(dir: string, from: string, source: SignerSource): Promise<MadeSigner> {
  return withStoppedHome({ dir: from, mayBeNew: true }, async ({ paths, genesis }) => {
    const { publicKey } = valueOrThrow(loadPublicKey(paths.validatorKey));
    const keyText = valueOrThrow(readTextFile(paths.validatorKey));
    const [{ openVotes }, { guardRecordsOf }] = await Promise.all([
      import("../../node/votes/vote-journal-home.ts"),
      import("../../consensus/pbft/guarded-journal.ts"),
    ]);
    const { records: votes, log } = await openVotes(paths);
    await log.close();
    const signed = signedOf(guardRecordsOf, votes);
    const genesisHash = computeGenesisHash(genesis);
    valueOrThrow(
      await createSignerHome(
        dir,
        { genesisHash, keyText, hosts: hostsOf(source), signed, votes },
        Date.now(),
      ),
    );
    rmSync(paths.validatorKey);
    return { publicKey, genesisHash, votes: votes.length };
  });
}

function signedOf(
  read: (journal: readonly Uint8Array[]) => Uint8Array[],
  votes: readonly Uint8Array[],
): Uint8Array[] {
  try {
    return read(votes);
  } catch (cause) {
    const message = `the votes of this key cannot move: ${(cause as Error).message}. Give the validator a new key`;
    throw new CliError(EXIT.failedCheck, "UNUSABLE_JOURNAL", message, { cause });
  }
}

function hostsOf({ host = [] }: SignerSource): string[] {
  return [...new Set(["localhost", "127.0.0.1", ...host])];
}
