/**
 * Goal: a report is one page that needs nothing else, says the truth in its first lines, and lets no text become
 * markup. Method: pages from small runs, read as text.
 */
import { describe, expect, it } from "vitest";
import { type AttackOptions, judgeCell, runTrials } from "../../../../src/tools/lab/pow/attack51.ts";
import { LabChain } from "../../../../src/tools/lab/pow/lab-chain.ts";
import { blocksOf, sampleRace } from "../../../../src/tools/lab/pow/sample-race.ts";
import { toCsv } from "../../../../src/tools/lab/report/csv.ts";
import { forkTree, raceFork } from "../../../../src/tools/lab/report/fork-picture.ts";
import { renderPage } from "../../../../src/tools/lab/report/page.ts";
import { attackReport } from "../../../../src/tools/lab/report/report.ts";
import { escapeText, lineChart } from "../../../../src/tools/lab/report/svg.ts";

const OPTIONS: AttackOptions = {
  trials: 40,
  seed: 2,
  giveUp: 8,
  premined: 0,
  release: "heavier",
  tie: "first-seen",
  retarget: "none",
  stamps: "now",
};
const chain = new LabChain("none");
const cells = [1, 3].map((confirmations) => {
  const cell = { share: 0.4, confirmations };
  return judgeCell(OPTIONS, cell, runTrials(chain, OPTIONS, cell, [0, OPTIONS.trials]), 2);
});

/** Opening tags without their closing ones, and the reverse. */
function unbalanced(html: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, slash, name, selfClosed] of html.matchAll(/<(\/?)([a-z0-9]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (name === undefined || selfClosed === "/" || ["meta", "link"].includes(name)) continue;
    if (slash !== "/") open.push(name);
    else if (open.pop() !== name) wrong.push(name);
  }
  return [...wrong, ...open];
}

describe("the report of attack51", () => {
  const sample = sampleRace(OPTIONS, cells);
  const page = attackReport(OPTIONS, cells, sample, "quorate lab attack51 --seed 2");

  it("is whole, and asks for nothing from elsewhere", () => {
    expect(unbalanced(page)).toEqual([]);
    // Links are for readers; nothing is fetched.
    expect(page.replaceAll(/ href="https:[^"]*"/g, "")).not.toMatch(/<script|https?:|src=|@import|url\(/);
    const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    const links = [...page.matchAll(/ href="#([^"]+)"/g)].map(([, id]) => id);
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) expect(ids).toContain(link);
    expect(page).toContain('name="viewport"');
    expect(page.match(/<svg /g)).toHaveLength(3);
    expect(page.match(/<title>/g)!.length).toBeGreaterThanOrEqual(4);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("says whether the table matches, and shows a race that was won", () => {
    expect(page).toContain("All 2 cells of 40 races agree");
    expect(sample?.outcome.won).toBe(true);
    expect(blocksOf(sample!, "attacker")).toHaveLength(sample!.outcome.attackerBlocks);
    const wrong = cells.map((cell) => ({ ...cell, isMatch: false }));
    expect(attackReport(OPTIONS, wrong, undefined, "")).toContain("2 of 2 cells do not agree");
  });

  it("says apart what was predicted and what it means, and gives no interval where nothing is left to chance", () => {
    expect(page).toMatch(/class="as-predicted">.*≡.* as predicted/);
    expect(page).toMatch(/class="(bad|mixed)">.*payments vanished in 2 of 2 cells/);
    expect(page).not.toContain("✔");
    const certain = cells.map((cell) => ({ ...cell, expected: 1 }));
    const sure = attackReport(OPTIONS, certain, undefined, "");
    expect(sure.match(/<td>certain<\/td>/g)).toHaveLength(2);
    expect(sure).not.toContain('class="bar');
  });

  it("is the same for the same run", () => {
    expect(attackReport(OPTIONS, cells, sampleRace(OPTIONS, cells), "quorate lab attack51 --seed 2")).toBe(
      page,
    );
  });
});

describe("drawing a chart", () => {
  it("escapes all text", () => {
    const evil = `<b onload="x('&')">`;
    expect(escapeText(evil)).toBe("&lt;b onload=&quot;x(&#39;&amp;&#39;)&quot;&gt;");
    const svg = lineChart({
      title: evil,
      description: evil,
      xLabel: evil,
      yLabel: evil,
      series: [{ name: evil, kind: "line", color: 0, points: [{ x: 0, y: 0 }] }],
    });
    const page = renderPage({
      title: evil,
      question: evil,
      isMatch: false,
      ending: { kind: "bad", words: evil },
      formulas: [{ id: "evil", name: evil, formula: evil, words: evil, source: { name: evil, url: evil } }],
      verdict: evil,
      sections: [],
      command: evil,
    });
    expect(svg + page).not.toContain("<b ");
  });

  it("places zero on a logarithmic axis at its lower end", () => {
    const points = [
      { x: 0, y: 1, low: 0.5, high: 1 },
      { x: 1, y: 0, low: 0, high: 0.01 },
    ];
    const series = [{ name: "a", kind: "points", color: 0, points }] as const;
    const svg = lineChart({
      title: "t",
      description: "d",
      xLabel: "x",
      yLabel: "y",
      series,
      logFrom: 0.001,
      percent: true,
    });
    expect(svg).not.toMatch(/NaN|Infinity/);
    expect(svg).toContain("0.1\u00a0%");
    expect(svg).toContain('cy="258"');
  });

  it("cuts the middle out of long branches", () => {
    const head = chain.fork.head;
    const blocks = { honest: Array.from({ length: 30 }, () => head), attacker: [head] };
    const svg = forkTree(raceFork(head, blocks, "honest"));
    expect(svg.match(/<rect/g)).toHaveLength(1 + 7 + 1);
    expect(svg).toContain("Above: honest, 30 blocks. Below: attacker, 1 block, left.");
  });
});

describe("tables of a report as text", () => {
  it("are quoted where they must be", () => {
    expect(toCsv([{ a: 1, b: 'x,"y"', c: undefined, d: true }])).toBe('a,b,c,d\r\n1,"x,""y""",,true\r\n');
  });
});
