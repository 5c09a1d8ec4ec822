"""The look of the report page: light and dark, on a screen and on paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #f5f6f8; --paper: #ffffff; --ink: #1c2430; --soft: #5a6577; --line: #dde2ea; --code: #eef1f5;
  --succeeded: #2f855a; --skipped: #8a99ad; --failed: #c53030; --in_doubt: #c77c11; --pending: #c9d1dc;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161c; --paper: #1a2029; --ink: #e5e9f0; --soft: #9aa6b8; --line: #2d3643; --code: #242c38;
    --succeeded: #48a97a; --skipped: #6c7a8f; --failed: #e5645f; --in_doubt: #dd9a3a; --pending: #3b4655;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 2rem 1rem 3rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 70rem; margin: 0 auto; }
header { margin-bottom: 1.5rem; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.25; letter-spacing: -0.01em; }
h1 small { font-size: inherit; font-weight: 400; color: var(--soft); }
h2 { margin: 0 0 .75rem; font-size: 1.1rem; }
p { margin: 0 0 .5rem; }
section {
  background: var(--paper); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1.25rem 1.5rem; margin-bottom: 1.25rem;
}
.result { font-size: 1.15rem; margin: .35rem 0 0; }
.state {
  display: inline-block; margin-bottom: .6rem; padding: .1rem .7rem; border-radius: 1rem; border: 1px solid;
  font-size: .85rem; font-weight: 600;
}
.state.good { color: var(--succeeded); } .state.bad { color: var(--failed); } .state.care { color: var(--in_doubt); }
.bar {
  display: flex; gap: 2px; height: 1.5rem; border-radius: .4rem; overflow: hidden; background: var(--paper);
  print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
.bar span { min-width: 4px; }
.legend { display: flex; flex-wrap: wrap; gap: .75rem 2.25rem; margin: 1rem 0 0; padding: 0; list-style: none; }
.legend b { display: block; font-size: 1.35rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.legend i {
  display: inline-block; width: .75rem; height: .75rem; margin-right: .4rem; border-radius: .2rem;
  print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
.legend span, .soft { color: var(--soft); font-size: .9rem; }
.none { opacity: .55; }
.succeeded { background: var(--succeeded); } .skipped { background: var(--skipped); }
.failed { background: var(--failed); } .in_doubt { background: var(--in_doubt); }
.pending { background: var(--pending); }
ul.steps { margin: 0 0 .75rem; padding-left: 1.2rem; }
pre {
  margin: .5rem 0 0; padding: .75rem 1rem; background: var(--code); border-radius: .4rem;
  white-space: pre-wrap; overflow-wrap: anywhere;
}
code, pre { font: .9em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
a { color: inherit; text-underline-offset: .15em; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .5rem .75rem .5rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td { overflow-wrap: anywhere; }
tr:last-child td { border-bottom: 0; }
.n { text-align: right; padding-right: 1.25rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
td.w { white-space: nowrap; }
td.key { min-width: 11rem; } td.id { min-width: 8rem; } td.long { min-width: 14rem; }
td .soft { display: block; }
.mark { display: inline-block; width: .6rem; height: .6rem; margin-right: .4rem; border-radius: .15rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.5rem; margin: 0; font-size: .9rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 40rem) { section { padding: 1rem; } dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
@media print {
  :root {
    color-scheme: light;
    --ground: #fff; --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --code: #f3f3f3;
    --succeeded: #2f855a; --skipped: #8a99ad; --failed: #c53030; --in_doubt: #c77c11; --pending: #c9d1dc;
  }
  @page { margin: 12mm; }
  html { font-size: 10px; }
  body { padding: 0; }
  section { border: 0; padding: 0; margin-bottom: 1.5rem; }
  .wide { overflow: visible; }
  tr, pre, .bar, .legend { break-inside: avoid; }
  thead { display: table-header-group; }
  h2 { break-after: avoid; }
}
"""
