// Gemini at Google AI Studio and on Vertex, with a Google in this process: an
// endpoint for tokens that checks what it is given, and models behind it.

import crypto from 'node:crypto'
import { Gateway, sleep, until } from '../../lib/gateway.mjs'
import { assert, table, test } from '../../lib/suite.mjs'
import { events, faults, join } from '../../lib/stream.mjs'
import { Upstream, geminiAnswer, geminiStream } from '../../lib/upstream.mjs'

const { privateKey, publicKey } = crypto.generateKeyPairSync('rsa', {
  modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
})
const studioKey = 'AIza-studio-0123456789abcdef'

// What the token endpoint does, and what it saw.
const google = { mode: 'ok', wait: 0, expires: 3600, given: 0, refuse: new Set(), held: [] }
let fake

function checkAssertion(text, uri) {
  const form = new URLSearchParams(text)
  assert.equal(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer')
  const [head, claims, sig] = form.get('assertion').split('.')
  assert.ok(crypto.verify('RSA-SHA256', Buffer.from(`${head}.${claims}`), publicKey, Buffer.from(sig, 'base64url')))
  const c = JSON.parse(Buffer.from(claims, 'base64url'))
  assert.equal(c.aud, uri)
  assert.equal(c.iss, 'robot@proj-1.iam.gserviceaccount.com')
  assert.ok(c.exp - c.iat <= 3600, "life")
  assert.ok(Math.abs(c.iat - Date.now() / 1000) < 30, `iat ${c.iat} is not now, ${Date.now() / 1000}`)
}

async function token(res, body) {
  google.given++
  checkAssertion(body, `${fake.url}/token`)
  await sleep(google.wait)
  if (google.mode === 'reset') return res.destroy()
  if (google.mode === 'hang') return google.held.push(res)
  if (google.mode === 'fail') {
    res.writeHead(400, { 'content-type': 'application/json' })
    return res.end('{"error":"invalid_grant"}')
  }
  res.writeHead(200, { 'content-type': 'application/json' })
  res.end(JSON.stringify({ access_token: `tok-${google.given}-secret`, expires_in: google.expires, token_type: 'Bearer' }))
}

// A call with a signature of its own each time; `fake.seal` is the last of them.
function signedCall(req, res) {
  const asked = fake.last.body.contents.some(c => c.parts.some(p => p.functionResponse))
  const parts = asked ? [{ text: 'Wet.' }] : [{ functionCall: { name: 'rain', args: { city: 'Ulm' } }, thoughtSignature: (fake.seal = crypto.randomBytes(30).toString('base64')) }]
  const answer = { candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP', index: 0 }], usageMetadata: { promptTokenCount: 2, candidatesTokenCount: 2, totalTokenCount: 4 } }
  const stream = req.url.includes(':stream')
  res.writeHead(200, { 'content-type': stream ? 'text/event-stream' : 'application/json' })
  res.end(stream ? `data: ${JSON.stringify(answer)}\r\n\r\n` : JSON.stringify(answer))
}

async function handler(req, res, body) {
  if (req.url === '/token') return token(res, body)
  const bearer = req.headers.authorization?.slice(7)
  if (/^\/v1\//.test(req.url) && (!bearer?.startsWith('tok-') || google.refuse.has(bearer) || google.refuse.has('*'))) {
    res.writeHead(401, { 'content-type': 'application/json' })
    return res.end('{"error":{"code":401,"message":"expired","status":"UNAUTHENTICATED"}}')
  }
  if (req.url.includes('gem-3:')) return signedCall(req, res)
  if (req.url.includes(':streamGenerateContent')) {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    return res.end(geminiStream('Hello', ' there').join(''))
  }
  res.writeHead(200, { 'content-type': 'application/json' })
  res.end(JSON.stringify(geminiAnswer('Hello there')))
}

const offer = (name, ...providers) => `[model ${name}]\nprovider = ${providers.join(', ')}\ncontext = 100000\nmax_output = 10000\n` +
  'capabilities = tools, stream, plain, chat\ninput_price = 1\noutput_price = 2\n'

export async function startGoogle() {
  fake = await Upstream.start(handler)
  return Gateway.start({
    conf: { timeout_first_byte: '2s', timeout_idle: '2s', retry_budget: '100', weight_uptime: '0', weight_throughput: '0', weight_latency: '0' },
    sections: ['[provider google-vertex]\npriority = 900\n', offer('gem', 'google-vertex/gem-1'), offer('both', 'google-vertex/gem-1', 'google-ai-studio/gem-2'), offer('studio', 'google-ai-studio/gem-2'), offer('sealed', 'google-ai-studio/gem-3').replace('capabilities = ', 'capabilities = wants_seals, ')].join('\n'),
    env: {
      LLM_GOOGLE_AI_STUDIO_API_KEY: studioKey,
      LLM_GOOGLE_AI_STUDIO_BASE_URL: fake.url,
      LLM_GOOGLE_VERTEX_API_KEY: JSON.stringify({
        type: 'service_account', project_id: 'proj-1', private_key_id: 'kid', private_key: privateKey,
        client_email: 'robot@proj-1.iam.gserviceaccount.com', token_uri: `${fake.url}/token`
      }, null, 2),
      LLM_GOOGLE_VERTEX_TOKEN_TYPE: 'oauth',
      LLM_GOOGLE_VERTEX_REGION: 'europe-west4',
      LLM_GOOGLE_VERTEX_BASE_URL: fake.url
    }
  })
}

export const stopGoogle = () => fake.close()

const hello = (model, more = {}) => ({ model, messages: [{ role: 'user', content: 'Hi' }], ...more })

// No token is held: the next request needs a new one.
async function forgetToken(g) {
  Object.assign(google, { mode: 'ok', wait: 0, expires: 1 })
  google.refuse.add('*')
  await g.chat(hello('gem'))
  google.refuse.clear()
  g.ctl('provider', 'reset') // a key that was refused is barred
  await sleep(1100)
  Object.assign(google, { expires: 3600, given: 0 })
  fake.requests.length = 0
}

export function googles(g) {
  studio(g)
  seals(g)
  tokens(g)
  refusals(g)
  failures(g)
}

function studio(g) {
  test('AI Studio: key, path and answer', async () => {
    const a = await g().chat(hello('studio', { max_tokens: 5, store: true }))
    assert.equal(a.status, 200, a.text)
    assert.equal(a.json.choices[0].message.content, 'Hello there')
    assert.equal(a.json.model, 'google-ai-studio/studio')
    assert.equal(a.json.usage.total_tokens, 4)
    assert.equal(a.headers['x-llmgw-dropped'], 'store')
    const seen = fake.last
    assert.equal(seen.url, '/v1beta/models/gem-2:generateContent')
    assert.equal(seen.headers['x-goog-api-key'], studioKey)
    assert.equal(seen.headers.authorization, undefined)
    assert.deepEqual(seen.body, { contents: [{ role: 'user', parts: [{ text: 'Hi' }] }], generationConfig: { maxOutputTokens: 5 } })
  })
  test('AI Studio: a stream (trap 9)', async () => {
    const a = await g().chat(hello('studio', { stream: true, stream_options: { include_usage: true } }))
    const list = events(a.text)
    assert.deepEqual(faults(list, true), [])
    assert.equal(join(list).content, 'Hello there')
    assert.equal(fake.last.url, '/v1beta/models/gem-2:streamGenerateContent?alt=sse')
  })
}

// A client of each dialect: what it asks, the call in the answer, and what it
// sends back without the signature that it does not know.
const datas = text => text.split('\n').filter(l => l.startsWith('data: {')).map(l => JSON.parse(l.slice(6)))
const tool = { type: 'object', properties: { city: { type: 'string' } } }
const dialects = {
  chat: {
    path: '/v1/chat/completions',
    ask: () => hello('sealed', { tools: [{ type: 'function', function: { name: 'rain', parameters: tool } }] }),
    call: a => a.choices[0].message.tool_calls[0],
    back: c => [{ role: 'user', content: 'Hi' }, { role: 'assistant', content: null, tool_calls: [{ id: c.id, type: 'function', function: c.function }] }, { role: 'tool', tool_call_id: c.id, content: 'wet' }],
    member: 'messages',
    streamed: text => {
      const c = events(text).flatMap(e => e.json?.choices?.[0]?.delta?.tool_calls ?? [])
      return { id: c.find(x => x.id).id, function: { name: 'rain', arguments: c.map(x => x.function?.arguments ?? '').join('') } }
    }
  },
  messages: {
    path: '/v1/messages',
    ask: () => hello('sealed', { max_tokens: 100, tools: [{ name: 'rain', input_schema: tool }] }),
    call: a => a.content.find(b => b.type === 'tool_use'),
    back: c => [{ role: 'user', content: 'Hi' }, { role: 'assistant', content: [{ type: 'tool_use', id: c.id, name: 'rain', input: { city: 'Ulm' } }] }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: c.id, content: 'wet' }] }],
    member: 'messages',
    streamed: text => datas(text).find(e => e.content_block?.type === 'tool_use').content_block
  },
  responses: {
    path: '/v1/responses',
    ask: () => ({ model: 'sealed', input: 'Hi', tools: [{ type: 'function', name: 'rain', parameters: tool }] }),
    call: a => a.output.find(i => i.type === 'function_call'),
    back: c => [{ role: 'user', content: 'Hi' }, { type: 'function_call', call_id: c.call_id, name: 'rain', arguments: '{"city":"Ulm"}' }, { type: 'function_call_output', call_id: c.call_id, output: 'wet' }],
    member: 'input',
    streamed: text => datas(text).find(e => e.type === 'response.output_item.done' && e.item.type === 'function_call').item
  }
}

function seals(g) {
  const sent = () => fake.last.body.contents.flatMap(c => c.parts).find(p => p.functionCall).thoughtSignature
  table('a signature that the client does not send back is put in', Object.keys(dialects).flatMap(d => [false, true].map(stream => [`${d}${stream ? ', streamed' : ''}`, dialects[d], stream])), async (name, d, stream) => {
    const a = await g().post(d.path, { ...d.ask(), stream })
    assert.equal(a.status, 200, a.text)
    const call = stream ? d.streamed(a.text) : d.call(a.json)
    const seal = fake.seal
    const again = more => g().post(d.path, { ...d.ask(), [d.member]: d.back(call) }, more)
    assert.ok(await until(async () => (await again()).status === 200 && sent() === seal, 3000), `${sent()}, not ${seal}`)
    // A project of somebody else knows nothing of it.
    const { data } = (await g().admin('GET', 'organizations')).json
    const project = (await g().admin('POST', 'projects', { organization_id: data[0].id, name: `seals ${name}` })).json
    const { key } = (await g().admin('POST', 'keys', { project_id: project.id, label: 'seals' })).json
    assert.equal((await again({ headers: { authorization: `Bearer ${key}` } })).status, 200)
    assert.equal(sent(), 'skip_thought_signature_validator')
  })
  test('a signature that the client sends back is the one', async () => {
    const call = dialects.chat.call((await g().post('/v1/chat/completions', dialects.chat.ask())).json)
    const messages = dialects.chat.back(call)
    messages[1].tool_calls[0].extra_content = { google: { thought_signature: 'b3du' } }
    assert.equal((await g().chat({ ...dialects.chat.ask(), messages })).status, 200)
    assert.equal(sent(), 'b3du')
  })
}

function tokens(g) {
  test('Vertex: one token for many requests', async () => {
    await forgetToken(g())
    google.wait = 300
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => g().chat(hello('gem', { stream: i % 2 === 0 }))))
    for (const a of all) assert.equal(a.status, 200, a.text)
    assert.equal(google.given, 1)
    const asked = fake.requests.filter(s => s.url !== '/token')
    assert.equal(asked.length, 20)
    for (const s of asked) assert.equal(s.headers.authorization, 'Bearer tok-1-secret')
    assert.match(asked[0].url, /^\/v1\/projects\/proj-1\/locations\/europe-west4\/publishers\/google\/models\/gem-1:/)
    const a = all[1].json
    assert.equal(a.metadata.routing.length, 1)
    assert.equal(a.metadata.routing[0].succeeded, true)
  })
  test('Vertex: a region that is asked for', async () => {
    const a = await g().chat(hello('google-vertex/gem:us-east5'))
    assert.equal(a.status, 200, a.text)
    assert.equal(a.json.model, 'google-vertex/gem:us-east5')
    assert.equal(a.json.metadata.used_region, 'us-east5')
    assert.equal(a.json.metadata.used_model, 'gem')
    assert.equal(a.json.metadata.routing[0].region, 'us-east5')
    assert.match(fake.last.url, /\/locations\/us-east5\//)
    const b = await g().chat(hello('google-vertex/gem:atlantis'))
    assert.equal(b.status, 400)
    assert.equal(b.json.message, "Region 'atlantis' is not available for model google-vertex/gem:atlantis")
  })
  test('Vertex: a token that does not come, and who waits for it', async () => {
    await forgetToken(g())
    google.mode = 'hang'
    const since = Date.now()
    const all = await Promise.all(Array.from({ length: 3 }, () => g().chat(hello('both'))))
    for (const a of all) {
      assert.equal(a.status, 200, a.text)
      assert.equal(a.json.metadata.used_provider, 'google-ai-studio')
      assert.match(a.json.metadata.routing[0].error_type, /^(timeout|network_error)$/)
    }
    assert.ok(Date.now() - since < 4500, `${Date.now() - since} ms`)
    assert.equal(google.given, 1)
    for (const r of google.held.splice(0)) r.destroy()
    google.mode = 'ok'
    await sleep(1100)
    assert.equal((await g().chat(hello('gem'))).status, 200)
  })
}

function refusals(g) {
  test('Vertex: a refused token is replaced once', async () => {
    await forgetToken(g())
    assert.equal((await g().chat(hello('gem'))).status, 200)
    google.refuse.add('tok-1-secret')
    const a = await g().chat(hello('gem'))
    assert.equal(a.status, 200, a.text)
    assert.equal(a.json.metadata.routing.length, 1)
    assert.equal(google.given, 2)
    assert.equal(fake.last.headers.authorization, 'Bearer tok-2-secret')
  })
  test('Vertex: refused again, the next provider is asked', async () => {
    await forgetToken(g())
    google.refuse.add('*')
    const a = await g().chat(hello('both'))
    assert.equal(a.status, 200, a.text)
    assert.deepEqual(a.json.metadata.routing.map(r => [r.provider, r.error_type, r.status_code]),
      [['google-vertex', 'gateway_error', 401], ['google-ai-studio', 'none', 200]])
    assert.equal(google.given, 2)
  })
}

function failures(g) {
  test('Vertex: no token, the next provider is asked', async () => {
    await forgetToken(g())
    google.mode = 'fail'
    const all = await Promise.all(Array.from({ length: 5 }, () => g().chat(hello('both'))))
    for (const a of all) {
      assert.equal(a.status, 200, a.text)
      assert.deepEqual(a.json.metadata.routing.map(r => r.error_type), ['gateway_error', 'none'])
    }
  })
  test('Vertex: no token and nobody else', async () => {
    await forgetToken(g())
    google.mode = 'fail'
    const a = await g().chat(hello('gem'))
    assert.equal(a.status, 500)
    assert.equal(a.json.code, 'gateway_error')
    assert.ok(!a.text.includes('invalid_grant'))
    await sleep(1100)
    google.mode = 'reset'
    const b = await g().chat(hello('gem'))
    assert.equal(b.status, 502)
    assert.equal(b.json.code, 'fetch_failed')
    await sleep(1100)
    google.mode = 'ok'
    assert.equal((await g().chat(hello('gem'))).status, 200)
  })
  test('no token and no key of Google in the logs', () => {
    const log = g().log()
    for (const text of [studioKey, 'tok-1', 'BEGIN PRIVATE', 'Bearer']) assert.ok(!log.includes(text), text)
  })
}
