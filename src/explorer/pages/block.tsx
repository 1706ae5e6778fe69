/** One block: decoded from the bytes that were checked, with its certificate or its work, and its transactions. */
import { printable } from "../../base/printable.ts";
import { standing } from "../live/feed.ts";
import { type BlockView, readBlock, type ShownBlock, type ShownTx } from "../live/ledger.ts";
import { memberName, membersAt } from "../live/members.ts";
import { useQuery } from "../live/query.ts";
import { route } from "../live/route.ts";
import { showAmount, showBytes } from "../model/format.ts";
import { href } from "../model/routes.ts";
import { Answered } from "../parts/answered.tsx";
import { Copy, HashLink, HeightLink, Time } from "../parts/basics.tsx";
import { Bytes, HEADER_FIELDS } from "../parts/bytes.tsx";
import { Badge, Columns, Fact, Facts, Heading, Note, Panel, Scroll } from "../parts/layout.tsx";
import { Call } from "../parts/lists.tsx";
import { LongRows } from "../parts/long-rows.tsx";
import { Checks, MarkSign, markOf } from "../parts/marks.tsx";

export function BlockPage() {
  const name = route.value.argument ?? "0";
  // A block of a height can change where blocks can be abandoned, and confirmations grow.
  const found = useQuery(`block ${name}`, () => readBlock(name), standing.value?.info.consensus === "pow");
  return (
    <Answered query={found} title="Block">
      {(view) =>
        view === undefined ? (
          <>
            <Heading>Block</Heading>
            <Note tone="warn">This node knows no block {printable(name)}.</Note>
          </>
        ) : (
          <Shown {...view} />
        )
      }
    </Answered>
  );
}

function Shown({ block, transactions, checks, raw, header }: BlockView) {
  return (
    <>
      <Heading aside={<Neighbours {...block} />}>
        Block {showAmount(block.height)} <MarkSign mark={markOf(checks)} />
      </Heading>
      {block.branch === undefined ? null : (
        <Note tone="warn">
          This block is not on the active chain ({block.branch.status}, branched off after height{" "}
          {block.branch.forkHeight}): what it holds does not count.
        </Note>
      )}
      <div class="grid">
        <Panel title="Block">
          <Facts>
            <Fact name="hash">
              <code class="hex">{printable(block.hash)}</code>
              <Copy text={block.hash} />
            </Fact>
            <Fact name="parent">
              {block.height === 0 ? (
                "none: the first block"
              ) : (
                <HashLink to="block" hash={block.parentHash} whole />
              )}
            </Fact>
            <Fact name="time">
              <Time timeMs={block.time} />
            </Fact>
            <Fact name="transactions">{showAmount(block.txCount)}</Fact>
            <Fact name="size">{showBytes(block.size)}</Fact>
            <Sealed {...block} />
            <Fact name="state root">
              <code class="hex">{printable(block.stateRoot)}</code>
            </Fact>
            <Fact name="receipts root">
              <code class="hex">{printable(block.receiptsRoot)}</code>
            </Fact>
            <Fact name="transactions root">
              <code class="hex">{printable(block.txRoot)}</code>
            </Fact>
          </Facts>
        </Panel>
        <div>
          <Checks checks={checks} none="a block beside the chain: the node gives no proof of it" />
          {header?.by === "certificate" ? <Signatures {...block} /> : null}
        </div>
        <Panel title="Transactions" wide>
          {transactions === undefined ? (
            <Note>Only the header of this block is here.</Note>
          ) : (
            <BlockTransactions txs={transactions} />
          )}
        </Panel>
        {raw === undefined ? null : (
          <>
            <Bytes title="Header" hex={raw.header} fields={HEADER_FIELDS} />
            <Bytes title="Summary" hex={raw.summary} />
            {raw.seal.length <= 2 ? null : <Bytes title="Seal (commit certificate)" hex={raw.seal} />}
          </>
        )}
      </div>
    </>
  );
}

function Neighbours({ height }: ShownBlock) {
  const top = standing.value?.status.height ?? height;
  return (
    <>
      {height > 0 ? <a href={href("block", height - 1)}>← {showAmount(height - 1)}</a> : null}
      {" · "}
      {height < top ? <a href={href("block", height + 1)}>{showAmount(height + 1)} →</a> : null}
    </>
  );
}

function Sealed({ consensus, height, proposer }: ShownBlock) {
  if (consensus.type === "pow") {
    return (
      <>
        <Fact name="bits, nonce">
          <code>{printable(consensus.bits)}</code>, {showAmount(consensus.nonce)}
        </Fact>
        <Fact name="difficulty">{consensus.difficulty}</Fact>
        <Fact name="work">
          {showAmount(consensus.work)} expected hashes
          {consensus.totalWork === undefined ? "" : `, ${showAmount(consensus.totalWork)} with all before`}
        </Fact>
      </>
    );
  }
  if (height === 0) return <Fact name="proposer">none: the genesis</Fact>;
  return (
    <>
      <Fact name="proposer">{printable(memberName(proposer, membersAt(height)))}</Fact>
      <Fact name="committed in view">{consensus.view}</Fact>
    </>
  );
}

function Signatures({ consensus, height }: ShownBlock) {
  if (consensus.type !== "pbft") return null;
  return (
    <Panel title="Commit certificate" aside={`${consensus.commits.length} signatures, each verified here`}>
      <Facts>
        {consensus.commits.map(({ validator, sig }) => (
          <Fact
            key={validator}
            name={
              <>
                <span class="mark holds" aria-hidden="true">
                  ✔
                </span>{" "}
                {printable(memberName(validator, membersAt(height)))}
              </>
            }
          >
            <code class="hex quiet">{printable(sig)}</code>
          </Fact>
        ))}
      </Facts>
    </Panel>
  );
}

function BlockTransactions({ txs }: { readonly txs: readonly ShownTx[] }) {
  if (txs.length === 0) return <p class="notice quiet">none</p>;
  return (
    <Scroll label="transactions of this block">
      <table>
        <Columns names={[["#"], "transaction", "from", "what", ["nonce"], ["fee"]]} />
        <LongRows
          items={txs}
          keyOf={({ txHash }) => txHash}
          cells={({ txHash, from, module, call, nonce, fee }, i) => (
            <>
              <td class="right quiet">{i}</td>
              <td>
                <HashLink to="transaction" hash={txHash} />
              </td>
              <td>
                {module === "coinbase" ? <Badge>coinbase</Badge> : <HashLink to="account" hash={from} />}
              </td>
              <td>
                <Call module={module} call={call} />
              </td>
              <td class="right quiet">{module === "coinbase" ? "" : showAmount(nonce)}</td>
              <td class="right">{showAmount(fee)}</td>
            </>
          )}
        />
      </table>
    </Scroll>
  );
}

export function PlaceLink({ height }: { readonly height: number }) {
  return (
    <>
      block <HeightLink height={height} />
    </>
  );
}
