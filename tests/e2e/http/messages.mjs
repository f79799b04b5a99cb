// POST /v1/messages and count_tokens (api.md 5), in front of a provider that
// speaks the same and of one that does not.

import { Gateway, sleep, until } from '../../lib/gateway.mjs'
import { events, faults, join } from '../../lib/messages.mjs'
import * as chat from '../../lib/stream.mjs'
import { anthropic, assert, common, flat, table, test } from '../../lib/suite.mjs'
import { Upstream, completion, event, message, messageStream, textStream } from '../../lib/upstream.mjs'
import { secretKey } from './setting.mjs'

const json = (res, status, body) => { res.writeHead(status, { 'content-type': 'application/json' }); res.end(JSON.stringify(body)) }
const sse = res => res.writeHead(200, { 'content-type': 'text/event-stream' })
const error = (type, text = 'upstream says no') => ({ type: 'error', error: { type, message: text }, request_id: 'req_up' })

// How the provider behaves, by the name of the model.
const behaviours = {
  cut: (req, res) => { sse(res); res.end(messageStream().slice(0, 4).join('')) },
  'error-first': (req, res) => { sse(res); res.end(event(error('overloaded_error'))) },
  'error-mid': (req, res) => { sse(res); res.end([...messageStream().slice(0, 3), event(error('overloaded_error'))].join('')) },
  'rate-first': (req, res) => { sse(res); res.end(event(error('rate_limit_error'))) },
  'status-400': (req, res) => json(res, 400, error('invalid_request_error', 'max_tokens: too large')),
  'status-404': (req, res) => json(res, 404, error('not_found_error', 'model: none')),
  'status-413': (req, res) => json(res, 413, error('request_too_large')),
  'no-balance': (req, res) => json(res, 400, error('invalid_request_error', 'Your credit balance is too low to access the API')),
  'status-529': (req, res) => json(res, 529, error('overloaded_error')),
  // Calls the first tool, by the name that it was told.
  caller: (req, res, body) => {
    const call = { type: 'tool_use', id: 'toolu_1', name: body.tools[0].name, input: {} }
    if (!body.stream) { json(res, 200, message('', { content: [call], stop_reason: 'tool_use' })); return }
    const t = messageStream()
    sse(res)
    res.end([t[0], event({ type: 'content_block_start', index: 0, content_block: call }), event({ type: 'content_block_stop', index: 0 }),
      event({ type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: { output_tokens: 2 } }), t.at(-1)].join(''))
  },
  bare: (req, res, body) => {
    if (!body.stream) { json(res, 200, message('Hello there', { stop_reason: null })); return }
    sse(res)
    res.end([event({ type: 'message_start', message: message('', { content: [], usage: null }) }), ...messageStream().slice(1)].join(''))
  },
  'slow-mid': async (req, res) => {
    const t = messageStream()
    sse(res)
    res.write(t[0] + t[1])
    await sleep(900)
    res.end(t.slice(2).join(''))
  },
  'slow-first': async (req, res) => {
    await sleep(900)
    sse(res)
    res.end(messageStream().join(''))
  },
  endless: async (req, res) => {
    const t = messageStream()
    sse(res)
    res.write(t[0] + t[1])
    for (let i = 0; i < 600 && !res.destroyed; i++) { res.write(t[2]); await sleep(50) }
    res.end()
  }
}

function serve(req, res, body) {
  if (req.url.includes('/chat/completions')) {
    if (!body.stream) { json(res, 200, completion()); return }
    sse(res)
    res.end(textStream().join(''))
    return
  }
  if (req.url.includes('count_tokens')) { json(res, 200, { input_tokens: 42, x: 1 }); return }
  const run = behaviours[body.model]
  if (run) return run(req, res, body)
  if (!body.stream) { json(res, 200, message('Hello there', { x_new: { a: 1.10 } })); return }
  sse(res)
  res.end(messageStream('Hello there', { x_new: 1 }).join(''))
}

export let upstream

export async function startMessages() {
  upstream = await Upstream.start(serve)
  return Gateway.start({
    conf: { ping_interval: '300ms' },
    env: { LLM_ANTHROPIC_API_KEY: secretKey, LLM_ANTHROPIC_BASE_URL: upstream.url, LLM_OPENAI_API_KEY: secretKey, LLM_OPENAI_BASE_URL: upstream.url },
    sections: `[provider claude]\ndialect = anthropic-messages\nbase_url = ${upstream.url}\nkey = ${secretKey}\nany_model = on\n`
  })
}

const hello = (more = {}) => ({ model: 'anthropic/claude-sonnet-4-5', max_tokens: 100, messages: [{ role: 'user', content: 'Say this' }], ...more })
const named = (name, more) => hello({ model: `claude/${name}`, stream: true, ...more })

export function messages(g) {
  const post = (body, headers = {}, more = {}) => g().post('/v1/messages', body, { headers: { 'anthropic-version': '2023-06-01', ...headers }, ...more })
  plain(post)
  headers(g, post)
  streams(g, post)
  errors(post)
  counts(g)
}

function plain(post) {
  test('messages: a plain answer', async () => {
    const a = await post(hello())
    assert.equal(a.status, 200, a.text.slice(0, 300))
    common(a)
    assert.equal(a.headers['request-id'], a.headers['x-request-id'])
    const b = a.json
    assert.deepEqual([b.id, b.type, b.role, b.model, b.stop_reason, b.stop_sequence], ['msg_up', 'message', 'assistant', 'anthropic/claude-sonnet-4-5', 'end_turn', null])
    assert.deepEqual(b.content, [{ type: 'text', text: 'Hello there' }])
    assert.deepEqual([b.usage.input_tokens, b.usage.output_tokens], [5, 2])
    assert.equal(b.usage.cost, 0.000045)
    assert.equal(b.metadata.used_provider, 'anthropic')
    assert.match(a.text, /"x_new":\{"a":1.1\}/, 'an unknown member is lost')
  })
  test('messages: translated for a provider of the other format', async () => {
    const a = await post(hello({ model: 'openai/gpt-4o-mini', system: 'Be kind.', stop_sequences: ['X'] }))
    assert.equal(a.status, 200, a.text.slice(0, 300))
    assert.equal(upstream.last.url, '/v1/chat/completions')
    assert.deepEqual(upstream.last.body.messages.map(m => m.role), ['system', 'user'])
    const b = a.json
    assert.match(b.id, /^msg_/)
    assert.deepEqual(b.content, [{ type: 'text', text: 'Hello there!' }])
    assert.deepEqual([b.usage.input_tokens, b.usage.cache_read_input_tokens, b.usage.output_tokens], [11, 8, 10])
  })
  test('messages: trap 54, the last counts hold the input too', async () => {
    const a = await post(hello({ model: 'openai/gpt-4o-mini', stream: true }))
    const { usage } = events(a.text).find(e => e.json?.type === 'message_delta').json
    assert.deepEqual([usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens], [11, 8, 10])
  })
  test('messages: chat for a provider of this format', async g => {
    const a = await post(hello({ model: 'claude/any' }))
    assert.equal(a.status, 200, a.text.slice(0, 300))
    assert.equal(upstream.last.url, '/v1/messages')
  })
}

function headers(g, post) {
  test('messages: version, betas and key, trap 109: nothing else', async () => {
    await post(hello(), { 'anthropic-version': '2023-06-01', 'anthropic-beta': 'a-1,b-2', 'x-foo': 'y' })
    const h = upstream.last.headers
    assert.deepEqual([h['anthropic-version'], h['anthropic-beta'], h['x-api-key'], h.authorization, h['x-foo']], ['2023-06-01', 'a-1,b-2', secretKey, undefined, undefined])
  })
  test('messages: trap 61, a later version takes a bearer token', async () => {
    const a = await g().post('/v1/messages', hello(), { headers: { 'anthropic-version': '2026-10-21' } })
    assert.equal(a.status, 200)
    const h = upstream.last.headers
    assert.deepEqual([h['anthropic-version'], h['x-api-key'], h.authorization], ['2026-10-21', undefined, `Bearer ${secretKey}`])
  })
  test('messages: a version that is none', async () => {
    assert.equal((await post(hello(), { 'anthropic-version': 'newest' })).status, 200)
    assert.equal(upstream.last.headers['anthropic-version'], '2023-06-01')
  })
  test('messages: the gateway key as x-api-key', async () => {
    assert.equal((await g().post('/v1/messages?beta=true', hello(), { headers: { 'x-api-key': g().key } })).status, 200)
  })
  test('messages: others get no betas', async () => {
    await post(named('any', { stream: false }), { 'anthropic-version': '2026-10-21', 'anthropic-beta': 'a' })
    const h = upstream.last.headers
    assert.deepEqual([h['anthropic-version'], h['anthropic-beta'], h['x-api-key']], ['2023-06-01', undefined, secretKey])
  })
  test('messages: the body as it came', async () => {
    const text = '{"x_b" : 1.50,"messages":[{"content":[{"type":"text","text":"x","future":1}],"role":"user"}],"max_tokens":7,"model":"anthropic/claude-sonnet-4-5"}'
    assert.equal((await post(text)).status, 200)
    assert.equal(upstream.last.text, text.replace('anthropic/claude', 'claude').replace('"x_b" : ', '"x_b":'))
  })
}

function streams(g, post) {
  test('messages: a stream', async () => {
    const a = await post(hello({ stream: true }))
    const list = events(a.text)
    assert.deepEqual(faults(list), [])
    const m = join(list)
    assert.equal(m.model, 'anthropic/claude-sonnet-4-5')
    assert.deepEqual(m.content, [{ type: 'text', text: 'Hello there' }])
    assert.equal(m.usage.x_new, 1, 'an unknown member is lost')
    assert.equal(m.usage.cost, 0.000045)
    assert.equal(m.metadata.request_id, a.headers['request-id'])
  })
  test('messages: a stream of the other format', async () => {
    const list = events((await post(hello({ model: 'openai/gpt-4o-mini', stream: true }))).text)
    assert.deepEqual(faults(list), [])
    assert.equal(join(list).content[0].text, 'Hello there!')
  })
  test('messages: pings', async () => {
    const first = events((await post(named('slow-first'))).text)
    assert.ok(first.filter(e => e.comment === ': ping').length >= 2, 'no comments before the start')
    assert.deepEqual(faults(first), [])
    const mid = events((await post(named('slow-mid'))).text)
    assert.ok(mid.filter(e => e.name === 'ping').length >= 2, 'no pings inside')
    assert.deepEqual(faults(mid), [])
    assert.equal(mid.filter(e => e.comment).length, 0)
  })
  table('messages: a stream that fails', [['cut'], ['error-mid']], async name => {
    const list = events((await post(named(name))).text)
    const last = list.at(-1)
    assert.equal(last.name, 'error')
    assert.deepEqual([last.json.type, last.json.error.type], ['error', 'api_error'])
    assert.match(last.json.request_id, /^req_/)
    assert.ok(!list.some(e => e.name === 'message_stop'))
  })
  test('messages: a failure has the envelope in a stream, whatever is asked for', async () => {
    for (const format of ['flat', 'openai']) {
      const last = events((await post(named('cut'), { 'x-llmgw-error-format': format })).text).at(-1)
      assert.deepEqual([last.name, last.json.type, last.json.error.type], ['error', 'error', 'api_error'])
    }
  })
  table('messages: a tool with a name that is not taken here', [['plain', false], ['stream', true]], async (_, stream) => {
    const f = name => ({ type: 'function', function: { name } })
    const calls = [{ id: 'functions.f:0', type: 'function', function: { name: 'a.b:c', arguments: '{}' } }]
    const a = await g().chat({
      model: 'claude/caller', stream, tools: [f('a.b:c'), f('plain')], tool_choice: f('a.b:c'),
      messages: [{ role: 'user', content: 'x' }, { role: 'assistant', tool_calls: calls }, { role: 'tool', tool_call_id: 'functions.f:0', content: 'y' }]
    })
    assert.equal(a.status, 200, a.text.slice(0, 300))
    const { tools, tool_choice: choice, messages: [, said, result] } = upstream.last.body
    assert.deepEqual([tools[0].name, tools[1].name, choice.name, said.content[0].name], ['a_b_c', 'plain', 'a_b_c', 'a_b_c'])
    assert.match(said.content[0].id, /^[A-Za-z0-9_-]+$/)
    assert.equal(result.content[0].tool_use_id, said.content[0].id)
    const call = stream ? chat.join(chat.events(a.text)).tool_calls[0] : a.json.choices[0].message.tool_calls[0].function
    assert.equal(call.name, 'a.b:c')
  })
  test('messages: an answer that tells little', async () => {
    assert.equal((await post(named('bare', { stream: false }))).json.stop_reason, 'end_turn')
    const list = events((await post(named('bare'))).text)
    assert.deepEqual(faults(list), [])
    assert.deepEqual(list[0].json.message.usage, { input_tokens: 0, output_tokens: 0 })
    const other = await g().chat({ model: 'claude/bare', messages: [{ role: 'user', content: 'x' }] })
    assert.equal(other.json.choices?.[0].finish_reason, 'stop', other.text)
  })
  test('messages: abort', async () => {
    const before = upstream.requests.length
    await post(named('endless'), {}, { onData: (d, req) => { if (String(d).includes('text_delta')) req.destroy() } }).catch(() => {})
    assert.ok(await until(() => upstream.requests[before]?.closed, 2000), 'the call to the provider goes on')
  })
}

function errors(post) {
  table('messages: an error', [
    ['error-first', 500, 'api_error'], ['rate-first', 429, 'rate_limit_error'], ['status-529', 500, 'api_error'], ['status-400', 400, 'invalid_request_error'],
    ['status-404', 404, 'not_found_error'], ['status-413', 413, 'request_too_large'], ['no-balance', 500, 'api_error']
  ], async (name, status, type) => anthropic(await post(named(name), { 'x-no-fallback': 'true' }), status, type))
  test('messages: what the provider says of a request', async () => {
    assert.equal((await post(named('status-400'))).json.error.message, 'max_tokens: too large')
  })
  test('messages: an empty balance is ours', async () => {
    assert.equal((await post(named('no-balance'))).headers['x-should-retry'], 'false')
  })
  test('messages: formats of errors', async () => {
    anthropic(await post(hello({ max_tokens: 0 })), 400, 'invalid_request_error')
    flat(await post(hello({ max_tokens: 0 }), { 'anthropic-version': null }), 400, 'invalid_parameters', /max_tokens: must be at least 1/)
    anthropic(await post(hello(), { authorization: 'Bearer no' }), 401, 'authentication_error')
    anthropic(await post(hello({ model: 'no-such' })), 400, 'invalid_request_error')
  })
  test('messages: what nobody else can say', async () => {
    const a = await post(hello({ model: 'openai/gpt-4o-mini', container: 'c' }), { 'x-llmgw-error-format': 'flat' })
    flat(a, 400, 'unsupported_parameter', /^container is not supported by any available provider/)
  })
  test('messages: a search beside other tools is dropped', async () => {
    const tools = [{ type: 'web_search_20250305', name: 'web_search' }, { name: 'f', input_schema: { type: 'object' } }]
    const a = await post(hello({ model: 'openai/gpt-4o-mini', tools }))
    assert.equal(a.status, 200, a.text.slice(0, 300))
    assert.equal(upstream.last.body.tools.length, 1)
    assert.match(a.headers['x-llmgw-dropped'], /web_search/)
    anthropic(await post(hello({ model: 'openai/gpt-3.5-turbo', tools: tools.slice(0, 1) })), 400, 'invalid_request_error')
  })
}

function counts(g) {
  const count = (body, more) => g().post('/v1/messages/count_tokens', body, more)
  test('trap 60: count_tokens', async () => {
    const { max_tokens: limit, ...body } = hello()
    const a = await count({ ...body, temperature: 1 })
    assert.equal(a.status, 200, a.text.slice(0, 300))
    assert.equal(a.text, '{"input_tokens":42}')
    assert.equal(upstream.last.url, '/v1/messages/count_tokens')
    assert.deepEqual(Object.keys(upstream.last.body), ['model', 'messages'])
    assert.equal(limit, 100)
  })
  test('count_tokens: nobody counts', async () => {
    flat(await count(hello({ model: 'openai/gpt-4o-mini' })), 404, 'not_found', 'Token counting is not available for model openai/gpt-4o-mini')
  })
  test('count_tokens costs nothing', async () => {
    const g2 = g().newKey('counting')
    await count(hello(), { headers: { authorization: `Bearer ${g2.key}` } })
    await until(() => g().usage('key').some(r => r.key === g2.id), 5000)
    const row = g().usage('key').find(r => r.key === g2.id)
    if (row) assert.deepEqual([Number(row.cost ?? 0), row.input_tokens ?? 0], [0, 0])
  })
}
