/** Who votes: where each validator stands, what it proposed of late, how the set changes, and proven equivocations. */
import { printable } from "../../base/printable.ts";
import { askAll, orUndefined } from "../live/asked-nodes.ts";
import { type CheckedEvidence, checkEvidence } from "../live/checked-evidence.ts";
import { heads, standing } from "../live/feed.ts";
import { membersAt } from "../live/members.ts";
import { useQuery } from "../live/query.ts";
import { showAmount } from "../model/format.ts";
import { Answered } from "../parts/answered.tsx";
import { HashLink } from "../parts/basics.tsx";
import { Badge, Columns, Heading, Note, Panel, Scroll } from "../parts/layout.tsx";
import { MarkSign, markOf } from "../parts/marks.tsx";
import { Membership } from "../parts/membership.tsx";

export function Validators() {
  const validators = standing.value?.validators ?? [];
  const found = useQuery("evidence", async () => {
    const [evidence] = await askAll([{ method: "consensus_getEvidence" }]);
    return checkEvidence(orUndefined(evidence) ?? []);
  });
  return (
    <>
      <Heading aside={`${validators.filter(({ online }) => online).length} of ${validators.length} in reach`}>
        Validators
      </Heading>
      <ValidatorTable />
      <Membership decided />
      <Answered query={found}>{(evidence) => <Equivocations evidence={evidence} />}</Answered>
    </>
  );
}

function ValidatorTable() {
  const validators = standing.value?.validators ?? [];
  const proposed = (name: string) =>
    heads.value.filter(({ proposer, height }) => height > 0 && membersAt(height)[proposer] === name).length;
  return (
    <Panel title="As this node sees them">
      <Scroll label="validators">
        <table>
          <Columns
            names={[
              "name",
              "now",
              ["last seen at"],
              ["in view"],
              ["round trip"],
              [`proposed of the last ${heads.value.length}`],
              "account",
              "key",
            ]}
          />
          <tbody>
            {validators.map(({ id, online, lastSeenSeq, lastSeenView, rttMs, address, publicKey }) => (
              <tr key={publicKey}>
                <td>{printable(id)}</td>
                <td>
                  <Badge tone={online ? "good" : "bad"}>{online ? "in reach" : "away"}</Badge>
                </td>
                <td class="right">{showAmount(lastSeenSeq ?? "–")}</td>
                <td class="right">{lastSeenView ?? "–"}</td>
                <td class="right quiet">{rttMs === null ? "–" : `${rttMs.toFixed(1)} ms`}</td>
                <td class="right">{proposed(id)}</td>
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
      {evidence.map(({ claim, check, words }, i) => (
        <Note key={`${claim.validator}${i}`} tone={check.holds ? "bad" : "warn"}>
          <MarkSign mark={markOf([check])} /> {printable(words)}
        </Note>
      ))}
    </Panel>
  );
}
