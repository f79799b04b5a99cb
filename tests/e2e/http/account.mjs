// What a key may know: its requests (GET /v1/usage/{request_id}) and itself.

import { until } from '../../lib/gateway.mjs'
import { assert, common, flat, test } from '../../lib/suite.mjs'
import { hello, modelOf } from './setting.mjs'

let n = 0
const newId = () => `acc-${process.pid}-${++n}`

// Send a request under an id of its own, wait for its record.
async function recorded(g, body, headers = {}) {
  const id = newId()
  const answer = await g.chat(body, { headers: { 'x-request-id': id, ...headers } })
  let a
  assert.ok(await until(async () => (a = await g.get('/v1/usage/' + id)).status === 200, 5000), 'no record within 5 s')
  return { id, answer, a, u: a.json }
}

const members = ['object', 'request_id', 'log_id', 'created_at', 'endpoint', 'status', 'state', 'requested_model', 'used_model', 'used_provider', 'used_region',
  'streamed', 'cached', 'finish_reason', 'duration_ms', 'ttft_ms', 'usage', 'billed', 'mode', 'credential', 'routing']

export function account(g) {
  for (const stream of [false, true]) test(`the record of a request, stream ${stream}`, async () => {
    const { id, answer, a, u } = await recorded(g(), hello({ stream, stream_options: stream ? { include_usage: true } : undefined }))
    assert.equal(answer.status, 200)
    common(a)
    assert.deepEqual(Object.keys(u), members)
    assert.deepEqual([u.object, u.request_id, u.endpoint, u.status, u.state, u.streamed, u.cached], ['usage', id, 'chat-completions', 200, 'completed', stream, false])
    assert.match(u.log_id, /^log_[A-Za-z0-9]{20}$/)
    assert.match(u.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.deepEqual([u.requested_model, u.used_model, u.used_provider, u.finish_reason], ['plain-model', 'plain-model', 'openai', 'completed'])
    assert.equal(u.routing.length, 1)
    assert.equal(u.routing[0].succeeded, true)
    if (!stream) {
      assert.deepEqual(u.usage, answer.json.usage)
      assert.equal(u.billed, u.usage.cost_details.billed_cost)
    }
    assert.ok(u.usage.cost > 0)
  })
  test('a failed request has a record, and one for its attempt', async () => {
    const { id, u } = await recorded(g(), hello({ model: 'status-500' }))
    assert.equal(u.state, 'failed')
    assert.ok(u.status >= 500)
    assert.equal(u.routing[0].succeeded, false)
    const rows = JSON.parse(g().ctl('log', 'list', '--json', '--request-id', id)).data
    const attempts = rows.filter(r => r.attempt_of !== null)
    assert.equal(attempts.length, u.routing.length)
    for (const r of attempts) assert.equal(r.attempt_of, u.log_id)
    assert.deepEqual([attempts[0].status, attempts[0].error_class, attempts[0].used_provider], [500, 'upstream_error', 'openai'])
    assert.ok(attempts[0].duration_ms >= 0)
  })
  test('an answer without content is the provider\'s failure', async () => {
    const { u } = await recorded(g(), hello({ model: modelOf('no-content') }))
    assert.deepEqual([u.state, u.finish_reason, u.used_region], ['failed', 'upstream_error', null])
  })
  test('the user, the tier and the header are recorded', async () => {
    for (const [body, want] of [[{ user: 'u-1' }, 'u-1'], [{ safety_identifier: 'u-2' }, 'u-2'], [{ metadata: { user_id: 'u-3' } }, 'u-3'], [{}, null]]) {
      const { u } = await recorded(g(), hello({ ...body, service_tier: 'default' }), { 'x-llmgateway-team': 'red' })
      const row = JSON.parse(g().ctl('log', 'show', u.log_id))
      assert.deepEqual([row.user_id, row.tier, row.headers.team], [want, 'default', 'red'])
    }
  })
  test('the newest record answers for an id that was used twice', async () => {
    const { id, u } = await recorded(g(), hello())
    await g().chat(hello({ model: 'no-usage' }), { headers: { 'x-request-id': id } })
    assert.ok(await until(async () => (await g().get('/v1/usage/' + id)).json.requested_model === 'no-usage', 5000))
    assert.notEqual((await g().get('/v1/usage/' + id)).json.log_id, u.log_id)
  })
  test('unknown, of others, and without a key', async () => {
    const { id } = await recorded(g(), hello())
    for (const x of ['nothing', id + 'x', "' OR 1=1 --", 'a'.repeat(500)]) flat(await g().get('/v1/usage/' + encodeURIComponent(x)), 404, 'not_found')
    flat(await g().get('/v1/usage/' + id, { headers: { authorization: null } }), 401, 'invalid_api_key')
    assert.equal((await g().post('/v1/usage/' + id, {})).status, 405)
    const other = JSON.parse(g().ctl('project', 'create', newId(), '--json'))
    const key = JSON.parse(g().ctl('key', 'create', '--json', '--project', other.id, '--label', 'x')).key
    flat(await g().get('/v1/usage/' + id, { headers: { authorization: 'Bearer ' + key } }), 404, 'not_found')
  })
  test('what a key is told about itself', async () => {
    const made = g().newKey('itself')
    const auth = { headers: { authorization: 'Bearer ' + made.key } }
    const before = await g().get('/v1/key', auth)
    assert.equal(before.status, 200, before.text)
    common(before)
    const k = before.json
    assert.deepEqual(Object.keys(k), ['object', 'id', 'label', 'masked', 'status', 'project_id', 'organization_id', 'mode', 'created_at', 'expires_at', 'usage', 'limit',
      'remaining', 'period', 'credits', 'rate_limits', 'free_models'])
    assert.deepEqual([k.object, k.id, k.label, k.status, k.mode, k.expires_at, k.usage, k.limit, k.remaining, k.period, k.free_models],
      ['key', made.id, 'itself', 'active', 'hybrid', null, 0, null, null, null, true])
    assert.ok(!before.text.includes(made.key) && k.masked.endsWith(made.key.slice(-4)))
    assert.equal(typeof k.credits.available, 'number')
    const answer = await g().chat(hello(), auth)
    assert.ok(await until(async () => (await g().get('/v1/key', auth)).json.usage === answer.json.usage.cost, 5000))
    flat(await g().get('/v1/key', { headers: { authorization: null } }), 401, 'invalid_api_key')
  })
  test('its rates, as they stand', async () => {
    const made = g().newKey('rated')
    const auth = { headers: { authorization: 'Bearer ' + made.key } }
    g().ctl('key', 'set', made.id, 'limits.rpm=5', 'limits.concurrent=2')
    const rates = async () => (await g().get('/v1/key', auth)).json.rate_limits.map(x => [x.scope, x.kind, x.limit, x.remaining])
    assert.deepEqual(await rates(), [['key', 'rpm', 5, 5], ['key', 'concurrent', 2, 2]])
    for (let i = 0; i < 2; i++) assert.equal((await g().chat(hello(), auth)).status, 200)
    // The answer is there before the request is over.
    const over = JSON.stringify([['key', 'rpm', 5, 3], ['key', 'concurrent', 2, 2]])
    assert.ok(await until(async () => JSON.stringify(await rates()) === over), JSON.stringify(await rates()))
  })
  test('600 questions a minute, of one key', async () => {
    const auth = { headers: { authorization: 'Bearer ' + g().newKey('eager').key } }
    let refused
    for (let i = 0; i < 14 && !refused; i++) {
      const all = await Promise.all(Array.from({ length: 50 }, () => g().get('/v1/key', auth)))
      refused = all.find(a => a.status !== 200)
      if (i < 12) assert.equal(refused, undefined, refused?.text)
    }
    flat(refused, 429, 'rate_limit_exceeded')
    assert.ok(Number(refused.headers['retry-after']) >= 1)
    assert.equal((await g().get('/v1/key')).status, 200)
  })
}
