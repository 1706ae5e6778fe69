/** How the set of validators changes: the epoch and how far it is, who joins and who leaves, proposals and their votes. */
import { printable } from "../../base/printable.ts";
import { type Answer, askAll, orUndefined } from "../live/asked-nodes.ts";
import { standing } from "../live/feed.ts";
import { useQuery } from "../live/query.ts";
import { shorten, showAmount } from "../model/format.ts";
import { Answered } from "./answered.tsx";
import { HashLink } from "./basics.tsx";
import { Badge, Bar, Fact, Facts, Panel } from "./layout.tsx";

type Members = Exclude<Answer<"gov_getMembership">, Error>;
type Proposal = Exclude<Answer<"gov_getProposals">, Error>[number];

/** Nothing on a chain whose members never change. @param decided with the proposals that are no longer open, too */
export function Membership({ decided = false }: { readonly decided?: boolean }) {
  const found = useQuery("membership", async () => {
    const [members, proposals] = await askAll([
      { method: "gov_getMembership" },
      { method: "gov_getProposals", params: { limit: 20 } },
    ]);
    return { members: orUndefined(members), proposals: orUndefined(proposals) ?? [] };
  });
  return (
    <Answered query={found}>
      {({ members, proposals }) =>
        members === undefined ? null : (
          <>
            <Epoch {...members} />
            <Panel title="Membership votes" aside={`${members.members.length} seats vote`}>
              {proposals
                .filter(({ status }) => decided || status === "open")
                .map((proposal) => (
                  <Ballot key={proposal.id} proposal={proposal} />
                ))}
              {proposals.some(({ status }) => status === "open") ? null : (
                <p class="notice quiet">no vote is open</p>
              )}
            </Panel>
          </>
        )
      }
    </Answered>
  );
}

function Epoch({ epoch, firstHeight, lastHeight, members, nextMembers }: Members) {
  const height = standing.value?.status.height ?? 0;
  const [first, last] = [Number(firstHeight), Number(lastHeight)];
  const done = Math.max(0, Math.min(height, last) - first + 1);
  // An account stays with its seat, whose key may be another one in the next epoch.
  const seatIn = (list: Members["members"], account: string) => list.find((one) => one.account === account);
  const joins = nextMembers.filter(({ account }) => !seatIn(members, account));
  const leaves = members.filter(({ account }) => !seatIn(nextMembers, account));
  const rekeyed = members.filter(
    ({ account, publicKey }) => (seatIn(nextMembers, account)?.publicKey ?? publicKey) !== publicKey,
  );
  return (
    <Panel title={`Epoch ${epoch}`} aside={`heights ${showAmount(first)} to ${showAmount(last)}`}>
      <Bar of={last - first + 1} done={done} label={`${done} of ${last - first + 1} heights`} />
      <Facts>
        <Fact name="members">{printable(members.map(({ name }) => name).join(", "))}</Fact>
        <Fact name="of the next epoch">
          {joins.length + leaves.length + rekeyed.length === 0 ? "the same" : null}
          {joins.map(({ name, publicKey }) => (
            <Badge key={publicKey} tone="good">{`joins: ${printable(name)}`}</Badge>
          ))}{" "}
          {leaves.map(({ name, publicKey }) => (
            <Badge key={publicKey} tone="warn">{`leaves: ${printable(name)}`}</Badge>
          ))}{" "}
          {rekeyed.map(({ name, publicKey }) => (
            <Badge key={publicKey} tone="warn">{`new key: ${printable(name)}`}</Badge>
          ))}
        </Fact>
      </Facts>
    </Panel>
  );
}

const TONES = { open: "warn", approved: "good", rejected: "bad", expired: "quiet" } as const;

function Ballot({ proposal }: { readonly proposal: Proposal }) {
  const { id, proposer, status, change, seat, approve, reject, needed, votes, note, expires } = proposal;
  const who = (approves: boolean) =>
    printable(
      votes
        .filter((vote) => vote.approves === approves)
        .map(({ name, account }) => name ?? shorten(account))
        .join(", "),
    );
  // The key of a seat that is gone, or a peer id: too long for a small window.
  const key = change.publicKey ?? change.peerId;
  const subject = change.name ?? seat ?? change.parameter ?? (key ? shorten(`${key}`) : "");
  return (
    <div class="asked">
      <Badge tone={TONES[status]}>{status}</Badge>{" "}
      <b>{`${id}: ${change.change} ${printable(`${subject}`)}`}</b>{" "}
      {change.value === undefined ? "" : `= ${change.value} `}
      <span class="quiet">
        by <HashLink to="account" hash={proposer} />
        {note === "" ? "" : `: ${printable(note)}`}
      </span>
      <Bar of={needed} done={approve} label={`${approve} of ${needed}`} />
      <span class="quiet">
        {approve} of {needed} needed, for it: {who(true) || "nobody"}
        {reject === 0 ? "" : `; ${reject} against: ${who(false)}`}
        {status === "open" ? `; expires at height ${expires}` : ""}
      </span>
    </div>
  );
}
