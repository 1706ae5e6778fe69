/**
 * How the chain does, on one screen: in words, in figures, and as it moves.
 *
 * This folder: one file for each page; model/routes.ts says which there are. Not here: what several pages show
 * (explorer/parts).
 */
import { computed } from "@preact/signals";
import { askAll, orThrow } from "../live/asked-nodes.ts";
import { clock, heads, type NodeStanding, standing } from "../live/feed.ts";
import { latencyMs } from "../live/latency.ts";
import { useQuery } from "../live/query.ts";
import { showAge, showAmount, showDuration, showHashRate, showRate } from "../model/format.ts";
import { href } from "../model/routes.ts";
import { toleranceOf, trafficOf } from "../model/traffic.ts";
import { Answered } from "../parts/answered.tsx";
import { Text } from "../parts/basics.tsx";
import { Badge, Figure, Heading, Panel, StateBadge } from "../parts/layout.tsx";
import { BlockTable, TxTable } from "../parts/lists.tsx";
import { Graph } from "../parts/spark.tsx";

const SHOWN = 10;
const SECONDS = Array.from({ length: 60 }, (_, i) => i - 59);

const traffic = computed(() => trafficOf(heads.value, clock.value));

export function Overview() {
  const now = standing.value;
  if (now === undefined) {
    return (
      <>
        <Heading>Overview</Heading>
        <p class="notice quiet">asking the node …</p>
      </>
    );
  }
  return (
    <>
      <Heading aside={<ConsensusBadge {...now} />}>Overview</Heading>
      <Words {...now} />
      <Figures {...now} />
      <div class="grid">
        <Panel
          title="Transactions a second"
          aside={`${showRate(traffic.value.transactionsPerSecond)} in the last minute`}
          wide
        >
          <Graph
            label={`transactions in each of the last 60 seconds; ${showRate(traffic.value.transactionsPerSecond)} a second on average`}
            xs={SECONDS}
            lines={[{ label: "transactions", values: traffic.value.perSecond, color: "--accent" }]}
            showX={(x) => (x === 0 ? "now" : `${x} s`)}
            stepped
          />
        </Panel>
        <Panel title="Latest blocks" aside={<a href={href("blocks")}>all blocks</a>}>
          <BlockTable blocks={heads.value.slice(0, SHOWN)} label="latest blocks" />
        </Panel>
        <Latest />
      </div>
    </>
  );
}

function ConsensusBadge({ info, status }: NodeStanding) {
  const { consensus } = status;
  if (consensus?.type === "pbft") return <Badge>{`PBFT · view ${consensus.view} · final at once`}</Badge>;
  if (consensus?.type === "pow")
    return <Badge>{`proof of work · final ${consensus.finalityDepth} deep`}</Badge>;
  return <Badge>{info.consensus}</Badge>;
}

/** What `quorate explain` says, and what follows from it for the reader. */
function Words({ explain }: NodeStanding) {
  return (
    <section class={`explain ${explain.ok ? "good" : "bad"}`} aria-label="Why the chain moves or does not">
      <p role="status">
        <StateBadge {...explain} /> <strong>{<Text>{explain.summary}</Text>}</strong>
      </p>
      {explain.details.length === 0 ? null : (
        <ul>
          {explain.details.map((detail) => (
            <li key={detail}>
              <Text>{detail}</Text>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Figures(now: NodeStanding) {
  const { status, pool } = now;
  const head = heads.value[0];
  const sinceMs = head === undefined || head.height === 0 ? undefined : Math.max(0, clock.value - head.time);
  const { intervalMs } = traffic.value;
  const isFinalAtOnce = status.consensus?.type !== "pow";
  return (
    <dl class="figures">
      <Figure name="Height" note={heightNote(status)}>
        <a href={href("block", status.height)}>{showAmount(status.height)}</a>
      </Figure>
      <Figure
        name="Final height"
        note={isFinalAtOnce ? "as every block" : `${status.height - status.finalizedHeight} below the head`}
      >
        {showAmount(status.finalizedHeight)}
      </Figure>
      <Figure
        name="Last block"
        note={intervalMs === undefined ? undefined : `every ${showDuration(intervalMs)} of late`}
      >
        {sinceMs === undefined ? "none yet" : showAge(sinceMs)}
      </Figure>
      <Figure name="Transactions/s" note={`${showRate(traffic.value.blocksPerSecond)} blocks a second`}>
        {showRate(traffic.value.transactionsPerSecond)}
      </Figure>
      <Figure name="Latency" note="accepted here to in a block">
        {latencyMs.value === undefined ? "–" : showDuration(latencyMs.value)}
      </Figure>
      <Figure
        name="Pool"
        note={`${showAmount(pool.executable)} ready, ${showAmount(pool.queued)} wait for a nonce`}
      >
        <a href={href("pool")}>{showAmount(pool.transactions)}</a>
      </Figure>
      <Figure name="Peers">
        <a href={href("network")}>{status.peers}</a>
      </Figure>
      <Voters {...now} />
    </dl>
  );
}

function heightNote({ syncing, storage: { assumed } }: NodeStanding["status"]) {
  if (syncing !== false) return `syncing to ${syncing.target}`;
  return assumed && `state assumed, ${assumed.percent} % of history checked`;
}

function Voters({ validators, consensus, status }: NodeStanding) {
  if (status.consensus?.type === "pow") {
    return (
      <Figure name="Hash rate" note={status.consensus.mining ? "this node mines" : "this node does not mine"}>
        {status.consensus.hashrate === null ? "–" : showHashRate(status.consensus.hashrate)}
      </Figure>
    );
  }
  const online = validators.filter((validator) => validator.online).length;
  const quorum = consensus?.type === "pbft" ? consensus : undefined;
  if (quorum === undefined)
    return <Figure name="Validators in reach">{`${online} of ${validators.length}`}</Figure>;
  const budget = toleranceOf(online, quorum);
  const tone = budget.left < 0 ? "bad" : budget.used > 0 ? "warn" : "good";
  return (
    <>
      <Figure name="Validators online" tone={tone} note={`${quorum.quorum} make a quorum`}>
        <a href={href("validators")}>{`${online} of ${budget.n}`}</a>
      </Figure>
      <Figure name="Fault budget" tone={tone} note={`f = ${budget.f}: ${budgetWords(budget)}`}>
        {`${budget.used} of ${budget.f} used`}
      </Figure>
    </>
  );
}

function budgetWords({ left }: { readonly left: number }): string {
  if (left < 0) return `${-left} too few: the chain stands still`;
  if (left === 0) return "none to spare: one more and it stands still";
  return `${left} more may fail`;
}

function Latest() {
  const found = useQuery("latest", async () =>
    orThrow((await askAll([{ method: "tx_search", params: { limit: SHOWN } }]))[0]),
  );
  return (
    <Panel title="Latest transactions" aside={<a href={href("transactions")}>all transactions</a>}>
      <Answered query={found}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="notice quiet">none yet</p>
          ) : (
            <TxTable txs={items} label="latest transactions" />
          )
        }
      </Answered>
    </Panel>
  );
}
