/**
 * Reads of the state with a chosen level: what is asked for, what comes back, and the errors. What each level costs and
 * promises: docs/reads.md; why: docs/adr/0031-01. Of types and errors alone, which a client always has.
 */

/**
 * `one`: what one node says. `agreed`: f+1 nodes say the same at one height. `proven`: with a certificate and a Merkle
 * path from the genesis on. `latest`: proven, and not older than anything that was final before the call.
 */
export type ReadLevel = "one" | "agreed" | "proven" | "latest";
export const READ_LEVELS: readonly ReadLevel[] = ["one", "agreed", "proven", "latest"];

/**
 * `agreement`: f+1 nodes gave the same value at the same height. `validators`: the set that signed follows from genesis.
 * `certificate`: a quorum of it signed the block. `value`: it stands in the state that the block names, and was decoded
 * here. `freshness`: nothing newer was final before the call. `declaration`: the module's names and types, by which
 * path and value are read, are the caller's own and not what a node told. Of a mined block `work`: it meets its target, and
 * so do the headers shown on top; `heaviest`: no heavier branch leaves it out, which only a node that follows the chain knows.
 */
export type ReadCheck =
  | "agreement"
  | "validators"
  | "certificate"
  | "value"
  | "freshness"
  | "declaration"
  | "work"
  | "heaviest";

export interface ReadOptions {
  /** `proven` where the client has a genesis, else `one`. */
  readonly level?: ReadLevel | undefined;
  /** How long to ask, ms: 10,000 by default. */
  readonly timeoutMs?: number | undefined;
  /** The answer must not be from an earlier block, such as the one that holds the own transaction: it is waited for. */
  readonly minHeight?: number | undefined;
}

/** What a node said, in words. */
export interface NodeWords {
  /** The URL of the node. */
  readonly node: string;
  readonly said: string;
}

export interface ReadAnswer<T> {
  readonly value: T;
  /** The height of the block behind which the value holds. */
  readonly height: number;
  readonly blockHash: string;
  readonly timeMs: number;
  readonly level: ReadLevel;
  readonly checked: readonly ReadCheck[];
  /** What nobody has checked: it is as true as the nodes that said it. */
  readonly unchecked: readonly ReadCheck[];
  /** URLs of the nodes on whose answers it rests. */
  readonly nodes: readonly string[];
  /** The validators whose signatures were checked. */
  readonly signers: readonly string[];
  /** Answers that were not believed, and why: each is false, or of another chain. */
  readonly disbelieved: readonly NodeWords[];
}

/** No answer of the level that was asked for. */
export class ReadError extends Error {
  override readonly name: string = "ReadError";
  readonly level: ReadLevel;
  /** What each node said last. */
  readonly answers: readonly NodeWords[];
  readonly disbelieved: readonly NodeWords[];
  /** The message without what the nodes said. */
  readonly summary: string;

  constructor(
    message: string,
    {
      level,
      answers,
      disbelieved,
    }: {
      readonly level: ReadLevel;
      readonly answers: readonly NodeWords[];
      readonly disbelieved: readonly NodeWords[];
    },
  ) {
    const lines = [...disbelieved.map(({ node, said }) => `NOT BELIEVED ${node}: ${said}`)];
    const others = answers.filter(({ node }) => !disbelieved.some((one) => one.node === node));
    lines.push(...others.map(({ node, said }) => `${node}: ${said}`));
    super([message, ...lines].join("; "));
    this.summary = message;
    this.level = level;
    this.answers = answers;
    this.disbelieved = disbelieved;
  }
}

/** `agreed`: too few nodes said the same at one height. */
export class NotAgreedError extends ReadError {
  override readonly name = "NotAgreedError";
}

/** `proven`: no node gave a proof that holds. */
export class NotProvenError extends ReadError {
  override readonly name = "NotProvenError";
}

/** `latest`: too few validators answered, or none has shown what some say is final. */
export class NotLatestError extends ReadError {
  override readonly name = "NotLatestError";
}
