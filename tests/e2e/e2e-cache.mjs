// The response cache (api.md 16), with four processes of each program.
// E2E_STORE chooses where answers are kept: "sqlite+file", or "sqlite+redis"
// (Redis).

import { createRequire } from 'node:module'
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { Gateway, inForce, sleep, until } from '../lib/gateway.mjs'
import * as chatStream from '../lib/stream.mjs'
import * as messageStreams from '../lib/messages.mjs'
import * as responseStreams from '../lib/responses.mjs'
import { Redis } from '../lib/stores.mjs'
import { assert, runAll, table, test } from '../lib/suite.mjs'
import { Upstream, chunk, completion, data, message, messageStream, response, responseStream, textStream, usage } from '../lib/upstream.mjs'

const shared = process.env.E2E_STORE === 'sqlite+redis'
if (shared && Redis.missing()) {
  console.log(Redis.missing())
  console.log('0 passed, 0 failed, 1 skipped')
  process.exit(0)
}
const redis = shared ? await Redis.start() : null

// --- the provider ---------------------------------------------------------------

const json = (res, body, status = 200) => { res.writeHead(status, { 'content-type': 'application/json' }); res.end(JSON.stringify(body)) }
const sse = res => res.writeHead(200, { 'content-type': 'text/event-stream' })
const blocked = (index, why) => ({ index, message: { role: 'assistant', content: `choice ${index}` }, logprobs: null, finish_reason: why })

let held = [] // answers that wait for release()
const release = () => { for (const go of held.splice(0)) go() }

// What the last message says is done.
const odd = {
  filtered: (res, body) => json(res, completion({ choices: [blocked(0, 'content_filter')] })),
  'half filtered': (res, body) => json(res, completion({ choices: [blocked(0, 'content_filter'), blocked(1, 'stop')] })),
  refused: (res, body) => json(res, { error: { message: 'no', type: 'invalid_request_error', code: 'content_filter' } }, 400),
  fails: (res, body) => json(res, { error: { message: 'no' } }, 500),
  cut: (res, body) => { sse(res); res.write(textStream().slice(0, 3).join(''), () => setTimeout(() => res.destroy(), 30)) },
  long: (res, body) => json(res, completion({ choices: [{ ...blocked(0, 'length'), message: { role: 'assistant', content: 'x'.repeat(5000) } }] })),
  short: (res, body) => json(res, completion({ choices: [blocked(0, 'length')] })),
  held: (res, body) => { held.push(() => json(res, completion())) },
  'held, fails': (res, body) => { held.push(() => json(res, { error: { message: 'no' } }, 500)) },
  paced: async (res, body) => {
    sse(res)
    for (const [i, e] of textStream().entries()) { res.write(e); if (i === 1 || i === 2) await sleep(300) }
    res.end()
  },
  endless: async (res, body) => {
    sse(res)
    for (let i = 0; i < 200 && !res.destroyed; i++) { res.write(data(chunk({ role: 'assistant', content: 'w ' }))); await sleep(50) }
    res.end()
  },
  extras: (res, body) => {
    sse(res)
    const t = textStream()
    res.end([...t.slice(0, -2), data({ ...chunk({}), choices: [], usage: { ...usage, queue_time: 1.5 }, x_extra: { a: 1 } }), t.at(-1)].join(''))
  }
}
const asked = body => {
  const last = body.messages?.at(-1)?.content ?? body.input?.at?.(-1)?.content ?? body.input
  return Array.isArray(last) ? last[0].text ?? last[0] : last
}

const upstream = await Upstream.start((req, res, body) => {
  const run = odd[asked(body)]
  if (run) return run(res, body)
  if (req.url.endsWith('/embeddings')) {
    json(res, { object: 'list', model: body.model, data: [{ object: 'embedding', index: 0, embedding: [0.5, -0.25] }], usage: { prompt_tokens: 7, total_tokens: 7 } })
  } else if (req.url.endsWith('/messages')) {
    if (!body.stream) json(res, message('Hello there', { x_new: 1 }))
    else { sse(res); res.end(messageStream().join('')) }
  } else if (req.url.endsWith('/responses')) {
    const echo = { metadata: body.metadata ?? {}, prompt_cache_key: body.prompt_cache_key ?? null }
    if (!body.stream) json(res, response(undefined, echo))
    else { sse(res); res.end(responseStream('Hello there', echo).join('')) }
  } else if (!body.stream) json(res, completion())
  else { sse(res); res.end(textStream().join('')) }
})
const asks = () => upstream.requests.length

// --- the gateways ---------------------------------------------------------------

const provider = (name, dialect) => `[provider ${name}]\ndialect = ${dialect}\nbase_url = ${upstream.url}\nkey = sk-up-0123456789\n`
const model = (name, by, more = '') => `[model ${name}]\nprovider = ${by}/${name}\ncontext = 100000\nmax_output = 4000\ninput_price = 3\noutput_price = 15\n${more}`
const can = 'capabilities = tools, json, schema, stream, plain, chat\n'
const start = (conf = {}) => Gateway.start({
  procs: 4,
  conf: { ...(shared ? { store_cache: redis.url() } : {}), ...conf },
  sections: provider('chat', 'openai-chat') + provider('claude', 'anthropic-messages') + provider('items', 'openai-responses') +
    model('oa', 'chat', can) + model('twin', 'chat', can) + model('an', 'claude', can) + model('it', 'items', can) + model('em', 'chat', 'capabilities = plain, embed\n')
})

const g = await start()
const gaps = await start({ replay_gaps: 'original' })
const single = await start({ cache_single_flight: '5s', cache_max_entry: '2k' })
const off = await start({ stream_usage: 'off' })

async function project(at, more = {}, org) {
  at.org ??= (await at.admin('GET', 'organizations')).json.data[0].id
  const made = await at.admin('POST', 'projects', { organization_id: org ?? at.org, name: `p ${Math.random()}`, caching_enabled: true, ...more })
  assert.equal(made.status, 201, made.text)
  const key = await at.admin('POST', 'keys', { project_id: made.json.id, label: 'k' })
  assert.equal(key.status, 201, key.text)
  return { id: made.json.id, key: key.json.key, org: made.json.organization_id }
}

const metric = async (at, result) => Number(new RegExp(`gateway_cache_requests_total\\{[^}]*result="${result}"[^}]*\\} (\\d+)`).exec((await at.get('/metrics')).text)?.[1] ?? 0)

// One request of a tenant; `kept`: its answer is to be in the store afterwards.
async function send(at, t, url, body, { kept = false, headers = {} } = {}) {
  const before = kept ? await metric(at, 'stored') : 0
  const a = await at.post(url, body, { headers: { authorization: `Bearer ${t.key}`, ...headers } })
  if (kept) {
    assert.equal(a.status, 200, a.text)
    assert.ok(await until(async () => await metric(at, 'stored') > before, 3000, 10), 'it is not kept: ' + a.text.slice(0, 300))
  }
  return a
}
const state = a => a.headers['x-llmgateway-cache']
const chat = (more = {}) => ({ model: 'oa', messages: [{ role: 'user', content: 'Hi' }], ...more })
const says = (text, more) => chat({ messages: [{ role: 'user', content: text }], ...more })
const url = '/v1/chat/completions'

// Miss, then hit; what came.
async function twice(at, t, path, body, second = body) {
  const miss = await send(at, t, path, body, { kept: true })
  assert.equal(state(miss), 'MISS')
  const n = asks()
  const hit = await send(at, t, path, second)
  assert.equal(hit.status, 200, hit.text)
  assert.equal(state(hit), 'HIT', path)
  assert.equal(asks(), n, 'the provider was asked again')
  return [miss, hit]
}

const record = async (at, t, a) => {
  let r
  assert.ok(await until(async () => {
    r = await at.get(`/v1/usage/${a.headers['x-request-id']}`, { headers: { authorization: `Bearer ${t.key}` } })
    return r.status === 200
  }), 'no record')
  return r.json
}

// --- all endpoints ----------------------------------------------------------------

const endpoints = {
  chat: [url, m => ({ model: m, messages: [{ role: 'user', content: 'Hi' }] }), 'metadata'],
  messages: ['/v1/messages', m => ({ model: m, max_tokens: 50, messages: [{ role: 'user', content: 'Hi' }] }), 'metadata'],
  responses: ['/v1/responses', m => ({ model: m, input: 'Hi' }), 'gateway_metadata'],
  embeddings: ['/v1/embeddings', m => ({ model: m, input: 'Hi' }), 'metadata']
}
const readers = { chat: chatStream, messages: messageStreams, responses: responseStreams }

// The same but for what is the request's own, and what it cost?
function without(o, name) {
  const c = structuredClone(o)
  for (const at of [c, c.response ?? {}]) {
    delete at[name]
    if (at.usage) { delete at.usage.cost; delete at.usage.cost_details }
  }
  return c
}

function checkHit(name, hit, miss, m, u) {
  assert.equal(m.cached, true)
  assert.deepEqual(m.routing, [])
  assert.equal(m.request_id, hit.headers['x-request-id'])
  assert.notEqual(m.request_id, miss.headers['x-request-id'])
  assert.equal(u.cost, 0)
  assert.deepEqual([...new Set(Object.values(u.cost_details))], [0])
  for (const h of ['content-type', 'cache-control', 'x-llmgw-provider', 'x-llmgw-model']) assert.equal(hit.headers[h], miss.headers[h], h)
}

const rows = []
for (const name of ['chat', 'messages', 'responses']) for (const m of ['oa', 'an', 'it']) for (const stream of [false, true]) rows.push([`${name} of ${m}${stream ? ', streamed' : ''}`, name, m, stream])
rows.push(['embeddings', 'embeddings', 'em', false])

// Calls of tools, and reasoning, by the built-in provider.
const schema = { type: 'object', properties: { city: { type: 'string' } } }
const tool = {
  chat: { reasoning_effort: 'low', tools: [{ type: 'function', function: { name: 'f', parameters: schema } }] },
  messages: { thinking: { type: 'enabled', budget_tokens: 1024 }, max_tokens: 2000, tools: [{ name: 'f', input_schema: schema }] },
  responses: { reasoning: { effort: 'low' }, tools: [{ type: 'function', name: 'f', parameters: schema }] }
}
for (const name of Object.keys(tool)) for (const stream of [false, true]) rows.push([`${name} with a tool${stream ? ', streamed' : ''}`, name, 'sim-echo', stream, tool[name]])

table('miss and hit', rows, async (_, name, m, stream, more = {}) => {
  const t = await project(g)
  const [path, make, meta] = endpoints[name]
  const [miss, hit] = await twice(g, t, path, { ...make(m), ...more, ...(stream ? { stream } : {}) })
  let tokens
  if (!stream) {
    assert.deepEqual(without(hit.json, meta), without(miss.json, meta))
    assert.ok(miss.json.usage.cost > 0)
    assert.equal(miss.json[meta].cached, false)
    checkHit(name, hit, miss, hit.json[meta], hit.json.usage)
    tokens = hit.json.usage.prompt_tokens ?? hit.json.usage.input_tokens
    assert.equal(hit.headers['content-length'], String(Buffer.byteLength(hit.text)))
  } else {
    const r = readers[name]
    const [a, b] = [miss, hit].map(x => r.events(x.text))
    assert.deepEqual(r.faults(b), [])
    const clean = list => list.filter(e => e.json || e.done).map(e => e.done ? e : { ...e, json: without(e.json, meta) })
    assert.deepEqual(clean(b), clean(a))
    const tail = b.map(e => e.json?.response ?? e.json).filter(e => e?.[meta]).at(-1)
    checkHit(name, hit, miss, tail[meta], tail.usage)
    tokens = tail.usage.prompt_tokens ?? tail.usage.input_tokens
  }
  assert.ok(tokens > 0)
  const rec = await record(g, t, hit)
  assert.deepEqual([rec.state, rec.cached, rec.status, rec.usage.cost, rec.billed, rec.streamed], ['cached', true, 200, 0, 0, stream])
  assert.deepEqual([rec.routing, rec.used_model, rec.used_provider], [[], m, { oa: 'chat', em: 'chat', an: 'claude', it: 'items', 'sim-echo': 'sim' }[m]])
  const first = await record(g, t, miss)
  assert.deepEqual([first.state, first.cached, first.finish_reason], ['completed', false, rec.finish_reason])
  assert.equal(rec.usage.prompt_tokens, first.usage.prompt_tokens)
  assert.equal(rec.usage.completion_tokens, first.usage.completion_tokens)
})

// --- what hits and what does not ------------------------------------------------------

const base = chat({ temperature: 0.5, metadata: { a: 'b' }, x_unknown: [1, { z: null }] })
table('hits', [
  ['the same', base],
  ['other metadata', { ...base, metadata: { c: 'd' } }],
  ['no metadata', (({ metadata, ...rest }) => rest)(base)],
  ['stream: false', { ...base, stream: false }],
  ['store', { ...base, store: true }],
  ['stream_options', { ...base, stream_options: { include_usage: true } }],
  ['prompt_cache_key', { ...base, prompt_cache_key: 'k', prompt_cache_retention: '24h' }]
], async (_, body) => {
  const t = await project(g)
  await twice(g, t, url, base, body)
})

table('misses', [
  ['another message', { ...base, messages: [{ role: 'user', content: 'Hi!' }] }],
  ['another temperature', { ...base, temperature: 0.6 }],
  ['another limit', { ...base, max_tokens: 9 }],
  ['another unknown member', { ...base, x_unknown: [1, { z: 0 }] }],
  ['no unknown member', (({ x_unknown, ...rest }) => rest)(base)],
  ['a user', { ...base, user: 'u' }],
  ['a stream', { ...base, stream: true }],
  ['another model', { ...base, model: 'twin' }],
  ['the provider by name', { ...base, model: 'chat/oa' }],
  ['a beta header', base, { 'anthropic-beta': 'x' }],
  ['a version header', base, { 'anthropic-version': '2023-06-01' }]
], async (_, body, headers) => {
  const t = await project(g)
  await send(g, t, url, base, { kept: true })
  assert.equal(state(await send(g, t, url, body, { headers })), 'MISS')
})

test('two projects never share, nor two organisations', async () => {
  const t = await project(g)
  const org = (await g.admin('POST', 'organizations', { name: `o ${Math.random()}` })).json.id
  await send(g, t, url, base, { kept: true })
  assert.equal((await g.admin('POST', `organizations/${org}/credits`, { amount: 100, reason: 'gift' })).status, 201)
  for (const other of [await project(g, {}, t.org), await project(g, {}, org)]) {
    const a = await send(g, other, url, base)
    assert.deepEqual([a.status, state(a)], [200, 'MISS'], a.text)
  }
  assert.equal(state(await send(g, t, url, base)), 'HIT')
})

test('off: no header, and nothing is kept', async () => {
  const t = await project(g, { caching_enabled: false })
  const n = asks(), stored = await metric(g, 'stored')
  for (let i = 0; i < 2; i++) assert.equal(state(await send(g, t, url, base)), undefined)
  assert.equal(asks(), n + 2)
  assert.equal(await metric(g, 'stored'), stored)
})

test('x-no-cache neither reads nor writes', async () => {
  const t = await project(g)
  const n = asks(), bypass = await metric(g, 'bypass')
  const none = { headers: { 'x-no-cache': 'True' } }
  assert.equal(state(await send(g, t, url, base, none)), undefined)
  await sleep(100)
  await twice(g, t, url, base)
  assert.equal(state(await send(g, t, url, base, none)), undefined)
  assert.equal(asks(), n + 3)
  assert.equal(await metric(g, 'bypass'), bypass + 2)
})

test('hosted tools are not kept, tools of the client are', async () => {
  const t = await project(g)
  const hosted = { model: 'it', input: 'Hi', tools: [{ type: 'code_interpreter', container: { type: 'auto' } }] }
  for (let i = 0; i < 2; i++) {
    const a = await send(g, t, '/v1/responses', hosted)
    assert.deepEqual([a.status, state(a)], [200, undefined], a.text)
    await sleep(50)
  }
  await twice(g, t, url, chat({ tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }] }))
})

test('count_tokens is not kept', async () => {
  const t = await project(g)
  assert.equal(state(await send(g, t, '/v1/messages/count_tokens', { model: 'an', messages: [{ role: 'user', content: 'Hi' }] })), undefined)
})

// --- what is kept -----------------------------------------------------------------------

table('not kept', [
  ['an error', says('fails'), 500], ['a refusal of the provider', says('refused'), 200], ['a blocked answer', says('filtered'), 200],
  ['an answer with a blocked choice', says('half filtered', { n: 2 }), 200], ['a stream that breaks off', says('cut', { stream: true }), 200]
], async (_, body, status) => {
  const t = await project(g)
  const n = asks(), stored = await metric(g, 'stored')
  for (let i = 1; i <= 2; i++) {
    const a = await send(g, t, url, body)
    assert.equal(a.status, status, a.text)
    assert.equal(state(a), 'MISS')
    await sleep(100)
    g.ctl('provider', 'reset')
    assert.equal(asks(), n + i)
  }
  assert.equal(await metric(g, 'stored'), stored)
})

test('an answer that its limit ended is kept', async () => {
  await twice(g, await project(g), url, says('short'))
})

test('a stream whose client leaves is not kept', async () => {
  const t = await project(g)
  const stored = await metric(g, 'stored')
  const c = new AbortController()
  const a = await fetch(g.url + url, { method: 'POST', signal: c.signal, headers: { authorization: `Bearer ${t.key}`, 'content-type': 'application/json' }, body: JSON.stringify(says('endless', { stream: true })) })
  assert.equal(a.headers.get('x-llmgateway-cache'), 'MISS')
  await a.body.getReader().read()
  c.abort()
  assert.ok(await until(() => upstream.last.closed))
  await sleep(200)
  assert.equal(await metric(g, 'stored'), stored)
})

test('what is longer than cache_max_entry is not kept', async () => {
  const t = await project(single)
  for (let i = 0; i < 2; i++) {
    assert.equal(state(await send(single, t, url, says('long'))), 'MISS')
    await sleep(100)
  }
  await twice(single, t, url, says('short'))
})

test('llmgwctl cache clear, of one project and of all', async () => {
  const [t, other] = [await project(g), await project(g)]
  for (const p of [t, other]) await twice(g, p, url, base)
  g.ctl('cache', 'clear', '--project', t.id)
  assert.ok(await until(async () => state(await send(g, t, url, base)) === 'MISS', 4000, 200))
  await inForce()
  assert.equal(state(await send(g, other, url, base)), 'HIT')
  await send(g, t, url, { ...base, seed: 1 }, { kept: true })
  assert.equal(JSON.parse(g.ctl('cache', 'clear', '--json')).projects >= 2, true)
  await inForce()
  for (const p of [t, other]) assert.equal(state(await send(g, p, url, base)), 'MISS')
  assert.throws(() => g.ctl('cache', 'clear', '--project', 'proj_none'))
})

test('an entry ends with cache_ttl', async () => {
  const t = await project(g, { cache_ttl: 10 })
  await twice(g, t, url, base)
  await sleep(10300)
  assert.equal(state(await send(g, t, url, base)), 'MISS')
})

// --- streams ------------------------------------------------------------------------------

// Who pays for usage in a stream is asked of each request anew.
const shown = { extra: 1, finish: 0, off: -1 }
function usageAt(text) {
  const all = chatStream.chunks(chatStream.events(text))
  const at = all.findIndex(c => c.usage)
  return at === -1 ? 'off' : all[at].choices.length === 0 ? 'extra' : 'finish'
}
for (const [title, at, without_] of [['finish', g, 'finish'], ['off', off, 'off']]) {
  for (const first of [false, true]) for (const m of ['oa', 'an']) {
    test(`stream_usage = ${title}: kept ${first ? 'with' : 'without'} include_usage, ${m}`, async () => {
      const t = await project(at)
      const ask = on => ({ model: m, messages: [{ role: 'user', content: 'Hi' }], stream: true, ...(on ? { stream_options: { include_usage: true } } : {}) })
      await twice(at, t, url, ask(first))
      for (const on of [false, true]) {
        const a = await send(at, t, url, ask(on))
        assert.equal(state(a), 'HIT')
        const list = chatStream.events(a.text)
        assert.deepEqual(chatStream.faults(list, on), [])
        const where = on ? 'extra' : without_
        assert.equal(usageAt(a.text), where, a.text)
        if (shown[where] < 0) continue
        const tail = chatStream.chunks(list).find(c => c.usage)
        assert.deepEqual([tail.usage.cost, tail.metadata.cached, tail.usage.total_tokens], [0, true, m === 'oa' ? 29 : 7])
      }
    })
  }
}

test('unknown members of usage and of chunks stay', async () => {
  const t = await project(g)
  const ask = on => says('extras', { stream: true, stream_options: { include_usage: on } })
  for (const first of [true, false]) {
    const u = await project(g)
    await twice(g, u, url, ask(first))
    for (const on of [true, false]) {
      const a = await send(g, u, url, ask(on))
      const tail = chatStream.chunks(chatStream.events(a.text)).find(c => c.usage)
      assert.deepEqual([tail.usage.queue_time, tail.usage.cost], [1.5, 0], a.text)
    }
    const a = await send(g, u, url, ask(first))
    assert.match(a.text, /"x_extra":\{"a":1\}/)
  }
  assert.ok(t)
})

test('events come at once', async () => {
  const t = await project(g)
  await send(g, t, url, says('paced', { stream: true }), { kept: true })
  const began = Date.now()
  assert.equal(state(await send(g, t, url, says('paced', { stream: true }))), 'HIT')
  assert.ok(Date.now() - began < 300, `${Date.now() - began} ms`)
})

test('replay_gaps = original', async () => {
  const t = await project(gaps)
  const [miss, hit] = await twice(gaps, t, url, says('paced', { stream: true }))
  const began = Date.now()
  const again = await send(gaps, t, url, says('paced', { stream: true }))
  const took = Date.now() - began
  assert.equal(state(again), 'HIT')
  assert.ok(took >= 500 && took < 3000, `${took} ms`)
  const texts = [miss, hit, again].map(a => chatStream.chunks(chatStream.events(a.text)).map(c => c.choices[0]?.delta.content ?? '').join(''))
  assert.deepEqual(texts, ['Hello there!', 'Hello there!', 'Hello there!'])
  assert.deepEqual(chatStream.faults(chatStream.events(again.text)), [])
  const rec = await record(gaps, t, again)
  assert.deepEqual([rec.state, rec.cached], ['cached', true])
})

test('responses repeat the metadata of this request', async () => {
  for (const [m, stream] of [['it', false], ['it', true], ['oa', false], ['oa', true]]) {
    const t = await project(g)
    const ask = more => ({ model: m, input: 'Hi', stream, ...more })
    await send(g, t, '/v1/responses', ask({ metadata: { who: 'first' }, prompt_cache_key: 'key-of-first' }), { kept: true })
    const a = await send(g, t, '/v1/responses', ask({ metadata: { who: 'second' } }))
    const b = await send(g, t, '/v1/responses', ask({}))
    assert.deepEqual([state(a), state(b)], ['HIT', 'HIT'])
    const seen = x => stream ? responseStreams.events(x.text).map(e => e.json.response).filter(r => r?.metadata !== undefined).map(r => r.metadata) : [x.json.metadata]
    assert.equal(seen(a).length, stream && m === 'oa' ? 3 : 1)
    assert.deepEqual([...new Set(seen(a).map(x => JSON.stringify(x)))], ['{"who":"second"}'])
    assert.deepEqual([...new Set(seen(b).map(x => JSON.stringify(x)))], ['{}'])
    assert.ok(!a.text.includes('first') && !b.text.includes('first'), a.text)
  }
})

// --- checks before, and money -------------------------------------------------------------

test('limits and budgets come before a hit, and a hit spends none', async () => {
  const t = await project(g, { budget: { limit: 1, unit: 'day' } })
  await twice(g, t, url, base)
  const limited = await g.admin('POST', 'keys', { project_id: t.id, label: 'l', limits: { rpm: 2, tpm: 3000 } })
  const l = { key: limited.json.key }
  const seen = []
  for (let i = 0; i < 3; i++) seen.push(await send(g, l, url, base))
  assert.deepEqual(seen.map(a => a.status), [200, 200, 429])
  assert.equal(state(seen[1]), 'HIT')
  assert.equal(seen[1].headers['x-ratelimit-remaining-tokens'] !== undefined, true)
  const spent = async () => (await g.admin('GET', `keys/${limited.json.id}`)).json.usage
  await record(g, t, seen[1])
  assert.equal(await spent(), 0)
})

test('metrics count hits, and the family of completions too', async () => {
  const t = await project(g)
  const family = async () => Number(/chat_completions_total\{[^}]*model="twin",provider="chat",finish_reason="completed",streaming="false"[^}]*\} (\d+)/.exec((await g.get('/metrics')).text.replace(/service="[^"]*",?/g, ''))?.[1] ?? 0)
  const before = [await metric(g, 'hit'), await metric(g, 'miss'), await metric(g, 'stored'), await family()]
  await twice(g, t, url, { ...base, model: 'twin' })
  const after = [await metric(g, 'hit'), await metric(g, 'miss'), await metric(g, 'stored'), await family()]
  assert.deepEqual(after.map((n, i) => n - before[i]), [1, 1, 1, 2])
})

test('usage of the organisation tells how many were cached', async () => {
  const t = await project(g)
  await twice(g, t, url, base)
  const total = async () => (await g.admin('GET', `usage?project_id=${t.id}`)).json
  assert.ok(await until(async () => (await total()).requests === 2), JSON.stringify(await total()))
  assert.equal((await total()).cached, 1)
})

// --- processes and stores -------------------------------------------------------------------

test('four processes share what is kept', async () => {
  const t = await project(g)
  await send(g, t, url, base, { kept: true })
  const n = asks()
  const all = await Promise.all(Array.from({ length: 60 }, () => send(g, t, url, base)))
  assert.deepEqual([...new Set(all.map(state))], ['HIT'])
  assert.equal(asks(), n)
})

test('it is there after a restart', async () => {
  const t = await project(gaps)
  await send(gaps, t, url, base, { kept: true })
  await gaps.restart()
  assert.equal(state(await send(gaps, t, url, base)), 'HIT')
})

if (shared) {
  test('an entry that is damaged, or older, is a miss', async () => {
    const t = await project(g)
    const lua = (key, text) => redis.cli('EVAL', `local v = redis.call('GET', KEYS[1]); redis.call('SET', KEYS[1], ${text})`, '1', key)
    const spoils = ['string.sub(v, 1, -7) .. "xxxxxx"', 'string.sub(v, 1, #v / 2)', '"llmgw"', '""', 'string.sub(v, 1, 7) .. string.char(0) .. string.sub(v, 9)', 'v .. v']
    for (const spoil of spoils) {
      redis.cli('FLUSHALL')
      await send(g, t, url, base, { kept: true })
      const [key] = redis.cli('KEYS', '*:a:*').split('\n')
      assert.equal(state(await send(g, t, url, base)), 'HIT')
      lua(key, spoil)
      const n = await metric(g, 'stored')
      assert.equal(state(await send(g, t, url, base)), 'MISS', spoil)
      await until(async () => await metric(g, 'stored') > n) // it is replaced
      assert.equal(state(await send(g, t, url, base)), 'HIT')
    }
  })
  test('Redis lets them go by itself', async () => {
    const t = await project(g, { cache_ttl: 3000 })
    redis.cli('FLUSHALL')
    await send(g, t, url, base, { kept: true })
    const [key] = redis.cli('KEYS', '*:a:*').split('\n')
    const ms = Number(redis.cli('PTTL', key))
    assert.ok(ms > 2900000 && ms <= 3000000, `${ms}`)
  })
  test('without Redis all are misses', async () => {
    const apart = await Redis.start()
    const own = await start({ store_cache: apart.url() })
    const t = await project(own)
    await twice(own, t, url, base)
    await apart.stop()
    const began = Date.now()
    const a = await send(own, t, url, base)
    assert.deepEqual([a.status, state(a)], [200, 'MISS'])
    assert.ok(Date.now() - began < 1000)
    await apart.launch()
    assert.ok(await until(async () => { await send(own, t, url, base); return state(await send(own, t, url, base)) === 'HIT' }, 10000, 300), 'it is not used again')
    await own.stop()
    await apart.end()
  })
} else {
  test('an entry that is damaged is a miss', async () => {
    const t = await project(gaps)
    await send(gaps, t, url, says('damage me'), { kept: true })
    assert.equal(state(await send(gaps, t, url, says('damage me'))), 'HIT')
    const file = path.join(gaps.dir, 'state/kv/cache.mdb')
    const bytes = fs.readFileSync(file)
    const fd = fs.openSync(file, 'r+')
    let found = 0
    for (let at = 0; (at = bytes.indexOf('Hello there!', at)) !== -1; at++, found++) fs.writeSync(fd, 'jello', at)
    fs.closeSync(fd)
    assert.ok(found > 0)
    const a = await send(gaps, t, url, says('damage me'))
    assert.deepEqual([a.status, state(a)], [200, 'MISS'])
    assert.ok(!a.text.includes('jello'))
  })
}

// --- single flight -----------------------------------------------------------------------------

// As many processes lead as there are; each asks once.
test('cache_single_flight: requests wait for the one in the air', async () => {
  const t = await project(single)
  const n = asks()
  const all = Array.from({ length: 40 }, () => send(single, t, url, says('held')))
  assert.ok(await until(() => held.length > 0))
  await sleep(300)
  const led = asks() - n
  assert.ok(led >= 1 && led <= 4, `${led} were asked`)
  release()
  const states = (await Promise.all(all)).map(a => [a.status, state(a)].join(' '))
  assert.equal(states.filter(s => s === '200 MISS').length, led, String(states))
  assert.equal(states.filter(s => s === '200 HIT').length, 40 - led)
  assert.equal(asks(), n + led)
})

test('cache_single_flight: they go on themselves if it fails', async () => {
  const t = await project(single)
  const all = Array.from({ length: 12 }, () => send(single, t, url, says('held, fails')))
  assert.ok(await until(() => held.length > 0))
  await sleep(200)
  const led = held.length
  assert.ok(led <= 4)
  release()
  assert.ok(await until(() => held.length === 12 - led), `${held.length} of ${12 - led}`)
  release()
  assert.deepEqual([...new Set((await Promise.all(all)).map(a => a.status))], [500])
})

test('cache_single_flight: a client that leaves while it waits', async () => {
  const t = await project(single)
  const first = send(single, t, url, says('held'))
  assert.ok(await until(() => held.length > 0))
  const c = new AbortController()
  const leaves = Array.from({ length: 8 }, () => fetch(single.url + url, { method: 'POST', signal: c.signal, headers: { authorization: `Bearer ${t.key}`, 'content-type': 'application/json' }, body: JSON.stringify(says('held')) }).catch(e => e.name))
  await sleep(200)
  c.abort()
  assert.deepEqual([...new Set(await Promise.all(leaves))], ['AbortError'])
  await sleep(200)
  release()
  assert.equal((await first).status, 200)
  await until(() => { release(); return false }, 300)
})

// --- SDKs ----------------------------------------------------------------------------------------

const modules = path.resolve(process.env.E2E_NODE_MODULES ?? 'build/npm/node_modules')
const resolver = createRequire(path.join(modules, 'x.js'))
const load = async name => {
  try { return (await import(pathToFileURL(resolver.resolve(name)))).default } catch { return null }
}
const OpenAI = await load('openai'), Anthropic = await load('@anthropic-ai/sdk')

if (OpenAI) {
  test('the OpenAI package reads a streamed hit', async () => {
    const t = await project(g)
    const c = new OpenAI({ baseURL: g.url + '/v1', apiKey: t.key, maxRetries: 0 })
    for (const kept of [false, true]) {
      const before = await metric(g, 'stored')
      const { data: stream, response: r } = await c.chat.completions.create({ ...chat(), stream: true, stream_options: { include_usage: true } }).withResponse()
      let text = '', total
      for await (const k of stream) {
        text += k.choices[0]?.delta.content ?? ''
        total = k.usage?.total_tokens ?? total
      }
      assert.deepEqual([text, total, r.headers.get('x-llmgateway-cache')], ['Hello there!', 29, kept ? 'HIT' : 'MISS'])
      if (!kept) assert.ok(await until(async () => await metric(g, 'stored') > before))
    }
  })
  test('and one of responses', async () => {
    const t = await project(g)
    const c = new OpenAI({ baseURL: g.url + '/v1', apiKey: t.key, maxRetries: 0 })
    for (const kept of [false, true]) {
      const before = await metric(g, 'stored')
      const r = await c.responses.stream({ model: 'it', input: 'Hi' }).finalResponse()
      assert.equal(r.output_text, 'Hello there')
      assert.equal(r.gateway_metadata.cached, kept)
      if (!kept) assert.ok(await until(async () => await metric(g, 'stored') > before))
    }
  })
}
if (Anthropic) {
  test('the Anthropic package reads a streamed hit', async () => {
    const t = await project(g)
    const c = new Anthropic({ baseURL: g.url, apiKey: t.key, maxRetries: 0 })
    for (const kept of [false, true]) {
      const before = await metric(g, 'stored')
      const m = await c.messages.stream({ model: 'an', max_tokens: 50, messages: [{ role: 'user', content: 'Hi' }] }).finalMessage()
      assert.equal(m.content[0].text, 'Hello there')
      if (!kept) assert.ok(await until(async () => await metric(g, 'stored') > before))
    }
    assert.equal((await c.messages.create({ model: 'an', max_tokens: 50, messages: [{ role: 'user', content: 'Hi' }] })).metadata.cached, false)
  })
}

// Step 13 of api.md 1.7 comes before step 14.
test('a hit needs no provider that can be asked', async () => {
  const t = await project(off)
  const ask = { model: 'an', messages: [{ role: 'user', content: 'Hi' }] }
  await twice(off, t, url, ask)
  const { conf, sections } = off.options
  off.writeConf(conf, sections.replace(/(dialect = anthropic-messages\nbase_url.*\n)key = .*\n/, '$1auth = x-api-key\n'))
  await off.restart()
  const hit = await send(off, t, url, ask)
  assert.deepEqual([hit.status, state(hit)], [200, 'HIT'], hit.text)
  assert.equal((await record(off, t, hit)).state, 'cached')
  const other = await send(off, t, url, { ...ask, seed: 1 })
  const none = await send(off, t, url, ask, { headers: { 'x-no-cache': 'true' } })
  assert.deepEqual([other.status, other.json.code, state(other)], [400, none.json.code, 'MISS'], other.text)
  assert.deepEqual([none.status, other.json.message, state(none)], [400, none.json.message, undefined], none.text)
})

test('nothing that a sanitizer would report, and no prompt in a log', () => {
  for (const at of [g, gaps, single, off]) {
    assert.deepEqual(at.log().split('\n').filter(l => /ERROR: \w*Sanitizer|runtime error:|SUMMARY: /.test(l)).slice(0, 5), [])
    assert.ok(!at.log().includes('damage me'))
  }
})

await runAll('e2e-cache', {
  skipped: { n: (OpenAI ? 0 : 2) + (Anthropic ? 0 : 1) },
  after: async () => {
    for (const at of [g, gaps, single, off]) await at.stop()
    await upstream.close()
    await redis?.end()
  }
})
