/** Bounds of what a node and its signer keep for each other. */
import { JOURNAL_FILE_BYTES_MAX, JOURNAL_RECORD_BYTES_MAX, LOG_WINDOW_BYTES_MAX } from "../../base/limits.ts";

/** Bytes of one frame between a node and its signer. A longer one ends the connection. */
export const SIGNER_FRAME_BYTES_MAX = JOURNAL_RECORD_BYTES_MAX + 64;
/** Bytes of records that a node has handed to its signer and not yet had written; more end the connection. */
export const SIGNER_STAGED_BYTES_MAX = 2 * LOG_WINDOW_BYTES_MAX;
/** Bytes of words in a signer's refusal. */
export const SIGNER_DETAIL_BYTES_MAX = 512;
/** Bytes of a peer id in a claim that a signer signs. */
export const SIGNER_CLAIM_BYTES_MAX = 128;
/** Connections to a signer, all but one of which are only told that it is taken. */
export const SIGNER_CONNECTIONS_MAX = 16;
/** Bytes of answers that wait for a node to read them; it is cut off beyond. */
export const SIGNER_UNSENT_BYTES_MAX = JOURNAL_FILE_BYTES_MAX;
/** After so many ms a signer cuts off a node that says nothing. */
export const SIGNER_SILENT_MS = 10_000;
/** How often a node speaks to its signer when there is nothing to sign, ms. */
export const SIGNER_PING_MS = 2_000;
/** How often a node asks its signer how it stands, ms. */
export const SIGNER_STATUS_MS = 5_000;
/** How long a node waits for an answer of its signer before it gives the connection up, ms. */
export const SIGNER_ANSWER_MS_MAX = 10_000;
/** Milliseconds between two tries to reach a signer, doubled each time up to the second. */
export const SIGNER_RETRY_MS = 250;
export const SIGNER_RETRY_MS_MAX = 5_000;
