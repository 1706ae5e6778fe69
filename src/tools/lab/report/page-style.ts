/** How reports look: a phone, a wide screen, the dark, paper. Colours of Okabe and Ito: apart for the colour-blind too. */
export const PAGE_STYLE = `
:root{--paper:#fff;--ink:#1d2330;--soft:#5b6475;--line:#d9dde5;--good:#12743d;--bad:#b3261e;
--c0:#0072b2;--c1:#d55e00;--c2:#007a5e;--c3:#b0568c;--c4:#8a6d00;--c5:#3b8fc4;--c6:#444c5c;--c7:#7a3db8}
@media (prefers-color-scheme:dark){:root{--paper:#14171d;--ink:#e7eaf0;--soft:#a3acbd;--line:#343b48;--good:#5fd38d;
--bad:#ff8a80;--c0:#56b4e9;--c1:#ff9d4d;--c2:#35c79f;--c3:#e39ac6;--c4:#e6c74c;--c5:#9ad1f5;--c6:#c4cbd8;--c7:#c8a2f0}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{padding:1.25rem clamp(1rem,3vw,3.5rem) 3rem}
h1,.question,section>p,.formulas p,.verdict{max-width:52rem}
.marks{display:flex;flex-wrap:wrap;gap:.6rem;margin:1rem 0 .6rem;padding:0;list-style:none}
.marks li{border:1px solid var(--line);border-radius:6px;padding:.35rem .8rem}
.marks small{display:block;color:var(--soft);font-size:.78rem}
.sections{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,36rem),1fr));gap:0 3rem}
.sections>section{min-width:0}.sections>.is-wide{grid-column:1/-1}
a{color:var(--c0)}.formulas dt{font-weight:600}.formulas dd{margin:.15rem 0}
.formulas dl{columns:34rem;column-gap:3rem;margin:0}.formulas dl>div{break-inside:avoid;margin-bottom:1rem}
.formulas dd.formula{font:1.02rem/1.6 ui-serif,Georgia,serif;overflow-wrap:anywhere}
ul.judges{display:inline;margin:0;padding:0}.judges li{display:inline}.judges li+li::before{content:" · "}
h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0}
h2{font-size:1.15rem;margin:2.2rem 0 .3rem}
.question,figcaption,caption,footer{color:var(--soft)}
.verdict{font-size:1.05rem;margin:.4rem 0 1rem}
.good strong{color:var(--good)}.bad strong{color:var(--bad)}.mixed strong{color:var(--c4)}
.as-predicted strong{color:var(--c0)}.not-predicted strong{color:var(--bad)}
.beside{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:0 3rem}.beside>*{min-width:0}
figure{margin:1rem 0;max-width:46rem}
figcaption,caption{font-size:.875rem;text-align:left}
figure:has(svg.wide),figure.table{max-width:none}
/* A shadow at the right edge while there is more to see: the cover scrolls away with the content. */
.scroll{overflow-x:auto;background:linear-gradient(270deg,var(--paper) 20px,transparent 40px) right/40px 100% no-repeat local,
linear-gradient(270deg,var(--line),transparent) right/14px 100% no-repeat scroll}
svg{width:100%;max-width:36rem;height:auto;display:block}
svg.wide{max-width:100rem}
svg text{fill:var(--ink);font:12px system-ui,sans-serif}
svg text.hash{font:9.5px ui-monospace,monospace;fill:var(--soft)}
.axis{fill:none;stroke:var(--soft)}.grid{stroke:var(--line)}.link{fill:none;stroke:var(--soft)}
.line{fill:none;stroke:var(--c);stroke-width:1.6}.bar{fill:none;stroke:var(--c);stroke-width:1.4}.dot{fill:var(--c)}
.dot.hollow{fill:var(--paper);stroke:var(--c);stroke-width:1.4}
.d1{stroke-dasharray:7 3}.d2{stroke-dasharray:2 3}.d3{stroke-dasharray:9 3 2 3}.d4{stroke-dasharray:4 2}
.d5{stroke-dasharray:12 4}.d6{stroke-dasharray:1 2}.d7{stroke-dasharray:8 2 2 2 2 2}
.moment path{fill:none;stroke:var(--soft);stroke-dasharray:3 3}.moment text{fill:var(--soft);paint-order:stroke;stroke:var(--paper);stroke-width:4px}
.band{fill:var(--c);fill-opacity:.28}.shade{fill:var(--line);fill-opacity:.6}.tick{stroke:var(--ink);stroke-width:1}
.stop{fill:none;stroke:var(--bad);stroke-width:2.4}.ink{fill:var(--ink)}.flag{stroke:var(--bad);stroke-width:2}.alarm{fill:var(--bad);stroke:var(--paper)}
.rounds{display:flex;flex-wrap:wrap;gap:.5rem 2rem}.rounds figure{flex:1 1 16rem;max-width:26rem;margin:.4rem 0}
.keys{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;font-size:.875rem;color:var(--soft)}.key svg{display:inline-block;width:26px;height:12px}
.line.lie{stroke-dasharray:5 4;stroke-width:2.2}.general{fill:var(--paper);stroke:var(--ink);stroke-width:1.6}.general.traitor{fill:var(--ink)}
svg text.traitor{fill:var(--paper);font-weight:700}svg text.decision{fill:var(--c);font-weight:700}svg text.false{fill:var(--bad);font-weight:700}svg text.soft{fill:var(--soft)}
.square{fill:var(--c)}.square.lie{stroke:var(--ink);stroke-width:1.4}.square.none{fill:none}
.block rect{fill:var(--paper);stroke:var(--c,var(--soft));stroke-width:2}.block.stale rect{stroke-dasharray:4 3}
${Array.from({ length: 8 }, (_, i) => `.s${i}{--c:var(--c${i})}`).join("")}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.875rem;margin:.6rem 0}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:var(--paper)}
table:not(.facts) th{vertical-align:bottom}
.facts th,.facts td{position:static!important;text-align:left;vertical-align:top;white-space:normal}.facts td{overflow-wrap:anywhere}
.facts th{font-weight:400;color:var(--soft);min-width:7rem}
.runs td{white-space:normal;text-align:left;vertical-align:top}.runs th{text-align:left}.runs td:nth-child(3),.runs td:first-child{white-space:nowrap}.runs td:nth-child(5){min-width:18rem}.runs td:nth-child(6){min-width:14rem;overflow-wrap:anywhere}
pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid var(--line);border-radius:6px;padding:.6rem}
@media print{:root{--paper:#fff;--ink:#000;--soft:#444;--line:#bbb;--good:#12743d;--bad:#b3261e;--c0:#0072b2;--c1:#d55e00;
--c2:#007a5e;--c3:#b0568c;--c4:#8a6d00;--c5:#3b8fc4;--c6:#444c5c;--c7:#7a3db8}
main{padding:0}.sections{display:block}.formulas dl{columns:1}figure,tr{break-inside:avoid}h2{break-after:avoid}.scroll{overflow:visible;background:none}svg{max-width:30rem}
svg.wide{min-width:0!important}table{font-size:.66rem}th{white-space:normal}.runs td:nth-child(n){min-width:0}th,td{padding:.12rem .3rem}}
`;
