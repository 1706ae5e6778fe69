/** What a node of an open network remembers of others, as JSON-RPC asks for it; every rule is p2p's. */
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { parseSubject, showSubject } from "../../p2p/discovery/ban-subject.ts";
import { type BanRecord, scoreAt } from "../../p2p/discovery/bans.ts";
import { countBook, pageOfBook } from "../../p2p/discovery/book-page.ts";
import type { Discovery } from "../../p2p/discovery/discovery.ts";
import type { BanView, BookCounts, BookPage, PeerMemoryApi } from "../../rpc/peer-memory.ts";

export class NetworkMemory implements PeerMemoryApi {
  readonly #discovery: Discovery;
  readonly #now: () => number;

  /** @param now gives milliseconds since the Unix epoch. */
  constructor(discovery: Discovery, now: () => number) {
    this.#discovery = discovery;
    this.#now = now;
  }

  counts(): BookCounts {
    return countBook(this.#discovery.memory.book, this.#now());
  }

  addresses(page: BookPage) {
    return pageOfBook(this.#discovery.memory.book, page, this.#now());
  }

  bans(): readonly BanView[] {
    const views = this.#discovery.memory.bans.records(this.#now()).map((record) => this.#view(record));
    return views.sort((a, b) => (b.bannedUntilMs ?? 0) - (a.bannedUntilMs ?? 0) || b.score - a.score);
  }

  ban(text: string): Verdict<BanView> {
    const subject = parseSubject(text);
    if (!subject.ok) return subject;
    const record = this.#discovery.ban(subject.value);
    if (record !== undefined) return accept(this.#view(record));
    return refuse(
      "NEVER_BANNED",
      `${text} is this node itself, or a peer that its peers.json or genesis names`,
    );
  }

  unban(text: string): Verdict<boolean> {
    const subject = parseSubject(text);
    return subject.ok ? accept(this.#discovery.unban(subject.value)) : subject;
  }

  #view(record: BanRecord): BanView {
    const nowMs = this.#now();
    const { bannedUntilMs, atMs } = record;
    return {
      ...showSubject(record.subject),
      score: scoreAt(record, nowMs),
      atMs,
      bannedUntilMs: bannedUntilMs > nowMs ? bannedUntilMs : undefined,
    };
  }
}
