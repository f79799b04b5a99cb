// Health, metrics, models, CORS, the simulated provider, records.

import fs from 'node:fs'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { fastcgi, socketOf } from '../../lib/fastcgi.mjs'
import { top, until } from '../../lib/gateway.mjs'
import { assert, common, flat, table, test } from '../../lib/suite.mjs'
import { chunks, events, faults, join } from '../../lib/stream.mjs'
import { hello } from './setting.mjs'

const anonymous = { headers: { authorization: null } }

export function service(g) {
  health(g)
  modelLists(g)
  sim(g)
  records(g)
  metrics(g)
  gauges(g)
  dashboard(g)
  late(g)
}

// A server that has not sent all takes the end of the connection for a failure
// (Apache: 503), so nothing is said before the end of the body, empty or not.
function late(g) {
  table('no answer before the request is there', [
    ['health', '/'], ['health', '/metrics'], ['health', '/openapi.json'], ['health', '/nowhere'], ['health', '/', 'OPTIONS'], ['health', '/', 'DELETE'],
    ['models', '/v1/models'], ['models', '/v1/models/plain-model'], ['mcp', '/mcp'], ['mcp', '/.well-known/oauth-authorization-server'],
    ['mcp', '/.well-known/oauth-protected-resource/mcp'], ['mcp', '/oauth/authorize?client_id=x'], ['admin', '/admin/v1/keys'], ['admin', '/admin/v1/keys', 'OPTIONS'],
    ['chat', '/v1/chat/completions'], ['chat', '/v1/chat/completions', 'POST', '{}'], ['messages', '/v1/messages', 'POST', '{']
  ].map(([program, uri, method = 'GET', body = '']) => [`${program} ${method} ${uri} ${body}`, program, uri, method, body]), async (_, program, uri, method, body) => {
    const a = await fastcgi(socketOf(g(), program), { method, uri, body, wait: 60 })
    assert.deepEqual([a.early, a.ended], [0, true], a.text)
    assert.ok(a.status >= 200 && a.status < 500, `${a.status}`)
  })
}

function health(g) {
  test('health', async () => {
    const a = await g().get('/', anonymous)
    assert.equal(a.status, 200)
    common(a)
    const b = a.json
    assert.equal(b.message, 'LLM Gateway is running')
    assert.match(b.version, /^\d+\.\d+\.\d+/)
    assert.deepEqual(b.health, {
      status: 'healthy', redis: { connected: true, backend: 'embedded' }, database: { connected: true, backend: 'sqlite' }
    })
  })
  table('health with skip', [
    ['redis', ['redis']], ['database', ['database']], ['redis,database', ['redis', 'database']], [' Redis , DATABASE ', ['redis', 'database']],
    ['nonsense', []], ['', []], ['redis,nonsense', ['redis']]
  ], async (skip, skipped) => {
    const b = (await g().get('/?skip=' + encodeURIComponent(skip))).json
    for (const name of ['redis', 'database']) assert.equal(b.health[name].skipped, skipped.includes(name) ? true : undefined, name)
    assert.equal(b.health.status, 'healthy')
  })
}

function modelLists(g) {
  test('the list of models', async () => {
    const a = await g().get('/v1/models')
    assert.equal(a.status, 200)
    common(a)
    assert.match(a.headers['cache-control'], /max-age=60/)
    assert.equal(a.json.object, 'list')
    const m = a.json.data.find(x => x.id === 'plain-model')
    assert.ok(m, 'plain-model is not listed')
    assert.equal(m.object, 'model')
    assert.equal(typeof m.created, 'number')
    assert.deepEqual([m.context_length, m.max_output_tokens], [100000, 10000])
    const p = m.providers[0]
    assert.deepEqual([p.providerId, p.modelName, p.context_length, p.max_output], ['openai', 'plain-model', 100000, 10000])
    assert.equal(p.pricing.prompt, '0.000003')
    assert.equal(p.pricing.completion, '0.000015')
    assert.equal(p.pricing.input_cache_read, '0.0000003')
    assert.equal(m.pricing.prompt, '0.000003')
    for (const k of ['name', 'family', 'owned_by', 'description']) assert.equal(typeof m[k], 'string', k)
    for (const k of ['aliases', 'supported_parameters']) assert.ok(Array.isArray(m[k]), k)
    for (const x of a.json.data.filter(x => x.id !== 'auto')) for (const v of Object.values(x.pricing)) assert.match(v, /^\d+(\.\d+)?$/, `${x.id}: price ${v}`)
  })
  test('the list without a key, and with a bad one', async () => {
    assert.equal((await g().get('/v1/models', anonymous)).status, 200)
    flat(await g().get('/v1/models', { headers: { authorization: 'Bearer x' } }), 401, 'invalid_api_key')
  })
  test('ETag', async () => {
    const a = await g().get('/v1/models')
    assert.match(a.headers.etag, /^(W\/)?"[^"]+"$/)
    for (const tag of [a.headers.etag, `"x", ${a.headers.etag}`, '*']) {
      const b = await g().get('/v1/models', { headers: { 'if-none-match': tag } })
      assert.equal(b.status, 304, tag)
      assert.equal(b.body.length, 0)
      assert.equal(b.headers.etag, a.headers.etag)
    }
    assert.equal((await g().get('/v1/models', { headers: { 'if-none-match': '"x"' } })).status, 200)
  })
  test('only models of configured providers', async () => {
    const some = (await g().get('/v1/models')).json.data
    const all = (await g().get('/v1/models?all=true')).json.data
    assert.ok(all.length >= some.length)
    const ids = new Set(some.flatMap(m => m.providers.map(p => p.providerId)))
    assert.ok(!ids.has('anthropic'), 'a provider without a key is listed')
  })
  table('one model', [['plain-model'], ['openai/plain-model']], async id => {
    const a = await g().get(`/v1/models/${id}`)
    assert.equal(a.status, 200, a.text.slice(0, 200))
    assert.equal(a.json.id, 'plain-model')
  })
  table('no such model', [['no-such-model'], ['openai/no-such-model'], ['a/b/c']], async id => {
    flat(await g().get(`/v1/models/${id}`), 404, 'not_found', `Model ${id} not found`)
  })
  test('the list for Anthropic clients', async () => {
    const headers = { 'anthropic-version': '2023-06-01' }
    const b = (await g().get('/v1/models?limit=3', { headers })).json
    assert.deepEqual(Object.keys(b).sort(), ['data', 'first_id', 'has_more', 'last_id'])
    assert.equal(b.data.length, 3)
    assert.equal(b.has_more, true)
    assert.equal(b.first_id, b.data[0].id)
    assert.equal(b.last_id, b.data[2].id)
    for (const m of b.data) {
      assert.equal(m.type, 'model')
      assert.equal(typeof m.display_name, 'string')
      assert.match(m.created_at, /^\d{4}-\d\d-\d\dT/)
    }
    const next = (await g().get(`/v1/models?limit=2&after_id=${encodeURIComponent(b.first_id)}`, { headers })).json
    assert.deepEqual(next.data.map(m => m.id), b.data.slice(1).map(m => m.id))
    assert.equal((await g().get('/v1/models/plain-model', { headers })).json.type, 'model')
    for (const n of ['0', '1001', '-1', 'x', '']) {
      const a = await g().get(`/v1/models?limit=${n}`, { headers })
      assert.equal(a.status, 400, n)
      assert.match(a.text, /limit: must be a number from 1 to 1000/)
    }
    assert.equal((await g().get('/v1/models?limit=1000', { headers })).status, 200)
  })
  test('auto is in the list, and by its name', async () => {
    const [first] = (await g().get('/v1/models')).json.data
    assert.equal(first.id, 'auto')
    assert.deepEqual((await g().get('/v1/models/auto')).json, first)
  })
}

function sim(g) {
  const ask = (model, more) => g().chat(hello({ model, ...more }))
  test('sim echoes', async () => {
    const a = await g().chat({ model: 'sim-echo', messages: [{ role: 'user', content: 'Say this' }] })
    assert.equal(a.status, 200, a.text.slice(0, 300))
    assert.match(a.json.choices[0].message.content, /Say this/)
    assert.equal(a.json.model, 'sim/sim-echo')
    assert.equal(a.json.metadata.used_provider, 'sim')
  })
  test('sim echoes in a stream', async () => {
    const list = events((await g().chat({ model: 'sim-echo', stream: true, messages: [{ role: 'user', content: 'Say this' }] })).text)
    assert.deepEqual(faults(list, false), [])
    assert.match(join(list).content, /Say this/)
  })
  test('sim takes its time', async () => {
    const started = Date.now()
    const list = events((await ask('sim/sim-slow-c20-i50', { stream: true })).text)
    assert.deepEqual(faults(list, false), [])
    assert.ok(Date.now() - started >= 800, 'too fast')
    assert.ok(chunks(list).filter(c => c.choices[0]?.delta?.content).length >= 20, 'fewer than 20 pieces')
  })
  test('names of the simulated provider without its prefix', async () => {
    assert.equal((await ask('sim-slow-c3-i10', {})).json.model, 'sim/sim-slow-c3-i10')
    flat(await ask('sim-fault-500'), 500, 'upstream_error')
    const ids = (await g().get('/v1/models')).json.data.map(m => m.id)
    assert.ok(ids.includes('sim-echo'))
    assert.deepEqual(ids.filter(id => id.includes('*')), [])
  })
  const say = content => [{ role: 'user', content }]
  const tool = (name, properties) => ({ type: 'function', function: { name, parameters: { type: 'object', properties } } })
  test('sim calls tools with arguments that fit', async () => {
    const tools = [tool('f', { a: { type: 'integer', minimum: 3 }, b: { enum: ['x', 'y'] }, c: { type: ['string', 'null'] },
      d: { type: 'array', items: { $ref: '#/$defs/p' } } })]
    tools[0].function.parameters.$defs = { p: { type: 'object', properties: { q: { anyOf: [{ type: 'null' }, { type: 'boolean' }] } } } }
    for (const stream of [false, true]) {
      const a = await ask('sim-echo', { messages: say('go'), tools, stream })
      const call = stream ? join(events(a.text)).tool_calls[0] : a.json.choices[0].message.tool_calls[0].function
      assert.deepEqual(JSON.parse(call.arguments), { a: 3, b: 'x', c: 'go', d: [{ q: true }] })
    }
  })
  test('sim calls the tool that it is told to call', async () => {
    const tools = Array.from({ length: 20 }, (_, i) => tool(`t${i}`, {}))
    const calls = async (content, more) => (await ask('sim-echo', { messages: say(content), tools, ...more })).json.choices[0].message.tool_calls
    assert.deepEqual((await calls('call t7 {"k":1}')).map(c => c.function), [{ name: 't7', arguments: '{"k":1}' }])
    assert.equal(await calls('call nobody {}'), undefined)
    assert.equal(await calls('so many'), undefined)
    assert.equal((await calls('one', { tool_choice: { type: 'function', function: { name: 't3' } } }))[0].function.name, 't3')
    assert.equal(await calls('call t7 {}', { tool_choice: 'none' }), undefined)
  })
  test('sim answers by a schema', async () => {
    const schema = { type: 'object', properties: { name: { type: 'string' }, age: { type: 'number' } } }
    for (const stream of [false, true]) {
      const a = await ask('sim-echo', { messages: say('Ada L'), stream, response_format: { type: 'json_schema', json_schema: { name: 'n', schema } } })
      assert.deepEqual(JSON.parse(stream ? join(events(a.text)).content : a.json.choices[0].message.content), { name: 'Ada L', age: 1 })
    }
  })
  test('sim reasons when asked', async () => {
    const a = await ask('sim-echo', { messages: say('why'), reasoning_effort: 'low' })
    assert.equal(a.json.choices[0].message.reasoning_content, 'Thinking it over.')
    assert.equal(a.json.usage.completion_tokens_details.reasoning_tokens, 3)
    assert.equal(a.json.usage.completion_tokens, 4)
    const b = await ask('sim-echo', { messages: say('why'), reasoning: { effort: 'low', exclude: true } })
    assert.equal(b.json.choices[0].message.reasoning_content, undefined)
    assert.equal(b.json.choices[0].message.content, 'why')
    const c = events((await ask('sim-echo', { messages: say('why'), stream: true, reasoning: { effort: 'low', exclude: true } })).text)
    assert.deepEqual(faults(c, false), [])
    assert.equal(chunks(c).filter(x => x.choices[0]?.delta?.reasoning).length, 0)
    assert.equal(join(c).content, 'why')
  })
  test('sim fails', async () => flat(await ask('sim/sim-fault-500'), 500, 'upstream_error'))
  test('sim cuts a stream', async () => {
    const list = events((await ask('sim/sim-fault-cut', { stream: true, messages: [{ role: 'user', content: 'one two three four five six seven' }] })).text)
    assert.ok(list.at(-1).json?.error)
    assert.ok(!list.some(e => e.done))
  })
}

function records(g) {
  test('records count requests, tokens and money to the unit', async () => {
    const row = () => g().usage().find(r => r.key === 'other-model') ?? { requests: 0 }
    for (const stream of [false, true, false]) assert.equal((await g().chat(hello({ model: 'other-model', stream }))).status, 200)
    assert.ok(await until(() => row().requests >= 3, 6000), 'no records')
    const r = row()
    assert.deepEqual([r.requests, r.errors, r.input_tokens, r.output_tokens, r.cost_nano], [3, 0, 57, 30, 3 * 185400])
    const sum = by => g().usage(by).reduce((n, x) => n + x.cost_nano, 0)
    // Records of the tests before may still be on their way.
    const sums = () => ['model', 'provider', 'key', 'project', 'day'].map(sum)
    assert.ok(await until(() => new Set(sums()).size === 1, 5000, 300), String(sums()))
  })
  test('errors are counted', async () => {
    assert.ok(await until(() => g().usage().find(x => x.key === 'status-500')?.errors > 0, 6000))
  })
}

function metrics(g) {
  test('metrics', async () => {
    await g().chat(hello({ model: 'hostile-label-7' }), { headers: { 'x-source': 'hostile-source-7' } })
    await g().get('/hostile-path-7')
    const a = await g().get('/metrics', anonymous)
    assert.equal(a.status, 200)
    assert.match(a.headers['content-type'], /^text\/plain; version=0\.0\.4/)
    assert.ok(!/hostile/.test(a.text), 'client text in metrics')
    const lines = a.text.split('\n').filter(l => l && !l.startsWith('#'))
    for (const l of lines) {
      assert.match(l, /^[a-z_][a-z0-9_]*\{[^{}]*\} (-?[0-9.]+(e[+-]?\d+)?|\+Inf|NaN)$/i, l)
      assert.ok(l.includes('service="llmgateway-gateway"'), l)
    }
    const names = new Set(lines.map(l => l.split('{')[0]))
    for (const n of ['chat_completions_total', 'chat_completion_duration_seconds_bucket', 'chat_completion_ttft_ms_count', 'chat_completion_errors_total',
      'chat_completion_finish_reason_total', 'chat_completion_tokens_sum', 'gateway_requests_total', 'gateway_upstream_attempts_total', 'gateway_overhead_seconds_bucket',
      'gateway_stream_errors_total', 'gateway_client_disconnects_total', 'gateway_cost_usd_total', 'gateway_build_info', 'gateway_config_generation', 'process_resident_memory_bytes',
      'process_start_time_seconds']) assert.ok(names.has(n), `${n} is missing`)
  })
  test('metrics count', async () => {
    const read = async () => {
      const t = (await g().get('/metrics')).text
      return Number(/^chat_completions_total\{[^}]*model="plain-model"[^}]*streaming="false"[^}]*\} (\d+)/m.exec(t)?.[1] ?? 0)
    }
    const before = await read()
    for (let i = 0; i < 3; i++) await g().chat(hello())
    assert.ok(await until(async () => await read() === before + 3, 4000), `${before} before, ${await read()} after`)
  })
}

function gauges(g) {
  const names = { gateway_inflight_requests: 'endpoint="chat-completions"', gateway_open_streams: 'endpoint="chat-completions"', chat_completion_requests_in_flight: 'provider="sim"' }
  async function read() {
    const text = (await g().get('/metrics')).text
    return Object.entries(names).map(([n, label]) => [...text.matchAll(new RegExp(`^${n}\\{[^}]*${label}[^}]*\\} (-?\\d+)`, 'gm'))].reduce((sum, m) => sum + Number(m[1]), 0))
  }
  const are = async (v, ...calls) => {
    let now
    if (await until(async () => isDeepStrictEqual(now = await read(), v))) return
    assert.fail(`${now} instead of ${v}: ${(await Promise.all(calls)).map(a => `${a.status} ${a.text.slice(0, 300)}`)}`)
  }
  test('metrics: what is in progress, and no more when it is over', async () => {
    await are([0, 0, 0])
    const stream = g().chat(hello({ model: 'sim/sim-slow-c50-i100', stream: true }))
    await are([1, 1, 1], stream)
    const other = g().chat(hello({ model: 'sim/sim-slow-c50-i100', stream: true }))
    await are([2, 2, 2], stream, other)
    await Promise.all([stream, other])
    await are([0, 0, 0])
  })
  test('metrics: embeddings are no completions', async () => {
    const count = async () => [...(await g().get('/metrics')).text.matchAll(/^(?:chat_completions_total|chat_completion_duration_seconds_count)\{[^}]*\} (\d+)/gm)].reduce((sum, m) => sum + Number(m[1]), 0)
    const before = await count()
    const a = await g().post('/v1/embeddings', { model: 'sim-embed', input: 'Hi' })
    assert.equal(a.status, 200, a.text)
    assert.ok(await until(async () => /gateway_requests_total\{[^}]*endpoint="embeddings",[^}]*status="200"[^}]*\} [1-9]/.test((await g().get('/metrics')).text)))
    assert.equal(await count(), before)
  })
}

// The dashboard for Grafana asks for what there is.
function dashboard(g) {
  const file = path.join(top, 'data/llmgw-dashboard.json')
  const board = JSON.parse(fs.readFileSync(file, 'utf8'))
  const asked = board.panels.flatMap(p => p.targets.map(t => t.expr)).concat(board.annotations.list.map(a => a.expr))
  test('dashboard: metrics and labels that it names are there', async () => {
    const text = (await g().get('/metrics')).text
    const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(m => [m[1], m[2]]))
    const labels = new Map()
    for (const [, name, list] of text.matchAll(/^([a-z_]+?)(?:_bucket|_sum|_count)?\{([^}]*)\}/gm)) labels.set(name, new Set([...(labels.get(name) ?? []), ...list.matchAll(/([a-z_]+)="/g)].map(x => x[1] ?? x)))
    const inherent = new Set(['le', 'instance'])
    for (const expr of asked) {
      for (const [, by, name, suffix, selector] of expr.matchAll(/(?:by \(([a-z_, ]+)\) \((?:rate\()?)?\b((?:chat|gateway|process)_[a-z_]+?)(_bucket|_sum|_count)?\{([^}]*)\}/g)) {
        assert.ok(types.has(name), `${name} is not in /metrics: ${expr}`)
        assert.equal(types.get(name) === 'histogram', Boolean(suffix), expr)
        const used = [...(by ?? '').split(/, */).filter(Boolean), ...[...selector.matchAll(/([a-z_]+)(?:=~?|!=)"/g)].map(m => m[1])]
        for (const l of used) if (labels.has(name) && !inherent.has(l)) assert.ok(labels.get(name).has(l), `${name} has no label ${l}: ${expr}`)
        assert.ok(used.includes('service'), expr)
      }
      assert.match(expr, /(chat|gateway|process)_/)
    }
  })
  test('dashboard: panels have their own place', () => {
    assert.equal(new Set(board.panels.map(p => p.id)).size, board.panels.length)
    const cells = new Set()
    for (const { title, gridPos: { x, y, w, h }, targets } of board.panels) {
      assert.ok(x >= 0 && x + w <= 24, title)
      for (let i = x; i < x + w; i++) for (let j = y; j < y + h; j++) { assert.ok(!cells.has(`${i} ${j}`), `${title} lies upon another`); cells.add(`${i} ${j}`) }
      assert.equal(new Set(targets.map(t => t.refId)).size, targets.length)
    }
  })
  test('metrics: each line is of the format, each series is there once', async () => {
    const seen = new Set()
    let type
    for (const l of (await g().get('/metrics')).text.split('\n').slice(0, -1)) {
      if (l.startsWith('# HELP ')) continue
      if (l.startsWith('# TYPE ')) { [, , type] = l.split(' '); continue }
      const m = /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})? (-?[0-9.e+-]+|\+Inf|NaN)$/.exec(l)
      assert.ok(m, l)
      assert.ok([type, `${type}_bucket`, `${type}_sum`, `${type}_count`].includes(m[1]), `${l} below ${type}`)
      assert.ok(!seen.has(m[1] + m[2]), `${l} twice`)
      seen.add(m[1] + m[2])
    }
  })
}

export function noCors(g) {
  test('no CORS by default', async () => {
    for (const a of [await g().get('/', { headers: { origin: 'https://app.example' } }), await g().chat(hello(), { headers: { origin: 'https://app.example' } })]) {
      assert.ok(!Object.keys(a.headers).some(h => h.startsWith('access-control-')))
    }
  })
}

// In a gateway with cors_origins, metrics_token, models_require_key.
export function guarded(g) {
  table('CORS match', [['https://app.example'], ['http://localhost:3000']], async origin => {
    const a = await g().chat(hello(), { headers: { origin } })
    assert.equal(a.headers['access-control-allow-origin'], origin)
    assert.match(a.headers.vary, /Origin/i)
    assert.match(a.headers['access-control-expose-headers'], /x-request-id/i)
    assert.equal(a.headers['access-control-allow-credentials'], undefined)
  })
  table('CORS mismatch', [['https://app.example.evil.com'], ['http://app.example'], ['null'], ['https://app.example:444'], ['https://APP.example.']], async origin => {
    const a = await g().chat(hello(), { headers: { origin } })
    assert.ok(!Object.keys(a.headers).some(h => h.startsWith('access-control-')))
  })
  test('preflight', async () => {
    const a = await g().send('OPTIONS', '/v1/chat/completions', {
      headers: { authorization: null, origin: 'https://app.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization, content-type, x-b\u007fad' }
    }).catch(() => null) ?? await g().send('OPTIONS', '/v1/chat/completions', {
      headers: { authorization: null, origin: 'https://app.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization, content-type' }
    })
    assert.equal(a.status, 204)
    assert.match(a.headers['access-control-allow-headers'], /authorization/i)
    assert.match(a.headers['access-control-allow-methods'], /POST/)
    assert.equal(a.headers['access-control-max-age'], '600')
  })
  test('preflight: of the names that are asked for those that are some', async () => {
    const ask = async names => (await g().send('OPTIONS', '/v1/messages', {
      headers: { authorization: null, origin: 'https://app.example', 'access-control-request-method': 'POST', 'access-control-request-headers': names }
    })).headers['access-control-allow-headers']
    assert.equal(await ask('Authorization,x-b ad, x-api-key , a/b,"q",,x-stainless-lang'), 'Authorization, x-api-key, x-stainless-lang')
    assert.equal(await ask('x y'), undefined)
  })
  test('what a browser may read', async () => {
    const names = (await g().chat(hello(), { headers: { origin: 'https://app.example', authorization: 'Bearer x' } })).headers['access-control-expose-headers'].split(', ')
    for (const n of ['x-request-id', 'X-LLMGW-Dropped', 'Retry-After', 'WWW-Authenticate', 'mcp-session-id']) assert.ok(names.includes(n), n)
  })
  test('metrics_token', async () => {
    assert.equal((await g().get('/metrics', anonymous)).status, 401)
    assert.equal((await g().get('/metrics', { headers: { authorization: 'Bearer wrong' } })).status, 401)
    assert.equal((await g().get('/metrics', { headers: { authorization: 'Bearer metrics-secret' } })).status, 200)
  })
  test('models_require_key', async () => {
    flat(await g().get('/v1/models', { headers: { authorization: null, 'x-llmgw-error-format': 'flat' } }), 401, 'invalid_api_key')
    assert.equal((await g().get('/v1/models')).status, 200)
  })
  table('the setting error_format', [['by default', {}], ['the header comes first', { 'x-llmgw-error-format': 'flat' }]], async (name, headers) => {
    const b = (await g().chat('{', { headers })).json
    assert.equal(typeof b.error, headers['x-llmgw-error-format'] ? 'boolean' : 'object')
  })
}
