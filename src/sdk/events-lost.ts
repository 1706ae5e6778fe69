/** How following events ends, in Node and in browsers, when nobody has what comes next. */

/** What comes next is on no node that was asked: the reader has to begin elsewhere, or ask others. */
export class EventsLostError extends Error {
  override readonly name = "EventsLostError";
  /** The code of the last node that was asked, such as PRUNED. */
  readonly code: string;

  constructor(message: string, code: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
