// Several keys, several providers (api.md 2.4, 2.5, 12.5), and the timers of
// 1.8 that end a request.

import { until } from '../../lib/gateway.mjs'
import { assert, flat, table, test } from '../../lib/suite.mjs'
import { chunks, events, faults, join } from '../../lib/stream.mjs'
import { hello, start, upstream } from './setting.mjs'

const names = ['one', 'two', 'three', 'four']
const keys = { one: ['sk-one-k1'], two: ['sk-two-k1'], three: ['sk-three-k1'], four: ['sk-four-k1'], many: ['k1', 'k2', 'k3', 'k4'].map(k => `sk-many-${k}`) }
const retried = [
  ['hang', 'timeout', 0], ['reset', 'network_error', 0], ['garbage', 'upstream_error', 200], ['empty', 'upstream_error', 200], ['hollow', 'upstream_error', 200],
  ['html', 'upstream_error', 200], ['truncated', 'upstream_error', 200], ['half-json', 'upstream_error', 200], ['error-in-200', 'upstream_error', 200],
  ['redirect', 'upstream_error', 307], ['status-401', 'gateway_error', 401], ['status-402', 'gateway_error', 402], ['status-403', 'gateway_error', 403],
  ['status-404', 'gateway_error', 404], ['status-408', 'upstream_error', 408], ['status-409', 'upstream_error', 409], ['status-429', 'rate_limited', 429],
  ['status-500', 'upstream_error', 500], ['status-503', 'upstream_error', 503], ['status-529', 'upstream_error', 529], ['rate-30', 'rate_limited', 429]
]
const final = [['status-400', 400], ['status-413', 413], ['status-422', 422]]
const broken = [['cut', 500], ['no-finish', 500], ['error-mid', 500], ['stall', 504]]

const offer = (model, ...providers) => `[model ${model}]\nprovider = ${providers.join(', ')}\ncontext = 100000\nmax_output = 10000\n` +
  'capabilities = tools, stream, plain, chat, files\ninput_price = 3\noutput_price = 15\n'

function sections() {
  // Not the score decides who is asked first.
  const list = ['many', ...names].map((n, i) => `[provider ${n}]\ndialect = openai-chat\nbase_url = ${upstream.url}/${n}\n` +
    `path = /v1/chat/completions\nauth = bearer\nkey = ${keys[n].join(', ')}\npriority = ${900 - 100 * i}\n`)
  list.push(`[provider patient]\ndialect = openai-chat\nbase_url = ${upstream.url}/patient\npath = /x\nauth = bearer\nkey = sk-patient\npriority = 900\ntimeout_first_byte = 20s\n`)
  list.push(offer('patient', 'patient/hang', 'two/plain-model'))
  list.push('[provider dead]\ndialect = openai-chat\nbase_url = http://127.0.0.1:9\npath = /x\nauth = bearer\nkey = sk-dead\npriority = 900\n')
  const failing = [...retried.map(r => r[0]), ...final.map(r => r[0]), ...broken.map(r => r[0]),
    'no-content', 'filter-400', 'cut-first', 'error-first', 'late-reset', 'drip', 'endless']
  for (const f of failing) list.push(offer(`pair-${f}`, `one/${f}`, 'two/plain-model'))
  list.push(offer('pair-pinned', 'one/status-502', 'two/plain-model'))
  list.push(offer('pair-dead', 'dead/x', 'two/plain-model'))
  list.push(offer('mixed', 'one/status-500', 'two/status-429'), offer('same', 'one/status-500', 'two/status-503'))
  list.push(offer('all-rate', 'one/status-429', 'two/rate-30'), offer('hang-twice', 'one/hang', 'two/hang'))
  list.push(offer('four', 'one/status-500', 'two/status-500', 'three/status-500', 'four/plain-model'))
  list.push(offer('keys', 'many/status-500', 'two/plain-model'), offer('second-key', 'many/first-key-bad'))
  return list.join('\n')
}

export const startFallback = (conf = {}) => start({ timeout_first_byte: '1s', timeout_idle: '1s', weight_uptime: '0', weight_throughput: '0', weight_latency: '0', ...conf }, { more: sections })

// Ask, and what the providers saw of it.
async function ask(g, body, more = {}) {
  const before = upstream.requests.length
  const a = await g.chat(hello(body), more)
  return { a, seen: upstream.requests.slice(before).map(s => ({ provider: s.url.split('/')[1], key: s.headers.authorization?.slice(7) })) }
}

// A kept connection that turns out to be dead is replaced once, uncounted.
const distinct = seen => seen.filter((s, i) => i === 0 || s.provider !== seen[i - 1].provider || s.key !== seen[i - 1].key)
const asked = seen => distinct(seen).map(s => s.provider)

function routing(a, stream) {
  return stream ? join(events(a.text)).metadata?.routing : a.json.metadata.routing
}

export function fallback(g) {
  for (const stream of [false, true]) secondAnswers(g, stream)
  whenNobodyAnswers(g)
  pinned(g)
  severalKeys(g)
  inTheStream(g)
  records(g)
}

function secondAnswers(g, stream) {
  const kind = stream ? 'stream' : 'plain'
  const rows = [...retried, ['no-content', 'upstream_error', 200], ['dead', 'network_error', 0],
    ...(stream ? [['cut-first', 'upstream_error', 200], ['error-first', 'upstream_error', 200]] : [])]
  // Whether a stream has content shows at its end, after its first chunk.
  table(`the second provider answers, ${kind}`, rows.filter(([name]) => !(stream && name === 'no-content')), async (name, word, status) => {
    const { a, seen } = await ask(g(), { model: `pair-${name}`, stream })
    assert.equal(a.status, 200, a.text.slice(0, 300))
    assert.deepEqual(asked(seen), name === 'dead' ? ['two'] : ['one', 'two'])
    if (!(stream && name === 'hang')) { // pings bring the headers before
      assert.equal(a.headers['x-llmgw-provider'], 'two')
      assert.equal(a.headers['x-llmgw-model'], `pair-${name}`)
    }
    const b = stream ? join(events(a.text)) : { ...a.json, content: a.json.choices[0].message.content }
    if (stream) assert.deepEqual(faults(events(a.text).filter(e => !e.comment), false), [])
    assert.equal(b.content, 'Hello there!')
    assert.equal(b.model, `two/pair-${name}`)
    assert.equal(b.metadata.used_provider, 'two')
    assert.equal(b.metadata.underlying_used_model, 'plain-model')
    const [first, second, ...rest] = routing(a, stream)
    assert.deepEqual(rest, [])
    assert.deepEqual([first.provider, first.error_type, first.status_code, first.succeeded], [name === 'dead' ? 'dead' : 'one', word, status, false])
    assert.deepEqual([second.provider, second.error_type, second.status_code, second.succeeded], ['two', 'none', 200, true])
  })
  table(`no second provider for the fault of a client, ${kind}`, final, async (name, status) => {
    const { a, seen } = await ask(g(), { model: `pair-${name}`, stream })
    flat(a, status, 'upstream_invalid_request')
    assert.deepEqual(asked(seen), ['one'])
  })
  test(`no second provider for an object that the first one lacks, ${kind}`, async () => {
    for (const [model, status, who] of [['pair-status-404', 404, ['one']], ['pair-status-500', 200, ['one', 'two']]]) {
      const { a, seen } = await ask(g(), { model, stream, messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'file-1' } }] }] })
      assert.equal(a.status, status, a.text.slice(0, 300))
      assert.deepEqual(asked(seen), who)
    }
    // A text about one is no name of one.
    const { a, seen } = await ask(g(), { model: 'pair-status-404', stream, messages: [{ role: 'user', content: 'What is "file_id"?' }] })
    assert.deepEqual([a.status, asked(seen)], [200, ['one', 'two']])
  })
  test(`no second provider for refused content, ${kind}`, async () => {
    const { a, seen } = await ask(g(), { model: 'pair-filter-400', stream })
    assert.equal(a.status, 200, a.text.slice(0, 300))
    assert.deepEqual(asked(seen), ['one'])
    assert.equal(stream ? join(events(a.text)).finish_reason : a.json.choices[0].finish_reason, 'content_filter')
    if (stream) assert.deepEqual(faults(events(a.text), false), [])
  })
}

function whenNobodyAnswers(g) {
  table('all fail', [
    ['in different ways', 'mixed', 502, 'all_providers_failed', 'All provider attempts failed', undefined],
    ['in one way', 'same', 500, 'upstream_error', /^Error from provider two: HTTP 503$/, undefined],
    ['by their rate', 'all-rate', 429, 'upstream_rate_limited', /^Error from provider two: HTTP 429$/, '30'],
    ['by time', 'hang-twice', 504, 'timeout', 'Upstream provider timeout', undefined]
  ], async (name, model, status, code, message, after) => {
    // A stream that has to wait as long gets a ping, and errors inside.
    for (const stream of status === 504 ? [false] : [false, true]) {
      const { a, seen } = await ask(g(), { model, stream })
      flat(a, status, code, message)
      assert.deepEqual(asked(seen), ['one', 'two'])
      assert.equal(a.headers['retry-after'], after)
      assert.deepEqual([a.json.requested_model, a.json.requested_provider, a.json.used_model, a.json.used_provider], [model, null, model, 'two'])
    }
  })
  test('two further providers at most', async () => {
    const { a, seen } = await ask(g(), { model: 'four' })
    flat(a, 500, 'upstream_error')
    assert.deepEqual(asked(seen), ['one', 'two', 'three'])
  })
}

function pinned(g) {
  test('X-No-Fallback', async () => {
    const { a, seen } = await ask(g(), { model: 'pair-status-500' }, { headers: { 'x-no-fallback': 'true' } })
    flat(a, 500, 'upstream_error')
    assert.deepEqual(asked(seen), ['one'])
    assert.equal((await ask(g(), { model: 'pair-status-500' }, { headers: { 'x-no-fallback': 'false' } })).a.status, 200)
  })
  test('a pinned provider', async () => {
    const { a, seen } = await ask(g(), { model: 'one/pair-pinned' })
    flat(a, 500, 'upstream_error')
    assert.deepEqual(asked(seen), ['one'])
    assert.deepEqual([a.json.requested_provider, a.json.used_provider], ['one', 'one'])
    const two = await ask(g(), { model: 'two/pair-pinned' })
    assert.equal(two.a.status, 200)
    assert.deepEqual(asked(two.seen), ['two'])
    assert.equal(two.a.json.metadata.requested_provider, 'two')
  })
}

function severalKeys(g) {
  table('a 4xx that tells nothing does not count against a key', [['status-409', 'ok'], ['status-500', 'failed']], async (name, want) => {
    for (let i = 0; i < 4; i++) await ask(g(), { model: `pair-${name}` })
    const p = JSON.parse(g().ctl('provider', 'list', '--json')).data.find(x => x.id === 'one')
    assert.equal(p.keys[0].state, want)
  })
  test('three keys of a provider, then the next provider', async () => {
    const { a, seen } = await ask(g(), { model: 'keys' })
    assert.equal(a.status, 200)
    assert.deepEqual(distinct(seen).map(s => s.key), [...keys.many.slice(0, 3), keys.two[0]])
    assert.deepEqual(routing(a).map(r => r.provider), ['many', 'many', 'many', 'two'])
    assert.ok(!a.text.includes('sk-many'))
  })
  table('other keys only', [['pinned', { model: 'many/keys' }, {}], ['X-No-Fallback', { model: 'keys' }, { 'x-no-fallback': 'true' }]], async (name, body, headers) => {
    const { a, seen } = await ask(g(), body, { headers })
    flat(a, 500, 'upstream_error')
    assert.deepEqual(distinct(seen).map(s => s.key), keys.many.slice(0, 3))
  })
  test('the second key works', async () => {
    for (const stream of [false, true]) {
      g().ctl('provider', 'reset', 'many')
      const { a, seen } = await ask(g(), { model: 'second-key', stream })
      assert.equal(a.status, 200, a.text.slice(0, 300))
      assert.deepEqual(distinct(seen).map(s => s.key), keys.many.slice(0, 2))
      assert.deepEqual(routing(a, stream).map(r => r.error_type), ['gateway_error', 'none'])
      // The key that was refused is barred.
      const next = await ask(g(), { model: 'second-key', stream })
      assert.deepEqual(distinct(next.seen).map(s => s.key), keys.many.slice(1, 2))
      assert.deepEqual(routing(next.a, stream).map(r => r.error_type), ['none'])
    }
  })
}

function inTheStream(g) {
  table('trap 123: no second provider after the first event', broken, async (name, status) => {
    const { a, seen } = await ask(g(), { model: `pair-${name}`, stream: true })
    assert.equal(a.status, 200)
    assert.deepEqual(asked(seen), ['one'])
    assert.equal(a.headers['x-llmgw-provider'], 'one')
    const list = events(a.text)
    assert.equal(list.at(-1).json?.error?.status, status)
    assert.equal(join(list).content, 'Hello there')
    assert.ok(!list.some(e => e.done))
  })
  test('a second provider after pings', async () => {
    const { a, seen } = await ask(g(), { model: 'pair-late-reset', stream: true })
    assert.equal(a.status, 200)
    assert.deepEqual(asked(seen), ['one', 'two'])
    const list = events(a.text)
    assert.equal(list[0].comment, ': ping')
    assert.equal(a.headers['x-llmgw-provider'], undefined)
    assert.deepEqual(faults(list.filter(e => !e.comment), false), [])
    const m = chunks(list).at(-1).metadata
    assert.equal(m.used_provider, 'two')
    assert.deepEqual(m.routing.map(r => r.error_type), ['network_error', 'none'])
  })
}

const found = (g, id) => JSON.parse(g.ctl('log', 'list', '--json', '--request-id', id)).data

// Exactly one record for each call with a key, also for those that were refused;
// and one for each of its attempts that failed.
function records(g) {
  const one = async (id, want) => {
    const all = () => found(g(), id).map(r => JSON.parse(g().ctl('log', 'show', r.record_id)))
    const requests = () => all().filter(r => !r.attempt_of)
    assert.ok(await until(() => requests().length > 0, 6000), `no record of ${id}`)
    const list = requests()
    assert.equal(list.length, 1, `${list.length} records`)
    const [r] = list
    for (const [k, v] of Object.entries(want)) assert.equal(r[k], v, `${k}: ${r[k]}`)
    const failed = r.routing.filter(x => x.error_type !== 'none').map(x => [x.provider, x.error_type, x.status_code])
    const attempts = found(g(), id).filter(x => x.attempt_of === r.record_id)
    assert.deepEqual(attempts.map(x => [x.used_provider, x.error_class, x.status]).sort(), failed.sort())
    for (const x of attempts) assert.equal(x.cost_nano, 0)
    return r
  }
  const headers = id => ({ headers: { 'x-request-id': id } })
  table('one record', [
    ['answer', { model: 'pair-plain' , messages: 5 }, { status: 400, error_code: 'invalid_parameters' }],
    ['fallback', { model: 'pair-status-500' }, { status: 200, used_provider: 'two', used_model: 'pair-status-500' }],
    ['failure', { model: 'mixed' }, { status: 502, error_code: 'all_providers_failed' }],
    ['client-error', { model: 'pair-status-400' }, { status: 400, error_code: 'upstream_invalid_request' }],
    ['unknown-model', { model: 'no-such-model' }, { status: 400, error_code: 'model_not_found' }],
    ['broken-stream', { model: 'pair-cut', stream: true }, { status: 200, error_code: 'upstream_error' }]
  ], async (name, body, want) => {
    const id = `record-${name}`
    await g().chat(hello(body), headers(id))
    await one(id, want)
  })
  test('one record of what is no JSON', async () => {
    await g().chat('{', headers('record-no-json'))
    await one('record-no-json', { status: 400, error_code: 'invalid_json' })
  })
  test('no record without a key', async () => {
    flat(await g().chat(hello(), { headers: { 'x-request-id': 'record-nobody', authorization: 'Bearer x' } }), 401, 'invalid_api_key')
    await g().chat(hello({ model: 'pair-status-500' }), headers('record-after'))
    await one('record-after', { status: 200 })
    assert.deepEqual(found(g(), 'record-nobody'), [])
  })
  test('a client that leaves in the stream', async () => {
    const more = { ...headers('record-left'), onData: (d, req) => { if (/w5 /.test(d)) req.destroy() } }
    await g().chat(hello({ model: 'pair-endless', stream: true }), more).catch(() => {})
    const r = await one('record-left', { status: 499, estimated: true })
    assert.ok(r.input_tokens > 0 && r.output_tokens > 0 && r.cost_nano > 0)
  })
  // lighttpd does not see each of them leave; it does when a ping is to be sent.
  test('a client that leaves before the answer', async () => {
    g().chat(hello({ model: 'patient', stream: true }), { ...headers('record-left-early'), onOpen: req => setTimeout(() => req.destroy(), 400) }).catch(() => {})
    const r = await one('record-left-early', { status: 499, estimated: true, output_tokens: 0 })
    assert.ok(r.input_tokens > 0)
    assert.equal(r.routing.length, 1)
  })
}

// A gateway with short timers.
export function timers(g) {
  const timed = async (body, least, most) => {
    const began = Date.now()
    const { a, seen } = await ask(g(), body)
    const ms = Date.now() - began
    assert.ok(ms >= least && ms < most, `${ms} ms`)
    return { a, seen }
  }
  test('timeout_total_plain', async () => {
    const { a, seen } = await timed({ model: 'pair-drip' }, 1400, 2600)
    flat(a, 504, 'timeout', 'Upstream provider timeout')
    assert.deepEqual(asked(seen), ['one'])
  })
  test('timeout_total_stream', async () => {
    const { a, seen } = await timed({ model: 'pair-endless', stream: true }, 1900, 3200)
    const last = events(a.text).at(-1).json
    assert.deepEqual([last.error.status, last.error.code], [504, 'timeout'])
    assert.deepEqual(asked(seen), ['one'])
  })
  test('timeout_gateway', async () => {
    const { a, seen } = await timed({ model: 'hang-twice' }, 2400, 3600)
    flat(a, 504, 'timeout', 'Upstream provider timeout')
    assert.deepEqual(asked(seen), ['one', 'two'])
  })
}
