/** Agreement as it happens: who voted for what and when, the window of heights, the views and why they change. */
import { printable } from "../../base/printable.ts";
import { clock, type NodeStanding, standing } from "../live/feed.ts";
import { memberName, membersAt, membersNow, primaryIn, seatsAt } from "../live/members.ts";
import { voteBook } from "../live/vote-events.ts";
import { showAmount, showDuration } from "../model/format.ts";
import { type HeightVotes, PHASES, type ViewSpan, type VotePhase, viewSpans } from "../model/vote-matrix.ts";
import { Age, HeightLink, showTime } from "../parts/basics.tsx";
import { Badge, Bar, Columns, Figure, Heading, Note, Panel, Scroll } from "../parts/layout.tsx";
import { Membership } from "../parts/membership.tsx";

type Pbft = Extract<NonNullable<NodeStanding["consensus"]>, { readonly type: "pbft" }>;

const HEIGHTS_SHOWN = 8;

export function Consensus() {
  const now = standing.value;
  const state = now?.consensus;
  return (
    <>
      <Heading aside={state?.type === "pbft" ? <Badge>{`epoch ${state.epoch}`}</Badge> : undefined}>
        Consensus, live
      </Heading>
      {now === undefined ? null : state?.type === "pbft" ? (
        <Engine {...state} />
      ) : (
        <Note>
          {state?.type === "pow"
            ? "Blocks of this chain are mined, not voted on: see the fork tree."
            : "This node does not validate, so it runs no engine: open the explorer of a validator to see its votes."}
        </Note>
      )}
    </>
  );
}

function Engine(state: Pbft) {
  const { view, primary, seq, phase, timer, quorum, n, mode, attempt } = state;
  return (
    <>
      <dl class="figures">
        <Figure name="View" note={`primary ${printable(memberName(primary))}`}>
          <span class={`swatch v${primary % 8}`} />
          {view}
        </Figure>
        <Figure name="Next height" note={`phase: ${phase}`}>
          {showAmount(seq)}
        </Figure>
        <Figure name="Quorum" note={`f = ${state.f} of ${n} may lie`}>{`${quorum} of ${n}`}</Figure>
        <Figure
          name="Timer"
          tone={state.inViewChange ? "warn" : undefined}
          note={
            attempt > 0 ? `${attempt} view changes without a quick block` : "a view change when it runs out"
          }
        >
          {timer.armed
            ? `${showDuration(timer.dueInMs ?? 0)} of ${showDuration(timer.timeoutMs ?? 0)}`
            : "not armed"}
        </Figure>
        <Figure name="Mode" tone={mode === "normal" ? "good" : mode === "halted" ? "bad" : "warn"}>
          {mode}
        </Figure>
      </dl>
      {state.haltReason === null ? null : (
        <Note tone="bad">This validator votes no more: {printable(state.haltReason)}</Note>
      )}
      <div class="grid">
        <Matrix {...state} />
        <Watermarks {...state} />
        <Views {...state} />
        <ViewChange {...state} />
        <Membership />
        <Notes />
      </div>
    </>
  );
}

function Matrix({ primary }: Pbft) {
  const heights = voteBook.value.heights.slice(0, HEIGHTS_SHOWN);
  // Those who vote now, then those who left of late.
  const rows = [...new Set([...membersNow(), ...heights.flatMap(({ seq }) => membersAt(seq))])];
  return (
    <Panel
      title="Votes"
      aside="milliseconds after the first vote of the height, as this node heard them"
      wide
    >
      {heights.length === 0 ? (
        <p class="notice quiet">no votes yet: an idle chain makes no blocks</p>
      ) : (
        <Scroll label="votes of the last heights">
          <table class="matrix">
            <thead>
              <tr>
                <th rowSpan={2}>validator</th>
                {heights.map((height) => (
                  <th key={height.seq} colSpan={3} scope="colgroup">
                    <HeightLink height={height.seq} /> <span class="quiet">view {height.view}</span>
                    <Reached {...height} />
                  </th>
                ))}
              </tr>
              <tr>
                {heights.map(({ seq }) =>
                  PHASES.map((phase) => (
                    <th key={`${seq}${phase}`} scope="col" title={phase.toUpperCase()}>
                      {SHORT[phase]}
                    </th>
                  )),
                )}
              </tr>
            </thead>
            <tbody>
              {rows.map((name) => (
                <tr key={name}>
                  <th scope="row">
                    {printable(name)} {name === memberName(primary) ? <span title="primary">♛</span> : null}
                  </th>
                  {heights.map((height) =>
                    PHASES.map((phase) => (
                      <Vote key={`${height.seq}${phase}`} {...{ height, phase, name }} />
                    )),
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}

const SHORT: Readonly<Record<VotePhase, string>> = { "pre-prepare": "PP", prepare: "P", commit: "C" };

function Reached({ preparedMs, committedMs }: HeightVotes) {
  const words =
    committedMs !== undefined
      ? `committed in ${committedMs} ms`
      : preparedMs !== undefined
        ? `prepared in ${preparedMs} ms`
        : "collecting";
  return <div class={`reached ${committedMs === undefined ? "" : "done"}`}>{words}</div>;
}

function Vote({
  height,
  phase,
  name,
}: {
  readonly height: HeightVotes;
  readonly phase: VotePhase;
  readonly name: string;
}) {
  const seats = seatsAt(height.seq);
  const seat = seats.names.indexOf(name);
  const ms = height.cells[phase].get(seat);
  const isPrimarys = primaryIn(height.view, seats) === seat;
  // Only the primary proposes, and its PRE-PREPARE stands for its PREPARE.
  const isNone = seat < 0 || (phase === "pre-prepare" ? !isPrimarys : phase === "prepare" && isPrimarys);
  if (ms === undefined) return <td class="vote">{isNone ? "" : <span class="quiet">·</span>}</td>;
  return <td class={`vote ${phase}`}>{Math.round(ms)}</td>;
}

/** Low watermark, stable checkpoint, executed, in flight, high watermark on one line. */
function Watermarks({ lowWatermark, highWatermark, lastExecuted, stableCheckpoint, slots }: Pbft) {
  const span = Math.max(1, highWatermark - lowWatermark);
  const percent = (height: number) => `${(100 * Math.min(Math.max(height - lowWatermark, 0), span)) / span}%`;
  const top = slots.reduce((max, { seq }) => Math.max(max, seq), lastExecuted);
  return (
    <Panel title="Window of heights" aside={`${showAmount(highWatermark - lastExecuted)} heights of room`}>
      <div
        class="bar"
        role="img"
        aria-label={`from ${lowWatermark} to ${highWatermark}, executed to ${lastExecuted}`}
      >
        <span class="flight" style={{ width: percent(top) }} />
        <span class="executed" style={{ width: percent(lastExecuted) }} />
        <span class="stable" style={{ left: percent(stableCheckpoint) }} />
      </div>
      <dl class="legend">
        <Key name="low watermark" of={lowWatermark} />
        <Key name="stable checkpoint" of={stableCheckpoint} kind="stable" />
        <Key name="executed" of={lastExecuted} kind="executed" />
        <Key name="in flight to" of={top} kind="flight" />
        <Key name="high watermark" of={highWatermark} />
      </dl>
    </Panel>
  );
}

function Key({ name, of, kind }: { readonly name: string; readonly of: number; readonly kind?: string }) {
  return (
    <div>
      <dt>
        {kind === undefined ? null : <span class={`swatch ${kind}`} />}
        {name}
      </dt>
      <dd>{showAmount(of)}</dd>
    </div>
  );
}

function Views({ view, epoch }: Pbft) {
  const primary = (of: number) => primaryIn(of, { epoch, names: membersNow() });
  const spans = viewSpans(voteBook.value, view);
  const now = clock.value;
  const lengthOf = (i: number) => (spans[i + 1]?.fromMs ?? now) - (spans[i]?.fromMs ?? now);
  return (
    <Panel title="Views" aside="coloured by primary, the newest at the right">
      <div class="views" role="img" aria-label={`the last views, now view ${view}`}>
        {spans.slice(-24).map((span, i, shown) => (
          <span
            key={span.view}
            class={`v${primary(span.view) % 8}`}
            style={{
              flexGrow: Math.max(1, Math.sqrt(Math.max(0, lengthOf(spans.length - shown.length + i)))),
            }}
            title={`view ${span.view}`}
          >
            {span.view}
          </span>
        ))}
      </div>
      <Scroll label="views">
        <table>
          <Columns names={["view", "primary", "entered", "lasted", "asked for by"]} />
          <tbody>
            {[...spans.entries()]
              .reverse()
              .slice(0, 8)
              .map(([i, span]) => (
                <tr key={span.view}>
                  <td>
                    <span class={`swatch v${primary(span.view) % 8}`} />
                    {span.view}
                  </td>
                  <td>{printable(memberName(primary(span.view)))}</td>
                  <td class="quiet">
                    {span.fromMs === undefined ? "before this record" : <Age timeMs={span.fromMs} />}
                  </td>
                  <td class="quiet">
                    {span.fromMs === undefined ? "–" : showDuration(Math.max(0, lengthOf(i)))}
                  </td>
                  <td class="quiet">{whoAsked(span)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}

function whoAsked({ askedBy, reason }: ViewSpan): string {
  const who = askedBy.map((index) => memberName(index)).join(", ");
  return printable([who === "" ? "–" : who, reason === undefined ? "" : `(${reason})`].join(" "));
}

function ViewChange({ viewChanges, quorum, inViewChange }: Pbft) {
  const reasons = voteBook.value.asked;
  return (
    <Panel title="View change" aside={inViewChange ? <Badge tone="warn">under way</Badge> : "none under way"}>
      {viewChanges.length === 0 ? (
        <p class="notice quiet">nobody asks for another view</p>
      ) : (
        viewChanges.map(({ view, from }) => (
          <div key={view} class="asked">
            <b>view {view}</b>, {from.length} of {quorum} needed
            <Bar done={from.length} of={quorum} label={`${from.length} of ${quorum}`} />
            <span class="quiet">
              asked for by {printable(from.map((index) => memberName(index)).join(", "))}
              {reasons.get(Number(view))?.reason === undefined
                ? ""
                : `; this node's reason: ${printable(reasons.get(Number(view))?.reason ?? "")}`}
            </span>
          </div>
        ))
      )}
    </Panel>
  );
}

function Notes() {
  const { notes } = voteBook.value;
  if (notes.length === 0) return null;
  return (
    <Panel title="What else happened" wide>
      <ul class="plain">
        {notes.map(({ t, words }) => (
          <li key={`${t}${words}`}>
            <span class="quiet">{showTime(t)}</span> {printable(words)}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
