/** The look of a page: light and dark, wide, narrow and on paper. */
import { colourVariable, PALETTE } from "../charts/palette.ts";
import { FONT_FAMILY } from "../charts/svg.ts";

function variables(scheme: "light" | "dark"): string {
  return Object.entries(PALETTE)
    .map(([name, colour]) => `${colourVariable(name)}:${colour[scheme]};`)
    .join("");
}

export const STYLE: string = `
:root{color-scheme:light dark;${variables("light")}}
@media screen and (prefers-color-scheme:dark){:root{${variables("dark")}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--surface);color:var(--ink);font:16px/1.55 ${FONT_FAMILY};overflow-wrap:anywhere}
main,header,footer{max-width:992px;margin:0 auto;padding:0 16px}
header{padding-top:32px}
footer{padding-top:8px;padding-bottom:48px;color:var(--muted);font-size:14px}
h1{font-size:28px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:22px;line-height:1.25;margin:56px 0 4px;padding-top:16px;border-top:2px solid var(--ink)}
h3{font-size:17px;margin:40px 0 8px}
p{margin:8px 0;max-width:72ch}
a{color:var(--accent)}
.subtitle,.note{color:var(--muted)}
.note{font-size:14px}
.summary{font-size:17px}
.verdict{border-left:4px solid var(--accent);background:var(--panel);padding:10px 14px;margin:16px 0}
.verdict.bad{border-color:var(--alarm)}
.verdict.good{border-color:var(--good)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:20px 0;padding:0}
.figures div{background:var(--panel);border-radius:8px;padding:10px 14px}
.figures dt{color:var(--muted);font-size:13px}
.figures dd{margin:0;font-size:22px;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums}
.figures dd small{display:block;font-size:13px;font-weight:400;color:var(--muted)}
figure{margin:28px 0;break-inside:avoid}
figcaption{margin-bottom:12px;font-size:14px;color:var(--muted);max-width:80ch}
figcaption strong{display:block;font-size:16px;color:var(--ink)}
.chart svg{display:block;max-width:100%;height:auto}
.any svg{width:100%}
.narrow{display:none}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(290px,1fr));gap:20px 24px}
.tiles figure{margin:0}
.tiles figcaption{margin-bottom:4px;font-size:12px}
.tiles figcaption strong{font-size:14px}
.key{display:flex;flex-wrap:wrap;gap:6px 20px;font-size:13px;list-style:none;margin:8px 0 16px;padding:0}
.key i{display:inline-block;width:14px;height:14px;border-radius:3px;margin-right:6px;vertical-align:-2px}
.scroll{overflow:auto;max-height:36rem;width:max-content;min-width:100%;max-width:min(calc(100vw - 48px),1800px);margin:12px 0 12px 50%;transform:translateX(-50%);border:1px solid var(--line);border-radius:8px}
table{border-collapse:separate;border-spacing:0;width:100%;font-size:14px;font-variant-numeric:tabular-nums;overflow-wrap:normal}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
th,td{padding:5px 12px;text-align:left;white-space:nowrap;border-bottom:1px solid var(--line);max-width:28rem;overflow:hidden;text-overflow:ellipsis}
tbody tr:last-child>*{border-bottom:0}
tbody th{font-weight:400}
thead th{position:sticky;top:0;background:var(--panel);color:var(--muted);font-weight:600}
.right{text-align:right}
.alarm{color:var(--alarm);font-weight:600}
pre{background:var(--panel);border-radius:8px;padding:12px 14px;font-size:13px;line-height:1.45;overflow:auto;max-height:30rem;white-space:pre;overflow-wrap:normal}
code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.93em}
summary{cursor:pointer;color:var(--accent)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
@media screen and (max-width:640px){.wide{display:none}.narrow{display:block}h1{font-size:24px}h2{font-size:20px}.figures{grid-template-columns:1fr 1fr}}
@media print{:root{color-scheme:light}body{font-size:11pt}main,header,footer{max-width:none;padding:0}.scroll,pre{overflow:visible;max-height:none;border:0}.scroll{width:auto;max-width:none;margin:12px 0;transform:none}pre{white-space:pre-wrap}th,td{white-space:normal;padding:3px 6px}thead th{position:static}tr{break-inside:avoid}h2,h3{break-after:avoid}}
${Object.keys(PALETTE)
  .map((name) => `.ground-${colourVariable(name).slice(2)}{background:var(${colourVariable(name)})}`)
  .join("")}
`;
