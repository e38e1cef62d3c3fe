// What is measured, what each figure has to reach, and how runs become figures.

/** The store may cost this much more than its own SQL through bare rusqlite. */
export const FLOOR_RATIO_MAX = 1.15
/** With ten times the messages, an operation may cost this much more. */
export const GROWTH_MAX = 1.5

/**
 * Every operation, in the order of the table. `figure` picks the compared number out of a run;
 * `better` says which way is good; `peer` is the bound on the ratio to the peer, where one is set;
 * `peerOp` is what the peer calls it. What only the store does has no ratio.
 */
export const OPS = [
  { op: 'import', figure: 'rows_per_s', unit: 'rows/s', better: 'more', peer: 0.8 },
  { op: 'append_normal', figure: 'p50_us', unit: 'µs', better: 'less' },
  { op: 'append_full', figure: 'p50_us', unit: 'µs', better: 'less', peer: 1.5 },
  { op: 'append_full_unindexed', figure: 'p50_us', unit: 'µs', better: 'less' },
  { op: 'open_session', figure: 'p50_us', unit: 'µs', better: 'less', peer: 0.6 },
  { op: 'list_sessions', figure: 'p50_us', unit: 'µs', better: 'less', peer: 0.2 },
  { op: 'build_context', figure: 'p50_us', unit: 'µs', better: 'less' },
  { op: 'search', figure: 'p95_us', unit: 'µs', better: 'less', peerOp: 'search_scan' },
  { op: 'search_commonest', figure: 'p95_us', unit: 'µs', better: 'less' },
  { op: 'search_two_words', figure: 'p95_us', unit: 'µs', better: 'less' },
  { op: 'search_two_commonest', figure: 'p95_us', unit: 'µs', better: 'less' },
  { op: 'search_phrase', figure: 'p95_us', unit: 'µs', better: 'less' },
  { op: 'search_commonest_phrase', figure: 'p95_us', unit: 'µs', better: 'less' },
  { op: 'search_prefix', figure: 'p95_us', unit: 'µs', better: 'less' },
  { op: 'search_part', figure: 'p95_us', unit: 'µs', better: 'less' },
  { op: 'palette', figure: 'p95_us', unit: 'µs', better: 'less' },
  { op: 'import_deferred', figure: 'rows_per_s', unit: 'rows/s', better: 'more' },
  { op: 'index_behind', figure: 'rows_per_s', unit: 'rows/s', better: 'more' },
  { op: 'size', figure: 'bytes', unit: 'bytes', better: 'less', isMeasuredOnce: true },
  { op: 'memory', figure: 'peak_rss_bytes', unit: 'bytes', better: 'less', isMeasuredOnce: true },
]

/** The median of each figure over the rounds: one slow moment of the machine changes nothing. */
export function medians(runs) {
  const ops = {}
  for (const [op, first] of Object.entries(runs[0].ops)) {
    ops[op] = {}
    for (const figure of Object.keys(first)) {
      ops[op][figure] = median(runs.map((run) => run.ops[op][figure]))
    }
  }
  return { ...runs[0], ops }
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** One row of the table for each operation: the three figures, the ratios, and what they must be. */
export function rows({ chatkeep, peer, floor }, smaller) {
  return OPS.map((spec) => {
    const of = (side) => side?.ops[side === peer ? (spec.peerOp ?? spec.op) : spec.op]?.[spec.figure]
    const own = of(chatkeep)
    return {
      ...spec,
      chatkeep: own,
      peerFigure: of(peer),
      floorFigure: of(floor),
      p95: chatkeep.ops[spec.op].p95_us,
      toPeer: judged(own / of(peer), spec.peer, spec.better),
      toFloor: judged(cost(spec, own, of(floor)), spec.isMeasuredOnce ? undefined : FLOOR_RATIO_MAX, 'less'),
      growth: smaller && !spec.isMeasuredOnce
        ? judged(cost(spec, own, of(smaller.chatkeep)), GROWTH_MAX, 'less')
        : undefined,
    }
  })
}

/** How much more `own` costs than `other`: for a rate, less is more. */
const cost = ({ better }, own, other) => (better === 'more' ? other / own : own / other)

function judged(ratio, bound, better) {
  if (!Number.isFinite(ratio)) return undefined // nobody else does it
  const isMet = bound === undefined ? undefined : better === 'more' ? ratio >= bound : ratio <= bound
  return { ratio, bound, better, isMet }
}

export function shown(value, unit) {
  if (value === undefined) return '–'
  if (unit === 'bytes') return `${(value / 1024 ** 2).toFixed(1)} MiB`
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(1)
}

export function shownRatio(judgement) {
  if (!judgement) return '–'
  const { ratio, bound, better, isMet } = judgement
  if (bound === undefined) return ratio.toFixed(2)
  return `${ratio.toFixed(2)} (${better === 'more' ? '≥' : '≤'} ${bound}${isMet ? ' ✓' : ' ✗'})`
}
