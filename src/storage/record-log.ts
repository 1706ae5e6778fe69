/**
 * The port of an append-only record log, made for the journal of own votes: what a step orders to be journaled is
 * durable before anything later leaves the node (docs/protocol.md, "Durability"; pbft 1.12, rule D1).
 * `storage/journal-file.ts` is a file, `storage/memory-log.ts` a twin that loses what was not flushed.
 * It knows nothing of what the records mean.
 */

/**
 * How far a log is durable. The chain database notes it with each batch (node/votes/journal-watermark.ts): a log that is found
 * short of it afterwards was put back from an older copy or lost its end.
 */
export interface LogPosition {
  /** Grows by one with each replacement. It is 0 as long as nothing was ever written. */
  readonly generation: number;
  /** Records of this generation that are durable. */
  readonly records: number;
}

export interface RecordLog {
  /** What is durable at this moment: never ahead of the disk. */
  readonly durable: LogPosition;
  /**
   * Adds records in order; all are durable when the promise resolves, by one flush. When it rejects, or never
   * resolves because of a crash, a prefix of them may still be found later.
   */
  append(payloads: readonly Uint8Array[]): Promise<void>;
  /** Rotation: the log holds exactly `payloads` afterwards. A crash leaves the old log or the new one, whole. */
  replace(payloads: readonly Uint8Array[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * What opening found.
 * - `clean`: every byte is accounted for.
 * - `torn-tail`: the last record was cut short and has been dropped; nothing was sent for it.
 * - `corrupt`: a bad record is followed by valid ones, or the file does not begin as a log. The caller must not
 *   validate with it: votes may be missing. Appending is refused until `replace`.
 * - `missing`: there is no log. It is made by the first append or replace, not by opening, so that a caller who
 *   refuses to go on finds it missing again after the next start.
 */
export type LogState = "clean" | "torn-tail" | "corrupt" | "missing";

export interface OpenedLog<Log extends RecordLog = RecordLog> {
  /** The payloads in the order of writing. With `corrupt` these are the ones before the first bad record. */
  readonly records: readonly Uint8Array[];
  readonly state: LogState;
  readonly log: Log;
}
