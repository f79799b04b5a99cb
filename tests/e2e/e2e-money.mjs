// Limits and money end to end: what is refused, what is paid, and that nothing
// is lost or paid twice.  E2E_STORE: with which stores, tests/lib/money.mjs.
// usage: node e2e-money.mjs [TEXT]

import { assert, flat, runAll, test } from '../lib/suite.mjs'
import { Money, cost, nano, order, served } from '../lib/money.mjs'
import { until } from '../lib/gateway.mjs'

const m = await Money.start({ procs: 4 })

const spent = t => m.num(`SELECT cost_nano FROM tally WHERE scope = 'organization' AND id = '${t.org}' AND from_ms = 0`)
const count = (list, status) => list.filter(a => a.status === status).length

// --- exactly so many ------------------------------------------------------------

const worst = nano(0.001) // 100 tokens of the answer at 10 USD per million
const sources = {
  credits: { org: { credits_nano: 7 * worst } },
  'key limit': { key: { usage_limit_nano: 7 * worst } },
  'key period': { key: { period_nano: 7 * worst, period_count: 1, period_unit: 'day' } },
  'project budget': { project: { budget_nano: 7 * worst, budget_count: 1, budget_unit: 'week' } },
  'organization budget': { org: { budget_nano: 7 * worst, budget_count: 1, budget_unit: 'month' } }
}

for (let run = 0; run < 20; run++) {
  const name = Object.keys(sources)[run % Object.keys(sources).length]
  test(`200 at once against ${name} for exactly 7, run ${run + 1}`, async () => {
    const t = m.tenant(sources[name])
    const before = served.length
    const all = await Promise.all(Array.from({ length: 200 }, (_, i) =>
      m.ask(t, order(`r${run}x${i}`, { out: 100, ms: 20 }))))
    assert.equal(count(all, 200), 7, `paid; others: ${[...new Set(all.map(a => a.status))]}`)
    assert.equal(served.length - before, 7, 'asked of the provider')
    const refused = name.startsWith('key') ? [401, 402] : [402]
    assert.ok(all.every(a => a.status === 200 || refused.includes(a.status)), [...new Set(all.map(a => a.status))].join())
    assert.ok(await m.settled(() => spent(t) === 7 * worst), `${spent(t)} spent`)
    const one = await m.ask(t, order('late', { out: 100 }))
    assert.ok(refused.includes(one.status), one.text)
  })
}

test('what is real is less than the worst: the rest is free again', async () => {
  const t = m.tenant({ org: { credits_nano: 7 * worst } })
  for (let i = 0; i < 14; i++) {
    const a = await m.ask(t, order(`half${i}`, { out: 50 }))
    assert.equal(a.status, i < 13 ? 200 : 402, `${i}: ${a.text}`)
  }
})

// --- 402 ------------------------------------------------------------------------

test('402: what is required, available and held; gone with more credit', async () => {
  const t = m.tenant({ org: { credits_nano: worst - 1 } })
  const a = await m.ask(t, order('x'))
  const b = flat(a, 402, 'insufficient_credits', 'No API key set for provider and organization has insufficient credits')
  assert.deepEqual([b.required, b.available, b.held], [0.001, 0.000999999, 0])
  assert.equal(a.headers['retry-after'], undefined)
  assert.equal(b.type, 'billing_error')
  await m.change(`UPDATE organization SET credits_nano = ${worst} WHERE id = '${t.org}'`)
  assert.equal((await m.ask(t, order('x', { out: 100 }))).status, 200)
})

test('402: mode credits without credit, before the model string; free models need none', async () => {
  const t = m.tenant({ org: { credits_nano: 0 }, project: { mode: 'credits' } })
  flat(await m.ask(t, order('x'), { model: 'nonsense' }), 402, 'insufficient_credits', `Organization ${t.org} has insufficient credits`)
  assert.equal((await m.ask(t, order('x'), { model: 'gratis' })).status, 200)
})

test('402 while others hold it: come again', async () => {
  const t = m.tenant({ project: { budget_nano: worst, budget_count: 1, budget_unit: 'day' } })
  const slow = m.ask(t, order('slow', { out: 1, ms: 1500 }))
  await until(() => served.some(s => s.n === 'slow'))
  const a = await m.ask(t, order('x'))
  const b = flat(a, 402, 'insufficient_budget', 'Budget of project does not cover this request')
  assert.deepEqual([b.required, b.available, b.held], [0.001, 0, 0.001])
  assert.equal(a.headers['retry-after'], '1')
  assert.equal((await slow).status, 200)
  assert.equal((await m.ask(t, order('x'), { max_tokens: 99 })).status, 200)
})

test('without a limit of the client the largest output that fits is asked for', async () => {
  const t = m.tenant({ org: { credits_nano: nano(0.02) } })
  const a = await m.ask(t, order('cut', { out: 7 }), { max_tokens: 0 })
  assert.equal(a.status, 200, a.text)
  assert.equal(a.headers['x-llmgw-max-output'], '2000')
  assert.equal(served.at(-1).body.max_tokens, 2000)
  const poor = m.tenant({ org: { credits_nano: 1024 * 10000 - 1 } })
  flat(await m.ask(poor, order('x'), { max_tokens: 0 }), 402, 'insufficient_credits')
  const rich = await m.ask(m.tenant(), order('x'), { max_tokens: 0 })
  assert.equal(rich.headers['x-llmgw-max-output'], undefined)
  assert.equal(served.at(-1).body.max_tokens, undefined)
})

// --- 401 ------------------------------------------------------------------------

test('401: the key reached its limit, and its period; gone with a higher one', async () => {
  const t = m.tenant({ key: { usage_limit_nano: 5000 * 10 } })
  assert.equal((await m.ask(t, order('x', { out: 5 }), { max_tokens: 5 })).status, 200)
  assert.ok(await m.settled(() => spent(t) === 50000))
  flat(await m.ask(t, order('x'), { max_tokens: 1 }), 401, 'key_limit_reached', 'Unauthorized: API key reached its usage limit')
  await m.change(`UPDATE api_key SET usage_limit_nano = NULL, period_nano = 1, period_count = 1, period_unit = 'hour' WHERE id = '${t.keyId}'`)
  const b = await m.ask(t, order('x'), { max_tokens: 1 })
  flat(b, 402, 'insufficient_budget', 'Budget of key period does not cover this request')
  await m.change(`UPDATE api_key SET period_nano = 20000 WHERE id = '${t.keyId}'`)
  assert.equal((await m.ask(t, order('x', { out: 2 }), { max_tokens: 2 })).status, 200)
  assert.ok(await m.settled(() => spent(t) === 70000))
  flat(await m.ask(t, order('x'), { max_tokens: 1 }), 401, 'key_limit_reached', 'Unauthorized: API key reached its current period usage limit')
  await m.change(`UPDATE api_key SET period_nano = 1000000 WHERE id = '${t.keyId}'`)
  assert.equal((await m.ask(t, order('x'), { max_tokens: 1 })).status, 200)
})

// --- 429 ------------------------------------------------------------------------

test('429: requests per minute, with headers on every answer', async () => {
  const t = m.tenant({ key: { rpm: 3 }, org: { rpm: 100 } })
  for (let i = 0; i < 3; i++) {
    const a = await m.ask(t, order('x'))
    assert.equal(a.status, 200, a.text)
    assert.equal(a.headers['ratelimit-policy'], '"requests";q=3;w=60')
    assert.equal(a.headers.ratelimit, `"requests";r=${2 - i};t=60`)
    assert.equal(a.headers['ratelimit-limit'], '3')
    assert.equal(a.headers['ratelimit-remaining'], String(2 - i))
    assert.equal(a.headers['x-ratelimit-remaining'], String(2 - i))
    assert.ok(Math.abs(Number(a.headers['x-ratelimit-reset']) - Date.now() / 1000 - 60) < 3)
  }
  const a = await m.ask(t, order('x'))
  flat(a, 429, 'rate_limit_exceeded', 'Rate limit exceeded for key: 3 requests per minute')
  assert.equal(a.headers['ratelimit-remaining'], '0')
  const wait = Number(a.headers['retry-after'])
  assert.ok(wait >= 1 && wait <= 60, a.headers['retry-after'])
  await m.change(`UPDATE api_key SET rpm = 100 WHERE id = '${t.keyId}'`)
  assert.equal((await m.ask(t, order('x'))).status, 200)
})

test('429: tokens per minute, settled with what was real', async () => {
  const t = m.tenant({ project: { tpm: 1000 } })
  const guess = Math.ceil((order('x').length + 6) / 4)
  assert.equal((await m.ask(t, order('x', { input: 3, out: 7 }), { max_tokens: 900 })).status, 200)
  const a = await m.ask(t, order('x', { out: 7 }), { max_tokens: 900 })
  assert.equal(a.status, 200, 'it is not the worst that counts: ' + a.text)
  assert.ok(Number(a.headers['x-ratelimit-remaining-tokens']) <= 1000 - 10 - 900)
  assert.match(a.headers['ratelimit-policy'], /^"tokens";q=1000;w=60$/)
  const b = await m.ask(t, order('x'), { max_tokens: 1000 - guess })
  flat(b, 429, 'rate_limit_exceeded', 'Rate limit exceeded for project: 1000 tokens per minute')
})

test('429: in progress, and free again however the request ends', async () => {
  const t = m.tenant({ org: { concurrent: 1 } })
  const slow = m.ask(t, order('one', { ms: 700 }))
  await until(() => served.some(s => s.n === 'one'))
  const a = await m.ask(t, order('x'))
  flat(a, 429, 'rate_limit_exceeded', 'Too many concurrent requests for organization: limit 1')
  assert.equal(a.headers['retry-after'], '1')
  assert.equal((await slow).status, 200)
  assert.equal((await m.ask(t, order('x'))).status, 200)
  assert.equal((await m.ask(t, order('x'), { model: 'nonsense' })).status, 400)
  assert.equal((await m.ask(t, order('x') + ' status=500')).status, 500)
  assert.equal((await m.ask(t, order('x'))).status, 200)
})

test('429: a free model, five times in ten minutes without credit', async () => {
  const t = m.tenant({ org: { credits_nano: 0 } })
  for (let i = 0; i < 5; i++) {
    const a = await m.ask(t, order('x'), { model: 'gratis' })
    assert.equal(a.status, 200, a.text)
    assert.equal(a.headers['x-ratelimit-remaining'], String(4 - i))
  }
  const a = await m.ask(t, order('x'), { model: 'gratis' })
  flat(a, 429, 'rate_limit_exceeded', 'Rate limit exceeded for free models. Please try again later.')
  assert.ok(Number(a.headers['retry-after']) > 60)
})

test('403: a free model wants a verified address', async () => {
  const t = m.tenant({ org: { email_verified: 0 } })
  flat(await m.ask(t, order('x'), { model: 'gratis' }), 403, 'email_not_verified')
  assert.equal((await m.ask(t, order('x'), { model: 'gratis', onboarding: true })).status, 200)
  assert.equal((await m.ask(t, order('x'))).status, 200)
})

test('one scope that refuses leaves the others alone', async () => {
  const t = m.tenant({ key: { rpm: 5 }, org: { rpm: 1 } })
  assert.equal((await m.ask(t, order('x'))).status, 200)
  for (let i = 0; i < 6; i++) flat(await m.ask(t, order('x')), 429, 'rate_limit_exceeded', 'Rate limit exceeded for organization: 1 requests per minute')
  await m.change(`UPDATE organization SET rpm = NULL WHERE id = '${t.org}'`)
  assert.equal((await m.ask(t, order('x'))).headers['ratelimit-remaining'], '3')
})

// --- settlement -----------------------------------------------------------------

test('the same x-request-id twice is paid twice', async () => {
  const t = m.tenant()
  for (let i = 0; i < 2; i++) {
    const a = await m.ask(t, order('twin', { out: 3 }), { headers: { 'x-request-id': 'twin-1' } })
    assert.equal(a.status, 200)
  }
  assert.ok(await m.settled(() => spent(t) === 2 * cost('flat', { prompt_tokens: 0, completion_tokens: 3 })), `${spent(t)}`)
  assert.equal(m.num(`SELECT count(*) FROM log WHERE organization_id = '${t.org}'`), 2)
})

test('more than was held is charged in full', async () => {
  const t = m.tenant({ org: { credits_nano: nano(1) } })
  await m.ask(t, order('x', { input: 50000, out: 1 }), { model: 'usual', max_tokens: 1 })
  const want = cost('usual', { prompt_tokens: 50000, completion_tokens: 1 })
  assert.ok(await m.settled(() => spent(t) === want), `${spent(t)} for ${want}`)
})

test('a failure without usage costs nothing', async () => {
  const t = m.tenant()
  assert.equal((await m.ask(t, order('x') + ' status=500')).status, 500)
  assert.ok(await m.settled(() => m.num(`SELECT count(*) FROM log WHERE organization_id = '${t.org}' AND attempt_of IS NULL`) === 1))
  assert.equal(spent(t), 0)
})

test('tallies are the sums of the records', async () => {
  assert.ok(await m.settled(() => m.faults().length === 0), JSON.stringify(m.faults().slice(0, 3)))
})

test('nothing is held any more', async () => {
  let held
  assert.ok(await m.settled(async () => { held = await m.held(); return held.every(v => v === 0) }), `${held}`)
})

await runAll('e2e-money', { after: () => m.stop() })
