/**
 * What was checked in this browser, and what it was held to. The genesis comes from the node at the first visit and is
 * remembered by its hash: a node that shows another one later is said aloud. What failed stays on every page in red.
 */
import { computed, signal } from "@preact/signals";
import { showHash } from "../../base/bytes.ts";
import { type EpochLink, linksOf, ProvedSets } from "../../sdk/epoch-chain.ts";
import { openGenesis, type TrustedGenesis } from "../../sdk/trusted-genesis.ts";
import { askAll, nodeUrls, orThrow, orUndefined } from "./asked-nodes.ts";
import { recall, remember } from "./theme.ts";

export interface Check {
  /** What was checked: "certificate", "Merkle path" and so on. */
  readonly what: string;
  readonly holds: boolean;
  /** What was compared, or why it fails. */
  readonly words: string;
}

export interface LoggedCheck extends Check {
  /** What the check was about: "block 5" and so on. */
  readonly subject: string;
  readonly atMs: number;
}

/** Checks that the page on what was checked shows. */
const LOGGED_MAX = 200;

/** The checks that were made, the newest first. */
export const checkLog = signal<readonly LoggedCheck[]>([]);
export const counts = signal({ held: 0, failed: 0 });
/** The first things that did not hold. */
export const failures = signal<readonly LoggedCheck[]>([]);
export const hasFailed = computed(() => failures.value.length > 0);

/** Remembers what was checked of a subject, once for the same words. */
export function record(subject: string, checks: readonly Check[]): void {
  const known = new Set(checkLog.peek().map((check) => `${check.subject} ${check.what} ${check.words}`));
  const fresh = checks.filter(({ what, words }) => !known.has(`${subject} ${what} ${words}`));
  if (fresh.length === 0) return;
  const logged = fresh.map((check) => ({ ...check, subject, atMs: Date.now() }));
  checkLog.value = [...logged, ...checkLog.peek()].slice(0, LOGGED_MAX);
  const failed = logged.filter(({ holds }) => !holds);
  const { held, failed: before } = counts.peek();
  counts.value = { held: held + logged.length - failed.length, failed: before + failed.length };
  if (failed.length > 0) failures.value = [...failures.peek(), ...failed].slice(0, 20);
}

export interface Pin {
  readonly hash: string;
  readonly isFirstVisit: boolean;
}

/** The genesis that everything is held to, once it is known. */
export const genesisPin = signal<Pin | undefined>(undefined);
let loading: Promise<Proving> | undefined;

const PIN_KEY = `quorate-genesis ${nodeUrls[0] ?? ""}`;

/**
 * The genesis, with the validators of the epochs that these summaries name: each set is signed by the one before it, so
 * whoever brings them need not be believed. @throws Error when the node does not answer
 */
export async function trustedFor(summaries: readonly (string | undefined)[]): Promise<Proving> {
  return trustedUpTo(Math.max(0, ...summaries.map((summary) => epochOf(summary ?? ""))));
}

/** The same with the validators up to an epoch. @throws Error when the node does not answer */
export async function trustedUpTo(epoch: number): Promise<Proving> {
  const trusted = await trustedGenesis();
  const wanted = BigInt(epoch);
  while (trusted.sets.newest < wanted) {
    const before = trusted.sets.newest;
    const [answer] = await askAll([{ method: "chain_getEpochs", params: { from: Number(before) } }]);
    for (const link of linksOf(orUndefined(answer) ?? [])) {
      if (!trusted.sets.extend(link).ok) break;
      links.push(link);
    }
    if (trusted.sets.newest === before) break;
  }
  return trusted;
}

/** The links from the genesis on, each taken by a check above. */
const links: EpochLink[] = [];

/** What a receipt of a block needs beside the genesis: how its validators follow from those of genesis. */
export function linksTo(summary: string): readonly EpochLink[] {
  return links.slice(0, epochOf(summary));
}

export type Proving = TrustedGenesis & { readonly sets: ProvedSets };

/** The epoch that a summary names, unchecked: a u64 behind chain id and height. */
function epochOf(summary: string): number {
  return Number.parseInt(summary.slice(2 + 32, 2 + 48), 16) || 0;
}

/** @throws Error when the node has none, or one that is none */
export function trustedGenesis(): Promise<Proving> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(): Promise<Proving> {
  const [answer] = await askAll([{ method: "chain_getGenesis" }]);
  const opened = openGenesis(JSON.stringify(orThrow(answer).genesis));
  if (!opened.ok) throw new Error(`genesis: ${opened.fault.detail}`);
  const hash = showHash(opened.value.genesisHash);
  const pinned = recall(PIN_KEY);
  if (pinned === undefined) remember(PIN_KEY, hash);
  genesisPin.value = { hash, isFirstVisit: pinned === undefined };
  const isSame = pinned === undefined || pinned === hash;
  const words = isSame
    ? pinned === undefined
      ? `${hash}, remembered from now on`
      : `${hash}, the same as at the first visit`
    : `this address shows a chain of genesis ${hash}; at the first visit it was ${pinned}`;
  record("genesis", [{ what: "genesis", holds: isSame, words }]);
  return { ...opened.value, sets: new ProvedSets(opened.value) };
}

/** The reader's word that the chain was started anew: what failed because of it is forgotten. */
export function acceptGenesis(): void {
  const pin = genesisPin.peek();
  if (pin !== undefined) remember(PIN_KEY, pin.hash);
  failures.value = failures.peek().filter(({ what }) => what !== "genesis");
}
