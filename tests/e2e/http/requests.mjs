// What the gateway takes and refuses before it asks a provider (api.md 1-4.2).

import { gzipSync } from 'node:zlib'
import { serverName, sleep, until } from '../../lib/gateway.mjs'
import { exchange } from '../../lib/http.mjs'
import { anthropic, assert, common, flat, openai, table, test } from '../../lib/suite.mjs'
import { hello, maxBody, upstream } from './setting.mjs'

const chat = '/v1/chat/completions'
const notJson = 'Unsupported Media Type: Content-Type must be application/json'

// One block, not compressed: what a decoder must take, without an encoder.
export function zstd(text) {
  const b = Buffer.from(text)
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0, 0, 0, 0])
  head.writeUInt32LE(b.length, 5)
  head.writeUIntLE(1 | b.length << 3, 9, 3)
  return Buffer.concat([head, b])
}

export function requests(g) {
  contentTypes(g)
  paths(g)
  keys(g)
  formats(g)
  orders(g)
  malformed(g)
  members(g)
  models(g)
}

function contentTypes(g) {
  table('content type taken', [
    ['application/json'], ['Application/JSON'], ['application/json; charset=utf-8'], ['application/json;charset=UTF-8']
  ], async type => assert.equal((await g().chat(hello(), { headers: { 'content-type': type } })).status, 200))
  table('content type refused', [
    ['none', null], ['empty', ''], ['application/jsonp'], ['application/vnd.api+json'], ['text/plain'],
    ['text/plain; application/json'], ['multipart/form-data; boundary=x'], ['application/x-www-form-urlencoded']
  ], async (name, type = name) => {
    flat(await g().chat(hello(), { headers: { 'content-type': type } }), 415, 'unsupported_media_type', notJson)
  })
  const body = JSON.stringify(hello())
  table('content coding', [
    ['identity', body, 200], ['gzip', gzipSync(body), 200], ['zstd', zstd(body), 200], ['GZIP', gzipSync(body), 200],
    ['br', body, 415], ['deflate', body, 415], ['gzip, gzip', gzipSync(gzipSync(body)), 415]
  ], async (coding, bytes, status) => {
    const a = await g().chat(bytes, { headers: { 'content-encoding': coding } })
    assert.equal(a.status, status, a.text.slice(0, 200))
    if (status === 415) {
      flat(a, 415, 'unsupported_media_type')
      assert.equal(a.headers['accept-encoding'], 'gzip, zstd')
    }
  })
  table('broken coding', [
    ['gzip'], ['zstd']
  ], async coding => assert.equal((await g().chat('no such thing', { headers: { 'content-encoding': coding } })).status, 400))
  test('the unpacked size counts', async () => {
    const bomb = gzipSync(JSON.stringify(hello({ user: 'x'.repeat(maxBody * 4) })))
    flat(await g().chat(bomb, { headers: { 'content-encoding': 'gzip' } }), 413, 'request_too_large')
  })
}

function paths(g) {
  table('path', [
    [chat, 200], [`${chat}/`, 200], [`${chat}?a=b`, 200], ['/v1/%63hat/completions', 200],
    [`${chat}X`, 404], [`${chat}/x`, 404], [`/${chat}`, 404], ['/v1//chat/completions', 404], ['/v1/./chat/completions', 404],
    ['/v1/x/../chat/completions', 404], ['/v1%2Fchat/completions', 404], ['/v1%2fchat/completions', 404], ['/V1/chat/completions', 404],
    ['/v1/completions', 404], ['/v1/audio/speech', 404], ['/v1/files', 404], ['/v1/moderations', 404], ['/nothing', 404], ['/v1', 404]
  ], async (path, status) => {
    const a = await g().post(path, hello())
    if (status === 404) flat(a, 404, 'not_found', 'Not found')
    else assert.equal(a.status, status, a.text.slice(0, 200))
  })
  table('method', [
    ['GET', chat], ['PUT', chat], ['DELETE', chat], ['PATCH', chat], ['POST', '/'], ['DELETE', '/v1/models'], ['POST', '/metrics']
  ], async (method, path) => {
    const a = await g().send(method, path, { body: method === 'GET' ? undefined : '{}' })
    flat(a, 405, 'method_not_allowed', 'Method not allowed')
    assert.match(a.headers.allow, path === chat ? /\bPOST\b/ : /\bGET\b.*\bHEAD\b|\bHEAD\b.*\bGET\b/)
  })
  table('OPTIONS', [[chat, /POST/], ['/v1/models', /GET/], ['/', /GET/]], async (path, allow) => {
    const a = await g().send('OPTIONS', path, { headers: { authorization: null } })
    assert.equal(a.status, 204)
    assert.equal(a.body.length, 0)
    assert.match(a.headers.allow, allow)
    assert.equal(a.headers['access-control-allow-origin'], undefined)
  })
  test('OPTIONS on an unknown path', async () => flat(await g().send('OPTIONS', '/nothing'), 404, 'not_found'))
  table('HEAD', [['/'], ['/v1/models'], ['/metrics']], async path => {
    const get = await g().get(path)
    const head = await g().send('HEAD', path)
    assert.equal(head.status, 200)
    assert.equal(head.body.length, 0)
    for (const h of ['content-type', 'cache-control', 'etag']) assert.equal(head.headers[h], get.headers[h], h)
  })
  test('HEAD where GET is no method', async () => assert.equal((await g().send('HEAD', chat)).status, 405))
  table('the Host header changes nothing', [['admin.internal'], ['localhost:1'], ['x']], async host => {
    assert.equal((await g().chat(hello(), { headers: { host } })).status, 200)
  })
  table('request id kept', [['abc'], ['A.b_c:d-9'], ['x'.repeat(128)]], async id => {
    for (const a of [await g().chat(hello(), { headers: { 'x-request-id': id } }), await g().get('/nope', { headers: { 'x-request-id': id } })]) {
      assert.equal(a.headers['x-request-id'], id)
    }
  })
  table('request id made', [[''], ['two words'], ['x'.repeat(129)], ['a/b'], ['a;b'], ['"q"']], async id => {
    const a = await g().chat(hello(), { headers: { 'x-request-id': id } })
    assert.match(a.headers['x-request-id'], /^req_[A-Za-z0-9]{24}$/)
    assert.equal(a.json.metadata.request_id, a.headers['x-request-id'])
  })
}

function keys(g) {
  const missing = "Unauthorized: No API key provided. Expected 'Authorization: Bearer your-api-token' header or 'x-api-key: your-api-token' header"
  const invalid = 'Unauthorized: Invalid API key'
  const other = 'llmgtwy_' + 'a'.repeat(40)
  const ask = headers => g().chat(hello(), { headers: { authorization: null, ...headers } })
  table('no key', [
    ['nothing', {}], ['empty', { authorization: '' }], ['another scheme', { authorization: 'Basic eDp5' }], ['empty x-api-key', { 'x-api-key': '' }]
  ], async (name, headers) => {
    const a = await ask(headers)
    flat(a, 401, 'invalid_api_key', missing)
    assert.equal(a.headers['www-authenticate'], 'Bearer')
  })
  test('a key in the query string is ignored', async () => {
    flat(await g().post(`${chat}?api_key=${g().key}&key=${g().key}`, hello(), { headers: { authorization: null } }), 401, 'invalid_api_key', missing)
  })
  table('bad key', [
    ['unknown', () => other], ['one letter less', () => g().key.slice(0, -1)], ['one letter more', () => g().key + 'a'],
    ['other case', () => g().key.toUpperCase()], ['another prefix', () => 'sk-' + g().key.slice(8)], ['comma', () => `${g().key},${g().key}`],
    ['blank', () => `${g().key} x`], ['SQL', () => "llmgtwy_' OR '1'='1"], ['glob', () => 'llmgtwy_*'], ['percent', () => 'llmgtwy_%00'],
    ['long', () => 'llmgtwy_' + 'a'.repeat(4000)]
  ], async (name, key) => {
    const a = await ask({ authorization: `Bearer ${key()}` })
    flat(a, 401, 'invalid_api_key', invalid)
    assert.equal(a.headers['www-authenticate'], 'Bearer')
    flat(await ask({ 'x-api-key': key() }), 401, 'invalid_api_key', invalid)
  })
  table('good key', [
    ['bearer', () => ({ authorization: `Bearer ${g().key}` })], ['bearer in capitals', () => ({ authorization: `BEARER ${g().key}` })],
    ['bearer in small letters', () => ({ authorization: `bearer ${g().key}` })], ['x-api-key', () => ({ 'x-api-key': g().key })],
    ['x-api-key beside another scheme', () => ({ authorization: 'Basic eDp5', 'x-api-key': g().key })],
    ['Authorization wins', () => ({ authorization: `Bearer ${g().key}`, 'x-api-key': other })]
  ], async (name, headers) => assert.equal((await ask(headers())).status, 200))
  test('a key is disabled, enabled and deleted', async () => {
    const k = g().newKey('short life')
    const one = () => ask({ authorization: `Bearer ${k.key}` })
    const changed = async verb => {
      g().changeKey(verb, k.id)
      await sleep(2200) // key_cache_ttl is 2 s
      return Promise.all([one(), one(), one(), one()])
    }
    assert.equal((await one()).status, 200)
    for (const a of await changed('disable')) flat(a, 401, 'key_inactive', 'Unauthorized: API key is not active')
    for (const a of await changed('enable')) assert.equal(a.status, 200)
    for (const a of await changed('delete')) flat(a, 401, 'invalid_api_key', invalid)
  })
  test('Authorization wins over a good x-api-key', async () => {
    flat(await ask({ authorization: `Bearer ${other}`, 'x-api-key': g().key }), 401, 'invalid_api_key', invalid)
  })
}

function formats(g) {
  // model missing: 400 invalid_parameters
  const ask = (headers, path = chat) => g().post(path, { messages: [] }, { headers })
  table('error format flat', [
    ['by default', {}], ['asked for', { 'x-llmgw-error-format': 'flat', 'user-agent': 'OpenAI/JS 5.0' }],
    ['auto without SDK', { 'x-llmgw-error-format': 'auto' }], ['unknown word', { 'x-llmgw-error-format': 'xml' }],
    ['curl', { 'user-agent': 'curl/8' }], ['SDK name inside', { 'user-agent': 'my OpenAI/JS' }],
    ['anthropic-version on chat', { 'anthropic-version': '2023-06-01' }]
  ], async (name, headers) => flat(await ask(headers), 400, 'invalid_parameters'))
  table('error format openai', [
    ['asked for', { 'x-llmgw-error-format': 'openai' }], ['X-Stainless', { 'x-stainless-lang': 'js' }],
    ...['OpenAI/JS 5.0', 'openai/python', 'AsyncOpenAI/Python 1', 'Anthropic/JS 1', 'AsyncAnthropic/Python', 'ai-sdk/openai', 'ai/5.0',
      'claude-cli/2', 'codex_cli_rs/0.1', 'langchain-core', 'opencode/1', 'QwenCode/0.1'].map(ua => [ua, { 'user-agent': ua }])
  ], async (name, headers) => openai(await ask(headers), 400, 'invalid_parameters'))
  table('error format anthropic', [
    ['asked for', { 'x-llmgw-error-format': 'anthropic' }],
    ['SDK with anthropic-version', { 'x-stainless-lang': 'js', 'anthropic-version': '2023-06-01' }]
  ], async (name, headers) => anthropic(await ask(headers), 400, 'invalid_request_error'))
  test('anthropic-version on /v1/models', async () => {
    anthropic(await g().get('/v1/models/no-such-model', { headers: { 'anthropic-version': '2023-06-01' } }), 404, 'not_found_error')
  })
  table('error types of the Anthropic envelope', [
    ['401', () => g().chat(hello(), { headers: { authorization: 'Bearer x', 'x-llmgw-error-format': 'anthropic' } }), 401, 'authentication_error'],
    ['404', () => g().get('/nope', { headers: { 'x-llmgw-error-format': 'anthropic' } }), 404, 'not_found_error'],
    ['405', () => g().get(chat, { headers: { 'x-llmgw-error-format': 'anthropic' } }), 405, 'invalid_request_error'],
    ['413', () => g().chat('x'.repeat(maxBody + 1), { headers: { 'x-llmgw-error-format': 'anthropic' } }), 413, 'request_too_large'],
    ['415', () => g().chat('{}', { headers: { 'content-type': 'text/plain', 'x-llmgw-error-format': 'anthropic' } }), 415, 'invalid_request_error']
  ], async (name, ask, status, type) => anthropic(await ask(), status, type))
  table('always flat', [['/'], ['/metrics']], async path => {
    flat(await g().send('DELETE', path, { headers: { 'x-llmgw-error-format': 'openai', 'x-stainless-lang': 'js' } }), 405, 'method_not_allowed')
  })
}

function orders(g) {
  const big = 'x'.repeat(maxBody + 1)
  table('the first failing check answers', [
    ['path before content type', () => g().post('/nope', big, { headers: { 'content-type': 'text/plain', authorization: null } }), 404],
    ['method before content type', () => g().send('PUT', chat, { body: big, headers: { 'content-type': 'text/plain', authorization: null } }), 405],
    ['content type before size', () => g().chat(big, { headers: { 'content-type': 'text/plain', authorization: null } }), 415],
    ['coding before size', () => g().chat(big, { headers: { 'content-encoding': 'br', authorization: null } }), 415],
    ['size before key', () => g().chat(big, { headers: { authorization: null } }), 413],
    ['key before JSON', () => g().chat('{', { headers: { authorization: 'Bearer x' } }), 401],
    ['JSON before types', () => g().chat('{"model":5,'), 400, 'invalid_json'],
    ['types before model', () => g().chat({ model: 'no-such-model', messages: 5 }), 400, 'invalid_parameters'],
    ['model', () => g().chat({ model: 'no-such-model', messages: [{ role: 'user', content: 'x' }] }), 400, 'model_not_found']
  ], async (name, ask, status, code) => {
    const before = upstream.requests.length
    flat(await ask(), status, code)
    assert.equal(upstream.requests.length, before, 'a provider was asked')
  })
  test('a body of the largest size is taken', async () => {
    const rest = maxBody - JSON.stringify(hello({ user: '' })).length
    assert.equal((await g().chat(hello({ user: 'x'.repeat(rest) }))).status, 200)
    flat(await g().chat(hello({ user: 'x'.repeat(rest + 1) })), 413, 'request_too_large', `Request body exceeds ${maxBody} bytes`)
  })
  test('after a 413 the connection serves on', async () => {
    const big = 'x'.repeat(maxBody * 3)
    const bytes = await exchange(g().port,
      `POST ${chat} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer ${g().key}\r\nContent-Length: ${big.length}\r\n\r\n${big}` +
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    const heads = bytes.toString().match(/HTTP\/1\.1 \d+/g)
    // Apache closes after any 413.
    assert.deepEqual(heads, serverName === 'apache' ? ['HTTP/1.1 413'] : ['HTTP/1.1 413', 'HTTP/1.1 200'])
  })
  test('a chunked body is taken', async () => {
    const body = JSON.stringify(hello())
    const bytes = await exchange(g().port,
      `POST ${chat} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer ${g().key}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n` +
      `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`)
    assert.match(bytes.toString(), /^HTTP\/1\.1 200 /)
  })
}

function malformed(g) {
  const nest = n => '['.repeat(n) + ']'.repeat(n)
  const wrap = text => `{"model":"plain-model","messages":[{"role":"user","content":"x"}],"x":${text}}`
  const rows = {
    empty: '', blank: ' ', 'an open brace': '{', array: '[]', string: '"x"', null: 'null', number: '1', 'bytes after the end': wrap('1') + 'x',
    'two objects': wrap('1') + wrap('1'), 'comma before the end': '{"a":1,}', 'comma in an array': wrap('[1,]'), 'single quotes': "{'a':1}", 'bare name': '{a:1}',
    comment: wrap('/* */1'), NaN: wrap('NaN'), Infinity: wrap('-Infinity'), 'not finite': wrap('1e400'), '1.': wrap('1.'), '.5': wrap('.5'), '01': wrap('01'), '+1': wrap('+1'),
    '1e': wrap('1e'), hex: wrap('0x10'), tru: wrap('tru'), 'a name twice': '{"a":1,"a":2}', 'a name twice, escaped, below': wrap('{"a":1,"\\u0061":2}'),
    'escape in a top-level name': '{"m\\u006fdel":"a"}', 'control character': wrap('"\u0001"'), 'line break in a string': wrap('"a\nb"'), 'bad escape': wrap('"\\x"'),
    'short \\u': wrap('"\\u12"'), 'open string': '{"a":"', 'nested too deep': wrap(nest(128)), 'far too deep': wrap('['.repeat(20000)),
    'mixed brackets': wrap('[1}'), 'colon missing': '{"a" 1}', 'comma missing': '{"a":1 "b":2}'
  }
  const bytes = hex => Buffer.concat([Buffer.from('{"model":"plain-model","x":"'), Buffer.from(hex, 'hex'), Buffer.from('"}')])
  const binary = {
    'byte-order mark': Buffer.concat([Buffer.from('efbbbf', 'hex'), Buffer.from(JSON.stringify(hello()))]), 'overlong UTF-8': bytes('c0af'),
    'encoded surrogate': bytes('eda080'), 'lone continuation': bytes('80'), 'cut character': bytes('e282'), 'above U+10FFFF': bytes('f4908080'), 'UTF-16': Buffer.from(JSON.stringify(hello()), 'utf16le'),
    'NUL after the end': Buffer.concat([Buffer.from(JSON.stringify(hello())), Buffer.from([0])])
  }
  table('no JSON', Object.entries({ ...rows, ...binary }), async (name, body) => {
    flat(await g().chat(body), 400, 'invalid_json', 'Invalid JSON in request body')
  })
  table('JSON', [
    ['nested deep', wrap(nest(126))], ['white space', ` \n${wrap('1')}\t\r\n`], ['escapes', wrap('"\\u00e9\\ud83d\\ude00\\/\\b"')], ['NUL in text', wrap('"a\\u0000b"')],
    ['big number', wrap('123456789012345678901234567890')], ['small number', wrap('-0.0e-10')], ['empty names', wrap('{"":1}')]
  ], async (name, body) => assert.equal((await g().chat(body)).status, 200))
  test('a lone surrogate becomes U+FFFD', async () => {
    assert.equal((await g().chat('{"model":"plain-model","messages":[{"role":"user","content":"a\\ud800b"}]}')).status, 200)
    assert.equal(upstream.last.body.messages[0].content, 'a\ufffdb')
  })
  test('NUL in a model string is refused', async () => {
    assert.equal((await g().chat('{"model":"plain\\u0000-model","messages":[{"role":"user","content":"x"}]}')).status, 400)
  })
}

function members(g) {
  const tool = f => [{ type: 'function', function: f }]
  const user = content => [{ role: 'user', content }]
  const calls = [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }]
  const bad = [
    ['model', undefined], ['model', 5], ['model', ''], ['model', ['a']], ['messages', undefined], ['messages', []], ['messages', {}], ['messages', 'x'],
    ['messages[0]', [5], 'messages'], ['messages[0].role', [{ role: 'robot', content: 'x' }], 'messages'], ['messages[0].role', [{ content: 'x' }], 'messages'],
    ['messages[0].role', [{ role: 5, content: 'x' }], 'messages'],
    ['messages[0].content', user(5), 'messages'], ['messages[0].content', user(null), 'messages'], ['messages[0].content', [{ role: 'user' }], 'messages'],
    ['messages[0].content[0]', user([5]), 'messages'], ['messages[0].content[0].type', user([{ type: 'hologram' }]), 'messages'],
    ['messages[0].content[0].text', user([{ type: 'text' }]), 'messages'], ['messages[0].content[0].text', user([{ type: 'text', text: 5 }]), 'messages'],
    ['messages[0].content[0].image_url', user([{ type: 'image_url' }]), 'messages'],
    ['messages[1].tool_call_id', [{ role: 'assistant', content: null, tool_calls: calls }, { role: 'tool', content: 'x' }], 'messages'],
    ['messages[0]', [{ role: 'tool', tool_call_id: 'zz', content: 'x' }], 'messages'],
    ['temperature', -0.1], ['temperature', 2.1], ['temperature', '1'], ['top_p', 1.1], ['top_p', -1], ['top_p', true], ['frequency_penalty', 2.1], ['frequency_penalty', '0'],
    ['presence_penalty', -2.1], ['top_k', -1], ['top_k', 'x'], ['max_tokens', 0], ['max_tokens', 1.5], ['max_tokens', '5'], ['max_tokens', -1], ['max_completion_tokens', 0],
    ['max_completion_tokens', 'x'], ['n', 0], ['n', 129], ['n', 1.5], ['n', 'x'], ['stop', 5], ['stop', [5]], ['stop', []], ['stop', Array(17).fill('x')], ['seed', 1.5], ['seed', 'x'],
    ['stream', 'true'], ['stream', 1], ['stream_options', 5], ['stream_options.include_usage', { include_usage: 'yes' }, 'stream_options'],
    ['tools', {}], ['tools', 'x'], ['tools[0]', [5], 'tools'], ['tools[0].type', [{ type: 'laser' }], 'tools'], ['tools[0].function', [{ type: 'function' }], 'tools'],
    ['tools[0].function.name', tool({}), 'tools'], ['tools[0].function.name', tool({ name: 'bad name' }), 'tools'], ['tools[0].function.name', tool({ name: 'x'.repeat(129) }), 'tools'],
    ['tools[0].function.name', tool({ name: '' }), 'tools'],
    ['tool_choice', 'maybe'], ['tool_choice', 5], ['tool_choice', { type: 'x' }], ['parallel_tool_calls', 'x'], ['logprobs', 1], ['store', 'x'],
    ['response_format', 'json'], ['response_format.type', { type: 'xml' }, 'response_format'], ['response_format.json_schema', { type: 'json_schema' }, 'response_format'],
    ['reasoning_effort', 'huge'], ['reasoning_effort', 5], ['reasoning', 5], ['reasoning.effort', { effort: 'huge' }, 'reasoning'], ['reasoning.max_tokens', { max_tokens: 0 }, 'reasoning'],
    ['logit_bias', []], ['logit_bias', { 1: 101 }], ['logit_bias', { 1: 'x' }], ['user', 5], ['metadata', 'x'], ['modalities', 'x'], ['audio', 5], ['service_tier', 5],
    ['safety_identifier', 5], ['prompt_cache_key', 5], ['verbosity', 5], ['web_search', 1], ['plugins', {}], ['plugins[0].id', [{ id: 'magic' }], 'plugins'],
    ['routing', 'random'], ['routing', 5], ['free_models_only', 1], ['no_reasoning', 'x'], ['onboarding', 1], ['effort', 'max'], ['effort', 5]
  ]
  table('wrong member', bad.map(([param, value, member = param]) => [`${param} = ${JSON.stringify(value)?.slice(0, 60)}`, param, value, member]),
    async (name, param, value, member) => {
      const before = upstream.requests.length
      const b = flat(await g().chat(hello({ [member]: value })), 400, 'invalid_parameters', /^Invalid request parameters: /)
      const fits = p => p === param || p.startsWith(param + '.') || p.startsWith(param + '[')
      assert.ok(b.param && fits(b.param), `param is ${b.param}`)
      assert.ok(b.message.startsWith(`Invalid request parameters: ${b.param}: `), b.message)
      assert.equal(upstream.requests.length, before, 'a provider was asked')
    })
  table('members that contradict each other', [
    ['max_tokens and max_completion_tokens', { max_tokens: 5, max_completion_tokens: 6 }],
    ['reasoning_effort and reasoning.effort', { reasoning_effort: 'low', reasoning: { effort: 'low' } }],
    ['top_logprobs out of range', { logprobs: true, top_logprobs: 21 }]
  ], async (name, more) => flat(await g().chat(hello(more)), 400, 'invalid_parameters'))
  test('the first fault in document order is named', async () => {
    const b = flat(await g().chat('{"top_p":9,"model":"plain-model","messages":[{"role":"user","content":"x"}],"temperature":9}'), 400, 'invalid_parameters')
    assert.equal(b.param, 'top_p')
  })
  const optional = ['temperature', 'top_p', 'frequency_penalty', 'presence_penalty', 'top_k', 'max_tokens', 'max_completion_tokens', 'n', 'stop', 'seed', 'stream', 'stream_options',
    'tools', 'tool_choice', 'parallel_tool_calls', 'logprobs', 'top_logprobs', 'store', 'response_format', 'reasoning_effort', 'reasoning', 'logit_bias', 'user', 'metadata', 'routing', 'web_search',
    'plugins', 'free_models_only', 'no_reasoning', 'onboarding', 'effort']
  table('null is absent', optional.map(m => [m]), async m => {
    const a = await g().chat(hello({ [m]: null }))
    assert.equal(a.status, 200, a.text.slice(0, 300))
  })
  test('1.0 is an integer', async () => {
    const a = await g().chat('{"model":"plain-model","messages":[{"role":"user","content":"x"}],"max_tokens":10.0,"n":1e0}')
    assert.equal(a.status, 200, a.text.slice(0, 300))
  })
  table('good members', [
    ['limits', { temperature: 2, top_p: 0, frequency_penalty: -2, presence_penalty: 2, max_tokens: 1, n: 1, seed: -5 }],
    ['stop list', { stop: ['a', 'b', 'c', 'd'] }], ['developer', { messages: [{ role: 'developer', content: 'x' }, { role: 'user', content: [{ type: 'text', text: 'y' }] }] }],
    ['tools', { tools: tool({ name: 'a.b:c_d-e', parameters: { type: 'object' }, strict: true }), tool_choice: { type: 'function', function: { name: 'a.b:c_d-e' } } }],
    ['tool round', { messages: [{ role: 'user', content: 'x' }, { role: 'assistant', tool_calls: calls }, { role: 'tool', tool_call_id: 'c1', content: 'y' }] }],
    ['schema', { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' } } } }],
    ['metadata', { metadata: { a: 'b' }, user: 'u', store: false, service_tier: 'auto' }], ['unknown members', { future: { a: [1, 2.50, null] } }]
  ], async (name, more) => {
    const a = await g().chat(hello(more))
    assert.equal(a.status, 200, a.text.slice(0, 300))
  })
  table('source', [['https://www.example.com', 200], ['my-app/1.0', 200], ['bad source', 400], ['x'.repeat(200), 400]], async (source, status) => {
    const a = await g().chat(hello(), { headers: { 'x-source': source } })
    assert.equal(a.status, status)
    if (status === 400) flat(a, 400, 'invalid_parameters')
  })
  table('who is recorded as the source', [
    ['x-source', { 'x-source': 'mine', 'http-referer': 'https://app.example' }, 'mine'], ['HTTP-Referer', { 'http-referer': 'https://www.app.example/a' }, 'app.example/a'],
    ['HTTP-Referer before Referer', { 'http-referer': 'https://app.example', referer: 'https://b.example' }, 'app.example'],
    ['one that does not fit', { 'http-referer': 'https://app.example/?q=1' }, null]
  ], async (name, headers, source) => {
    const a = await g().chat(hello(), { headers })
    assert.equal(a.status, 200)
    const found = () => JSON.parse(g().ctl('log', 'list', '--json', '--request-id', a.headers['x-request-id'])).data[0]
    assert.ok(await until(found), 'no record')
    assert.equal(found().source, source)
  })
}

function models(g) {
  table('model string', [
    ['no-such-model', 'model_not_found', 'Requested model no-such-model not supported'],
    ['openai/no-such-model', 'model_not_found', 'Requested model openai/no-such-model not supported'],
    ['cerebras/plain-model', 'model_not_found', /^Provider cerebras does not support model (cerebras\/)?plain-model$/],
    ['no-such-provider/x', 'model_not_found', "Provider 'no-such-provider' not found."],
    ['two words', 'model_not_found'], ['semi;colon', 'model_not_found'], ['x'.repeat(257), 'model_not_found'], ['a?b', 'model_not_found'], ['é', 'model_not_found']
  ], async (model, code, message) => {
    const b = flat(await g().chat(hello({ model })), 400, code, message)
    assert.equal(b.type, 'invalid_request_error')
  })
  table('model found', [['plain-model', null], ['openai/plain-model', 'openai']], async (model, pinned) => {
    const b = (await g().chat(hello({ model }))).json
    assert.equal(b.model, 'openai/plain-model')
    assert.equal(b.metadata.requested_model, model)
    assert.equal(b.metadata.requested_provider, pinned)
  })
}
