/** The buttons of a devnet: kill, pause, resume and restart its nodes, cut the network into two sides, heal it. */
import { useEffect, useState } from "preact/hooks";
import { printable } from "../../base/printable.ts";
import {
  type DevnetView,
  devnet,
  giveOrder,
  orderProblem,
  ordersRunning,
  watchDevnet,
} from "../live/devnet.ts";
import { token } from "../live/token.ts";
import { showAmount } from "../model/format.ts";
import { Badge, Columns, Note, Panel, Scroll } from "./layout.tsx";
import { ForgetToken, TokenForm } from "./token-form.tsx";

export function DevnetPanel() {
  useEffect(watchDevnet, []);
  const state = devnet.value;
  return (
    <Panel title="Devnet" aside={<ForgetToken />}>
      {token.value === undefined ? <TokenForm file=".devnet/rpc.token" /> : null}
      {state.kind === "known" ? <Buttons view={state.view} /> : null}
      {token.value !== undefined && state.kind === "none" && state.why !== undefined ? (
        <Note>{printable(state.why)}</Note>
      ) : null}
      {orderProblem.value === undefined ? null : <Note tone="bad">{printable(orderProblem.value)}</Note>}
      {state.kind === "known" ? null : <Commands />}
    </Panel>
  );
}

type DevnetNode = DevnetView["nodes"][number];

function Buttons({ view: { nodes, partition } }: { readonly view: DevnetView }) {
  const [away, setAway] = useState<ReadonlySet<number>>(new Set());
  const move = (index: number) => {
    const next = new Set(away);
    if (!next.delete(index)) next.add(index);
    setAway(next);
  };
  const isBusy = ordersRunning.value > 0;
  const canCut = away.size > 0 && away.size < nodes.length;
  return (
    <>
      <Scroll label="nodes of the devnet">
        <table>
          <Columns names={["node", "process", ["height"], "do", "other side"]} />
          <tbody>
            {nodes.map((node) => (
              <Row key={node.index} node={node} isAway={away.has(node.index)} isBusy={isBusy} move={move} />
            ))}
          </tbody>
        </table>
      </Scroll>
      <p class="buttons">
        <button
          type="button"
          disabled={isBusy || !canCut}
          onClick={() => void giveOrder({ order: "partition", groups: [[...away].join(",")] })}
        >
          Partition: cut the marked ones off
        </button>{" "}
        <button
          type="button"
          disabled={isBusy || partition === null}
          onClick={() => void giveOrder({ order: "heal" })}
        >
          Heal
        </button>{" "}
        <span role="status">
          {partition === null ? "" : `PARTITIONED: ${partition.map((group) => group.join(", ")).join(" / ")}`}
        </span>
      </p>
    </>
  );
}

function Row(props: {
  readonly node: DevnetNode;
  readonly isAway: boolean;
  readonly isBusy: boolean;
  readonly move: (index: number) => void;
}) {
  const { node, isAway, isBusy, move } = props;
  const { index, name, state, height } = node;
  return (
    <tr>
      <td>{printable(name)}</td>
      <td>
        <Badge tone={state === "running" ? "good" : "bad"}>{state}</Badge>
      </td>
      <td class="right">{height === null ? "–" : showAmount(height)}</td>
      <td>
        {ordersFor(state).map((order) => (
          <button
            key={order}
            type="button"
            class="small"
            disabled={isBusy}
            aria-label={`${order} ${printable(name)}`}
            onClick={() => void giveOrder({ order, node: index })}
          >
            {order}
          </button>
        ))}
      </td>
      <td>
        <input
          type="checkbox"
          aria-label={`${printable(name)} on the other side`}
          checked={isAway}
          onChange={() => move(index)}
        />
      </td>
    </tr>
  );
}

function ordersFor(state: DevnetNode["state"]): readonly ("kill" | "pause" | "resume" | "restart")[] {
  if (state === "running") return ["kill", "pause"];
  return state === "paused" ? ["resume", "kill"] : ["restart"];
}

function Commands() {
  return (
    <>
      <p>The same in another terminal, on the machine of the devnet:</p>
      <pre>
        {
          "npx quorate devnet kill 0          npx quorate devnet restart 0\nnpx quorate devnet pause 1         npx quorate devnet resume 1\nnpx quorate devnet partition 0,1/2,3   npx quorate devnet heal"
        }
      </pre>
    </>
  );
}
