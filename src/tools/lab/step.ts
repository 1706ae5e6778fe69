/**
 * How a long experiment lets others have a turn: virtual time takes none of the event loop, so without it a progress
 * bar and signals would wait for the end. What is done with the turn is the caller's matter.
 */

/** Called after each piece of work, as many times as the experiment says. */
export type Step = () => Promise<void>;

export const noStep: Step = () => Promise.resolve();
