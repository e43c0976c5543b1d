"""How the report looks, on a phone and on a desk."""

from __future__ import annotations

STYLE = """
:root { --ink: #1f2933; --muted: #616e7c; --line: #e4e7eb; --blue: #2563eb; --orange: #c96a06; --red: #b42318;
  --green: #1b7f4d; --paper: #fff; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 16px; color: var(--ink); background: var(--paper);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 22px; margin: 8px 0; } h2 { font-size: 17px; margin: 28px 0 8px; }
p { margin: 6px 0; }
.muted, .axis { color: var(--muted); fill: var(--muted); font-size: 13px; } .axis { font-size: 14px; }
.mark { display: inline-block; padding: 1px 8px; border-radius: 10px; color: #fff; font-size: 13px;
  white-space: nowrap; }
.failed { background: var(--red); } .watch { background: var(--orange); } .passed { background: var(--green); }
.not_judged { background: var(--muted); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-size: 13px; color: var(--muted); font-weight: 600; } .number { text-align: right; white-space: nowrap; }
.cards { display: grid; gap: 12px; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); }
.card { border: 1px solid var(--line); border-radius: 8px; padding: 10px; min-width: 0; }
.card.is-failed { border-color: var(--red); } .card h3 { font-size: 14px; margin: 0 0 4px; overflow-wrap: anywhere; }
.card dl { display: grid; grid-template-columns: auto 1fr; gap: 0 10px; margin: 6px 0 0; font-size: 13px; }
dt { color: var(--muted); } dd { margin: 0; text-align: right; }
svg { width: 100%; height: auto; display: block; } .now { fill: #bfd3fb; } .then { fill: none; stroke: var(--orange);
  stroke-width: 1.5; } .grid { stroke: var(--line); } .dot-a { fill: var(--blue); } .dot-b { fill: var(--orange); }
.key { font-size: 13px; } .key b { font-weight: 600; } .key .a { color: var(--blue); } .key .b { color: var(--orange); }
@media (max-width: 600px) {
  .tests th { display: none; } .tests tr { display: block; padding: 6px 0; border-bottom: 1px solid var(--line); }
  .tests td { display: inline-block; border: 0; padding: 1px 8px 1px 0; } .tests td:last-child { display: block; }
}
details { margin: 8px 0; } summary { cursor: pointer; color: var(--muted); }
"""
