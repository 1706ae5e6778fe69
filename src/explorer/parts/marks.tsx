/** The mark that something was checked in this browser, and the list of what was. */
import { useEffect } from "preact/hooks";
import { printable } from "../../base/printable.ts";
import { type Mark, marks, wantMarks } from "../live/block-marks.ts";
import type { Check } from "../live/checks.ts";
import { href } from "../model/routes.ts";
import { Panel } from "./layout.tsx";

const WORDS: Readonly<Record<Mark, readonly [sign: string, words: string]>> = {
  open: ["·", "not checked yet"],
  holds: ["✔", "checked in this browser"],
  fails: ["✖", "does not hold"],
};

export function MarkSign({ mark }: { readonly mark: Mark }) {
  const [sign, words] = WORDS[mark];
  return (
    <a class={`mark ${mark}`} href={href("checks")} title={words}>
      <span aria-hidden="true">{sign}</span>
      <span class="hidden">{words}</span>
    </a>
  );
}

/** A block's mark, asked for when it is drawn. */
export function BlockMark({ hash, height }: { readonly hash: string; readonly height: number }) {
  const mark = marks.value.get(hash) ?? "open";
  useEffect(() => wantMarks([{ hash, height }]), [hash, height]);
  return <MarkSign mark={mark} />;
}

/** All checks of a page in one mark: open where there are none. */
export function markOf(checks: readonly Check[]): Mark {
  if (checks.length === 0) return "open";
  return checks.every(({ holds }) => holds) ? "holds" : "fails";
}

export function Checks({ checks, none }: { readonly checks: readonly Check[]; readonly none?: string }) {
  const mark = markOf(checks);
  const tone = mark === "holds" ? "good" : mark === "fails" ? "bad" : "quiet";
  return (
    <Panel title="Checked in this browser" aside={<a href={href("checks")}>what this means</a>}>
      <ul class={`checks ${tone}`} role={mark === "fails" ? "alert" : undefined}>
        {checks.map(({ what, holds, words }) => (
          <li key={what} class={holds ? "holds" : "fails"}>
            <span aria-hidden="true">{holds ? "✔" : "✖"}</span>
            <span>
              <b>{what}</b> {holds ? "" : <b>does not hold: </b>}
              {printable(words)}
            </span>
          </li>
        ))}
        {checks.length === 0 ? <li>{none ?? "nothing here can be checked"}</li> : null}
      </ul>
    </Panel>
  );
}
