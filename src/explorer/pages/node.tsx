/** This node: who it is, and its metrics, drawn since the page was opened. */
import { useState } from "preact/hooks";
import { printable } from "../../base/printable.ts";
import { standing } from "../live/feed.ts";
import { history, metrics } from "../live/latency.ts";
import { showDuration } from "../model/format.ts";
import { Badge, Fact, Facts, Heading, Panel, Scroll } from "../parts/layout.tsx";
import { OperatorPanels } from "../parts/operator-panels.tsx";
import { Graph } from "../parts/spark.tsx";

export function Node() {
  const [name, setName] = useState("process_resident_memory_bytes");
  const samples = history.value;
  return (
    <>
      <Heading>Node</Heading>
      <Identity />
      <Panel title={name} aside="since this page was opened; choose another below">
        {samples.length < 2 ? (
          <p class="notice quiet">drawn from the second sample of this node's /metrics on</p>
        ) : (
          <Graph
            label={name}
            xs={samples.map(({ atMs }) => atMs / 1_000)}
            lines={[
              {
                label: name,
                values: samples.map(({ values }) => values.get(name) ?? null),
                color: "--accent",
              },
            ]}
            isTime
            height={160}
          />
        )}
      </Panel>
      <OperatorPanels />
      <MetricTable choose={setName} />
    </>
  );
}

function Identity() {
  const info = standing.value?.info;
  if (info === undefined) return null;
  return (
    <Panel title={printable(info.name)} aside={<Badge>{info.mode}</Badge>}>
      <Facts>
        <Fact name="version">
          {printable(info.version)}, Node.js {printable(info.nodeVersion)}
        </Fact>
        <Fact name="chain">
          {info.chainId}, {info.consensus}
        </Fact>
        <Fact name="genesis">
          <code class="hex">{printable(info.genesisHash)}</code>
        </Fact>
        <Fact name="peer id">
          <code class="hex">{printable(info.nodeId)}</code>
        </Fact>
        <Fact name="up for">{showDuration(info.uptimeMs)}</Fact>
        <Fact name="methods">{info.apis.join(", ")}</Fact>
      </Facts>
    </Panel>
  );
}

function MetricTable({ choose }: { readonly choose: (name: string) => void }) {
  const [filter, setFilter] = useState("");
  const shown = metrics.value.filter((metric) => metric.name.includes(filter)).slice(0, 200);
  return (
    <Panel
      title="Metrics"
      aside={
        <input
          aria-label="filter"
          placeholder="filter"
          value={filter}
          onInput={({ currentTarget }) => setFilter(currentTarget.value)}
        />
      }
    >
      <Scroll label="metrics">
        <table>
          <tbody>
            {shown.map((metric) => (
              <tr key={metric.name}>
                <td>
                  <button
                    type="button"
                    class="link"
                    onClick={() => choose(metric.samples[0]?.name ?? metric.name)}
                  >
                    {metric.name}
                  </button>
                </td>
                <td class="right wrap">
                  {metric.type === "histogram"
                    ? `${metric.samples.length} samples`
                    : metric.samples
                        .slice(0, 3)
                        .map(
                          ({ labels, value }) =>
                            `${labels === "" ? "" : `${labels} `}${Number(value.toPrecision(6))}`,
                        )
                        .join("; ")}
                </td>
                <td class="wrap quiet">{printable(metric.help)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}
