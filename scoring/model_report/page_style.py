"""The style sheet of a report: light and dark by the system's theme, A4 when printed."""

from __future__ import annotations

from typing import Final

__all__ = ["STYLE"]

STYLE: Final = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1b1b; --muted: #5a5a5a; --line: #d9d9d9; --soft: #f4f5f6;
  --good: #0068a3; --bad: #b04000; --neutral: #6f6f6f; --before: #9a9a9a; --box: #eef5fb; --warn: #fff4e0; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181b; --ink: #e8e8e8; --muted: #a9adb2; --line: #3a3e44;
  --soft: #202327; --good: #6cb8ef; --bad: #ff9a57; --neutral: #a0a0a0; --before: #7c7c7c; --box: #1b2833;
  --warn: #33291a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, "Noto Sans",
  "Hiragino Sans", "Noto Sans CJK JP", sans-serif; overflow-wrap: anywhere; }
main, header, footer { max-width: 860px; margin: 0 auto; padding: 0 16px; }
header { padding-top: 24px; }
footer { padding-bottom: 40px; color: var(--muted); font-size: 14px; }
h1 { font-size: 27px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 21px; margin: 40px 0 8px; padding-top: 10px; border-top: 2px solid var(--line); }
h3 { font-size: 17px; margin: 22px 0 6px; }
p { margin: 6px 0 10px; }
ul { margin: 6px 0 10px; padding-left: 22px; }
a { color: var(--good); }
.lead { font-size: 19px; line-height: 1.4; margin: 10px 0 14px; }
.muted, figcaption, caption { color: var(--muted); font-size: 14px; }
caption { text-align: left; padding: 0 0 4px; }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
.status { display: inline-block; margin: 4px 0 8px; padding: 3px 10px; border: 1px solid var(--line);
  border-radius: 4px; background: var(--soft); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 12px; margin: 12px 0; }
.fact { border: 1px solid var(--line); border-left: 4px solid var(--neutral); border-radius: 4px; padding: 10px 14px;
  background: var(--soft); }
.fact.is-good { border-left-color: var(--good); }
.fact.is-bad { border-left-color: var(--bad); }
.fact h3 { margin: 0 0 4px; font-size: 15px; }
.fact p { margin: 0 0 4px; }
.warning { border-left: 4px solid var(--bad); background: var(--warn); padding: 8px 14px; margin: 10px 0; }
.quote { border-left: 4px solid var(--line); padding: 2px 14px; margin: 8px 0; }
nav ol { columns: 2; padding-left: 22px; margin: 4px 0; }
table { border-collapse: collapse; width: 100%; margin: 6px 0 14px; font-size: 15px;
  font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
td.n, th.n { text-align: right; }
td.n, thead th { white-space: nowrap; } table.wide td:last-child { overflow-wrap: break-word; }
td small, th small { display: block; color: var(--muted); font-size: 13px; line-height: 1.35; font-weight: 400; }
figure { margin: 12px 0 4px; max-width: 480px; }
svg { display: block; width: 100%; height: auto; }
svg.bar { width: 110px; height: 14px; }
svg text { fill: var(--ink); font-size: 13px; font-family: inherit; paint-order: stroke; stroke: var(--paper);
  stroke-width: 4px; stroke-linejoin: round; }
svg text.minor { fill: var(--muted); }
svg .line { stroke: var(--line); } svg .axis { stroke: var(--muted); }
svg .good { fill: var(--good); stroke: var(--good); } svg .bad { fill: var(--bad); stroke: var(--bad); }
svg .neutral { fill: var(--neutral); stroke: var(--neutral); } svg .before { fill: var(--before); }
svg .after { fill: var(--good); } svg .open { fill: var(--paper); }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 24px; }
.pair td:last-child { white-space: nowrap; }
@media (max-width: 620px) { body { font-size: 15px; } .pair { grid-template-columns: 1fr; } nav ol { columns: 1; }
  table { font-size: 14px; } th, td { padding-right: 7px; } svg.bar { width: 60px; }
  table.wide thead { position: absolute; left: -9999px; }
  table.wide, table.wide caption, table.wide tbody, table.wide tr { display: block; }
  table.wide tr { border-bottom: 1px solid var(--line); padding: 6px 0; }
  table.wide th, table.wide td { display: block; border: 0; padding: 1px 0; text-align: left; white-space: normal; }
  table.wide td::before { content: attr(data-label) ": "; color: var(--muted); }
  table.wide td:empty { display: none; } }
@page { size: A4; margin: 16mm 15mm; }
@media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --muted: #444; --line: #bbb; --soft: #f6f6f6;
    --good: #0068a3; --bad: #b04000; --neutral: #666; --before: #999; --box: #eef5fb; --warn: #fff; }
  body { font-size: 10.5pt; } main, header, footer { max-width: none; padding: 0; } header { padding-top: 0; }
  h1 { font-size: 18pt; } h2 { font-size: 14pt; margin-top: 18pt; break-after: avoid; } h3 { break-after: avoid; }
  table { font-size: 9.5pt; } .muted, figcaption, caption { font-size: 9pt; }
  tr, figure, .fact, .warning, .example { break-inside: avoid; } thead { display: table-header-group; }
  section.page { break-before: page; } nav { display: none; } a { color: inherit; text-decoration: none; }
  .facts { grid-template-columns: 1fr 1fr 1fr; gap: 8px; } .fact { font-size: 9.5pt; padding: 6px 10px; }
  .lead { font-size: 12pt; margin: 6px 0 8px; } .warning { padding: 0 10px; margin: 6px 0; font-size: 9.5pt; }
  figure { max-width: 110mm; } #summary figure { max-width: 78mm; } #summary .pair + p { break-before: avoid; } }
"""
