/** `quorate gov list`: members, what waits for the end of the epoch, and proposals as they stand or were decided. */
import type { Client, ResultOf } from "../../sdk/client.ts";
import type { Output } from "../output.ts";
import { ask } from "../rpc.ts";
import { table } from "../table.ts";
import type { Membership } from "./gov-call.ts";
import { describeModules, describeRules } from "./gov-versions.ts";

type Proposal = ResultOf<"gov_getProposals">[number];

/** Prints members, what changes at the end of the epoch, and proposals. */
export async function list(out: Output, client: Client, limit: number): Promise<void> {
  const [membership, proposals] = await ask(
    Promise.all([client.call("gov_getMembership"), client.call("gov_getProposals", { limit })]),
  );
  const { epoch, nodeEpoch, firstHeight, lastHeight, members, peers, roles } = membership;
  const pending = pendingSeats(membership);
  const barrier =
    nodeEpoch === epoch ? [] : [`this node waits for the checkpoint that ends epoch ${nodeEpoch}`];
  const rows = proposals.map(proposalRow);
  out.result({ ...membership, proposals }, [
    `epoch ${epoch}: heights ${firstHeight} to ${lastHeight}`,
    ...table(
      ["validator", "key", "account"],
      members.map(({ name, publicKey, account }) => [name, publicKey, account]),
    ),
    ...barrier,
    describeRules(membership),
    ...describeModules(membership.modules),
    ...(pending.length === 0
      ? []
      : ["", `after height ${lastHeight}:`, ...pending.map((line) => `  ${line}`)]),
    ...(peers.length === 0 ? [] : ["", `admitted peers: ${peers.map(({ name }) => name).join(", ")}`]),
    ...(roles === null
      ? []
      : [
          "",
          "may send, besides the validators:",
          ...table(
            ["account", "roles"],
            roles.map((one) => [one.account, one.roles.join(", ")]),
          ),
        ]),
    "",
    limitsLine(membership),
    "",
    ...(rows.length === 0
      ? ["no proposals"]
      : table(["proposal", "status", "change", "votes", "by", "note"], rows)),
  ]);
}

/** The limits now, and what they become. */
function limitsLine({ parameters, nextParameters }: Membership): string {
  const shown = Object.entries(parameters).map(([name, value]) => {
    const next = nextParameters[name as keyof typeof parameters];
    return next === value ? `${name} ${value}` : `${name} ${value} (${next} from the next epoch on)`;
  });
  return `parameters: ${shown.join(", ")}`;
}

/** Seats that come, go or get another key. The account stays with a seat. */
export function pendingSeats({
  members,
  nextMembers,
}: Pick<Membership, "members" | "nextMembers">): readonly string[] {
  const needed = "it is needed until the epoch has ended";
  const coming = nextMembers.flatMap(({ name, publicKey, account }) => {
    const before = members.find((one) => one.account === account);
    if (before === undefined) return [`${name} joins with ${publicKey}`];
    if (before.publicKey === publicKey) return [];
    return [
      `${name} takes the key ${publicKey} instead of ${before.publicKey}: that one is needed until the epoch has ended`,
    ];
  });
  const leaving = members.filter(({ account }) => !nextMembers.some((one) => one.account === account));
  return [...coming, ...leaving.map(({ name, publicKey }) => `${name} leaves with ${publicKey}: ${needed}`)];
}

/** The number, status, change, votes, proposer and note of a proposal. */
export function proposalRow(proposal: Proposal): readonly string[] {
  const { id, status, proposer, proposerName, note } = proposal;
  const forced = forcedBy(proposal);
  const notes = [...(forced === undefined ? [] : [forced]), ...(note === "" ? [] : [note])];
  return [
    `${id}`,
    status,
    describeChange(proposal),
    describeVotes(proposal),
    proposerName ?? proposer,
    notes.join(": "),
  ];
}

function describeChange({ change: { change, name, ...more }, seat }: Proposal): string {
  const subject = seat ?? name;
  const fields = Object.entries(more).map(([key, value]) => `${key} ${value}`);
  return [subject === undefined ? `${change}` : `${change} ${subject}`, ...fields].join("  ");
}

/** Whoever decided counted the seats of then, and an administrator's word counts alone. */
function describeVotes({ status, approve, reject, needed, decided }: Proposal): string {
  if (status === "rejected") return `${reject} against, at height ${decided}`;
  if (status !== "approved") return `${approve} of ${needed}`;
  return approve < needed
    ? `by an administrator, at height ${decided}`
    : `${approve} of ${needed}, at height ${decided}`;
}

/** Who sent a proposal or a vote although the node that was asked warned of harm. */
function forcedBy({ forced, votes, proposer, proposerName }: Proposal): string | undefined {
  const voters = votes.filter((vote) => vote.forced).map(({ name, account }) => name ?? account);
  const all = new Set([...(forced ? [proposerName ?? proposer] : []), ...voters]);
  return all.size === 0 ? undefined : `forced by ${[...all].join(", ")}`;
}
