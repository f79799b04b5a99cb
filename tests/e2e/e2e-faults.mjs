// What providers do wrong, in each dialect they speak, plain and streamed, with
// and without a second provider: status, code, attempts, fallback and records;
// then one provider of three that always fails, seen by four processes.
// E2E_STORE as in e2e-money.mjs.
// usage: node e2e-faults.mjs [TEXT]

import { assert, flat, runAll, test } from '../lib/suite.mjs'
import { Gateway, sleep, until } from '../lib/gateway.mjs'
import { stores } from '../lib/money.mjs'
import { events, join } from '../lib/stream.mjs'
import * as aws from '../lib/bedrock.mjs'
import { Upstream, completion, data, geminiAnswer, geminiStream, message, messageStream, event, textStream } from '../lib/upstream.mjs'

const sse = 'text/event-stream'
const amazon = 'application/vnd.amazon.eventstream'
const bytes = list => Buffer.concat(list.map(x => Buffer.from(x)))

// What a provider of each dialect answers; `first` is an error as first event.
const dialects = {
  openai: {
    name: 'openai-chat', plain: () => completion(), type: sse, stream: () => textStream(),
    first: [data({ error: { message: 'overloaded', type: 'server_error' } })], path: 'path = /v1/chat/completions\nauth = bearer\n',
    streams: (req, body) => body.stream
  },
  anthropic: {
    name: 'anthropic-messages', plain: () => message('Hello there!'), type: sse, stream: () => messageStream('Hello there!'),
    first: [event({ type: 'error', error: { type: 'api_error', message: 'broken' } })], path: 'auth = x-api-key\n', streams: (req, body) => body.stream
  },
  gemini: {
    name: 'gemini', plain: () => geminiAnswer('Hello there!'), type: sse, stream: () => geminiStream('Hello', ' there!'),
    first: ['data: {"error":{"code":500,"message":"broken","status":"INTERNAL"}}\r\n\r\n'], path: 'auth = x-goog-api-key\n', streams: req => /stream/i.test(req.url)
  },
  bedrock: {
    name: 'bedrock-converse', plain: () => aws.converse(), type: amazon, stream: () => aws.converseStream(),
    first: [aws.exception('internalServerException', 'broken')], path: 'auth = bearer\n', streams: req => /stream/.test(req.url)
  }
}

const status = n => (req, res) => res.writeHead(n, { 'content-type': 'application/json' }).end('{"error":{"message":"no"},"message":"no"}')

// fault: [what it does, class, status of the provider, status and code without a
// second provider, attempts without one].  Where nothing is left that can be
// asked again it is, once.
const faults = {
  refused: [null, 'network_error', 0, 502, 'fetch_failed', 2],
  dns: [null, 'network_error', 0, 502, 'fetch_failed', 2],
  tls: [null, 'network_error', 0, 502, 'fetch_failed', 2],
  hang: [() => {}, 'timeout', 0, 504, 'timeout', 1],
  reset: [(req, res) => res.socket.resetAndDestroy(), 'network_error', 0, 502, 'fetch_failed', 2],
  401: [status(401), 'gateway_error', 401, 500, 'gateway_error', 1],
  403: [status(403), 'gateway_error', 403, 500, 'gateway_error', 1],
  404: [status(404), 'gateway_error', 404, 500, 'gateway_error', 1],
  429: [status(429), 'rate_limited', 429, 429, 'upstream_rate_limited', 2],
  500: [status(500), 'upstream_error', 500, 500, 'upstream_error', 2],
  503: [status(503), 'upstream_error', 503, 500, 'upstream_error', 2],
  garbage: [(req, res) => res.writeHead(200, { 'content-type': 'application/json' }).end('no JSON'), 'upstream_error', 200, 500, 'upstream_error', 2],
  truncated: [(req, res, d, streams) => {
    const all = streams ? bytes(d.stream()) : Buffer.from(JSON.stringify(d.plain()))
    // Of a stream less than its first event.
    const part = all.subarray(0, streams ? 20 : all.length >> 1)
    res.writeHead(200, { 'content-type': streams ? d.type : 'application/json', 'content-length': all.length })
    res.write(part, () => setTimeout(() => res.destroy(), 20))
  }, 'upstream_error', 200, 500, 'upstream_error', 2],
  first: [(req, res, d, streams) => {
    if (streams) res.writeHead(200, { 'content-type': d.type }).end(bytes(d.first))
    else res.writeHead(200, { 'content-type': 'application/json' }).end('{"error":{"code":500,"message":"broken","type":"api_error"},"type":"error"}')
  }, 'upstream_error', 200, 500, 'upstream_error', 2]
}

function answerWell(res, d, streams) {
  res.writeHead(200, { 'content-type': streams ? d.type : 'application/json' })
  res.end(streams ? bytes(d.stream()) : JSON.stringify(d.plain()))
}

// The first of two in a race: how long it waits, and what it does then.
const race = { ms: 0, then: null }
async function racer(req, res, d, streams) {
  await sleep(race.ms)
  if (res.destroyed) return
  if (race.then) race.then(req, res, d, streams)
  else answerWell(res, d, streams)
}

// /<fault>/<dialect>/... of a provider that fails, /well/<dialect>/... of one
// that does not.
const upstream = await Upstream.start((req, res, body) => {
  const [, fault, dialect] = req.url.split('/')
  const d = dialects[dialect]
  const streams = Boolean(d.streams(req, body))
  if (fault === 'well') return answerWell(res, d, streams)
  if (fault === 'racer') return racer(req, res, d, streams)
  return faults[fault][0](req, res, d, streams)
})

const letters = n => String(n).replace(/[0-9]/g, c => 'abcdefghij'[c])
const models = `capabilities = tools, stream, plain, chat\ncontext = 100000\nmax_output = 1000\ninput_price = 1\noutput_price = 10\n`
const base = fault => ({ refused: 'http://127.0.0.1:9', dns: 'https://nowhere.invalid', tls: `https://127.0.0.1:${upstream.port}` })[fault] ?? upstream.url

// A provider and two models for each cell, so that none disturbs another.
function sections() {
  const list = []
  for (const [k, d] of Object.entries(dialects)) {
    list.push(`[provider well-${k}]\ndialect = ${d.name}\nbase_url = ${upstream.url}/well/${k}\nkey = sk-well-${k}\npriority = 0.1\n${d.path}`)
    for (const f of Object.keys(faults)) for (const kind of ['plain', 'stream']) {
      const id = `bad-${letters(f)}-${k}-${kind}`
      for (const more of ['-alone', '']) {
        list.push(`[provider ${id}${more}]\ndialect = ${d.name}\nbase_url = ${base(f)}/${f}/${k}\nkey = sk-${id}${more}\n${d.path}`)
        list.push(`[model ${id}${more}]\nprovider = ${id}${more}/up${more === '' ? `, well-${k}/up` : ''}\n${models}`)
      }
    }
  }
  // Keys enough to open its circuit before they all rest.
  for (const n of ['one', 'two', 'three']) {
    list.push(`[provider ${n}]\ndialect = openai-chat\nbase_url = ${upstream.url}/${n === 'one' ? 500 : 'well'}/openai\nkey = ${['a', 'b', 'c', 'd', 'e'].map(k => `sk-${n}-${k}`).join(', ')}\n` +
      `path = /v1/chat/completions\nauth = bearer\npriority = ${{ one: 1, two: 0.9, three: 0.8 }[n]}\n`)
  }
  list.push(`[model trio]\nprovider = one/up, two/up, three/up\n${models}`, `[model duo]\nprovider = two/up, three/up\n${models}`)
  return list.join('\n')
}

const kept = await stores()
const g = await Gateway.start({
  procs: 4, env: {}, sections: sections(),
  conf: {
    ...kept.conf, timeout_connect: '2s', timeout_first_byte: '900ms', timeout_idle: '900ms', retry_wait_max: '1s', retry_budget: '100',
    weight_price: '0', weight_uptime: '0', weight_throughput: '0', weight_latency: '0'
  }
})

// Counters that are new are built first.
const ready = async () => (await g.chat({ model: 'sim-echo', messages: [{ role: 'user', content: 'x' }] })).status === 200
if (!await until(ready, 10000, 100)) throw new Error('nothing can be reserved')

// --- the matrix -----------------------------------------------------------------

const ask = (model, stream, id, more = {}) => g.chat({ model, stream, messages: [{ role: 'user', content: 'Hello' }] }, { headers: { 'x-request-id': id }, ...more })

// The records of a call, once its own is there: that one, and of its attempts.
const found = {}
async function records(id) {
  const look = () => {
    const all = JSON.parse(g.ctl('log', 'list', '--json', '--request-id', id)).data
    return all.some(r => !r.attempt_of) ? all : null
  }
  await until(() => { found[id] = look(); return found[id] }, 8000, 200)
  assert.ok(found[id], `no record of ${id}`)
  const own = found[id].filter(r => !r.attempt_of)
  assert.equal(own.length, 1, `${own.length} records`)
  return { ...JSON.parse(g.ctl('log', 'show', own[0].record_id)), attempts: found[id].filter(r => r.attempt_of === own[0].record_id) }
}

// All calls of the matrix at once, a few at a time; the tests look at what came.
const cells = []
for (const f of Object.keys(faults)) for (const k of Object.keys(dialects)) for (const kind of ['plain', 'stream']) {
  cells.push({ f, k, kind, id: `bad-${letters(f)}-${k}-${kind}` })
}
let ran
function runCells() {
  ran ??= (async () => {
    const todo = cells.flatMap(c => [[c, 'pair', c.id], [c, 'alone', `${c.id}-alone`]])
    const work = async () => {
      for (let t; (t = todo.shift());) {
        const [c, as, model] = t
        c[as] = await ask(model, c.kind === 'stream', `cell-${model}`).catch(e => e)
      }
    }
    await Promise.all(Array.from({ length: 12 }, work))
  })()
  return ran
}

const text = (a, stream) => stream ? join(events(a.text)) : { ...a.json, content: a.json.choices[0].message.content }

for (const c of cells) {
  const stream = c.kind === 'stream'
  const [, word, told, code, name, tries] = faults[c.f]
  test(`${c.f}, ${c.k}, ${c.kind}: the second provider answers`, async () => {
    await runCells()
    const a = c.pair
    assert.equal(a.status, 200, a.text?.slice(0, 300) ?? String(a))
    const b = text(a, stream)
    assert.match(b.content, /^Hello there!?$/)
    assert.equal(b.metadata.used_provider, `well-${c.k}`)
    assert.deepEqual(b.metadata.routing.map(r => [r.provider, r.error_type, r.status_code, r.succeeded]),
      [[c.id, word, told, false], [`well-${c.k}`, 'none', 200, true]])
    const r = await records(`cell-${c.id}`)
    assert.deepEqual([r.status, r.used_provider, r.error_code ?? null], [200, `well-${c.k}`, null])
    assert.ok(r.input_tokens > 0 && r.output_tokens > 0 && r.cost_nano > 0)
    assert.deepEqual(r.attempts.map(x => [x.used_provider, x.error_class, x.status, x.cost_nano]), [[c.id, word, told, 0]])
  })
  test(`${c.f}, ${c.k}, ${c.kind}: no second provider`, async () => {
    await runCells()
    const a = c.alone
    const b = flat(a, code, name)
    assert.equal(b.used_provider, `${c.id}-alone`)
    const r = await records(`cell-${c.id}-alone`)
    assert.deepEqual([r.status, r.error_code, r.cost_nano], [code, name, 0])
    assert.deepEqual(r.routing.map(x => [x.provider, x.error_type, x.status_code]), Array(tries).fill([`${c.id}-alone`, word, told]))
    assert.deepEqual(r.attempts.map(x => [x.error_class, x.status, x.cost_nano]), Array(tries).fill([word, told, 0]))
  })
}

// --- one of three ---------------------------------------------------------------

async function timed(model, n, width = 1) {
  const took = []
  const work = async () => {
    while (n-- > 0) {
      const began = performance.now()
      const a = await g.chat({ model, messages: [{ role: 'user', content: 'Hello' }] })
      took.push(performance.now() - began)
      assert.equal(a.status, 200, a.text)
      assert.notEqual(a.headers['x-llmgw-provider'], 'one')
    }
  }
  await Promise.all(Array.from({ length: width }, work))
  return took.sort((x, y) => x - y)
}

test('one of three providers fails always: no client sees it, and once its circuit is open nobody waits', async () => {
  await timed('trio', 60, 4)
  // It may be too bad by then to be asked as often as that takes.
  for (let i = 0; i < 5; i++) await ask('one/trio', false, `pinned-${i}`, { headers: { 'x-no-fallback': 'true' } })
  assert.ok(await until(() => JSON.parse(g.ctl('provider', 'list', '--json')).data.find(p => p.id === 'one').open_circuits > 0, 5000, 100), 'the circuit stays closed')
  const before = upstream.requests.length
  const best = []
  for (let round = 0; round < 3; round++) {
    await sleep(50)
    const p50 = async model => (await timed(model, 150))[75]
    best.push(-(await p50('duo')) + await p50('trio'))
  }
  // Others use the machine, too: the quietest round counts.
  const added = Math.min(...best)
  console.error(`added p50 ${added.toFixed(2)} ms`)
  assert.ok(added <= 2, `${added} ms`)
  assert.ok(upstream.requests.slice(before).filter(s => s.url.startsWith('/500/')).length <= 1, 'it was asked all the same')
})

// --- hedging --------------------------------------------------------------------

const hedger = (name, path, k, priority) => `[provider ${name}-${k}]\ndialect = ${dialects[k].name}\nbase_url = ${upstream.url}/${path}/${k}\n` +
  `key = sk-${name}-${k}\npriority = ${priority}\n${dialects[k].path}`
const hedged = percent => Gateway.start({
  env: {}, conf: { hedge_percent: percent, timeout_first_byte: '3s', weight_price: '0', weight_uptime: '0', weight_throughput: '0', weight_latency: '0' },
  sections: ['openai', 'anthropic'].flatMap(k => [hedger('lazy', 'racer', k, 1), hedger('calm', 'well', k, 0.5), hedger('poor', '500', k, 0.5),
    `[model pair-${k}]\nprovider = lazy-${k}/up, calm-${k}/up\n${models}`, `[model worse-${k}]\nprovider = lazy-${k}/other, poor-${k}/up\n${models}`]).join('\n')
})

const hedging = await hedged('50')
const few = await hedged('2')

for (const k of ['openai', 'anthropic']) for (const stream of [false, true]) {
  const kind = `${k}, ${stream ? 'stream' : 'plain'}`
  const call = async (model, id = 'warm') => {
    const began = Date.now()
    const a = await hedging.chat({ model: `${model}-${k}`, stream, messages: [{ role: 'user', content: 'Hello' }] }, { headers: { 'x-request-id': id } })
    assert.equal(a.status, 200, a.text)
    const b = text(a, stream)
    assert.match(b.content, /^Hello there!?$/)
    return { ms: Date.now() - began, id: a.headers['x-request-id'], provider: b.metadata.used_provider, routing: b.metadata.routing.map(r => [r.provider, r.error_type, r.succeeded]) }
  }
  const cells = [
    ['the second one wins, the first is cancelled', 'pair', 600, null, 'calm', [['lazy', 'cancelled', false], ['calm', 'none', true]], 500],
    ['the second one fails, the first goes on', 'worse', 600, null, 'lazy', [['poor', 'upstream_error', false], ['lazy', 'none', true]], 3000]
  ]
  test(`hedging, ${kind}`, async () => {
    Object.assign(race, { ms: 0, then: null })
    // Nothing is known at first, and so nobody else is asked.
    for (const model of ['pair', 'worse']) for (let i = 0; i < 20; i++) assert.deepEqual((await call(model)).routing, [[`lazy-${k}`, 'none', true]])
    for (const [what, model, ms, then, winner, routing, most] of cells) {
      Object.assign(race, { ms, then })
      const id = `hedge-${k}-${stream}-${model}`
      const before = upstream.requests.length
      const a = await call(model, id)
      assert.deepEqual([a.provider, a.routing], [`${winner}-${k}`, routing.map(([p, ...r]) => [`${p}-${k}`, ...r])], what)
      assert.ok(a.ms < most, `${what}: ${a.ms} ms`)
      assert.equal(upstream.requests.length - before, 2)
      if (winner === 'calm') assert.ok(await until(() => upstream.requests[before].closed, 1000), 'the loser was not cancelled')
      const look = () => JSON.parse(hedging.ctl('log', 'list', '--json', '--request-id', id)).data
      assert.ok(await until(() => look().length === 2, 6000, 200), `records: ${look().length}`)
      const [own, lost] = [look().find(r => !r.attempt_of), look().find(r => r.attempt_of)]
      assert.equal(own.used_provider, `${winner}-${k}`)
      assert.ok(own.cost_nano > 0)
      assert.deepEqual([lost.used_provider, lost.error_class, lost.cost_nano], [`${routing[0][0]}-${k}`, routing[0][1], 0])
    }
    Object.assign(race, { ms: 0, then: null })
  })
}

test('hedging: not with X-No-Fallback', async () => {
  Object.assign(race, { ms: 300, then: null })
  const before = upstream.requests.length
  const hi = { model: 'pair-openai', messages: [{ role: 'user', content: 'Hello' }] }
  assert.equal((await hedging.chat(hi, { headers: { 'x-no-fallback': 'true' } })).headers['x-llmgw-provider'], 'lazy-openai')
  assert.equal(upstream.requests.length - before, 1)
  Object.assign(race, { ms: 0 })
})

test('hedging: hedge_percent is the largest share', async () => {
  Object.assign(race, { ms: 0, then: null })
  const hi = { model: 'pair-openai', messages: [{ role: 'user', content: 'Hello' }] }
  const before = upstream.requests.length
  for (let i = 0; i < 200; i++) await few.chat(hi)
  // So few of all do not move the 95th percentile.
  Object.assign(race, { ms: 200, then: null })
  for (let i = 0; i < 9; i++) await few.chat(hi)
  Object.assign(race, { ms: 0 })
  const n = upstream.requests.length - before - 209
  assert.ok(n >= 2 && n <= 4, `${n} of 209`)
})

test('hedging: messages and responses are hedged as chat is', async () => {
  const asks = { '/v1/messages': { max_tokens: 9, messages: [{ role: 'user', content: 'Hello' }] }, '/v1/responses': { input: 'Hello' } }
  for (const [url, body] of Object.entries(asks)) for (const stream of [false, true]) {
    const call = () => hedging.post(url, { model: 'pair-openai', stream, ...body })
    Object.assign(race, { ms: 0, then: null })
    for (let i = 0; i < 20; i++) assert.equal((await call()).status, 200)
    Object.assign(race, { ms: 600, then: null })
    const before = upstream.requests.length
    const began = Date.now()
    const a = await call()
    Object.assign(race, { ms: 0 })
    assert.equal(a.status, 200, a.text)
    assert.equal(a.headers['x-llmgw-provider'], 'calm-openai')
    assert.ok(a.text.includes('Hello'), a.text)
    assert.ok(Date.now() - began < 500)
    assert.equal(upstream.requests.length - before, 2)
  }
})

await runAll('e2e-faults', { after: async () => { await g.stop(); await hedging.stop(); await few.stop(); await kept.end?.(); await upstream.close() } })
