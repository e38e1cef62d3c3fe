// The table on the terminal.
import { rows, shown, shownRatio } from './figures.mjs'

export function table({ size, sides, smaller }) {
  const head = ['op', 'unit', 'chatkeep', 'peer', 'floor', '× peer', '× floor']
  if (smaller) head.push(`× ${smaller.size}`)
  const lines = rows(sides, smaller?.sides).map((row) => {
    const cells = [row.op, row.unit, ...['chatkeep', 'peerFigure', 'floorFigure'].map((side) => shown(row[side], row.unit))]
    cells.push(shownRatio(row.toPeer), shownRatio(row.toFloor))
    if (smaller) cells.push(shownRatio(row.growth))
    return cells
  })
  return `${size} messages\n${aligned([head, ...lines])}`
}

function aligned(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)))
  const text = lines.map((line) => line
    .map((cell, column) => (column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
    .join('  '))
  text.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '))
  return text.join('\n')
}
