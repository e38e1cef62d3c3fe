// The report as one HTML file that needs nothing beside it.
import { rows, shown, shownRatio } from './figures.mjs'

const SIDES = [
  { key: 'chatkeep', name: 'Chatkeep', figure: 'chatkeep' },
  { key: 'peer', name: 'Peer (better-sqlite3)', figure: 'peerFigure' },
  { key: 'floor', name: 'Floor (bare rusqlite)', figure: 'floorFigure' },
]
const BAR = { height: 18, gap: 6, left: 160, width: 240 }

export function report({ machine, results }) {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Chatkeep: the workload, side by side</title>
<style>${STYLE}</style>
<main>
<h1>The workload, side by side</h1>
<p>One corpus, one machine, one run; every figure is the median of ${results[0].rounds} round(s) in which
the sides took turns. Only the ratios mean anything elsewhere: absolute times drift from machine to machine.</p>
<dl>${Object.entries(machine).map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`).join('')}</dl>
${results.map(section).join('\n')}
</main>
</html>
`
}

function section(result) {
  const found = rows(result.sides, result.smaller?.sides)
  return `<section>
<h2>${escaped(result.size)} messages</h2>
${legend()}
<div class="charts">${found.map(chart).join('')}</div>
<div class="scroll">${htmlTable(found, result.smaller)}</div>
</section>`
}

const legend = () =>
  `<p class="legend">${SIDES.map(({ key, name }) => `<span class="${key}"></span> ${name}`).join(' ')}</p>`

/** Three bars, as long as the figures are large. */
function chart(row) {
  const most = Math.max(...SIDES.map(({ figure }) => row[figure] ?? 0))
  const bars = SIDES.map((side, i) => bar(side, row, i * (BAR.height + BAR.gap), most)).join('')
  const height = SIDES.length * (BAR.height + BAR.gap)
  return `<figure>
<figcaption>${escaped(row.op)} <small>${escaped(row.unit)}, ${row.better} is better</small></figcaption>
<svg viewBox="0 0 ${BAR.left + BAR.width + 90} ${height}" role="img" aria-label="${escaped(spoken(row))}">${bars}</svg>
</figure>`
}

function bar({ key, name, figure }, row, y, most) {
  const value = row[figure]
  const width = value === undefined ? 0 : Math.max(1, (value / most) * BAR.width)
  const middle = y + BAR.height / 2
  return `<text x="0" y="${middle}">${escaped(name)}</text>
<rect class="${key}" x="${BAR.left}" y="${y}" width="${width.toFixed(1)}" height="${BAR.height}" rx="3"/>
<text x="${(BAR.left + width + 8).toFixed(1)}" y="${middle}">${escaped(shown(value, row.unit))}</text>`
}

const spoken = (row) =>
  `${row.op}: ${SIDES.map(({ name, figure }) => `${name} ${shown(row[figure], row.unit)} ${row.unit}`).join(', ')}`

function htmlTable(found, smaller) {
  const head = ['op', 'unit', ...SIDES.map(({ name }) => name), 'p95 µs', '× peer', '× floor']
  if (smaller) head.push(`× ${smaller.size}`)
  const body = found.map((row) => {
    const ratios = [row.toPeer, row.toFloor, ...(smaller ? [row.growth] : [])]
    const cells = [...SIDES.map(({ figure }) => shown(row[figure], row.unit)), shown(row.p95, 'µs')]
    return `<tr><th scope="row">${row.op}</th><td>${row.unit}</td>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}${ratios.map(ratioCell).join('')}</tr>`
  })
  return `<table><thead><tr>${head.map((cell) => `<th scope="col">${escaped(cell)}</th>`).join('')}</tr></thead><tbody>${body.join('')}</tbody></table>`
}

function ratioCell(judgement) {
  const verdict = judgement?.isMet === undefined ? '' : judgement.isMet ? ' class="met"' : ' class="missed"'
  return `<td${verdict}>${escaped(shownRatio(judgement))}</td>`
}

const escaped = (text) =>
  String(text).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c])

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2330; --paper: #fbfaf8; --line: #dcd9d2; --soft: #5d6472;
  --chatkeep: #2f6fde; --peer: #b9791f; --floor: #7d8594; --met: #1c7a43; --missed: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ee; --paper: #15181e; --line: #323844;
  --soft: #a2aab8; --chatkeep: #7fb0ff; --peer: #e2ab5c; --floor: #8b94a5; --met: #6fd39a; --missed: #ff9a90; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; color: var(--soft); }
dd { margin: 0; }
.legend span { display: inline-block; width: .8rem; height: .8rem; border-radius: 3px; margin-left: 1rem; }
span.chatkeep { background: var(--chatkeep); } span.peer { background: var(--peer); } span.floor { background: var(--floor); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 1.25rem 2rem; }
figure { margin: 0; } figcaption { font-weight: 600; } small { font-weight: 400; color: var(--soft); }
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 14px; dominant-baseline: central; }
rect.chatkeep { fill: var(--chatkeep); } rect.peer { fill: var(--peer); } rect.floor { fill: var(--floor); }
.scroll { overflow-x: auto; margin-top: 1.5rem; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .5rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, th[scope=row], td:nth-child(2), thead th:nth-child(2) { text-align: left; }
.met { color: var(--met); } .missed { color: var(--missed); font-weight: 600; }`
