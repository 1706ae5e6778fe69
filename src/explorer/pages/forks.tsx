/** A mined chain as it grows: its branches, who follows which tip, what reorganisations took, and who mines how much. */
import { useState } from "preact/hooks";
import { printable } from "../../base/printable.ts";
import { reversalProbability } from "../../consensus/pow/reversal.ts";
import { askAll, orThrow } from "../live/asked-nodes.ts";
import { standing } from "../live/feed.ts";
import { followersOf } from "../live/others.ts";
import { useQuery } from "../live/query.ts";
import { readUndone } from "../live/undone.ts";
import {
  confirmationsFor,
  minerColor,
  minerShares,
  type PlacedBlock,
  placeBlocks,
} from "../model/fork-layout.ts";
import { counted, showAmount, showHashRate, showShare } from "../model/format.ts";
import { Answered } from "../parts/answered.tsx";
import { Age, HashLink, HeightLink } from "../parts/basics.tsx";
import { Badge, Figure, Heading, Note, Panel, Scroll } from "../parts/layout.tsx";
import { Call } from "../parts/lists.tsx";
import { BlockMark } from "../parts/marks.tsx";
import { Graph } from "../parts/spark.tsx";

const ask = async () => {
  const [tree, tips, reorgs] = await askAll([
    { method: "chain_getForkTree" },
    { method: "chain_getTips" },
    { method: "chain_getReorgs", params: { limit: 10 } },
  ]);
  return { tree: orThrow(tree), tips: orThrow(tips), reorgs: orThrow(reorgs) };
};
type Forest = Awaited<ReturnType<typeof ask>>;

export function Forks() {
  const found = useQuery("forks", ask);
  const state = standing.value?.consensus;
  return (
    <>
      <Heading
        aside={
          state?.type === "pow" ? (
            <Badge>{`${state.tips} known ${state.tips === 1 ? "branch" : "branches"}`}</Badge>
          ) : undefined
        }
      >
        Fork tree, live
      </Heading>
      <Answered query={found}>
        {(forest) => (
          <>
            <MiningFigures />
            <div class="grid">
              <Tree {...forest} />
              <div>
                <Shares {...forest} />
                <Reorgs {...forest} />
                <Calculator />
                <Difficulty {...forest} />
              </div>
            </div>
          </>
        )}
      </Answered>
    </>
  );
}

function MiningFigures() {
  const state = standing.value?.consensus;
  if (state?.type !== "pow") return null;
  return (
    <dl class="figures">
      <Figure name="Height">{showAmount(state.height)}</Figure>
      <Figure name="Hash rate of all" note="from the last 120 blocks">
        {state.estimatedHashrate === null ? "–" : showHashRate(state.estimatedHashrate)}
      </Figure>
      <Figure name="Total work" note="expected hashes">
        {showAmount(state.totalWork)}
      </Figure>
      <Figure name="Wanted spacing" note={`rule: ${state.retargetRule}`}>{`${state.spacing} s`}</Figure>
      <Figure name="Called final" note="blocks on top; a label, no guarantee">
        {state.finalityDepth}
      </Figure>
    </dl>
  );
}

const ROW = 34;
const COLUMN = 26;

function Tree({ tree }: Forest) {
  const placed = placeBlocks(tree);
  const shares = minerShares(tree);
  const rows = Math.max(...placed.map(({ row }) => row)) + 1;
  const width = COLUMN * (Math.max(...placed.map(({ column }) => column)) + 1) + 6;
  const x = (column: number) => column * COLUMN + 16;
  const y = (row: number) => row * ROW + ROW / 2;
  return (
    <Panel title="The last heights" aside="the active chain at the left; coloured by miner">
      <Scroll label="fork tree">
        <div class="tree">
          <svg
            width={width}
            height={rows * ROW}
            role="img"
            aria-label={`${placed.filter(({ column }) => column > 0).length} blocks beside the chain`}
          >
            <title>fork tree</title>
            {placed.map(({ block, column, row, parent }) =>
              parent === undefined ? null : (
                <path
                  key={block.hash}
                  class={column === 0 ? "trunk" : "branch"}
                  d={`M${x(column)} ${y(row)}V${y(parent.row) - ROW / 2}L${x(parent.column)} ${y(parent.row)}`}
                />
              ),
            )}
            {placed.map(({ block, column, row }) => (
              <circle
                key={block.hash}
                class={`m${minerColor(shares, block.miner)} ${block.status}`}
                cx={x(column)}
                cy={y(row)}
                r={column === 0 ? 7 : 5.5}
              />
            ))}
          </svg>
          <ol>
            {placed
              .filter(({ column }) => column === 0)
              .map((active) => (
                <Row
                  key={active.row}
                  active={active}
                  beside={placed.filter(({ row, column }) => row === active.row && column > 0)}
                />
              ))}
          </ol>
        </div>
      </Scroll>
    </Panel>
  );
}

/** What has become of a block beside the chain. */
const STATUS_WORDS: Partial<Record<string, string>> = {
  "valid-fork": "undone",
  "valid-headers": "not executed",
  "headers-only": "header alone",
};

type Placed = PlacedBlock<Forest["tree"][number]>;

function Row({ active, beside }: { readonly active: Placed; readonly beside: readonly Placed[] }) {
  const { height, hash, time, txCount } = active.block;
  return (
    <li>
      <HeightLink height={height} /> <BlockMark hash={hash} height={height} />{" "}
      <HashLink to="block" hash={hash} />{" "}
      <span class="quiet">
        <Age timeMs={time} />, {counted(txCount, "transaction")}
      </span>
      <Followers hash={hash} />
      {beside.map(({ block }) => (
        <span key={block.hash} class="beside">
          <HashLink to="block" hash={block.hash} />{" "}
          <span class="quiet">{STATUS_WORDS[block.status] ?? block.status}</span>
          <Followers hash={block.hash} />
        </span>
      ))}
    </li>
  );
}

function Followers({ hash }: { readonly hash: string }) {
  return (
    <>
      {followersOf(hash).map((name) => (
        <Badge key={name}>{printable(name)}</Badge>
      ))}
    </>
  );
}

function Shares({ tree }: Forest) {
  const shares = minerShares(tree);
  const most = shares[0]?.share ?? 0;
  return (
    <Panel
      title="Who mined them"
      aside={counted(
        shares.reduce((sum, { blocks }) => sum + blocks, 0),
        "block",
      )}
    >
      {most <= 1 / 3 || shares.length < 2 ? null : (
        <Note tone={most > 1 / 2 ? "bad" : "warn"}>
          {most > 1 / 2
            ? "One miner has more than half: it can undo any block, alone, given time."
            : "One miner has more than a third: by withholding blocks it can earn more than its share, and undo some."}
        </Note>
      )}
      {shares.slice(0, 8).map(({ miner, blocks, share }) => (
        <div key={miner} class="share">
          <span>
            <span class={`swatch v${minerColor(shares, miner)}`} />
            <HashLink to="account" hash={miner} /> <span class="quiet">{counted(blocks, "block")}</span>
          </span>
          <b>{showShare(share)}</b>
          <div class="bar">
            <span class={`v${minerColor(shares, miner)}`} style={{ width: `${100 * share}%` }} />
          </div>
        </div>
      ))}
    </Panel>
  );
}

function Reorgs({ reorgs }: Forest) {
  return (
    <Panel title="Reorganisations">
      {reorgs.length === 0 ? <p class="notice quiet">none that this node went through</p> : null}
      <ul class="plain">
        {reorgs.map(({ atMs, depth, entered, dropped, oldHead, newHead }) => (
          <li key={oldHead + newHead}>
            <b>{depth} undone</b>, {entered} executed instead, <Age timeMs={atMs} />: left{" "}
            <HashLink to="block" hash={oldHead} /> for <HashLink to="block" hash={newHead} />;{" "}
            {dropped === 0
              ? "every transaction is in the new blocks too"
              : `the new blocks lacked ${counted(dropped, "transaction")}`}
            <Undone oldHead={oldHead} depth={depth} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** Asked for when it is opened: the node keeps the blocks that lost. */
function Undone({ oldHead, depth }: { readonly oldHead: string; readonly depth: number }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>what was lost, and what came back</summary>
      {isOpen ? <UndoneBlocks oldHead={oldHead} depth={depth} /> : null}
    </details>
  );
}

function UndoneBlocks({ oldHead, depth }: { readonly oldHead: string; readonly depth: number }) {
  const found = useQuery(`undone ${oldHead}`, () => readUndone(oldHead, depth));
  return (
    <Answered query={found}>
      {(blocks) => (
        <>
          {blocks.length === depth ? null : (
            <p class="quiet">{`${counted(blocks.length, "block")} of ${depth}: this node shows no more`}</p>
          )}
          {blocks.map(({ block: { hash, height, txs }, transactions }) => (
            <ul key={hash} class="plain">
              <li>
                block {showAmount(height)} <HashLink to="block" hash={hash} />:{" "}
                <Badge tone="bad">its reward is lost</Badge>
                {txs === null ? " its body is not here" : null}
              </li>
              {transactions.map(({ tx: { txHash, module, call }, now, isBack }) => (
                <li key={txHash}>
                  <HashLink to="transaction" hash={txHash} /> <Call module={module} call={call} />{" "}
                  <Badge tone={isBack ? "good" : "bad"}>{now}</Badge>
                </li>
              ))}
            </ul>
          ))}
        </>
      )}
    </Answered>
  );
}

const RISKS = [0.1, 0.01, 0.001, 0.0001] as const;

function Calculator() {
  const [percent, setPercent] = useState(10);
  const [depth, setDepth] = useState(6);
  const chance = (z: number) => reversalProbability(percent / 100, z);
  return (
    <Panel title="How many confirmations?">
      <label class="row">
        attacker's share of all hash power{" "}
        <input
          type="range"
          min={1}
          max={60}
          value={percent}
          onInput={({ currentTarget }) => setPercent(Number(currentTarget.value))}
        />{" "}
        <b>{percent} %</b>
      </label>
      <label class="row">
        confirmations{" "}
        <input
          type="number"
          min={1}
          max={1_000}
          value={depth}
          onInput={({ currentTarget }) =>
            setDepth(Math.min(1_000, Math.max(1, Math.floor(Number(currentTarget.value)) || 1)))
          }
        />
      </label>
      <p>
        After {counted(depth, "confirmation")} such an attacker undoes a payment with a chance of{" "}
        <b>{showChance(chance(depth))}</b>.
      </p>
      <ul class="plain">
        {RISKS.map((risk) => {
          const needed = confirmationsFor(chance, risk);
          return (
            <li key={risk}>
              at most {showChance(risk)}:{" "}
              {needed === undefined ? "no number is enough" : counted(needed, "confirmation")}
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}

function showChance(chance: number): string {
  if (chance > 0 && chance < 1e-6) return "less than 0.0001 %";
  return `${Number((100 * chance).toPrecision(2))} %`;
}

function Difficulty({ tree }: Forest) {
  const active = tree.filter(({ status, height }) => status === "active" && height > 0).reverse();
  if (active.length < 2) return null;
  return (
    <Panel title="Expected hashes of a block">
      <Graph
        label="work of the last blocks"
        xs={active.map(({ height }) => height)}
        lines={[{ label: "work", values: active.map(({ work }) => Number(work)), color: "--v1" }]}
        showX={(height) => (Number.isInteger(height) ? showAmount(height) : "")}
      />
    </Panel>
  );
}
