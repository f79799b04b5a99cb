// Answers and streams of a provider that behaves (api.md 4.3-4.6).

import { serverName, until } from '../../lib/gateway.mjs'
import { assert, common, table, test } from '../../lib/suite.mjs'
import { chunks, events, faults, join } from '../../lib/stream.mjs'
import * as setting from './setting.mjs'
import { hello, modelOf, secretKey, upstream } from './setting.mjs'

// 19 prompt tokens, 8 of them cached, 10 completion tokens at 3, 0.3 and 15 USD per million.
const cost = { input_cost: 0.000033, cached_input_cost: 0.0000024, output_cost: 0.00015, total_cost: 0.0001854 }

const streamed = (more = {}) => hello({ stream: true, ...more })

export function answers(g) {
  plainAnswers(g)
  requestsUp(g)
  streams(g)
  oddStreams(g)
}

function plainAnswers(g) {
  test('a plain answer', async () => {
    const a = await g().chat(hello())
    assert.equal(a.status, 200, a.text.slice(0, 300))
    common(a)
    assert.equal(a.headers['content-type'], 'application/json; charset=utf-8')
    assert.equal(a.headers['cache-control'], 'no-store')
    assert.equal(a.headers['x-llmgw-provider'], 'openai')
    assert.equal(a.headers['x-llmgw-model'], 'plain-model')
    const b = a.json
    assert.equal(b.id, 'chatcmpl-abc123')
    assert.equal(b.object, 'chat.completion')
    assert.equal(b.created, 1795300000)
    assert.equal(b.model, 'openai/plain-model')
    assert.equal(b.choices[0].message.content, 'Hello there!')
    assert.equal(b.choices[0].finish_reason, 'stop')
    assert.equal(b.system_fingerprint, 'fp_1', 'an unknown member is lost')
    assert.equal(b.service_tier, 'default', 'an unknown member is lost')
  })
  test('usage, with the cost exact to the unit', async () => {
    const a = await g().chat(hello())
    const u = a.json.usage
    assert.deepEqual([u.prompt_tokens, u.completion_tokens, u.total_tokens], [19, 10, 29])
    assert.deepEqual(u.prompt_tokens_details, { cached_tokens: 8, cache_write_tokens: 0, audio_tokens: 0, image_tokens: 0 })
    assert.deepEqual(u.completion_tokens_details, { reasoning_tokens: 0, audio_tokens: 0, image_tokens: 0 })
    const d = u.cost_details
    for (const [k, v] of Object.entries(cost)) assert.equal(d[k], v, k)
    assert.equal(u.cost, cost.total_cost)
    for (const k of ['cache_write_input_cost', 'request_cost', 'web_search_cost', 'image_input_cost', 'image_output_cost', 'audio_input_cost', 'audio_output_cost',
      'content_filter_cost', 'data_storage_cost']) assert.equal(d[k], 0, k)
    assert.equal(d.upstream_inference_prompt_cost, 0.0000354)
    assert.equal(d.upstream_inference_completions_cost, 0.00015)
    assert.equal(d.upstream_inference_cost, 0.0001854)
    assert.equal(typeof d.billed_cost, 'number')
    assert.ok(!/[0-9]e-?[0-9]/i.test(/"usage":.*?"cost_details":\{[^}]*\}/.exec(a.text)[0]), 'an exponent')
  })
  // Of OpenAI flex costs half of the price, and priority 2.5 times as much.
  const tiers = { usual: cost.total_cost, flex: 0.0000927, priority: 0.0004635 }
  table('the service tier: asked for, and told', [
    [undefined, 'default', 'usual', null], ['priority', 'default', 'usual', 'default'], ['default', 'flex', 'flex', 'flex'], [undefined, 'flex', 'flex', 'flex'],
    ['auto', 'priority', 'priority', 'priority'], ['flex', 'priority', 'priority', 'priority'], ['flex', 'silent', 'flex', 'flex'], ['fast', 'silent', 'priority', 'fast'],
    ['auto', 'silent', 'usual', 'auto'], [undefined, 'silent', 'usual', null], ['unheard-of', 'silent', 'usual', 'unheard-of']
  ], async (service_tier, told, price, noted) => {
    for (const stream of [false, true]) {
      const a = await g().chat(hello({ model: modelOf(`tier-${told}`), service_tier, stream, ...(stream && { stream_options: { include_usage: true } }) }))
      assert.equal(a.status, 200, a.text)
      const u = stream ? chunks(events(a.text)).at(-1).usage : a.json.usage
      assert.equal(u.cost, tiers[price], `${stream}`)
      assert.equal(u.cost_details.discount ?? 0, 0)
      const id = a.headers['x-request-id']
      let rows
      assert.ok(await until(async () => (rows = (await g().admin('GET', `logs?request_id=${id}`)).json.data).length === 1), 'no record')
      assert.deepEqual([rows[0].tier, rows[0].cost], [noted, tiers[price]])
    }
  })
  test('the time to the first token of a thought', async () => {
    const record = async (path, model, stream) => {
      const a = await g().post(path, hello({ model: modelOf(model), stream, max_tokens: 50 }))
      assert.equal(a.status, 200, a.text)
      let rows
      assert.ok(await until(async () => (rows = (await g().admin('GET', `logs?request_id=${a.headers['x-request-id']}`)).json.data).length === 1), 'no record')
      return rows[0]
    }
    for (const path of ['/v1/chat/completions', '/v1/messages']) {
      const r = await record(path, 'thinking', true)
      assert.ok(r.reasoning_ttft_ms >= 0 && r.reasoning_ttft_ms <= r.duration_ms - 140, `${r.reasoning_ttft_ms} of ${r.duration_ms}`)
      assert.equal((await record(path, 'thinking', false)).reasoning_ttft_ms, null)
      assert.equal((await record(path, 'plain-model', true)).reasoning_ttft_ms, null)
    }
  })
  test('metadata', async () => {
    const a = await g().chat(hello({ metadata: { mine: 'x' } }))
    const m = a.json.metadata
    assert.equal(m.request_id, a.headers['x-request-id'])
    assert.equal(m.requested_model, 'plain-model')
    assert.equal(m.requested_provider, null)
    assert.equal(m.used_model, 'plain-model')
    assert.equal(m.used_provider, 'openai')
    assert.equal(m.underlying_used_model, 'plain-model')
    assert.equal(m.cached, false)
    assert.equal(m.mine, undefined)
    assert.equal(m.routing.length, 1)
    const r = m.routing[0]
    assert.deepEqual([r.provider, r.model, r.status_code, r.error_type, r.succeeded, r.credential], ['openai', 'plain-model', 200, 'none', true, 'gateway'])
    assert.equal(typeof r.duration_ms, 'number')
  })
  test('no header of the provider passes', async () => {
    const a = await g().chat(hello({ model: modelOf('evil-headers') }))
    assert.equal(a.status, 200)
    for (const h of ['set-cookie', 'location', 'x-sendfile', 'x-accel-redirect', 'x-provider', 'status']) assert.equal(a.headers[h], undefined, h)
  })
  test('absurd counts are clamped', async () => {
    const u = (await g().chat(hello({ model: modelOf('bad-usage') }))).json.usage
    assert.equal(u.prompt_tokens, 0)
    assert.equal(u.completion_tokens, 10)
    assert.ok(u.cost >= 0)
  })
  table('without usage it is estimated', [['plain', false], ['stream', true]], async (name, stream) => {
    const a = await g().chat(hello({ model: modelOf('no-usage'), stream }))
    const u = stream ? join(events(a.text)).usage : a.json.usage
    assert.equal(u.estimated, true)
    assert.ok(u.prompt_tokens > 0 && u.completion_tokens > 0)
    assert.equal(u.total_tokens, u.prompt_tokens + u.completion_tokens)
  })
  test('tool calls', async () => {
    const a = await g().chat(hello({ model: modelOf('tools') }))
    const c = a.json.choices[0]
    assert.equal(c.finish_reason, 'tool_calls')
    assert.deepEqual(c.message.tool_calls.map(t => [t.id, t.function.name, t.function.arguments]),
      [['call_1', 'get_weather', '{"city":"Paris"}'], ['call_2', 'get_time', '{}']])
  })
}

function requestsUp(g) {
  test('what the provider gets', async () => {
    const text = '{"messages":[{"content":"x","role":"user","future":1}],"x_b":1.50,"model":"openai/plain-model","x_a":[1,2],"seed":12345678901234567890123,"temperature":0.70}'
    const body = text.replace(',"seed":12345678901234567890123', '')
    const a = await g().chat(body, { headers: { 'x-foo': 'bar', cookie: 'a=b', 'openai-organization': 'org-x', 'user-agent': 'secret-agent', 'x-request-id': 'id-1' } })
    assert.equal(a.status, 200, a.text.slice(0, 300))
    const seen = upstream.last
    assert.equal(seen.method, 'POST')
    assert.equal(seen.url, '/v1/chat/completions')
    assert.equal(seen.headers.authorization, `Bearer ${secretKey}`)
    assert.equal(seen.headers['content-type'], 'application/json')
    for (const h of ['x-foo', 'cookie', 'openai-organization', 'x-api-key', 'expect']) assert.equal(seen.headers[h], undefined, h)
    assert.ok(!seen.rawHeaders.join('\n').includes(g().key) && !seen.rawHeaders.join('\n').includes('secret-agent'))
    assert.equal(seen.text, body.replace('openai/plain-model', 'plain-model'))
  })
  test('members of the gateway stay here', async () => {
    await g().chat(hello({ routing: 'price', onboarding: true, plugins: [], no_reasoning: null, free_models_only: null }))
    for (const k of ['routing', 'onboarding', 'plugins', 'no_reasoning', 'free_models_only']) assert.ok(!(k in upstream.last.body), k)
  })
  test('the gateway asks for usage itself', async () => {
    await g().chat(streamed())
    assert.equal(upstream.last.body.stream_options.include_usage, true)
    await g().chat(streamed({ stream_options: { include_usage: false, include_obfuscation: false } }))
    assert.deepEqual(upstream.last.body.stream_options, { include_usage: true, include_obfuscation: false })
    await g().chat(hello({ stream_options: { include_usage: true } }))
    assert.ok(!upstream.last.body.stream)
  })
  table('the destination cannot be changed', [
    ['api_base', { api_base: 'http://127.0.0.1:9' }], ['base_url', { base_url: 'http://127.0.0.1:9' }], ['api_key', { api_key: 'sk-mine' }], ['url', { url: 'http://x/' }]
  ], async (name, more) => {
    const before = upstream.requests.length
    assert.equal((await g().chat(hello(more), { headers: { 'x-custom-host': '127.0.0.1:9', 'x-base-url': 'http://127.0.0.1:9' } })).status, 200)
    assert.equal(upstream.requests.length, before + 1)
    assert.equal(upstream.last.headers.authorization, `Bearer ${secretKey}`)
  })
}

function streams(g) {
  test('a stream', async () => {
    const a = await g().chat(streamed())
    assert.equal(a.status, 200, a.text.slice(0, 300))
    common(a)
    assert.equal(a.headers['content-type'], 'text/event-stream; charset=utf-8')
    assert.equal(a.headers['x-accel-buffering'], serverName === 'nginx' ? undefined : 'no') // nginx takes it
    assert.match(a.headers['cache-control'], /no-cache/)
    assert.match(a.headers['cache-control'], /no-store/)
    // lighttpd counts a stream that is over before it has sent the head.
    if (a.headers['content-length'] !== undefined) assert.equal(Number(a.headers['content-length']), Buffer.byteLength(a.text))
    assert.equal(a.headers['x-llmgw-provider'], 'openai')
    const list = events(a.text)
    assert.deepEqual(faults(list, false), [])
    const j = join(list)
    assert.equal(j.content, 'Hello there!')
    assert.equal(j.finish_reason, 'stop')
    assert.equal(j.model, 'openai/plain-model')
    assert.equal(j.usage.cost, cost.total_cost)
    assert.equal(j.metadata.used_provider, 'openai')
    assert.ok(chunks(list).every(c => c.system_fingerprint === 'fp_1'), 'an unknown member is lost')
    assert.equal(chunks(list).filter(c => c.usage).length, 1, 'usage in other chunks')
    assert.equal(chunks(list).at(-1).choices[0].finish_reason, 'stop')
  })
  test('a stream with include_usage', async () => {
    const list = events((await g().chat(streamed({ stream_options: { include_usage: true } }))).text)
    assert.deepEqual(faults(list, true), [])
    const last = chunks(list).at(-1)
    assert.deepEqual(last.choices, [])
    assert.equal(last.usage.cost, cost.total_cost)
    assert.equal(last.usage.cost_details.total_cost, cost.total_cost)
    assert.equal(last.metadata.used_model, 'plain-model')
    assert.ok(chunks(list).slice(0, -1).every(c => !c.usage && !c.metadata), 'usage or metadata before the last chunk')
  })
  table('tool calls in a stream', [['without usage', false], ['with usage', true]], async (name, include) => {
    const list = events((await g().chat(streamed({ model: modelOf('tools'), stream_options: { include_usage: include } }))).text)
    assert.deepEqual(faults(list, include), [])
    const j = join(list)
    assert.equal(j.finish_reason, 'tool_calls')
    assert.deepEqual(j.tool_calls, [
      { index: 0, id: 'call_1', name: 'get_weather', arguments: '{"city":"Paris"}' }, { index: 1, id: 'call_2', name: 'get_time', arguments: '{}' }])
  })
  test('each event is passed on at once', async () => {
    const times = []
    const started = Date.now()
    await g().chat(streamed({ model: modelOf('slow') }), { onData: d => times.push([Date.now() - started, d.toString()]) })
    const at = word => times.find(([, t]) => t.includes(word))[0]
    assert.ok(at('"Hello"') < 1300, `first text after ${at('"Hello"')} ms`)
    assert.ok(at('" there"') - at('"Hello"') > 80, 'two pieces of text came together')
  })
  test('the client leaves: the provider is let go, one record', async () => {
    const before = upstream.requests.length
    let left = 0
    await g().chat(streamed({ model: modelOf('endless') }), {
      onData: (d, req) => { if (!left && d.toString().includes('w3 ')) { left = Date.now(); req.destroy() } }
    }).catch(() => {})
    assert.ok(left, 'no text came')
    const seen = upstream.requests[before]
    assert.ok(await until(() => seen.closed, 3000), 'the call to the provider goes on')
    assert.ok(seen.closedAt - left < 2000, `closed after ${seen.closedAt - left} ms`)
    assert.ok(await until(() => g().usage().some(r => r.key === 'endless'), 5000), 'no record')
    const row = g().usage().find(r => r.key === 'endless')
    assert.equal(row.requests, 1)
    assert.equal(upstream.requests.length, before + 1, 'it was tried again')
  })
  test('twenty streams at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => g().chat(streamed({ model: modelOf('slow-mid') }))))
    for (const a of all) {
      assert.deepEqual(faults(events(a.text).filter(e => !e.comment), false), [])
      assert.equal(join(events(a.text)).content, 'Hello there!')
    }
    assert.equal(new Set(all.map(a => a.headers['x-request-id'])).size, 20)
  })
}

function oddStreams(g) {
  table('what can only stream is collected', [['plain', {}], ['healed', { plugins: [{ id: 'response-healing' }], response_format: { type: 'json_object' } }]], async (name, more) => {
    for (let i = 0; i < 3; i++) {
      const a = await g().chat(hello({ model: 'stream-only', ...more }))
      assert.equal(a.status, 200, a.text.slice(0, 300))
      assert.equal(a.json.choices[0].message.content, 'Hello there!')
      assert.equal(a.json.usage.cost, cost.total_cost)
      assert.equal((await g().chat(streamed())).status, 200)
    }
  })
  test('a stream without [DONE]', async () => {
    assert.deepEqual(faults(events((await g().chat(streamed({ model: modelOf('no-done') }))).text), false), [])
  })
  test('a slow reader gets all of it, and the provider waits', async () => {
    const a = await g().chat(streamed({ model: modelOf('flood') }), {
      // At once: the kernel's buffer grows with what is read.
      onData: (d, req) => {
        if (req.waited) return
        req.waited = true
        req.res.pause()
        setTimeout(() => req.res.resume(), 1500)
      }
    })
    assert.ok(setting.floodTook > 1000, `the provider was through after ${setting.floodTook} ms`)
    const list = events(a.text)
    assert.deepEqual(faults(list, false), [])
    assert.equal(join(list).content.length, setting.floodPieces * setting.floodPiece.length)
  })
  table('framing that is odd but right', [
    ['crlf', 'Hello there!'], ['pieces', 'Grüße 😀 x'], ['not-json', 'Hello there!']
  ], async (name, content) => {
    const list = events((await g().chat(streamed({ model: modelOf(name) }))).text)
    assert.deepEqual(faults(list, false), [])
    assert.equal(join(list).content, content)
  })
}

// In a gateway with a short ping_interval and patience with the provider.
export function pinging(g) {
  test('pings before and within a stream', async () => {
    const before = events((await g().chat(streamed({ model: modelOf('slow') }))).text)
    assert.equal(before[0].comment, ': ping')
    assert.deepEqual(faults(before.filter(e => !e.comment), false), [])
    const within = events((await g().chat(streamed({ model: modelOf('slow-mid') }))).text)
    assert.ok(!within[0].comment && within.filter(e => e.comment === ': ping').length >= 1)
    assert.deepEqual(faults(within.filter(e => !e.comment), false), [])
  })
  test('a failure after the first ping is an error in the stream', async () => {
    const list = events((await g().chat(streamed({ model: modelOf('late-reset') }))).text)
    assert.equal(list[0].comment, ': ping')
    assert.equal(list.at(-1).json?.error?.status, 502)
    assert.ok(!list.some(e => e.done))
  })
  test('the client leaves before the answer', async () => {
    const before = upstream.requests.length
    g().chat(streamed({ model: modelOf('hang') }), { onOpen: req => setTimeout(() => req.destroy(), 250) }).catch(() => {})
    assert.ok(await until(() => upstream.requests.length > before, 3000))
    const seen = upstream.requests[before]
    const asked = Date.now()
    assert.ok(await until(() => seen.closed, 2500), 'the call to the provider goes on')
    assert.ok(Date.now() - asked < 2500)
  })
}

// Which web server tells that a client has left, and when: the gateway sends
// nothing that would show it (its pings are 15 s apart).  undefined: lighttpd
// does not look at a client whose whole request was there at once.
const notices = {
  lighttpd: { endless: true, stall: true, hang: undefined },
  nginx: { endless: true, stall: true, hang: true },
  apache: { endless: true, stall: false, hang: false }
}
export function leaving(g) {
  table(`who leaves is noticed as ${serverName} does it`, Object.entries(notices[serverName]), async (name, noticed) => {
    const before = upstream.requests.length
    g().chat(streamed({ model: modelOf(name) }), {
      onData: (d, req) => { if (/"content":"[^"]/.test(d)) req.destroy() },
      onOpen: req => { if (name === 'hang') setTimeout(() => req.destroy(), 300) }
    }).catch(() => {})
    assert.ok(await until(() => upstream.requests.length > before, 3000))
    const seen = upstream.requests[before]
    const closed = await until(() => seen.closed, 2500)
    if (noticed !== undefined) assert.equal(closed, noticed)
  })
}

// stream_usage = extra and off, in gateways of their own.
export function otherUsage(g, mode) {
  test(`stream_usage = ${mode}`, async () => {
    const without = chunks(events((await g().chat(streamed())).text))
    if (mode === 'extra') {
      assert.deepEqual(without.at(-1).choices, [])
      assert.equal(without.at(-1).usage.cost, cost.total_cost)
    } else {
      assert.ok(without.every(c => !c.usage))
      assert.equal(without.at(-1).choices[0].finish_reason, 'stop')
    }
    const list = events((await g().chat(streamed({ stream_options: { include_usage: true } }))).text)
    assert.deepEqual(faults(list, true), [])
  })
}
