// client.responses of the official OpenAI package against the gateway, in front
// of the simulated provider and of the fake one, which speak chat only.
// Needs E2E_NODE_MODULES: where package.json of this directory is installed.

import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { until } from '../lib/gateway.mjs'
import { assert, runAll, table, test } from '../lib/suite.mjs'
import { secretKey, start, upstream } from './http/setting.mjs'

const modules = path.resolve(process.env.E2E_NODE_MODULES ?? 'build/npm/node_modules')
const resolver = createRequire(path.join(modules, 'x.js'))
const { default: OpenAI } = await import(pathToFileURL(resolver.resolve('openai')))

// It speaks chat only, as most do.
const friend = () => `[provider friend]\ndialect = openai-chat\nbase_url = ${upstream.url}\nkey = ${secretKey}\nany_model = on\n`
const modelOf = name => `friend/${name}`
const g = await start({}, { more: friend })
const client = more => new OpenAI({ baseURL: g.url + '/v1', apiKey: g.key, maxRetries: 0, timeout: 20000, ...more })
const c = client()
const ask = (model, more) => ({ model, input: 'Say this', ...more })
const weather = { type: 'function', name: 'get_weather', strict: true, parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false } }

for (const model of ['sim-echo', 'friend/plain-model']) {
  const fits = text => model === 'sim-echo' ? assert.match(text, /Say this/) : assert.equal(text, 'Hello there!')

  test(`responses.create, ${model}`, async () => {
    const { data, response } = await c.responses.create(ask(model, { instructions: 'Be kind.' })).withResponse()
    fits(data.output_text)
    assert.deepEqual([data.status, data.instructions, data.store], ['completed', 'Be kind.', false])
    assert.ok(data.usage.output_tokens > 0)
    assert.equal(data._request_id, response.headers.get('x-request-id'))
  })
  test(`for await, ${model}`, async () => {
    let text = ''
    const kinds = []
    for await (const e of await c.responses.create(ask(model, { stream: true }))) {
      kinds.push(e.type)
      if (e.type === 'response.output_text.delta') text += e.delta
    }
    fits(text)
    assert.equal(kinds[0], 'response.created')
    assert.equal(kinds.at(-1), 'response.completed')
  })
  test(`.stream(), ${model}`, async () => {
    const s = c.responses.stream(ask(model))
    let deltas = ''
    s.on('response.output_text.delta', e => { deltas += e.delta })
    const done = await s.finalResponse()
    fits(deltas)
    assert.equal(done.output_text, deltas)
    assert.equal(done.status, 'completed')
    assert.ok(done.usage.input_tokens > 0 && done.usage.output_tokens > 0)
  })
}

test('a tool is called, and the turn goes on', async () => {
  const tools = [weather]
  const first = await c.responses.create(ask('sim-echo', { tools }))
  const calls = first.output.filter(i => i.type === 'function_call')
  assert.deepEqual(calls.map(x => x.name), ['get_weather'])
  assert.equal(typeof JSON.parse(calls[0].arguments).city, 'string')
  const input = [{ role: 'user', content: 'Say this' }, ...first.output, { type: 'function_call_output', call_id: calls[0].call_id, output: 'sunny' }]
  const second = await c.responses.create(ask('sim-echo', { tools, input }))
  assert.ok(second.output_text.length > 0)
  assert.ok(!second.output.some(i => i.type === 'function_call'))
})

test('a tool in a stream', async () => {
  const s = c.responses.stream(ask('sim-echo', { tools: [weather] }))
  let args = ''
  s.on('response.function_call_arguments.delta', e => { args += e.delta })
  const done = await s.finalResponse()
  const call = done.output.find(i => i.type === 'function_call')
  assert.equal(call.arguments, args)
  assert.equal(call.parsed_arguments.city, JSON.parse(args).city)
})

test('a custom tool', async () => {
  const tools = [{ type: 'custom', name: 'shell', description: 'Runs it' }]
  const done = await c.responses.stream(ask('sim-echo', { tools })).finalResponse()
  const call = done.output.find(i => i.type === 'custom_tool_call')
  assert.equal(call.name, 'shell')
  assert.equal(typeof call.input, 'string')
  const input = [{ role: 'user', content: 'Say this' }, ...done.output, { type: 'custom_tool_call_output', call_id: call.call_id, output: 'done' }]
  assert.ok((await c.responses.create(ask('sim-echo', { tools, input }))).output_text.length > 0)
})

test('structured output', async () => {
  const format = { type: 'json_schema', name: 'city', strict: true, schema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'], additionalProperties: false } }
  const r = await c.responses.parse(ask('sim-echo', { text: { format } }))
  assert.equal(typeof r.output_parsed.name, 'string')
})

async function fails(promise, kind, status, code) {
  const e = await promise.then(() => null, x => x)
  assert.ok(e, 'no error')
  assert.ok(e instanceof kind, `${e.constructor.name}: ${e.message}`)
  assert.deepEqual([e.status, e.code], [status, code])
}

const create = (model, more) => c.responses.create(ask(model, more))

table('typed errors', [
  ['AuthenticationError', () => client({ apiKey: 'llmgtwy_' + 'x'.repeat(40) }).responses.create(ask('sim-echo')), 401, 'invalid_api_key'],
  ['BadRequestError', () => create('sim-echo', { max_output_tokens: 0 }), 400, 'invalid_parameters'],
  ['BadRequestError', () => create('sim-echo', { previous_response_id: 'resp_1' }), 400, 'unsupported_parameter'],
  ['NotFoundError', () => c.responses.retrieve('resp_1'), 404, 'not_found'],
  ['RateLimitError', () => create(modelOf('status-429')), 429, 'upstream_rate_limited'],
  ['RateLimitError', () => create(modelOf('status-429'), { stream: true }), 429, 'upstream_rate_limited'],
  ['InternalServerError', () => create(modelOf('status-500')), 500, 'upstream_error']
], (kind, run, status, code) => fails(run(), OpenAI[kind], status, code))

test('a stream that breaks ends with response.failed', async () => {
  let text = ''
  let last
  for await (const e of await create(modelOf('cut'), { stream: true })) {
    if (e.type === 'response.output_text.delta') text += e.delta
    last = e
  }
  assert.ok(text.length > 0)
  assert.equal(last.type, 'response.failed')
  assert.equal(last.response.error.code, 'server_error')
})

test('abort', async () => {
  const before = upstream.requests.length
  const s = await create(modelOf('endless'), { stream: true })
  let n = 0
  for await (const e of s) if (e && ++n === 6) break
  assert.ok(await until(() => upstream.requests[before].closed, 2000), 'the call to the provider goes on')
})

await runAll('e2e-sdk-responses', { after: async () => { await g.stop(); await upstream.close() } })
