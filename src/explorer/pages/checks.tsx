/** What a mark stands for, what everything is held to, and what was checked of late. */
import { printable } from "../../base/printable.ts";
import { acceptGenesis, checkLog, counts, failures, genesisPin } from "../live/checks.ts";
import { showAmount } from "../model/format.ts";
import { href } from "../model/routes.ts";
import { showTime } from "../parts/basics.tsx";
import { Badge, Columns, Heading, Panel, Scroll } from "../parts/layout.tsx";

export function ChecksPage() {
  const { held, failed } = counts.value;
  return (
    <>
      <Heading
        aside={
          <Badge
            tone={failed === 0 ? "good" : "bad"}
          >{`${showAmount(held)} held, ${showAmount(failed)} failed`}</Badge>
        }
      >
        What is checked
      </Heading>
      <Rule />
      <Pinned />
      <Recent />
    </>
  );
}

function Rule() {
  return (
    <Panel title="The rule">
      <p>
        This page believes the node nothing that can be proved. It decodes blocks, transactions and state
        itself, from the bytes that it has checked, by the code of <code>quorate/verify</code>, which also
        runs offline.
      </p>
      <ul class="plain">
        <li>
          <b>Certificate.</b> A block of validators is final when a quorum signed its hash. Each signature is
          verified here (Ed25519, ZIP-215), against the validators of its epoch, which follow from those that
          the genesis names.
        </li>
        <li>
          <b>Proof of work.</b> A mined block's hash must meet its target, its target must follow the
          genesis's rule as far as the headers show it, and the headers on top must link. How much work is
          enough is for you to say: a node that hides a heavier branch cannot be found out by one node alone.
          Compare several with <code>?nodes=</code>.
        </li>
        <li>
          <b>Transactions and receipts.</b> Their bytes lead by Merkle paths to the roots that the block's
          hash covers.
        </li>
        <li>
          <b>State.</b> A value, or that there is none, leads to the state root of a block that was checked.
        </li>
        <li>
          <b>Receipts</b> of anchored documents: <a href={href("receipt")}>drop one here</a>.
        </li>
      </ul>
      <p>
        Not checked, because nothing proves it: what waits in the pool, who is connected to whom, votes under
        way, metrics, and the words of <code>explain</code>. They are this node's word.
      </p>
    </Panel>
  );
}

function Pinned() {
  const isOther = failures.value.some(({ what }) => what === "genesis");
  return (
    <Panel
      title="Held to this genesis"
      aside={
        isOther ? (
          <button type="button" class="danger" onClick={acceptGenesis}>
            the chain was started anew: take this genesis
          </button>
        ) : undefined
      }
    >
      <p>
        <code class="hex">{genesisPin.value?.hash ?? "not asked for yet"}</code>
      </p>
      <p class="quiet">
        It came from the node at the first visit and is remembered in this browser. Compare it with one that
        you got by another way; who serves a wrong genesis at the first visit can show a chain of their own.
      </p>
    </Panel>
  );
}

function Recent() {
  return (
    <Panel title="Checked of late">
      <Scroll label="checks">
        <table>
          <Columns names={["when", "of", "what", "verdict"]} />
          <tbody>
            {checkLog.value.map(({ subject, what, holds, words, atMs }) => (
              <tr key={`${subject}${what}${words}`}>
                <td class="quiet">{showTime(atMs)}</td>
                <td>{printable(subject).slice(0, 40)}</td>
                <td>{what}</td>
                <td class="wrap">
                  <Badge tone={holds ? "good" : "bad"}>{holds ? "holds" : "does not hold"}</Badge>{" "}
                  {printable(words)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}
