// POST /v1/responses (api.md 6), in front of a provider that speaks the same
// and of providers that do not.

import { gzipSync } from 'node:zlib'
import { Gateway, sleep, until } from '../../lib/gateway.mjs'
import { events, faults, join, textOf } from '../../lib/responses.mjs'
import { assert, common, flat, openai, table, test } from '../../lib/suite.mjs'
import { Upstream, chunk, completion, data, event, message, messageStream, response, responseStream, textStream } from '../../lib/upstream.mjs'
import { zstd } from './requests.mjs'
import { secretKey } from './setting.mjs'

const json = (res, status, body) => { res.writeHead(status, { 'content-type': 'application/json' }); res.end(JSON.stringify(body)) }
const sse = res => res.writeHead(200, { 'content-type': 'text/event-stream' })
const refusal = (text, code = null) => ({ error: { message: text, type: 'invalid_request_error', param: null, code } })
const failed = event({ type: 'response.failed', sequence_number: 4, response: response([], { status: 'failed', error: { code: 'server_error', message: 'upstream says no' } }) })

// How the provider behaves, by the name of the model.
const behaviours = {
  cut: (req, res) => { sse(res); res.end(responseStream().slice(0, 6).join('')) },
  'error-first': (req, res) => { sse(res); res.end(event({ type: 'error', code: 'server_error', message: 'upstream says no', param: null, sequence_number: 0 })) },
  'error-mid': (req, res) => { sse(res); res.end(responseStream().slice(0, 5).join('') + failed) },
  'status-400': (req, res) => json(res, 400, refusal('max_output_tokens: too small')),
  'status-500': (req, res) => json(res, 500, refusal('down')),
  'slow-mid': async (req, res) => {
    const t = responseStream()
    sse(res)
    res.write(t[0])
    await sleep(900)
    res.end(t.slice(1).join(''))
  },
  endless: async (req, res) => {
    const t = responseStream()
    sse(res)
    res.write(t.slice(0, 4).join(''))
    for (let i = 0; i < 600 && !res.destroyed; i++) { res.write(t[4]); await sleep(50) }
    res.end()
  },
  // of chat
  'chat-cut': (req, res) => { sse(res); res.end(textStream().slice(0, 2).join('')) },
  'chat-space': (req, res) => {
    const call = { id: 'call_1', type: 'function', function: { name: 'team__ask', arguments: '{}' } }
    sse(res)
    res.end([data(chunk({ role: 'assistant', tool_calls: [{ index: 0, ...call }] })), data(chunk({}, 'tool_calls')), data('[DONE]')].join(''))
  },
  'chat-custom': (req, res) => {
    const call = { id: 'call_1', type: 'function', function: { name: 'apply', arguments: '{"input":"free \\"text\\""}' } }
    sse(res)
    res.end([data(chunk({ role: 'assistant', tool_calls: [{ index: 0, ...call }] })), data(chunk({}, 'tool_calls')), data('[DONE]')].join(''))
  },
  'chat-long': (req, res) => json(res, 200, completion({ choices: [{ index: 0, message: { role: 'assistant', content: 'Hel' }, finish_reason: 'length' }] }))
}

function serve(req, res, body) {
  const run = behaviours[body.model]
  if (run) return run(req, res, body)
  const [whole, stream] = req.url.includes('/chat/completions') ? [completion(), textStream()] :
    req.url.includes('/messages') ? [message(), messageStream()] : [response(undefined, { x_new: { a: 1.5 } }), responseStream('Hello there', { x_new: 1 })]
  if (!body.stream) { json(res, 200, whole); return }
  sse(res)
  res.end(stream.join(''))
}

let upstream

export async function startResponses() {
  upstream = await Upstream.start(serve)
  const section = (name, dialect) => `[provider ${name}]\ndialect = ${dialect}\nbase_url = ${upstream.url}\nkey = ${secretKey}\nany_model = on\n`
  return Gateway.start({
    conf: { ping_interval: '300ms', max_body_bytes: '200000' },
    env: { LLM_OPENAI_API_KEY: secretKey, LLM_OPENAI_BASE_URL: upstream.url },
    sections: section('same', 'openai-responses') + section('chat', 'openai-chat') + section('claude', 'anthropic-messages') +
      '[model only-items]\nprovider = openai\ncontext = 100000\nmax_output = 10000\ncapabilities = tools, stream, plain, chat, wants_responses, wants_no_sampling\n'
  })
}

const hello = (more = {}) => ({ model: 'openai/gpt-4o-mini', input: 'Say this', ...more })
const same = (name, more) => hello({ model: `same/${name}`, stream: true, ...more })
const chat = (name, more) => hello({ model: `chat/${name}`, stream: true, ...more })

export function responses(g) {
  const post = (body, headers = {}, more = {}) => g().post('/v1/responses', body, { headers, ...more })
  plain(g, post)
  refused(post)
  streams(post)
  errors(post)
  bodies(post)
}

function plain(g, post) {
  test('responses: a plain answer, relayed', async () => {
    const a = await post(hello({ store: true, x_future: 1.50 }))
    assert.equal(a.status, 200, a.text.slice(0, 300))
    common(a)
    assert.equal(upstream.last.url, '/v1/responses')
    assert.deepEqual(upstream.last.body, { model: 'gpt-4o-mini', input: 'Say this', store: false, x_future: 1.5 })
    assert.deepEqual([a.json.id, a.json.model, a.json.store, textOf(a.json)], ['resp_up', 'openai/gpt-4o-mini', false, 'Hello there'])
    assert.deepEqual([a.json.usage.input_tokens, a.json.usage.output_tokens, a.json.usage.input_tokens_details.cached_tokens], [19, 10, 8])
    assert.ok(a.json.usage.cost > 0)
    assert.equal(a.json.gateway_metadata.used_provider, 'openai')
    assert.deepEqual(a.json.x_new, { a: 1.5 })
  })
  table('responses: a plain answer, translated', [['chat', '/v1/chat/completions', 'Hello there!'], ['claude', '/v1/messages', 'Hello there']], async (provider, url, text) => {
    const a = await post(hello({ model: `${provider}/any`, instructions: 'Be kind.', metadata: { a: 'b' }, temperature: 0.5, max_output_tokens: 50 }))
    assert.equal(a.status, 200, a.text.slice(0, 300))
    assert.equal(upstream.last.url, url)
    const r = a.json
    assert.match(r.id, /^resp_/)
    assert.deepEqual([r.object, r.status, r.model, r.error, r.incomplete_details, r.store], ['response', 'completed', `${provider}/any`, null, null, false])
    assert.deepEqual([r.instructions, r.metadata, r.temperature, r.max_output_tokens, r.tools, r.tool_choice], ['Be kind.', { a: 'b' }, 0.5, 50, [], 'auto'])
    assert.equal(textOf(r), text)
    assert.equal(r.gateway_metadata.used_provider, provider)
    assert.match(a.headers['x-llmgw-dropped'], /metadata/)
  })
  test('responses: cut off', async () => {
    const a = await post(chat('chat-long', { stream: false }))
    assert.deepEqual([a.json.status, a.json.incomplete_details, a.json.output[0].status], ['incomplete', { reason: 'max_output_tokens' }, 'incomplete'])
  })
  test('responses: a chat for a provider of this format', async () => {
    const a = await g().chat({ model: 'same/any', messages: [{ role: 'system', content: 'S' }, { role: 'user', content: 'Say this' }] })
    assert.equal(a.status, 200, a.text.slice(0, 300))
    assert.equal(upstream.last.url, '/v1/responses')
    assert.deepEqual(upstream.last.body.input, [{ role: 'user', content: 'Say this' }])
    assert.equal(upstream.last.body.store, false)
    assert.equal(a.json.choices[0].message.content, 'Hello there')
    assert.deepEqual([a.json.usage.prompt_tokens, a.json.usage.completion_tokens_details.reasoning_tokens], [19, 4])
  })
  test('responses: a model that is served as nothing else', async () => {
    const a = await g().chat({ model: 'openai/only-items', messages: [{ role: 'user', content: 'Say this' }], n: 1 })
    assert.equal(a.status, 200, a.text.slice(0, 300))
    assert.equal(upstream.last.url, '/v1/responses')
    for (const [name, value] of [['n', 2], ['stop', ['END']]]) {
      const r = await g().chat({ model: 'openai/only-items', messages: [{ role: 'user', content: 'x' }], [name]: value }, { headers: { 'x-llmgw-error-format': 'flat' } })
      flat(r, 400, 'unsupported_parameter', new RegExp(`^${name} is not supported`))
    }
  })
  test('responses: trap 88, a model without temperature', async () => {
    const a = await post(hello({ model: 'openai/gpt-5', temperature: 0.5, top_p: 1 }))
    assert.deepEqual(upstream.last.body, { model: 'gpt-5', input: 'Say this', store: false })
    assert.equal(a.headers['x-llmgw-dropped'], 'temperature')
    const b = await g().chat({ model: 'openai/only-items', messages: [{ role: 'user', content: 'x' }], temperature: 0.5 })
    assert.equal(upstream.last.body.temperature, undefined)
    assert.match(b.headers['x-llmgw-dropped'], /temperature/)
  })
  test('responses: trap 76, seals of others do not reach this provider', async () => {
    const input = [{ role: 'user', content: 'x' }, { type: 'reasoning', summary: [], encrypted_content: 'llmgw:anthropic:sig' }, { type: 'reasoning', summary: [], encrypted_content: 'gAAA' }]
    await post(hello({ input }))
    assert.deepEqual(upstream.last.body.input, [input[0], input[2]])
  })
  test('responses: nothing is stored', async () => {
    const a = await g().get('/v1/responses/resp_1', { headers: { 'x-llmgw-error-format': 'flat' } })
    flat(a, 404, 'not_found', 'Responses are not stored')
    assert.equal((await g().get('/v1/responses/resp_1', { headers: { authorization: 'Bearer no' } })).status, 401)
    assert.equal((await g().get('/v1/responses')).status, 405)
  })
}

function refused(post) {
  const item = { input: [{ type: 'item_reference', id: 'x' }] }
  table('responses: what would need a store', [
    ['previous_response_id', { previous_response_id: 'resp_1' }], ['conversation', { conversation: 'conv_1' }], ['background', { background: true }],
    ['prompt', { prompt: { id: 'p' } }], ['input[0]', item]
  ], async (param, more) => {
    const a = await post(hello(more), { 'x-llmgw-error-format': 'flat' })
    flat(a, 400, 'unsupported_parameter', /nothing is stored/)
    assert.equal(a.json.param, param)
  })
  test('responses: what is null is not there', async () => {
    assert.equal((await post(hello({ stream_options: { include_obfuscation: false } }))).status, 200)
    assert.equal(upstream.last.body.stream_options, undefined, 'refused without stream')
    assert.equal((await post(hello({ previous_response_id: null, background: false, conversation: null, prompt: null }))).status, 200)
  })
  table('responses: wrong members', [
    [{ input: 5 }, 'input'], [{ input: [{ role: 'king', content: 'x' }] }, 'input[0].role'], [{ input: [{ role: 'user' }] }, 'input[0].content'],
    [{ max_output_tokens: 0 }, 'max_output_tokens'], [{ tools: [{ type: 'function' }] }, 'tools[0].name'], [{ text: { format: { type: 'xml' } } }, 'text.format.type'],
    [{ reasoning: { effort: 'huge' } }, 'reasoning.effort'], [{ input: [{ type: 'function_call', call_id: 'a', name: 'b' }] }, 'input[0].arguments']
  ], async (more, param) => {
    const a = await post(hello(more), { 'x-llmgw-error-format': 'flat' })
    assert.deepEqual([a.status, a.json.code, a.json.param], [400, 'invalid_parameters', param], a.text)
  })
  table('responses: what nobody else can say', [
    ['input', { input: [{ type: 'compaction', encrypted_content: 'x' }] }], ['tools', { tools: [{ type: 'code_interpreter', container: 'c' }] }],
    ['tools', { tools: [{ type: 'tool_search' }] }], ['context_management', { context_management: [{ type: 'compaction' }] }]
  ], async (param, more) => {
    const a = await post(chat('any', { stream: false, ...more }), { 'x-llmgw-error-format': 'flat' })
    flat(a, 400, 'unsupported_parameter', new RegExp(`^${param} is not supported by any available provider`))
    assert.equal((await post(same('any', { stream: false, ...more }))).status, 200)
  })
  test('responses: searches beside other tools are dropped', async () => {
    const tools = [{ type: 'web_search' }, { type: 'tool_search' }, { type: 'function', name: 'f', parameters: { type: 'object' } }]
    const a = await post(hello({ model: 'chat/any', tools }))
    assert.equal(a.status, 200, a.text.slice(0, 300))
    assert.deepEqual(upstream.last.body.tools.map(t => t.function.name), ['f'])
    assert.match(a.headers['x-llmgw-dropped'], /tool_search/)
    assert.match(a.headers['x-llmgw-dropped'], /web_search/)
  })
}

function streams(post) {
  table('responses: a stream', [['openai/gpt-4o-mini', 'Hello there'], ['same/any', 'Hello there'], ['chat/any', 'Hello there!'], ['claude/any', 'Hello there']], async (model, text) => {
    const a = await post(hello({ model, stream: true }))
    assert.equal(a.status, 200, a.text.slice(0, 300))
    const list = events(a.text)
    assert.deepEqual(faults(list), [])
    const all = join(list)
    assert.equal(all.text, text)
    assert.equal(textOf(all.response), text)
    assert.equal(all.response.gateway_metadata.request_id, a.headers['x-request-id'])
  })
  test('responses: unknown members of a relayed stream stay', async () => {
    const list = events((await post(same('any'))).text)
    assert.ok(list.some(e => e.json.obfuscation === 'x'))
    assert.equal(join(list).response.x_new, 1)
  })
  test('responses: a namespace of tools at a provider that has none', async () => {
    const tools = [{ type: 'namespace', name: 'team', description: 'd', tools: [{ type: 'function', name: 'ask', parameters: { type: 'object', properties: {} } }] }]
    const list = events((await post(chat('chat-space', { tools }))).text)
    assert.deepEqual(faults(list), [])
    const call = join(list).response.output[0]
    assert.deepEqual([call.type, call.namespace, call.name, call.arguments], ['function_call', 'team', 'ask', '{}'])
    assert.equal(upstream.last.body.tools[0].function.name, 'team__ask')
  })
  test('responses: a custom tool of a provider that has none', async () => {
    const list = events((await post(chat('chat-custom', { tools: [{ type: 'custom', name: 'apply', format: { type: 'text' } }] }))).text)
    assert.deepEqual(faults(list), [])
    assert.deepEqual(upstream.last.body.tools[0].function.parameters.required, ['input'])
    const { id, ...call } = join(list).response.output[0]
    assert.match(id, /^ctc_/)
    assert.deepEqual(call, { type: 'custom_tool_call', status: 'completed', input: 'free "text"', call_id: 'call_1', name: 'apply' })
  })
  test('responses: pings are comments', async () => {
    const list = events((await post(same('slow-mid'))).text)
    assert.ok(list.filter(e => e.comment === ': ping').length >= 2)
    assert.deepEqual(faults(list), [])
  })
  table('responses: a stream that fails', [['same/cut'], ['same/error-mid'], ['chat/chat-cut'], ['same/cut', 'flat']], async (model, format) => {
    const list = events((await post(hello({ model, stream: true }), format ? { 'x-llmgw-error-format': format } : {})).text)
    assert.deepEqual(faults(list).filter(f => !/inside an item/.test(f)), [])
    const last = list.at(-1)
    assert.equal(last.name, 'response.failed')
    assert.equal(last.json.response.error.code, 'server_error')
    assert.ok(!last.json.response.error.message.includes('says no'))
  })
  test('responses: abort', async () => {
    const before = upstream.requests.length
    await post(same('endless'), {}, { onData: (d, req) => { if (String(d).includes('output_text.delta')) req.destroy() } }).catch(() => {})
    assert.ok(await until(() => upstream.requests[before]?.closed, 2000), 'the call to the provider goes on')
  })
}

function errors(post) {
  table('responses: an error', [['same/error-first', 500, 'upstream_error'], ['same/status-400', 400, 'upstream_invalid_request'], ['same/status-500', 500, 'upstream_error']], async (model, status, code) => {
    const a = await post(hello({ model, stream: true }), { 'x-no-fallback': 'true', 'x-llmgw-error-format': 'openai' })
    openai(a, status, code)
  })
  test('responses: what the provider says of a request', async () => {
    const a = await post(same('status-400', { stream: false }), { 'user-agent': 'OpenAI/JS 7' })
    assert.equal(a.json.error.message, 'max_output_tokens: too small')
  })
}

function bodies(post) {
  const text = JSON.stringify(hello())
  table('responses: a packed body', [['gzip', gzipSync(text)], ['zstd', zstd(text)]], async (coding, bytes) => {
    const a = await post(bytes, { 'content-encoding': coding })
    assert.equal(a.status, 200, a.text.slice(0, 300))
    assert.equal(upstream.last.body.input, 'Say this')
    const cut = await post(bytes.subarray(0, 30), { 'content-encoding': coding, 'x-llmgw-error-format': 'flat' })
    flat(cut, 400, 'invalid_json', 'Invalid JSON in request body')
  })
  test('responses: the unpacked size counts', async () => {
    const bomb = gzipSync(JSON.stringify(hello({ input: ' '.repeat(300000) })))
    const a = await post(bomb, { 'content-encoding': 'gzip', 'x-llmgw-error-format': 'flat' })
    flat(a, 413, 'request_too_large', 'Request body exceeds 200000 bytes')
  })
}
