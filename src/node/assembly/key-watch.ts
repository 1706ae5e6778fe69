/**
 * Watches for the epoch in which the waiting key has the validator's seat and the present one has none: this process
 * can sign nothing there, and the node starts again with the other key. So no epoch sees both.
 */
import { type Address, equalBytes, hex0x } from "../../base/bytes.ts";
import type { Logger } from "../../base/log.ts";
import type { ValidatorSet } from "../../chain/types/validator-set.ts";
import type { HomePaths } from "../home/home.ts";
import { type Key, loadKey, type Unlock } from "../home/key-file.ts";
import { nextPublicKey } from "../home/next-key.ts";
import type { NodeOptions } from "../node.ts";
import type { Replica } from "../replica.ts";
import type { Closers } from "./closers.ts";
import type { OwnKey } from "./own-key.ts";

export interface KeyWatch {
  readonly paths: HomePaths;
  readonly unlock: Unlock | undefined;
  readonly log: Logger;
  /** The node is to start again with this key. */
  readonly isDue: (key: Key) => void;
}

type Watched = {
  readonly voting: Pick<Replica["voting"], "epoch" | "validators">;
  readonly events: Pick<Replica["events"], "epochs">;
};

/** Looks now, and in each epoch; says it once, since a node that stops enters further epochs. @returns what ends it */
export function watchNextKey({ voting, events }: Watched, own: Address, watch: KeyWatch): () => void {
  let isSaid = false;
  const isDue = (key: Key) => {
    isSaid = true;
    watch.isDue(key);
  };
  const look = () => {
    if (!isSaid) lookAt(voting, own, { ...watch, isDue });
  };
  look();
  return events.epochs.subscribe(look);
}

interface FollowParts {
  readonly key: OwnKey | undefined;
  readonly logger: Logger;
  readonly closers: Closers;
}

/** Follows the key where it is in the home, and whoever runs the node can start it again. */
export function followKey(
  { home, unlock, onKeyDue: isDue }: NodeOptions,
  replica: Watched,
  { key, logger: log, closers }: FollowParts,
): void {
  if (key === undefined || key.remote !== undefined || isDue === undefined) return;
  const own = key.signer.publicKey;
  closers.add(watchNextKey(replica, own, { paths: home.paths, unlock, log, isDue }));
}

/** What reads whose key waits, or undefined where this node would not take it by itself. */
export function waitingKeyOf({
  home,
  onKeyDue,
}: Pick<NodeOptions, "home" | "onKeyDue">): (() => Address | undefined) | undefined {
  if (onKeyDue === undefined) return undefined;
  return () => {
    const next = nextPublicKey(home.paths);
    return next.ok ? next.value : undefined;
  };
}

function lookAt({ epoch, validators }: Watched["voting"], own: Address, watch: KeyWatch): void {
  const { paths, unlock, log, isDue } = watch;
  const next = nextPublicKey(paths);
  const publicKey = next.ok ? next.value : undefined;
  if (!next.ok) log.log("warn", "node", "the next key cannot be read", { detail: next.fault.detail });
  if (publicKey === undefined || has(validators, own) || !has(validators, publicKey)) return;
  const key = loadKey(paths.nextValidatorKey, unlock);
  const fields = { epoch, from: hex0x(own), to: hex0x(publicKey) };
  if (!key.ok) {
    const words = "the seat's new key cannot be opened: no vote until the node is started with its password";
    return log.log("error", "node", words, { ...fields, detail: key.fault.detail });
  }
  log.log("info", "node", "the seat has its new key: this node starts again with it", fields);
  isDue(key.value);
}

function has({ members }: ValidatorSet, key: Address): boolean {
  return members.some(({ publicKey }) => equalBytes(publicKey, key));
}
