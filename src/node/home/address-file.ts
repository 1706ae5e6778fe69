/**
 * data/addresses.json: where a node of an open network keeps the addresses it knows, its anchors and its bans. Losing
 * it costs a slower start and nothing else, so a file that cannot be read is moved aside with a warning and the node
 * begins with an empty book. It decides nothing about addresses.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, renameSync, statSync } from "node:fs";
import { ADDRESS_FILE_BYTES_MAX } from "../../base/limits.ts";
import type { Logger } from "../../base/log.ts";
import { AddressBook } from "../../p2p/discovery/address-book.ts";
import { formatPeerMemory, type PeerMemory, parsePeerMemory } from "../../p2p/discovery/address-json.ts";
import { Bans } from "../../p2p/discovery/bans.ts";
import { writeDurably } from "../../storage/durable-file.ts";

export class AddressFile {
  readonly memory: PeerMemory;
  readonly #path: string;
  readonly #now: () => number;
  /** One write after the other: they share the name of the new file. */
  #written: Promise<void> = Promise.resolve();

  private constructor(path: string, memory: PeerMemory, now: () => number) {
    this.#path = path;
    this.memory = memory;
    this.#now = now;
  }

  /** @param now gives milliseconds since the Unix epoch. @throws Error when the disk fails. */
  static open(path: string, { logger, now }: { logger: Logger; now: () => number }): AddressFile {
    const memory = readMemory(path, logger, now()) ?? {
      book: new AddressBook({ salt: randomBytes(32) }),
      bans: new Bans(),
    };
    return new AddressFile(path, memory, now);
  }

  /** @throws Error when the disk fails; the file is then as it was. */
  save(): Promise<void> {
    const text = () => formatPeerMemory(this.memory, this.#now());
    this.#written = this.#written.catch(() => undefined).then(() => writeDurably(this.#path, text()));
    return this.#written;
  }
}

/** What the file holds. Undefined without a file, or with one that had to be moved aside. */
function readMemory(path: string, logger: Logger, nowMs: number): PeerMemory | undefined {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return undefined;
  let detail = `${size} bytes, at most ${ADDRESS_FILE_BYTES_MAX}`;
  if (size <= ADDRESS_FILE_BYTES_MAX) {
    const memory = parsePeerMemory(readFileSync(path, "utf8"), nowMs);
    if (memory.ok) return memory.value;
    detail = memory.fault.detail;
  }
  renameSync(path, `${path}.bad`);
  const fields = { file: path, movedTo: `${path}.bad`, detail };
  logger.log("warn", "p2p", "the address book was unreadable: starting with an empty one", fields);
  return undefined;
}
