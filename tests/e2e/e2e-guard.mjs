// The guardrail tests of e2e-http with another pair of stores (E2E_STORE, as in
// tests/lib/money.mjs).
// usage: node e2e-guard.mjs [TEXT]

import { assert, runAll, test } from '../lib/suite.mjs'
import { sleep } from '../lib/gateway.mjs'
import { stores } from '../lib/money.mjs'
import { guard, startGuard, stopGuard } from './http/guard.mjs'

const kept = await stores()
const g = await startGuard(kept.conf)
guard(() => g)

// Counters that are new are built first, where others could have holds.
let row = 0
for (const end = Date.now() + 15000; row < 5 && Date.now() < end; await sleep(20)) {
  row = (await g.chat({ model: 'sim-echo', messages: [{ role: 'user', content: 'x' }] })).status === 200 ? row + 1 : 0
}

test('the database has the step that made the table', () => {
  if (!kept.sql) return
  assert.ok(Number(kept.sql('SELECT max(version) FROM schema_version')) >= 6)
  assert.ok(Number(kept.sql("SELECT count(*) FROM guardrail WHERE is_system = 1")) >= 6)
})

await runAll('e2e-guard', { after: async () => { await g.stop(); await stopGuard(); await kept.end() } })
