// Traces by OTLP, to a collector of this test.

import http from 'node:http'
import { sleep, until } from '../lib/gateway.mjs'
import { assert, runAll, table, test } from '../lib/suite.mjs'
import { hello, modelOf, secretKey, start, upstream } from './http/setting.mjs'

// What came; `reply` says how it is answered.
const got = { spans: [], requests: [], resources: [] }
let reply = () => ({ status: 200 })
const collector = http.createServer((req, res) => {
  const pieces = []
  req.on('data', d => pieces.push(d)).on('end', () => {
    const text = Buffer.concat(pieces).toString()
    got.requests.push({ url: req.url, headers: req.headers, text })
    const { status, headers = {}, hang } = reply()
    if (hang) return
    if (status === 200) {
      for (const r of JSON.parse(text).resourceSpans) {
        got.resources.push(r.resource)
        for (const s of r.scopeSpans) { assert.equal(s.scope.name, 'llmgw'); got.spans.push(...s.spans) }
      }
    }
    res.writeHead(status, { 'content-type': 'application/json', ...headers }).end('{}')
  })
})
await new Promise(done => collector.listen(0, '127.0.0.1', done))
const endpoint = `http://127.0.0.1:${collector.address().port}`

const conf = { otlp_endpoint: endpoint, otlp_headers: 'x-tenant=t1, authorization=Bearer otlp-secret', otlp_service: 'gateway-test' }
const g = await start(conf)
const few = await start({ ...conf, otlp_sample: '0' })
const off = await start({})

// Each attribute once, of the one type that it has, as a plain value.
function attributes(span) {
  const out = {}
  for (const { key, value } of span.attributes) {
    assert.ok(!(key in out), `${key} twice`)
    const [[type, v]] = Object.entries(value)
    assert.equal(Object.keys(value).length, 1)
    assert.ok(['stringValue', 'intValue', 'boolValue', 'arrayValue'].includes(type), type)
    if (type === 'intValue') assert.match(v, /^-?\d+$/)
    out[key] = type === 'intValue' ? Number(v) : type === 'arrayValue' ? v.values.map(x => x.stringValue) : v
  }
  return out
}

// What every span must be (opentelemetry-proto, JSON).
function sound(s) {
  assert.match(s.traceId, /^[0-9a-f]{32}$/)
  assert.match(s.spanId, /^[0-9a-f]{16}$/)
  if ('parentSpanId' in s) assert.match(s.parentSpanId, /^[0-9a-f]{16}$/)
  for (const t of [s.startTimeUnixNano, s.endTimeUnixNano]) assert.match(t, /^\d{19}$/)
  assert.ok(BigInt(s.endTimeUnixNano) >= BigInt(s.startTimeUnixNano))
  assert.ok(Math.abs(Number(BigInt(s.startTimeUnixNano) / 1000000n) - Date.now()) < 60000)
  assert.ok(s.name.length > 0 && [2, 3].includes(s.kind))
  assert.ok(s.status.code === undefined || s.status.code === 2)
  return attributes(s)
}

// The spans of one request: the server's, and the clients' below it.
async function trace(id) {
  let server
  assert.ok(await until(() => (server = got.spans.find(s => s.kind === 2 && attributes(s)['llmgw.request_id'] === id)), 8000), `no span of ${id}`)
  const below = got.spans.filter(s => s.traceId === server.traceId && s.kind === 3)
  for (const s of below) assert.equal(s.parentSpanId, server.spanId)
  return { server, a: sound(server), below, b: below.map(sound) }
}

const named = (id, more = {}) => ({ headers: { 'x-request-id': id, ...more } })
const parent = (flag, id = '4bf92f3577b34da6a3ce929d0e0e4736') => ({ traceparent: `00-${id}-00f067aa0ba902b7-${flag}`, tracestate: 'vendor=value' })

test('a chat: the request, and the attempt below it', async () => {
  assert.equal((await g.chat(hello(), named('t-plain'))).status, 200)
  const { server, a, below, b } = await trace('t-plain')
  assert.equal(server.name, 'POST /v1/chat/completions')
  assert.equal(server.parentSpanId, undefined)
  assert.deepEqual([a['http.request.method'], a['http.route'], a['http.response.status_code'], a['gen_ai.operation.name'], a['gen_ai.request.model']], ['POST', '/v1/chat/completions', 200, 'chat', 'plain-model'])
  assert.equal(a['llmgw.cost_usd'], '0.000185400')
  assert.deepEqual([a['llmgw.cached'], a['llmgw.streamed'], a['error.type'], server.status.code], [false, false, undefined, undefined])
  for (const k of ['llmgw.organization_id', 'llmgw.project_id', 'llmgw.key_id']) assert.match(a[k], /^\w+_\w+$/, k)
  assert.equal(below.length, 1)
  assert.equal(below[0].name, 'chat plain-model')
  assert.deepEqual([b[0]['gen_ai.provider.name'], b[0]['gen_ai.request.model'], b[0]['server.address'], b[0]['llmgw.provider'], b[0]['llmgw.credential'], b[0]['http.response.status_code']],
    ['openai', 'plain-model', '127.0.0.1', 'openai', 'gateway', 200])
  assert.deepEqual(b[0]['gen_ai.response.finish_reasons'], a['gen_ai.response.finish_reasons'])
  assert.ok(b[0]['gen_ai.usage.input_tokens'] > 0 && b[0]['gen_ai.usage.output_tokens'] > 0)
  const r = got.requests.at(-1)
  assert.deepEqual([r.url, r.headers['content-type'], r.headers['x-tenant'], r.headers.authorization], ['/v1/traces', 'application/json', 't1', 'Bearer otlp-secret'])
  const about = attributes(got.resources.at(-1))
  assert.deepEqual([about['service.name'], typeof about['service.version'], typeof about['host.name']], ['gateway-test', 'string', 'string'])
})

test('a stream, with the time to its first token', async () => {
  assert.equal((await g.chat(hello({ stream: true }), named('t-stream'))).status, 200)
  const { a } = await trace('t-stream')
  assert.equal(a['llmgw.streamed'], true)
  assert.ok(a['llmgw.time_to_first_token_ms'] >= 0)
})

table('other endpoints', [
  ['messages', '/v1/messages', { model: 'sim-echo', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] }, 'chat'],
  ['responses', '/v1/responses', { model: 'sim-echo', input: 'Hi' }, 'chat'],
  ['embeddings', '/v1/embeddings', { model: 'sim-embed', input: 'Hi' }, 'embeddings'],
  ['images', '/v1/images/generations', { model: 'sim-image', prompt: 'A cat' }, 'generate_content']
], async (name, path, body, operation) => {
  const a = await g.post(path, body, named(`t-${name}`))
  assert.equal(a.status, 200, a.text)
  const t = await trace(`t-${name}`)
  assert.deepEqual([t.server.name, t.a['gen_ai.operation.name'], t.b[0]['gen_ai.provider.name']], [`POST ${path}`, operation, 'sim'])
})

test('a failure of the provider, and of the client', async () => {
  await g.chat(hello({ model: modelOf('status-500') }), named('t-500'))
  const { server, a, below, b } = await trace('t-500')
  assert.deepEqual([server.status.code, a['http.response.status_code'], a['error.type']], [2, 500, 'upstream_error'])
  assert.ok(below.every(s => s.status.code === 2) && b.every(x => x['error.type']))
  await g.chat({ model: 'plain-model' }, named('t-400'))
  const bad = await trace('t-400')
  assert.deepEqual([bad.server.status.code, bad.a['http.response.status_code'], bad.below.length], [undefined, 400, 0])
  await g.chat(hello(), { headers: { authorization: null, 'x-request-id': 't-401' } })
  assert.equal((await trace('t-401')).a['error.type'], 'invalid_api_key')
})

test('the trace of the client goes on, or is not wanted', async () => {
  await g.chat(hello(), named('t-parent', parent('01')))
  const { server } = await trace('t-parent')
  assert.deepEqual([server.traceId, server.parentSpanId, server.traceState], ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7', 'vendor=value'])
  await g.chat(hello(), named('t-unwanted', parent('00')))
  await g.chat(hello(), named('t-odd', { traceparent: '00-zz-1', tracestate: 'x' }))
  const odd = await trace('t-odd')
  assert.deepEqual([odd.server.parentSpanId, odd.server.traceState], [undefined, undefined])
  assert.ok(!got.requests.some(r => r.text.includes('t-unwanted')))
})

test('otlp_sample = 0: only what the client has sampled', async () => {
  await few.chat(hello(), named('few-drawn'))
  await few.chat(hello(), named('few-parent', parent('01', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')))
  await trace('few-parent')
  assert.ok(!got.requests.some(r => r.text.includes('few-drawn')))
})

test('nothing of what was said, and no secret', () => {
  const all = got.requests.map(r => r.text).join('')
  for (const word of [g.key, secretKey, 'Hello there', 'A cat', 'otlp-secret']) assert.ok(!all.includes(word), word)
})

const counted = async result => {
  const m = new RegExp(`gateway_trace_spans_total\\{[^}]*result="${result}"\\} (\\d+)`).exec((await g.get('/metrics')).text)
  return Number(m?.[1] ?? 0)
}

test('a collector that says no, later, or nothing', async () => {
  const dropped = await counted('dropped')
  const before = got.requests.length
  let n = 0
  reply = () => n++ === 0 ? { status: 503, headers: { 'retry-after': '1' } } : { status: 200 }
  await g.chat(hello(), named('t-later'))
  await trace('t-later')
  assert.deepEqual([n, got.requests.length - before], [2, 2])
  assert.equal(await counted('dropped'), dropped)
  reply = () => ({ status: 400 })
  const began = Date.now()
  assert.equal((await g.chat(hello(), named('t-refused'))).status, 200)
  assert.ok(Date.now() - began < 1000)
  assert.ok(await until(async () => await counted('dropped') === dropped + 2, 5000), 'it is not counted')
  assert.match(g.log(), /the collector of otlp_endpoint did not take 2 spans: status 400/)
  reply = () => ({ status: 200 })
  assert.ok(await counted('sent') > 10)
})

test('without a setting there is nothing', async () => {
  assert.equal((await off.chat(hello(), named('off-1', parent('01')))).status, 200)
  await sleep(1500)
  assert.ok(!got.requests.some(r => r.text.includes('off-1')))
})

test('the last ones are sent before the process ends', async () => {
  await g.chat(hello(), named('t-last'))
  const all = g.program('chat')
  process.kill(all[0], 'SIGTERM')
  await trace('t-last')
})

table('a bad setting is told', [
  [{ otlp_endpoint: 'ftp://x' }, 'otlp_endpoint'], [{ otlp_endpoint: 'http://collector.example:4318' }, 'insecure_hosts'], [{ ...conf, otlp_headers: 'no-value' }, 'otlp_headers'],
  [{ ...conf, otlp_sample: '1.5' }, 'otlp_sample']
], async (settings, why) => {
  off.writeConf(settings)
  assert.throws(() => off.ctl('config', 'test'), e => e.stderr.includes(why) || assert.fail(e.stderr))
  off.writeConf()
})

await runAll('e2e-trace', { after: async () => { for (const x of [g, few, off]) await x.stop(); collector.close(); await upstream.close() } })
