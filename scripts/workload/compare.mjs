#!/usr/bin/env node
// Runs the three sides of the workload in turns on one corpus and prints the table.
//
//   compare.mjs --target DIR --program FILE --peer FILE --sizes 100k[,1m] --rounds N [--json FILE] [--html FILE]
//
// Called by scripts/bench, which installs and builds what is run here.
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { medians } from './figures.mjs'
import { report } from './report.mjs'
import { table } from './table.mjs'

const MESSAGES = { '100k': 100_000, '1m': 1_000_000 }
const HERE = path.dirname(fileURLToPath(import.meta.url))

const names = ['target', 'program', 'peer', 'sizes', 'rounds', 'json', 'html']
const { values: options } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) })
const rounds = Number(options.rounds)

const SIDES = {
  chatkeep: (corpus, work) => [options.program, [corpus, work]],
  peer: (corpus, work) => [process.execPath, [options.peer, corpus, work]],
  floor: (corpus, work) => [options.program, [corpus, work, '--floor']],
}

const results = []
for (const size of options.sizes.split(',')) results.push(measure(size, results.at(-1)))
const measured = { machine: machine(results[0]), results }
if (options.json) write(options.json, JSON.stringify(measured, null, 1))
if (options.html) write(options.html, report(measured))

function measure(size, smaller) {
  const corpus = path.join(options.target, `c${size}.jsonl`)
  makeCorpus(MESSAGES[size], corpus)
  const runs = { chatkeep: [], peer: [], floor: [] }
  for (let round = 1; round <= rounds; round += 1) {
    // Each round begins with another side, so that none always runs on a machine that is warm.
    const order = Object.keys(SIDES).map((_, i, all) => all[(i + round - 1) % all.length])
    for (const side of order) {
      process.stderr.write(`${size} messages, round ${round} of ${rounds}: ${side}\n`)
      runs[side].push(runOnce(side, corpus))
    }
  }
  const sides = Object.fromEntries(Object.entries(runs).map(([side, all]) => [side, medians(all)]))
  const result = { size, rounds, sides, runs, smaller: smaller && { size: smaller.size, sides: smaller.sides } }
  console.log(`\n${table(result)}\n`)
  return result
}

function runOnce(side, corpus) {
  const work = fs.mkdtempSync(path.join(options.target, 'work-'))
  try {
    const [program, args] = SIDES[side](corpus, work)
    return JSON.parse(execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }))
  } finally {
    fs.rmSync(work, { recursive: true })
  }
}

function makeCorpus(messages, file) {
  if (fs.existsSync(file)) return
  process.stderr.write(`making the corpus of ${messages} messages\n`)
  const unfinished = `${file}.new`
  execFileSync('python3', [path.join(HERE, 'make_corpus.py'), String(messages), unfinished], { stdio: 'inherit' })
  fs.renameSync(unfinished, file)
}

function machine({ sides }) {
  const cpus = os.cpus()
  return {
    Date: new Date().toISOString().slice(0, 10),
    Machine: `${cpus.length} × ${cpus[0].model}, ${Math.round(os.totalmem() / 1024 ** 3)} GiB, ${os.type()} ${os.release()}`,
    SQLite: Object.entries(sides).map(([side, { sqlite }]) => `${side} ${sqlite}`).join(', '),
    Peer: `${sides.peer.name} on Node.js ${process.versions.node}`,
  }
}

function write(file, text) {
  fs.mkdirSync(path.dirname(path.resolve(file)), { recursive: true })
  fs.writeFileSync(file, text)
  console.log(`written: ${path.resolve(file)}`)
}
