/**
 * The modules that every chain has, declared as anybody declares one (`quorate/built-in`): what they are called with, keep and emit. From
 * it follow typed calls, events and entries, `tx call`, paths of state_query, proofs and tables. A node executes them by code of its
 * own (bank.ts, anchor.ts, gov.ts, execution/coinbase.ts) in the bytes that they have always had, which `fixed` names; a test holds the
 * two against each other. Not declared are a proposal to change the members, whose fields depend on its kind, and the
 * record of the epoch. ADR 40.2.
 */
import {
  address,
  bool,
  bytes,
  call,
  cell,
  choice,
  type DeclaredCode,
  defineModule,
  event,
  type FixedBytes,
  hash,
  height,
  list,
  map,
  struct,
  text,
  time,
  uint,
} from "./define-module.ts";

const memo = text(128);
/** Counts of four bytes; what is kept is bounded far below. */
const MANY = 65_536;

function native(): never {
  throw new Error("a node runs this call itself, in no context of a declared module");
}

function withBytes<M extends DeclaredCode>(module: M, fixed: FixedBytes): M {
  return Object.assign(module, { fixed });
}

export const bank = withBytes(
  defineModule(
    {
      name: "bank",
      state: { accounts: map(address, struct({ balance: uint(64), nonce: uint(64) })) },
      events: { transferred: event({ from: address, to: address, amount: uint(64) }) },
      faults: {
        InsufficientFunds: "the sender's balance is less than the amount",
        BalanceOverflow: "the recipient's balance would pass 2^64 - 1",
      },
    },
    { transfer: call({ to: address, amount: uint(64), memo }, native) },
  ),
  { number: 1, openings: { transfer: "0x" }, prefixes: { accounts: "0x01" } },
);

export const anchor = withBytes(
  defineModule(
    {
      name: "anchor",
      state: {
        first: map(hash, struct({ count: uint(32), sender: address, since: height, time, memo })),
        senders: map(
          struct({ digest: hash, sender: address }),
          struct({ ordinal: uint(32), since: height, time, memo }),
        ),
      },
      events: { anchored: event({ digest: hash, sender: address, ordinal: uint(32) }) },
      faults: { AlreadyAnchored: "this sender has anchored the digest before" },
    },
    { anchor: call({ digest: hash, memo }, native) },
  ),
  { number: 2, openings: { anchor: "0x" }, prefixes: { first: "0x02", senders: "0x03" } },
);

export const gov = withBytes(
  defineModule(
    {
      name: "gov",
      state: {
        proposals: map(
          uint(64),
          struct({
            proposer: address,
            height,
            expires: height,
            status: choice("open", "approved", "rejected"),
            decided: height,
            forced: bool,
            note: memo,
            change: bytes(65_535),
            votes: list(struct({ account: address, approves: bool, forced: bool }), MANY),
          }),
        ),
        open: cell(struct({ nextId: uint(64), ids: list(uint(64), MANY) })),
        rules: cell(struct({ current: uint(32), next: uint(32), epoch: uint(64) })),
        roles: cell(list(struct({ account: address, bits: uint(8) }), MANY)),
      },
      events: {
        proposed: event({ proposal: uint(64), proposer: address }),
        voted: event({ proposal: uint(64), account: address, approves: bool }),
        approved: event({ proposal: uint(64), lastHeight: height }),
        rejected: event({ proposal: uint(64) }),
      },
      faults: {
        NotAValidator: "the sender is no account of a validator now",
        UnknownProposal: "there is no such proposal",
        Decided: "the proposal is approved, rejected or expired",
        AlreadyVoted: "this validator has voted on the proposal",
        Unfit: "the change cannot be made",
        BadProof: "the newcomer does not prove that it holds its key",
        EpochFull: "so many seats may change in one epoch, and they have",
        TooManyOpen: "too many proposals are open",
      },
    },
    { vote: call({ proposal: uint(64), approves: bool, forced: bool }, native) },
  ),
  {
    number: 3,
    openings: { vote: "0x02" },
    prefixes: { proposals: "0x06", open: "0x07", rules: "0x08", roles: "0x09" },
  },
);

/** Not a module whose calls can be sent: what a mined block mints. */
export const coinbase = withBytes(
  defineModule(
    {
      name: "coinbase",
      state: { maturing: map(struct({ minedAt: height }), struct({ to: address, amount: uint(64) })) },
      events: { minted: event({ to: address, amount: uint(64) }) },
    },
    {},
  ),
  { number: 0, openings: {}, prefixes: { maturing: "0x04" } },
);
