// Vectors for functions, not for the gateway: the unit tests read them.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { build, top } from '../lib/gateway.mjs'

const readers = [
  { names: /^eventstream$/, room: 'http', test: 'eventstream' },
  { names: /^sigv4/, room: 'provider', test: 'sigv4' }
]

// Can somebody read this directory here?
export function readable(name) {
  const r = readers.find(r => r.names.test(name))
  return r !== undefined && fs.existsSync(path.join(build, `check_${r.room}`))
}

// Sentences about what is wrong with it.
export function readVectors(name, dir) {
  const { room, test } = readers.find(r => r.names.test(name))
  const p = spawnSync(path.join(build, `check_${room}`), {
    encoding: 'utf8', env: { ...process.env, srcdir: path.join(top, 'tests'), LLMGW_CASES: path.resolve(dir), CK_RUN_CASE: test }
  })
  return p.status === 0 ? [] : (p.stdout + p.stderr).split('\n').filter(l => /:[FE]:/.test(l))
}
