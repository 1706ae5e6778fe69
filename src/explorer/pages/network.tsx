/** Several nodes side by side: heads, what each says of the chain, and who talks to whom, so that a partition shows. */
import { printable } from "../../base/printable.ts";
import { nodeUrls } from "../live/asked-nodes.ts";
import { type SeenNode, seenNodes } from "../live/others.ts";
import { shorten, showAmount, showBytes } from "../model/format.ts";
import { Age } from "../parts/basics.tsx";
import { DevnetPanel } from "../parts/devnet-panel.tsx";
import { Badge, Columns, Heading, Panel, Scroll, StateBadge } from "../parts/layout.tsx";

export function Network() {
  const nodes = seenNodes.value;
  const hashes = [...new Set(nodes.map(({ answers }) => answers?.status.headHash))];
  return (
    <>
      <Heading
        aside={
          hashes.length > 1 ? <Badge tone="warn">{`${hashes.length} different heads`}</Badge> : undefined
        }
      >
        Network
      </Heading>
      <Panel title="Nodes">
        <Scroll label="nodes">
          <table>
            <Columns names={["node", "now", ["height"], "head", ["view"], ["peers"], ["pool"], "it says"]} />
            <tbody>
              {nodes.map((node) => (
                <NodeRow key={node.url} node={node} heads={hashes} />
              ))}
            </tbody>
          </table>
        </Scroll>
        {nodeUrls.length > 1 ? null : (
          <p class="quiet">
            Add others to the address to see them side by side: <code>?nodes=18545,18546,18547,18548</code>{" "}
            before the <code>#</code>.
          </p>
        )}
      </Panel>
      <DevnetPanel />
      {nodeUrls.length > 1 ? <Links nodes={nodes} /> : null}
      {nodes.map((node) => (
        <Peers key={node.url} node={node} />
      ))}
    </>
  );
}

function NodeRow({
  node: { url, answers, gone },
  heads,
}: {
  readonly node: SeenNode;
  readonly heads: readonly (string | undefined)[];
}) {
  const consensus = answers?.status.consensus;
  return (
    <tr>
      <td title={url}>{printable(answers?.info.name ?? url)}</td>
      <td>
        <Badge tone={gone === undefined ? "good" : "bad"}>
          {gone !== undefined ? "gone" : answers === undefined ? "asking" : "answers"}
        </Badge>
      </td>
      {answers === undefined ? (
        <td colSpan={6}>{printable(gone ?? "")}</td>
      ) : (
        <>
          <td class="right">{showAmount(answers.status.height)}</td>
          <td>
            <span class={`swatch v${heads.indexOf(answers.status.headHash) % 8}`} />
            <code>{shorten(answers.status.headHash)}</code>
          </td>
          <td class="right">{consensus?.type === "pbft" ? consensus.view : "–"}</td>
          <td class="right">{answers.status.peers}</td>
          <td class="right">{answers.status.mempool}</td>
          <td class="wrap">
            <StateBadge {...answers.explain} /> {printable(answers.explain.summary)}
          </td>
        </>
      )}
    </tr>
  );
}

/** Each row says whom that node is connected to, with the round trip that it measured. */
function Links({ nodes }: { readonly nodes: readonly SeenNode[] }) {
  return (
    <Panel title="Who talks to whom" aside="round trips in ms, as the node of the row measured them">
      <Scroll label="connections">
        <table class="matrix">
          <thead>
            <tr>
              <th>from / to</th>
              {nodes.map(({ url, answers }) => (
                <th key={url}>{printable(answers?.info.name ?? url)}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {nodes.map((from) => (
              <tr key={from.url}>
                <th scope="row">{printable(from.answers?.info.name ?? from.url)}</th>
                {nodes.map((to) => (
                  <Link key={to.url} from={from} to={to} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}

function Link({ from, to }: { readonly from: SeenNode; readonly to: SeenNode }) {
  if (from === to) return <td class="vote quiet">–</td>;
  const peer = from.answers?.peers.find(({ peerId }) => peerId === to.answers?.info.nodeId);
  if (from.gone !== undefined || peer === undefined) return <td class="vote away">✖ apart</td>;
  return <td class="vote commit">{peer.latencyMs === null ? "✔" : peer.latencyMs.toFixed(1)}</td>;
}

function Peers({ node: { answers } }: { readonly node: SeenNode }) {
  if (answers === undefined) return null;
  return (
    <Panel title={`Peers of ${printable(answers.info.name)}`}>
      <Scroll label={`peers of ${printable(answers.info.name)}`}>
        <table>
          <Columns
            names={[
              "peer",
              "role",
              "direction",
              ["round trip"],
              ["height it tells"],
              ["clock"],
              ["in, out"],
              ["since"],
            ]}
          />
          <tbody>
            {answers.peers.map(
              ({
                peerId,
                name,
                role,
                direction,
                latencyMs,
                height,
                clockOffsetMs,
                bytesIn,
                bytesOut,
                sinceMs,
              }) => (
                <tr key={peerId}>
                  <td title={peerId}>{printable(name ?? `${peerId.slice(0, 16)}…`)}</td>
                  <td>{role}</td>
                  <td>{direction}</td>
                  <td class="right">{latencyMs === null ? "–" : `${latencyMs.toFixed(1)} ms`}</td>
                  <td class="right">{height === null ? "–" : showAmount(height)}</td>
                  <td class="right quiet">{clockOffsetMs === null ? "–" : `${clockOffsetMs} ms`}</td>
                  <td class="right quiet">
                    {showBytes(bytesIn)}, {showBytes(bytesOut)}
                  </td>
                  <td class="right quiet">
                    <Age timeMs={sinceMs} />
                  </td>
                </tr>
              ),
            )}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}
