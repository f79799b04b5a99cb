// Who would serve a request, and what left the others out: the admin API and
// llmgwctl, beside what requests then get.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Gateway, sleep, until } from '../../lib/gateway.mjs'
import { assert, table, test } from '../../lib/suite.mjs'
import { Upstream, completion, textStream } from '../../lib/upstream.mjs'
import { hello } from './setting.mjs'

let upstream, dir

const caps = ['tools', 'stream', 'plain', 'chat']
const mapping = (provider, model, price, more = {}) => ({
  provider, model, context: 100000, max_output: 10000, caps, efforts: [], tiers: [{ input: String(price), output: (price * 3).toFixed(2) }], ...more
})
// By the name of its provider each of them lacks something.
const lacking = {
  deaf: { caps: ['stream', 'plain', 'chat'] }, tiny: { context: 10 }, short: { max_output: 50 }, old: { deactivated_at: '2026-01-01' },
  shaky: { stability: 'unstable' }, groq: {}, zero: {}, denied: {}, broken: {}
}
const list = [
  { id: 'hourly', mappings: [mapping('a', 'hourly', 1, { prices: [{ region: 'eu', tiers: [{ input: '9', output: '9' }] },
    ...['00:00-12:00', '12:00-00:00'].map(hours => ({ hours, tiers: [{ input: '7', output: '7' }] }))] })] },
  { id: 'many', mappings: [mapping('a', 'many', 1), mapping('b', 'many', 2), ...Object.entries(lacking).map(([p, more]) => mapping(p, 'many', 3, more))] },
  { id: 'pair', mappings: [mapping('a', 'pair', 1), mapping('b', 'pair', 1.1)] },
  { id: 'vectors', mappings: [mapping('a', 'vectors', 1, { caps: ['embed', 'plain'] })] },
  { id: 'ways', mappings: [mapping('a', 'ways-thinking', 1, { caps: [...caps, 'reason'] }), mapping('a', 'ways-plain', 1)] }
]

const provider = (name, more = '') => `[provider ${name}]\ndialect = openai-chat\nbase_url = ${upstream.url}/${name}\n` +
  `path = /v1/chat/completions\nauth = bearer\nkey = sk-${name}\n${more}`

async function answer(req, res, body) {
  if (req.url.startsWith('/broken')) {
    res.writeHead(500, { 'content-type': 'application/json' }).end('{"error":{"message":"down"}}')
    return
  }
  // The score compares what is not 0: a takes its time, and b four times as long.
  if (body.stream) await sleep(req.url.startsWith('/b') ? 40 : 10)
  res.writeHead(200, { 'content-type': body.stream ? 'text/event-stream' : 'application/json' })
  res.end(body.stream ? textStream().join('') : JSON.stringify(completion()))
}

export async function startExplain() {
  upstream = await Upstream.start(answer)
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'llmgw-list.'))
  const file = path.join(dir, 'list.ndjson')
  fs.writeFileSync(file, [{ catalog: 1 }, ...list].map(l => JSON.stringify(l) + '\n').join(''))
  const names = ['a', 'b', ...Object.keys(lacking).filter(p => p !== 'groq')]
  return Gateway.start({ conf: { catalog_file: file, auto_models: 'many' }, sections: names.map(p => provider(p, p === 'zero' ? 'priority = 0\n' : '')).join('\n') })
}

export async function stopExplain() {
  await upstream.close()
  fs.rmSync(dir, { recursive: true, force: true })
}

const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }]
const wanted = { messages: [{ role: 'user', content: 'word '.repeat(100) }], max_tokens: 100, tools }

export function explanations(get) {
  const explain = async (body, status = 200) => {
    const a = await get().admin('POST', 'explain', body)
    assert.equal(a.status, status, a.text)
    return a.json
  }
  const filters = e => Object.fromEntries(e.candidates.map(c => [c.provider, c.filtered_by]))
  const made = async (project = {}, key = {}) => {
    const org = JSON.parse(get().ctl('org', 'create', '--json', `o${Math.random()}`)).id
    const p = (await get().admin('POST', 'projects', { organization_id: org, name: 'p', ...project })).json
    return { org, ...(await get().admin('POST', 'keys', { project_id: p.id, label: 'k', ...key })).json }
  }
  const pay = async (org, amount = 10) => assert.equal((await get().admin('POST', `organizations/${org}/credits`, { amount, reason: 'test' })).status, 201)

  test('explain: each filter by its name', async () => {
    const key = await made()
    await pay(key.org)
    assert.equal((await get().admin('POST', `keys/${key.id}/iam-rules`, { type: 'deny_providers', value: { providers: ['denied'] } })).status, 201)
    const as = { headers: { authorization: `Bearer ${key.key}`, 'x-no-fallback': 'true' } }
    for (let i = 0; i < 10; i++) assert.equal((await get().chat(hello({ model: 'broken/many' }), as)).status, 500)
    const e = await explain({ model: 'many', key_id: key.id, body: wanted })
    assert.deepEqual(filters(e), {
      a: null, b: null, deaf: 'capability', tiny: 'context', short: 'max_output', old: 'deactivated', shaky: 'stability', groq: 'no_key',
      zero: 'priority', denied: 'iam', broken: 'circuit_open'
    })
    const of = p => e.candidates.find(c => c.provider === p)
    assert.match(of('denied').why, /Provider denied is in the denied providers list \(Rule ID: iam_/)
    assert.match(of('deaf').why, /does not support tool calls/)
    assert.match(of('tiny').why, /exceeds the context/)
    assert.equal(of('broken').breaker, 'open')
    assert.deepEqual([e.choice.provider, e.error, e.pinned], ['a', null, null])
    assert.deepEqual(e.order.map(o => o.provider), ['a', 'b'])
    // The circuit closes, and the key of it rests no more.
    get().ctl('provider', 'reset')
    assert.equal(filters(await explain({ model: 'many', key_id: key.id, body: wanted })).broken, null)
  })
  test('explain: what auto wants besides', async () => {
    const e = await explain({ model: 'auto' })
    assert.deepEqual([e.root, e.choice.provider], ['many', 'a'])
    assert.deepEqual(['old', 'tiny', 'shaky', 'groq', 'zero'].map(p => filters(e)[p]), ['deactivated', 'context', 'stability', 'no_key', 'priority'])
  })
  test('explain: a pinned provider, and one that is left', async () => {
    const e = await explain({ model: 'b/pair' })
    assert.deepEqual([filters(e), e.pinned, e.reason], [{ b: null, a: 'pinned' }, 'b', 'direct-provider-specified'])
    for (let i = 0; i < 3; i++) await get().chat(hello({ model: 'broken/many' }), { headers: { 'x-no-fallback': 'true' } })
    await sleep(1100)
    get().ctl('provider', 'reset')
    const left = await explain({ model: 'broken/many' })
    assert.deepEqual([left.reason, left.choice.provider, filters(left).broken], ['low-uptime-fallback', 'a', 'uptime'])
  })
  test('explain: scores are those of the request that follows', async () => {
    for (let i = 0; i < 6; i++) assert.equal((await get().chat(hello({ model: i % 2 ? 'a/pair' : 'b/pair', stream: i > 2 }))).status, 200)
    await sleep(1100) // the figures are of the last second
    for (const stream of [false, true]) {
      // The figures change once a second: the two sides of a request must agree for it to be between them.
      const ask = () => explain({ model: 'pair', body: { ...hello({ model: 'pair' }), stream } })
      let e, a
      assert.ok(await until(async () => {
        e = await ask()
        a = await get().chat(hello({ model: 'pair', stream }))
        assert.equal(a.status, 200)
        return isDeepStrictEqual((await ask()).candidates, e.candidates)
      }))
      let rows
      assert.ok(await until(async () => (rows = (await get().admin('GET', `logs?request_id=${a.headers['x-request-id']}`)).json.data).length === 1))
      const d = JSON.parse(get().ctl('log', 'show', rows[0].id)).decision
      assert.deepEqual(e.candidates.map(c => [c.provider, c.score]), d.candidates.map(c => [c.provider, c.score]))
      assert.equal(e.reason, d.reason)
      assert.equal(e.choice.provider, d.candidates[0].provider)
      assert.ok(e.candidates.some(c => c.score > 0))
      assert.ok(e.candidates.every(c => c.latency_ms > 0))
      for (const c of e.candidates) {
        assert.ok(c.measured)
        const sum = Object.values(c.parts).reduce((x, y) => x + y, 0)
        assert.ok(Math.abs(sum - c.score) < 0.004, `${sum} ${c.score}`)
        const slow = c.latency_ms > 2 * Math.min(...e.candidates.map(o => o.latency_ms)) + 1 // they are rounded
        if (!stream || slow) assert.equal(c.parts.latency > 0, stream)
      }
    }
  })
  test('prices of the hour', async () => {
    const a = await get().chat(hello({ model: 'hourly' }))
    assert.equal(a.json.usage.cost, 0.000203) // 29 tokens at 7 USD per million
  })
  test('explain: nothing is sent, counted or noted', async () => {
    const key = await made({}, { limits: { rpm: 1 } })
    await pay(key.org)
    const before = upstream.requests.length
    for (let i = 0; i < 5; i++) assert.equal((await explain({ model: 'pair', key_id: key.id })).error, null)
    assert.equal(upstream.requests.length, before)
    assert.equal((await get().chat(hello({ model: 'pair' }), { headers: { authorization: `Bearer ${key.key}` } })).status, 200)
    await until(async () => (await get().admin('GET', `logs?key_id=${key.id}`)).json.data.length > 0)
    assert.equal((await get().admin('GET', `logs?key_id=${key.id}`)).json.data.length, 1)
  })
  table('explain: want of money', [
    ['mode credits', { mode: 'credits' }, {}, 'credits', 402], ['mode hybrid', {}, {}, 'credits', 402],
    ['a limit of the key', {}, { usage_limit: 0.000000001 }, 'budget', 402], ['that is reached', {}, { usage_limit: 0 }, 'budget', 401],
    ['mode api-keys', { mode: 'api-keys' }, {}, 'no_key', 400]
  ], async (what, project, limit, filter, status) => {
    const key = await made(project, limit)
    if (filter === 'budget') await pay(key.org)
    const e = await explain({ model: 'pair', key_id: key.id })
    const a = await get().chat(hello({ model: 'pair' }), { headers: { authorization: `Bearer ${key.key}` } })
    assert.deepEqual([e.error.status, e.error.message], [a.status, a.json.message ?? a.json.error.message])
    assert.equal(a.status, status)
    assert.deepEqual([filters(e), e.choice, e.order], [{ a: filter, b: filter }, null, []])
  })
  test('explain: own keys go first, and rules about addresses are left out', async () => {
    const key = await made()
    await pay(key.org)
    assert.equal((await get().admin('POST', `keys/${key.id}/iam-rules`, { type: 'allow_ips', value: { cidrs: ['192.0.2.0/24'] } })).status, 201)
    assert.equal((await get().admin('POST', 'provider-keys', { organization_id: key.org, provider: 'groq', key: 'gsk_0123456789abcdef' })).status, 201)
    const e = await explain({ model: 'many', key_id: key.id })
    assert.deepEqual([e.choice.provider, e.choice.credential, e.error], ['groq', 'own', null])
    assert.deepEqual(e.order.map(o => o.credential), ['own', 'gateway', 'gateway'])
    assert.deepEqual(e.candidates.slice(0, 2).map(c => [c.provider, c.parts.own_key]), [['groq', 0], ['a', 1000]])
  })
  test('explain: of a reasoning and a plain variant the one that was meant', async () => {
    for (const [model, more, name, filter] of [['ways', {}, 'ways-plain', 'capability'], ['ways', { reasoning_effort: 'low' }, 'ways-thinking', 'capability'],
      ['a/ways', {}, 'ways-plain', 'capability'], ['a/ways-thinking', {}, 'ways-thinking', 'pinned']]) {
      const body = { messages: [{ role: 'user', content: 'Hi' }], ...more }
      const x = await explain({ model, body })
      assert.equal(x.choice.model, name)
      assert.deepEqual(x.candidates.filter(c => c.filtered_by).map(c => c.filtered_by), [filter])
      const a = await get().chat({ model, ...body })
      assert.equal(a.status, 200, a.text)
      assert.equal(upstream.last.body.model, name)
    }
  })
  test('explain: without a key what holds for all does', async () => {
    const alias = (await get().admin('POST', 'aliases', { name: 'everybodys', targets: [{ model: 'pair', weight: 1 }] })).json
    const off = (await get().admin('POST', 'discounts', { provider: 'b', model: 'pair', fraction: 0.5 })).json
    const x = await explain({ model: 'everybodys' })
    assert.equal(x.root, 'pair')
    const price = e => e.candidates.find(c => c.provider === 'b').parts.price
    assert.equal(price(x), 0) // half of 1.1 is the least
    await get().admin('DELETE', `discounts/${off.id}`)
    await get().admin('DELETE', `aliases/${alias.id}`)
    assert.ok(price(await explain({ model: 'pair' })) > 0)
    assert.ok((await explain({ model: 'everybodys' })).error)
  })
  test('explain: what cannot be served at all', async () => {
    for (const [body, code] of [[{ model: 'no-such' }, 'model_not_found'], [{ model: 'vectors', body: wanted }, 'unsupported_capability'],
      [{ model: 'groq/many' }, 'no_provider_key'], [{ model: 'pair', body: { messages: 1 } }, 'invalid_parameters']]) {
      const e = await explain(body)
      assert.deepEqual([e.error.code, e.choice], [code, null])
    }
    assert.equal((await explain({ model: 'vectors' })).choice.provider, 'a')
    assert.equal((await explain({ model: 'vectors', body: { input: 'x' } })).choice.provider, 'a')
    await explain({ model: 'pair', body: [] }, 400)
  })
  test('explain: llmgwctl says the same, as a table', async () => {
    const file = path.join(dir, 'body.json')
    fs.writeFileSync(file, JSON.stringify({ ...wanted, stream: true }))
    const text = get().ctl('explain', 'many', '--body', file)
    assert.match(text, /^PROVIDER +MODEL +KEY +SCORE +PRICE .*LEFT OUT BY\n/)
    assert.match(text, /^tiny +many +gateway .* context$/m)
    assert.match(text, /^deaf: Model many does not support tool calls/m)
    assert.match(text, /^[a-z-]+: a \(gateway key 0\), then b \(gateway key 0\)/m)
    const key = await made({ mode: 'credits' })
    await sleep(1100)
    const json = JSON.parse(get().ctl('explain', '--json', 'pair', '--key', key.id))
    assert.deepEqual(json, await explain({ model: 'pair', key_id: key.id }))
    assert.match(get().ctl('explain', 'pair', '--key', key.id), /^refused: 402 .*insufficient credits/m)
  })
}
