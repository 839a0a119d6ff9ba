// The look of the page: one column, two schemes, plots in the colours of the scheme. Used by page.ts, which puts it into the file.

/** Told apart with every common colour blindness (Okabe and Ito), a little lighter on dark ground. */
export const style: string = `
:root{color-scheme:light dark;--paper:#f6f5f1;--card:#fff;--line:#dedbd2;--text:#1d1f21;--quiet:#5f6368;--kernel:#0072b2;--worker:#009e73;--caller:#c2540a;
--threadpool:#8a5a9e;--before:#6b7280;--after:#0072b2;--good:#1a7f4b;--bad:#b3261e;--warn:#8a5a00;--h0:#eef3f6;--h1:#dbe8f0;--h2:#c4dbe9;--h3:#a8cbe0;--h4:#86b7d4;
--h5:#5f9fc6;--h6:#3a86b6;--h7:#1b6ca0;--h8:#0a5285;--cold:#1d1f21;--hot:#fff}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--card:#1c2024;--line:#32383e;--text:#e9e7e2;--quiet:#a3a9af;--kernel:#4aa8e0;--worker:#3fc49a;--caller:#f0893f;
--threadpool:#c99be0;--before:#9aa3ad;--after:#4aa8e0;--good:#5fcf94;--bad:#ff8a80;--warn:#e6b450;--h0:#20282e;--h1:#213340;--h2:#224053;--h3:#235069;--h4:#256281;
--h5:#2b789d;--h6:#3a90b8;--h7:#5cabd0;--h8:#8cc9e6;--cold:#e9e7e2;--hot:#0d1114}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--text);font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
main{max-width:960px;margin:0 auto;padding:28px 16px 48px}
h1{margin:0 0 4px;font-size:15px;font-weight:600;color:var(--quiet)}
h2{margin:0 0 4px;font-size:20px;line-height:1.3}
h3{margin:24px 0 2px;font-size:15px}
p{margin:0 0 8px}
.lead{margin:0 0 12px;font-size:22px;line-height:1.35;font-weight:600}
.chosen{color:var(--good)}.refused{color:var(--bad)}
.facts{margin:0 0 4px;color:var(--quiet);font-size:13px}
section{margin:20px 0 0;padding:18px 20px 16px;border:1px solid var(--line);border-radius:8px;background:var(--card)}
.scroll{overflow-x:auto;margin:10px 0}
table{width:100%;overflow-wrap:break-word;border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:5px 14px 5px 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;white-space:nowrap}
th{color:var(--quiet);font-weight:600}
tr:last-child td{border-bottom:0}
td:first-child{font-weight:600}
.wrap td:last-child{min-width:200px;white-space:normal;padding-right:0}
.all td:first-child{min-width:220px;white-space:normal;font-weight:400}
tr.is-used td{font-weight:600}
.note{color:var(--quiet);font-size:13px;margin:6px 0 0}
.warning{color:var(--warn);font-size:13px;margin:6px 0 0}
summary{cursor:pointer;font-weight:600;margin-top:16px}
figure{margin:0}
figcaption{color:var(--quiet);font-size:13px;margin:0 0 6px}
svg{display:block;max-width:100%;height:auto;margin:6px 0}
.wide{display:flex;flex-wrap:wrap;gap:8px 20px}.narrow{display:none}
@media (max-width:720px){.wide{display:none}.narrow{display:block}section{padding:14px 12px}main{padding:20px 12px 32px}.lead{font-size:18px}
th,td{white-space:normal;padding-right:8px;font-size:12px}.wrap thead{display:none}.wrap tr{display:block;padding:7px 0;border-bottom:1px solid var(--line)}
.wrap tr:last-child{border-bottom:0}.wrap td{display:block;border:0;padding:1px 0}.wrap td[data-column]::before{content:attr(data-column) ": ";color:var(--quiet);font-weight:400}}
@media print{body{background:#fff}section{break-inside:avoid}}
.legend{display:flex;flex-wrap:wrap;gap:2px 18px;margin:4px 0;font-size:13px;color:var(--quiet)}
.legend span{display:inline-flex;align-items:center;gap:6px}.legend svg{margin:0}
svg text{fill:var(--text);font:12px system-ui,sans-serif;font-variant-numeric:tabular-nums}
svg .tick,svg .axis{fill:var(--quiet);font-size:11px}
svg .small{font-size:10px}
svg .label{font-weight:600;paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
.end{text-anchor:end}.middle{text-anchor:middle}
.grid{stroke:var(--line);stroke-width:1}
.bound{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:5 4}
.frontier{fill:none;stroke:var(--quiet);stroke-width:1.5;opacity:.7}
.point{stroke:var(--card);stroke-width:1}
.poller-kernel{fill:var(--kernel)}.poller-worker{fill:var(--worker)}.poller-caller{fill:var(--caller)}.poller-threadpool{fill:var(--threadpool)}
.ring{fill:none;stroke:var(--text);stroke-width:1.5}
.dot{fill-opacity:.55}.dot.before{fill:var(--before)}.dot.after{fill:var(--after)}
.interval line{stroke-width:2}.interval .median{stroke-width:3}
.interval.before line{stroke:var(--before)}.interval.after line{stroke:var(--after)}
.ramp{fill:none;stroke-width:2}.ramp.before{stroke:var(--before)}.ramp.after{stroke:var(--after)}
.heat-none{fill:none;stroke:var(--line);stroke-dasharray:3 3}
.used{stroke:var(--text);stroke-width:2}
.heat-0{fill:var(--h0)}.heat-1{fill:var(--h1)}.heat-2{fill:var(--h2)}.heat-3{fill:var(--h3)}.heat-4{fill:var(--h4)}.heat-5{fill:var(--h5)}.heat-6{fill:var(--h6)}
.heat-7{fill:var(--h7)}.heat-8{fill:var(--h8)}
svg .on-cold{fill:var(--cold)}svg .on-hot{fill:var(--hot)}
`
