// kill -9 of random processes under load: nothing is lost, nothing is paid
// twice, and what was in flight has exactly one record.  KILLS (20) says how
// many; E2E_STORE as in e2e-money.mjs.

import { assert, runAll, test } from '../lib/suite.mjs'
import { Money, cost, nano, order, served } from '../lib/money.mjs'
import { alive, sleep, until } from '../lib/gateway.mjs'

const kills = Number(process.env.KILLS || 20)
const m = await Money.start({ procs: 4 })
const day = { budget_nano: nano(900), budget_count: 1, budget_unit: 'day' }
const tenants = [
  m.tenant({ org: { credits_nano: nano(1000) }, key: { usage_limit_nano: nano(1000), rpm: 100000, tpm: 100000000, concurrent: 1000 } }),
  m.tenant({ org: { ...day, concurrent: 1000 }, project: day, key: { period_nano: nano(900), period_count: 1, period_unit: 'hour' } })
]

const asked = new Map() // by n: what the client asked for and got
const killed = []       // when
let on = true
let n = 0

async function client(i) {
  while (on) {
    const id = `k${++n}`
    const stream = n % 2 === 0
    const out = 20 + n % 30
    const r = { id, t: tenants[(n + i) % 2], at: Date.now(), max: 60 }
    asked.set(id, r)
    try {
      const a = await m.ask(r.t, order(id, { input: 25, out, ms: stream ? 5 + n % 10 : 50 }),
        { model: 'usual', max_tokens: r.max, stream, headers: { 'x-request-id': id } })
      r.status = a.status
      r.whole = a.complete && a.status === 200 && (!stream || a.text.includes('[DONE]'))
    } catch (e) {
      r.error = e.message
    }
    r.end = Date.now()
    if (r.status !== 200) await sleep(20)
  }
}

const workers = () => m.g.program('chat').slice(1).filter(alive)

await test_load()

async function test_load() {
  const all = Array.from({ length: 40 }, (_, i) => client(i))
  await sleep(500)
  for (let k = 0; k < kills; k++) {
    const list = workers()
    const victim = list[Math.floor(Math.random() * list.length)]
    if (victim) {
      killed.push(Date.now())
      process.kill(victim, 'SIGKILL')
    }
    await sleep(300 + Math.random() * 500)
  }
  on = false
  await Promise.all(all)
}

const org = tenants.map(t => `'${t.org}'`).join(', ')
const rows = () => m.rows(`SELECT request_id, cost_nano, billed_nano, aborted, estimated, status FROM log WHERE organization_id IN (${org}) AND attempt_of IS NULL`)
  .map(([id, c, b, aborted, estimated, status]) => ({ id, cost: Number(c), billed: Number(b), aborted: aborted === '1', estimated: estimated === '1', status: Number(status) }))

const calls = new Map()
for (const s of served) calls.set(s.n, [...calls.get(s.n) ?? [], s])

// A kill while it ran, or just before its client or its record was told.
const inFlight = r => killed.some(t => t >= r.at - 5 && t <= r.end + 300)

let records = []

test('every call of the provider has one record', async () => {
  const all = [...calls.values()].flat().length
  await m.settled(() => rows().length >= all)
  await sleep(3000) // what would come twice had time to
  records = rows()
  const by = new Map()
  for (const r of records) by.set(r.id, [...by.get(r.id) ?? [], r])
  const faults = []
  for (const [id, list] of calls) {
    if ((by.get(id)?.length ?? 0) < list.length) faults.push(`${id}: ${list.length} calls, ${by.get(id)?.length ?? 0} records`)
  }
  for (const [id, list] of by) {
    if (list.length > 1 && !inFlight(asked.get(id))) faults.push(`${id}: ${list.length} records`)
  }
  assert.deepEqual(faults.slice(0, 10), [])
  assert.ok(all > 200, `only ${all} calls`)
})

test('those that no kill touched cost what was served', () => {
  const faults = []
  let seen = 0
  for (const [id, list] of calls) {
    const r = asked.get(id)
    if (inFlight(r)) continue
    const [record] = records.filter(x => x.id === id)
    const want = cost('usual', list[0].usage)
    seen++
    if (!r.whole || list.length !== 1 || record?.cost !== want || record.billed !== want || record.aborted) {
      faults.push(`${id}: ${JSON.stringify(record)}, served ${want}, client ${r.status ?? r.error}`)
    }
  }
  assert.deepEqual(faults.slice(0, 10), [])
  assert.ok(seen > 50, `only ${seen}`)
})

test('those in flight are aborted, estimated, and charged at most their hold', () => {
  const faults = []
  let aborted = 0
  for (const r of records) {
    const a = asked.get(r.id)
    const hold = 1000 * (1 * 100 + 10 * a.max) // more than the prompt has tokens
    if (r.aborted) aborted++
    if (r.aborted && !inFlight(a)) faults.push(`${r.id} was not in flight`)
    if (r.aborted && (!r.estimated || r.cost > hold || r.billed !== r.cost)) faults.push(JSON.stringify(r))
    if (!r.aborted && !r.estimated && r.status === 200 && r.cost !== cost('usual', calls.get(r.id)[0].usage)) faults.push(JSON.stringify(r))
  }
  assert.deepEqual(faults.slice(0, 10), [])
  assert.ok(aborted >= kills / 4, `only ${aborted} were aborted`)
  const charged = records.filter(r => r.aborted && r.cost > 0).length
  assert.ok(charged > 0, 'none of them was charged')
})

test('tallies are the sums of the records, in windows too', async () => {
  assert.ok(await m.settled(() => m.faults().length === 0), JSON.stringify(m.faults().slice(0, 3)))
  const t = tenants[1]
  for (const [scope, id, column] of [['key', t.keyId, 'key_id'], ['project', t.project, 'project_id'], ['organization', t.org, 'organization_id']]) {
    const total = m.num(`SELECT sum(cost_nano) FROM log WHERE ${column} = '${id}'`)
    assert.equal(m.num(`SELECT sum(cost_nano) FROM tally WHERE scope = '${scope}' AND id = '${id}' AND from_ms > 0`), total, scope)
  }
})

test('nothing is held any more', async () => {
  let held
  assert.ok(await m.settled(async () => { held = await m.held(); return held.every(v => v === 0) }, 20000), `${held}`)
})

test('and all is well', async () => {
  assert.ok(await until(async () => (await m.ask(tenants[0], order('last'), { model: 'usual' })).status === 200, 5000))
})

await runAll('e2e-kill', { after: () => m.stop() })
