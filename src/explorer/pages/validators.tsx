/** Who votes: where each validator stands, what it proposed of late, how the set changes, and proven equivocations. */
import { printable } from "../../base/printable.ts";
import { askAll, orUndefined } from "../live/asked-nodes.ts";
import { type CheckedEvidence, checkEvidence } from "../live/checked-evidence.ts";
import { heads, standing } from "../live/feed.ts";
import { useQuery } from "../live/query.ts";
import { showAmount } from "../model/format.ts";
import { Answered } from "../parts/answered.tsx";
import { HashLink } from "../parts/basics.tsx";
import { Decoded } from "../parts/decoded.tsx";
import { Badge, Heading, Note, Panel, Scroll } from "../parts/layout.tsx";
import { MarkSign, markOf } from "../parts/marks.tsx";

export function Validators() {
  const validators = standing.value?.validators ?? [];
  const found = useQuery("membership", async () => {
    const [members, proposals, evidence] = await askAll([
      { method: "gov_getMembership" },
      { method: "gov_getProposals", params: { limit: 10 } },
      { method: "consensus_getEvidence" },
    ]);
    return {
      members: orUndefined(members),
      proposals: orUndefined(proposals),
      evidence: await checkEvidence(orUndefined(evidence) ?? []),
    };
  });
  return (
    <>
      <Heading aside={`${validators.filter(({ online }) => online).length} of ${validators.length} in reach`}>
        Validators
      </Heading>
      <ValidatorTable />
      <Answered query={found}>
        {({ members, proposals, evidence }) => (
          <>
            {members === undefined ? null : (
              <Panel
                title={`Epoch ${members.epoch}`}
                aside={`heights ${members.firstHeight} to ${members.lastHeight}`}
              >
                <p>
                  Members: {printable(members.members.map(({ name }) => name).join(", "))}. Of the next epoch:{" "}
                  {printable(members.nextMembers.map(({ name }) => name).join(", "))}.
                </p>
              </Panel>
            )}
            {(proposals ?? []).map(({ id, status, change, approve, reject, needed, note }) => (
              <Panel
                key={id}
                title={`Proposal ${id}`}
                aside={
                  <Badge
                    tone={status === "approved" ? "good" : "quiet"}
                  >{`${status}: ${approve} for, ${reject} against, ${needed} needed`}</Badge>
                }
              >
                <Decoded value={change} />
                {note === "" ? null : <p>{printable(note)}</p>}
              </Panel>
            ))}
            <Equivocations evidence={evidence} />
          </>
        )}
      </Answered>
    </>
  );
}

function ValidatorTable() {
  const validators = standing.value?.validators ?? [];
  const proposed = (index: number) =>
    heads.value.filter(({ proposer, height }) => proposer === index && height > 0).length;
  return (
    <Panel title="As this node sees them">
      <Scroll label="validators">
        <table>
          <thead>
            <tr>
              <th>name</th>
              <th>now</th>
              <th class="right">last seen at</th>
              <th class="right">in view</th>
              <th class="right">round trip</th>
              <th class="right">proposed of the last {heads.value.length}</th>
              <th>account</th>
              <th>key</th>
            </tr>
          </thead>
          <tbody>
            {validators.map(({ id, index, online, lastSeenSeq, lastSeenView, rttMs, address, publicKey }) => (
              <tr key={publicKey}>
                <td>{printable(id)}</td>
                <td>
                  <Badge tone={online ? "good" : "bad"}>{online ? "in reach" : "away"}</Badge>
                </td>
                <td class="right">{showAmount(lastSeenSeq ?? "–")}</td>
                <td class="right">{lastSeenView ?? "–"}</td>
                <td class="right quiet">{rttMs === null ? "–" : `${rttMs.toFixed(1)} ms`}</td>
                <td class="right">{proposed(index)}</td>
                <td>
                  <HashLink to="account" hash={address} />
                </td>
                <td>
                  <code title={publicKey}>{publicKey.slice(0, 12)}…</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}

function Equivocations({ evidence }: { readonly evidence: readonly CheckedEvidence[] }) {
  return (
    <Panel title="Equivocations" aside="both signatures of each are checked in this browser">
      {evidence.length === 0 ? <p class="notice quiet">none proven</p> : null}
      {evidence.map(({ told, check, words }, i) => (
        <Note key={`${told.validator}${i}`} tone={check.holds ? "bad" : "warn"}>
          <MarkSign mark={markOf([check])} /> {printable(words)}
        </Note>
      ))}
    </Panel>
  );
}
