"""How the pages look: on a phone and on a desk, in the light and in the dark."""

from __future__ import annotations

STYLE = """
:root { --ink: #17202a; --muted: #5b6875; --line: #dfe4ea; --soft: #f3f5f8; --paper: #fff; --card: #fff;
  --blue: #2059d6; --band: #c9dafb; --orange: #c2600a; --violet: #7a3fc0; --green: #15784a; --red: #b3261e;
  --on-mark: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaef; --muted: #9aa7b4; --line: #303944; --soft: #1c232b;
  --paper: #12171d; --card: #181e26; --blue: #7fabff; --band: #29406d; --orange: #f0a050; --violet: #c39af5;
  --green: #58c793; --red: #ff8a80; --on-mark: #10151b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 16px; color: var(--ink); background: var(--paper);
  font: 16px/1.45 system-ui, sans-serif; -webkit-text-size-adjust: 100%; }
h1 { font-size: 24px; line-height: 1.2; margin: 8px 0 4px; } h2 { font-size: 19px; margin: 36px 0 4px; }
h3 { font-size: 16px; margin: 20px 0 6px; } p { margin: 6px 0; }
code { font: 14px/1.4 ui-monospace, monospace; background: var(--soft); border-radius: 4px; padding: 1px 5px;
  overflow-wrap: anywhere; }
.muted { color: var(--muted); font-size: 14px; } .nothing { color: var(--muted); font-style: italic; }
.mark { display: inline-block; padding: 0 9px; border-radius: 10px; font-size: 13px; font-weight: 600;
  line-height: 20px; white-space: nowrap; color: var(--on-mark); background: var(--muted); }
.mark.good { background: var(--green); } .mark.watch { background: var(--orange); }
.mark.bad { background: var(--red); }
.tiles { display: grid; gap: 10px; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); margin: 14px 0; }
.tile { border: 1px solid var(--line); background: var(--card); border-radius: 8px; padding: 10px 12px; min-width: 0; }
.tile b { display: block; font-size: 22px; line-height: 1.25; font-weight: 650; overflow-wrap: anywhere; }
.tile span { color: var(--muted); font-size: 14px; display: block; } .tile .mark { display: inline-block;
  color: var(--on-mark); font-size: 15px; line-height: 24px; margin: 3px 0; }
.alarm { border-left: 4px solid var(--red); background: var(--soft); padding: 8px 12px; margin: 8px 0;
  border-radius: 0 6px 6px 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: 15px; margin: 8px 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere; }
th { font-size: 13px; color: var(--muted); font-weight: 600; } td:last-child, th:last-child { padding-right: 0; }
th.number, td.number { text-align: right; overflow-wrap: normal; white-space: nowrap; }
small { color: var(--muted); font-size: 13px; }
time, small { white-space: nowrap; }
.charts { display: grid; gap: 18px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
.chart { min-width: 0; } .chart h3 { margin-bottom: 2px; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--muted); font-size: 11px; }
.grid { stroke: var(--line); } .goal { stroke: var(--muted); stroke-dasharray: 2 3; }
.stroke { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.area { fill: var(--band); stroke: none; opacity: .65; }
.c0 { --c: var(--blue); } .c1 { --c: var(--ink); } .c2 { --c: var(--orange); } .c3 { --c: var(--violet); }
.c4 { --c: var(--green); } .c5 { --c: var(--red); }
.stroke { stroke: var(--c); } .spot { fill: var(--c); }
.c1.stroke { stroke-dasharray: 5 4; } .c2.stroke { stroke-dasharray: 9 3; } .c3.stroke { stroke-dasharray: 2 4; }
.swatch { display: inline-block; width: 18px; height: 0; border-top: 3px solid var(--c); margin: 0 6px 4px 0; }
.swatch.c1 { border-top-style: dashed; } .swatch.c2 { border-top-style: dashed; }
.swatch.c3 { border-top-style: dotted; }
.slate { margin: 2px 0 14px; } .play { display: grid; gap: 0 10px; align-items: center; padding: 3px 0;
  grid-template-columns: minmax(120px, 200px) 1fr 44px 84px 44px 52px 74px; border-bottom: 1px solid var(--line);
  font-size: 15px; font-variant-numeric: tabular-nums; }
.play > span { text-align: right; } .play > .who { text-align: left; overflow-wrap: anywhere; }
.play .who small { color: var(--muted); }
.play.head { color: var(--muted); font-size: 13px; font-weight: 600; }
.strip { position: relative; height: 18px; background: linear-gradient(to right, var(--line) 1px, transparent 1px);
  background-size: var(--step) 100%; }
.strip i { position: absolute; }
.strip .span { top: 5px; height: 8px; background: var(--band); border-radius: 4px; }
.strip .said { top: 3px; width: 12px; height: 12px; margin-left: -6px; border-radius: 50%; background: var(--blue); }
.strip .of-book { top: 0; width: 2px; height: 18px; margin-left: -1px; background: var(--ink); }
.strip .actual { top: 4px; width: 10px; height: 10px; margin-left: -5px; background: var(--orange);
  transform: rotate(45deg); }
.key { font-size: 14px; color: var(--muted); } .key b { color: var(--ink); font-weight: 600; }
.key i { display: inline-block; vertical-align: baseline; margin: 0 4px 0 10px; }
.key .said { width: 10px; height: 10px; border-radius: 50%; background: var(--blue); }
.key .span { width: 22px; height: 8px; border-radius: 4px; background: var(--band); }
.key .of-book { width: 2px; height: 13px; background: var(--ink); }
.key .actual { width: 9px; height: 9px; background: var(--orange); transform: rotate(45deg); }
.cards { display: grid; gap: 12px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); }
.card { border: 1px solid var(--line); background: var(--card); border-radius: 8px; padding: 10px; min-width: 0; }
.card.is-bad { border-color: var(--red); } .card h3 { font-size: 14px; margin: 0 0 4px; overflow-wrap: anywhere; }
details { margin: 10px 0; } summary { cursor: pointer; color: var(--muted); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 8px 0; font-size: 15px; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
.states { display: grid; gap: 0 14px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); }
.state { display: flex; gap: 8px; justify-content: space-between; padding: 3px 0; font-size: 15px;
  border-bottom: 1px solid var(--line); min-width: 0; }
.state > span:first-child { overflow-wrap: anywhere; min-width: 0; }
.state > span:last-child { text-align: right; flex: none; }
@media (max-width: 640px) {
  body { padding: 12px; } h1 { font-size: 21px; } .tiles { grid-template-columns: 1fr 1fr; }
  .narrow .extra { display: none; } .narrow th, .narrow td { padding-right: 8px; }
  .narrow td { min-width: 4.5em; } .narrow td:first-child { min-width: 8.5em; }
  .narrow td.number, .narrow th.number { white-space: normal; overflow-wrap: normal; min-width: 0; }
  .wide thead { display: none; } .wide tr { display: block; padding: 7px 0; border-bottom: 1px solid var(--line); }
  .wide td, .wide td.number { display: flex; justify-content: space-between; gap: 14px; border: 0; padding: 1px 0;
    text-align: right; white-space: normal; }
  .wide td::before { content: attr(data-title); color: var(--muted); font-size: 14px; text-align: left; flex: none; }
  .play { grid-template-columns: 1fr 44px 44px 48px; padding: 6px 0 5px; } .play.head .no-strip { display: none; }
  .play .strip { grid-row: 2; grid-column: 1 / -1; margin-top: 3px; } .play .ends, .play .then { display: none; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 8px; }
}
"""
