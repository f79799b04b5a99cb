// The official OpenAI package against the gateway.
// Needs E2E_NODE_MODULES: where package.json of this directory is installed.

import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { until } from '../lib/gateway.mjs'
import { assert, runAll, table, test } from '../lib/suite.mjs'
import { modelOf, start, upstream } from './http/setting.mjs'

const modules = path.resolve(process.env.E2E_NODE_MODULES ?? 'build/npm/node_modules')
const resolver = createRequire(path.join(modules, 'x.js'))
const { default: OpenAI } = await import(pathToFileURL(resolver.resolve('openai')))

const g = await start({})
const client = more => new OpenAI({ baseURL: g.url + '/v1', apiKey: g.key, maxRetries: 0, timeout: 20000, ...more })
const c = client()
const messages = [{ role: 'user', content: 'Say this' }]
const tools = ['get_weather', 'get_time'].map(name => ({ type: 'function', function: { name, parameters: { type: 'object', properties: {} } } }))

for (const model of ['sim-echo', 'plain-model']) {
  const fits = text => model === 'sim-echo' ? assert.match(text, /Say this/) : assert.equal(text, 'Hello there!')

  test(`chat, ${model}`, async () => {
    const { data, response } = await c.chat.completions.create({ model, messages }).withResponse()
    fits(data.choices[0].message.content)
    assert.equal(data.choices[0].finish_reason, 'stop')
    assert.ok(data.usage.total_tokens > 0)
    assert.equal(data._request_id, response.headers.get('x-request-id'))
  })
  test(`for await, ${model}`, async () => {
    let text = ''
    let usage
    for await (const k of await c.chat.completions.create({ model, messages, stream: true })) {
      text += k.choices[0].delta.content ?? ''
      usage = k.usage ?? usage
    }
    fits(text)
    assert.ok(usage.total_tokens > 0)
  })
  test(`.stream(), ${model}`, async () => {
    const s = c.chat.completions.stream({ model, messages, stream_options: { include_usage: true } })
    let deltas = ''
    s.on('content', d => { deltas += d })
    const done = await s.finalChatCompletion()
    fits(deltas)
    assert.equal(done.choices[0].message.content, deltas)
    assert.equal(done.choices[0].finish_reason, 'stop')
    assert.ok((await s.totalUsage()).total_tokens > 0)
  })
}

test('parallel tool calls', async () => {
  const r = await c.chat.completions.create({ model: modelOf('tools'), messages, tools })
  assert.deepEqual(r.choices[0].message.tool_calls.map(t => [t.function.name, JSON.parse(t.function.arguments)]), [['get_weather', { city: 'Paris' }], ['get_time', {}]])
})

test('parallel tool calls in a stream', async () => {
  const s = c.chat.completions.stream({ model: modelOf('tools'), messages, tools })
  const calls = []
  s.on('tool_calls.function.arguments.done', e => calls.push([e.name, JSON.parse(e.arguments)]))
  const done = await s.finalChatCompletion()
  assert.deepEqual(calls, [['get_weather', { city: 'Paris' }], ['get_time', {}]])
  assert.equal(done.choices[0].finish_reason, 'tool_calls')
})

test('runTools', async () => {
  let asked = 0
  const run = c.chat.completions.runTools({
    model: modelOf('tools'), messages,
    tools: ['get_weather', 'get_time'].map(name => ({
      type: 'function', function: { name, description: name, parse: JSON.parse, parameters: { type: 'object', properties: {} }, function: () => { asked++; return 'fine' } }
    }))
  }, { maxChatCompletions: 2 })
  await run.done().catch(() => {})
  assert.ok(asked >= 2)
  const seen = upstream.last.body.messages
  assert.deepEqual(seen.slice(-2).map(m => [m.role, m.tool_call_id]), [['tool', 'call_1'], ['tool', 'call_2']])
})

async function fails(promise, kind, status, code) {
  const e = await promise.then(() => null, e => e)
  assert.ok(e, 'no error')
  assert.ok(e instanceof kind, `${e.constructor.name}: ${e.message}`)
  assert.equal(e.status, status)
  if (code) assert.equal(e.code, code)
  assert.match(e.requestID ?? '', /./)
  return e
}

const ask = (model, more) => c.chat.completions.create({ model, messages, ...more })

table('typed errors', [
  ['AuthenticationError', () => client({ apiKey: 'llmgtwy_' + 'x'.repeat(40) }).chat.completions.create({ model: 'sim-echo', messages }), 401, 'invalid_api_key'],
  ['BadRequestError', () => ask('sim-echo', { temperature: 9 }), 400, 'invalid_parameters'],
  ['BadRequestError', () => ask('no-such-model'), 400, 'model_not_found'],
  ['BadRequestError', () => ask(modelOf('status-400')), 400, 'upstream_invalid_request'],
  ['UnprocessableEntityError', () => ask(modelOf('status-422')), 422, 'upstream_invalid_request'],
  ['RateLimitError', () => ask(modelOf('status-429')), 429, 'upstream_rate_limited'],
  ['RateLimitError', () => ask(modelOf('status-429'), { stream: true }), 429, 'upstream_rate_limited'],
  ['InternalServerError', () => ask(modelOf('status-500')), 500, 'upstream_error'],
  ['InternalServerError', () => ask('dead-model'), 502, 'fetch_failed'],
  ['NotFoundError', () => c.models.retrieve('no-such-model'), 404, 'not_found'],
  ['NotFoundError', () => c.audio.speech.create({ model: 'x', input: 'x', voice: 'alloy' }), 404, 'not_found']
], (kind, run, status, code) => fails(run(), OpenAI[kind], status, code))

test('a bad parameter is named', async () => {
  const e = await fails(ask('sim-echo', { temperature: 9 }), OpenAI.BadRequestError, 400)
  assert.equal(e.param, 'temperature')
  assert.equal(e.type, 'invalid_request_error')
})

test('a stream that breaks throws', async () => {
  let text = ''
  const e = await (async () => {
    for await (const k of await ask(modelOf('cut'), { stream: true })) text += k.choices[0].delta.content ?? ''
  })().then(() => null, e => e)
  assert.ok(e instanceof OpenAI.APIError, String(e))
  assert.equal(text, 'Hello there')
})

test('what cannot help is not repeated', async () => {
  const before = upstream.requests.length
  await client({ maxRetries: 2 }).chat.completions.create({ model: modelOf('status-404'), messages }).catch(() => {})
  assert.ok(upstream.requests.length - before <= 2, 'x-should-retry was not obeyed')
})

test('abort', async () => {
  const before = upstream.requests.length
  const s = await ask(modelOf('endless'), { stream: true })
  let n = 0
  for await (const k of s) if (k && ++n === 3) break
  assert.ok(await until(() => upstream.requests[before].closed, 2000), 'the call to the provider goes on')
})

test('models.list', async () => {
  const ids = []
  for await (const m of c.models.list()) ids.push(m.id)
  assert.ok(ids.includes('plain-model') && ids.includes('sim-echo'))
  assert.equal((await c.models.retrieve('plain-model')).id, 'plain-model')
})

await runAll('e2e-sdk', { after: async () => { await g.stop(); await upstream.close() } })
