// sqlite-vec on the vectors that `cargo bench -p chatkeep-store --bench meaning` left behind: exact,
// as 8-bit integers, and as sign bits whose first 400 are scored again.
//
//   node peer_sqlite_vec.mjs WORKDIR
//
// Prints one JSON object: for each way the time of a query and the part of the exact ten it finds.
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as sqliteVec from 'sqlite-vec'

const DIMENSION = 384
const FOUND = 10
const RESCORED = 400
// Exact search reads every vector: at a million one query takes the third of a second.
const QUERIES = 50

const WAYS = {
  f32: {
    column: `vector float[${DIMENSION}] distance_metric=cosine`,
    value: '?',
    query: `SELECT rowid FROM vectors WHERE vector MATCH ? AND k = ${FOUND}`,
  },
  int8: {
    column: `vector int8[${DIMENSION}] distance_metric=cosine`,
    value: `vec_quantize_int8(?, 'unit')`,
    query: `SELECT rowid FROM vectors
            WHERE vector MATCH vec_quantize_int8(?, 'unit') AND k = ${FOUND}`,
  },
  bits: {
    column: `bits bit[${DIMENSION}], +vector blob`,
    value: 'vec_quantize_binary(?), ?',
    query: `SELECT rowid FROM (
              SELECT rowid, vector FROM vectors
              WHERE bits MATCH vec_quantize_binary(?) AND k = ${RESCORED}
            )
            ORDER BY vec_distance_cosine(vector, ?)
            LIMIT ${FOUND}`,
  },
}

const folder = process.argv[2]
const vectors = readFileSync(join(folder, 'vectors.f32'))
const queries = each(readFileSync(join(folder, 'queries.f32'))).slice(0, QUERIES)
const report = { name: 'sqlite-vec', version: sqliteVec.version ?? '0.1.9', ways: {} }
let exact
for (const [name, way] of Object.entries(WAYS)) {
  const { db, bytes } = filled(name, way)
  const { found, times } = asked(db, way)
  exact ??= found
  report.ways[name] = {
    p50_ms: at(times, 0.5),
    p95_ms: at(times, 0.95),
    recall_at_10: recall(found),
    bytes_on_disk_each: bytes / (vectors.length / (DIMENSION * 4)),
  }
  db.close()
}
console.log(JSON.stringify(report, null, 2))

function each(bytes) {
  const size = DIMENSION * 4
  return Array.from({ length: bytes.length / size }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
}

function filled(name, { column, value }) {
  const file = join(folder, `sqlite-vec-${name}.db`)
  rmSync(file, { force: true })
  const db = new Database(file)
  sqliteVec.load(db)
  db.pragma('journal_mode = OFF')
  db.exec(`CREATE VIRTUAL TABLE vectors USING vec0(${column})`)
  const columns = name === 'bits' ? 'bits, vector' : 'vector'
  const insert = db.prepare(`INSERT INTO vectors (${columns}) VALUES (${value})`)
  const parameters = value.split('?').length - 1
  db.transaction(() => {
    for (let from = 0; from < vectors.length; from += DIMENSION * 4) {
      insert.run(...Array(parameters).fill(vectors.subarray(from, from + DIMENSION * 4)))
    }
  })()
  return { db, bytes: statSync(file).size }
}

function asked(db, { query }) {
  const statement = db.prepare(query).pluck()
  const parameters = query.split('?').length - 1
  const found = []
  const times = queries.map((vector) => {
    const start = performance.now()
    found.push(statement.all(...Array(parameters).fill(vector)))
    return performance.now() - start
  })
  return { found, times }
}

function recall(found) {
  const right = found.flatMap((rows, i) => rows.filter((row) => exact[i].includes(row)))
  return right.length / (queries.length * FOUND)
}

function at(times, part) {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * part)]
}
