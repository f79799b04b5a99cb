// The official Anthropic package against the gateway, in front of providers of
// the other format: the simulated one and the fake one.
// Needs E2E_NODE_MODULES: where package.json of this directory is installed.

import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { until } from '../lib/gateway.mjs'
import { assert, runAll, table, test } from '../lib/suite.mjs'
import { modelOf, start, upstream } from './http/setting.mjs'

const modules = path.resolve(process.env.E2E_NODE_MODULES ?? 'build/npm/node_modules')
const resolver = createRequire(path.join(modules, 'x.js'))
const { default: Anthropic } = await import(pathToFileURL(resolver.resolve('@anthropic-ai/sdk')))

const g = await start({})
const client = more => new Anthropic({ baseURL: g.url, apiKey: g.key, maxRetries: 0, timeout: 20000, ...more })
const c = client()
const ask = (model, more) => ({ model, max_tokens: 500, messages: [{ role: 'user', content: 'Say this' }], ...more })
const tools = ['get_weather', 'get_time'].map(name => ({ name, input_schema: { type: 'object', properties: {} } }))
const textOf = m => m.content.filter(b => b.type === 'text').map(b => b.text).join('')

for (const model of ['sim-echo', 'plain-model']) {
  const fits = text => model === 'sim-echo' ? assert.match(text, /Say this/) : assert.equal(text, 'Hello there!')

  test(`messages.create, ${model}`, async () => {
    const { data, response } = await c.messages.create(ask(model)).withResponse()
    fits(textOf(data))
    assert.equal(data.stop_reason, 'end_turn')
    assert.match(data.id, /^msg_/)
    assert.ok(data.usage.output_tokens > 0)
    assert.equal(data._request_id, response.headers.get('request-id'))
  })
  test(`for await, ${model}`, async () => {
    let text = ''
    const kinds = []
    for await (const e of await c.messages.create(ask(model, { stream: true }))) {
      kinds.push(e.type)
      if (e.type === 'content_block_delta') text += e.delta.text
    }
    fits(text)
    assert.equal(kinds[0], 'message_start')
    assert.equal(kinds.at(-1), 'message_stop')
  })
  test(`.stream(), ${model}`, async () => {
    const s = c.messages.stream(ask(model))
    let deltas = ''
    s.on('text', d => { deltas += d })
    const done = await s.finalMessage()
    fits(deltas)
    assert.equal(textOf(done), deltas)
    assert.equal(done.stop_reason, 'end_turn')
    assert.ok(done.usage.input_tokens > 0 && done.usage.output_tokens > 0)
  })
}

test('parallel tool calls', async () => {
  const m = await c.messages.create(ask(modelOf('tools'), { tools }))
  assert.deepEqual(m.content.filter(b => b.type === 'tool_use').map(b => [b.id, b.name, b.input]), [['call_1', 'get_weather', { city: 'Paris' }], ['call_2', 'get_time', {}]])
  assert.equal(m.stop_reason, 'tool_use')
})

test('parallel tool calls in a stream', async () => {
  const m = await c.messages.stream(ask(modelOf('tools'), { tools })).finalMessage()
  assert.deepEqual(m.content.map(b => [b.name, b.input]), [['get_weather', { city: 'Paris' }], ['get_time', {}]])
  assert.equal(m.stop_reason, 'tool_use')
})

test('a turn with results goes on', async () => {
  const m = await c.messages.create(ask(modelOf('tools'), { tools }))
  const results = m.content.filter(b => b.type === 'tool_use').map(b => ({ type: 'tool_result', tool_use_id: b.id, content: 'fine' }))
  await c.messages.create(ask('plain-model', {
    tools, messages: [{ role: 'user', content: 'Say this' }, { role: 'assistant', content: m.content }, { role: 'user', content: results }]
  }))
  assert.deepEqual(upstream.last.body.messages.slice(-2).map(x => [x.role, x.tool_call_id]), [['tool', 'call_1'], ['tool', 'call_2']])
})

async function fails(promise, kind, status, type) {
  const e = await promise.then(() => null, x => x)
  assert.ok(e, 'no error')
  assert.ok(e instanceof kind, `${e.constructor.name}: ${e.message}`)
  assert.equal(e.status, status)
  assert.equal(e.error.error.type, type)
  assert.match(e.requestID ?? '', /./)
}

const create = (model, more) => c.messages.create(ask(model, more))

table('typed errors', [
  ['AuthenticationError', () => client({ apiKey: 'llmgtwy_' + 'x'.repeat(40) }).messages.create(ask('sim-echo')), 401, 'authentication_error'],
  ['BadRequestError', () => create('sim-echo', { max_tokens: 0 }), 400, 'invalid_request_error'],
  ['BadRequestError', () => create('no-such-model'), 400, 'invalid_request_error'],
  ['BadRequestError', () => create(modelOf('status-400')), 400, 'invalid_request_error'],
  ['RateLimitError', () => create(modelOf('status-429')), 429, 'rate_limit_error'],
  ['RateLimitError', () => create(modelOf('status-429'), { stream: true }), 429, 'rate_limit_error'],
  ['InternalServerError', () => create(modelOf('status-500')), 500, 'api_error'],
  ['NotFoundError', () => c.messages.countTokens({ model: 'sim-echo', messages: [{ role: 'user', content: 'x' }] }), 404, 'not_found_error']
], (kind, run, status, type) => fails(run(), Anthropic[kind], status, type))

test('a stream that breaks throws', async () => {
  let text = ''
  const e = await (async () => {
    for await (const x of await create(modelOf('cut'), { stream: true })) text += x.delta?.text ?? ''
  })().then(() => null, x => x)
  assert.ok(e instanceof Anthropic.APIError, String(e))
  assert.equal(text, 'Hello there')
})

test('abort', async () => {
  const before = upstream.requests.length
  const s = await create(modelOf('endless'), { stream: true })
  let n = 0
  for await (const e of s) if (e && ++n === 4) break
  assert.ok(await until(() => upstream.requests[before].closed, 2000), 'the call to the provider goes on')
})

await runAll('e2e-sdk-anthropic', { after: async () => { await g.stop(); await upstream.close() } })
