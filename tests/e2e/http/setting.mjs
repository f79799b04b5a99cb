// The gateway and the provider that the tests of this directory share.

import { gzipSync } from 'node:zlib'
import { Gateway } from '../../lib/gateway.mjs'
import { Upstream, chunk, completion, data, sendPieces, textStream, usage } from '../../lib/upstream.mjs'
import { sleep } from '../../lib/gateway.mjs'

export const secretKey = 'sk-upstream-0123456789abcdefSECRET'
export const maxBody = 100000

// How the provider behaves, by the name of the model that is asked for.
const json = (res, status, body, headers = {}) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  res.writeHead(status, { 'content-type': 'application/json', ...headers })
  res.end(text)
}
const sse = (res, more) => res.writeHead(200, { 'content-type': 'text/event-stream', ...more })
const refusal = (message, code = null) => ({ error: { message, type: 'invalid_request_error', param: null, code } })

export let redirected = 0
export const floodPieces = 400
export const floodPiece = 'x'.repeat(50000)
export let floodTook = 0

const behaviours = {
  hang: () => {},
  reset: (req, res) => res.socket.resetAndDestroy(),
  'late-reset': async (req, res) => { await sleep(700); if (!res.destroyed) res.socket.resetAndDestroy() },
  garbage: (req, res) => json(res, 200, 'garbage, not JSON'),
  empty: (req, res) => json(res, 200, ''),
  hollow: (req, res) => json(res, 200, {}),
  html: (req, res) => { res.writeHead(200, { 'content-type': 'text/html' }); res.end('<html><body>Busy</body></html>') },
  truncated: (req, res) => {
    const text = JSON.stringify(completion())
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length })
    res.write(text.slice(0, 100), () => setTimeout(() => res.destroy(), 50))
  },
  'half-json': (req, res) => json(res, 200, JSON.stringify(completion()).slice(0, 100)),
  'error-in-200': (req, res) => json(res, 200, { error: { message: 'boom', type: 'server_error', code: null } }),
  'no-content': (req, res, body) => {
    const none = { prompt_tokens: 5, completion_tokens: 0, total_tokens: 5 }
    if (!body.stream) {
      const c = completion({ usage: none })
      c.choices[0].message.content = ''
      json(res, 200, c)
      return
    }
    sse(res)
    res.end([data(chunk({ role: 'assistant', content: '' })), data(chunk({}, 'stop')), data({ ...chunk({}), choices: [], usage: none }), data('[DONE]')].join(''))
  },
  redirect: (req, res) => { res.writeHead(307, { location: `http://${req.headers.host}/elsewhere` }); res.end() },
  ...Object.fromEntries(['flex', 'priority', 'default', 'silent'].map(tier => [`tier-${tier}`, (req, res, body) => {
    const service_tier = tier === 'silent' ? undefined : tier
    if (!body.stream) { json(res, 200, completion({ service_tier })); return }
    sse(res)
    res.end([...[chunk({ role: 'assistant', content: 'Hi' }), chunk({}, 'stop'), { ...chunk({}), choices: [], usage }].map(c => data({ ...c, service_tier })), data('[DONE]')].join(''))
  }])),
  // A thought, and its text somewhat later.
  thinking: async (req, res, body) => {
    const end = [chunk({ content: 'Hi' }), chunk({}, 'stop'), { ...chunk({}), choices: [], usage }]
    if (!body.stream) { json(res, 200, completion()); return }
    sse(res)
    res.write(data(chunk({ role: 'assistant', content: '' })) + data(chunk({ reasoning_content: 'Hm' })))
    await sleep(150)
    res.end(end.map(data).join('') + data('[DONE]'))
  },
  'leaky-400': (req, res) => json(res, 400, refusal(`Bad request with key ${secretKey} for org-AbCdEfGhIjKlMnOpQrStUvWx`)),
  'filter-400': (req, res) => json(res, 400, refusal('The response was filtered', 'content_filter')),
  gzipped: (req, res, body) => {
    if (body.stream) sse(res, { 'content-encoding': 'gzip' })
    else res.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
    res.end(gzipSync(body.stream ? textStream().join('') : JSON.stringify(completion())))
  },
  'rate-30': (req, res) => json(res, 429, refusal('slow down', 'rate_limit_exceeded'), { 'retry-after': '30' }),
  'rate-long': (req, res) => json(res, 429, refusal('slow down'), { 'retry-after': '999999' }),
  'evil-headers': (req, res) => json(res, 200, completion(), {
    'set-cookie': 'a=b', location: 'http://x/', 'x-sendfile': '/etc/passwd', 'x-accel-redirect': '/x', status: '302', 'x-provider': 'y'
  }),
  'bad-usage': (req, res) => json(res, 200, completion({ usage: { prompt_tokens: -5, completion_tokens: 10, total_tokens: 5 } })),
  'no-usage': (req, res, body) => {
    if (!body.stream) { json(res, 200, completion({ usage: undefined })); return }
    sse(res)
    res.end(textStream(['Hello', ' there', '!'], false).join(''))
  },

  drip: async (req, res) => {
    res.writeHead(200, { 'content-type': 'application/json' })
    for (let i = 0; i < 100 && !res.destroyed; i++) { res.write(' '); await sleep(100) }
    res.end(JSON.stringify(completion()))
  },
  'first-key-bad': (req, res, body) => {
    if (/k1$/.test(req.headers.authorization)) { json(res, 401, refusal('bad key', 'invalid_api_key')); return }
    if (!body.stream) { json(res, 200, completion()); return }
    sse(res)
    res.end(textStream().join(''))
  },

  // streams
  'cut-first': (req, res) => { sse(res); res.write(': hello\n\n', () => setTimeout(() => res.destroy(), 30)) },
  cut: (req, res) => {
    sse(res)
    res.write(textStream().slice(0, 3).join(''), () => setTimeout(() => res.destroy(), 50))
  },
  'no-finish': (req, res) => { sse(res); res.end(textStream().slice(0, 3).join('')) },
  'error-first': (req, res) => { sse(res); res.end(data({ error: { message: 'overloaded', type: 'server_error' } })) },
  'error-mid': (req, res) => { sse(res); res.end([...textStream().slice(0, 3), data({ error: { message: 'overloaded', type: 'server_error' } })].join('')) },
  'no-done': (req, res) => { sse(res); res.end(textStream().slice(0, -1).join('')) },
  // As fast as the gateway takes it; notes how long that was.
  flood: async (req, res) => {
    const t = textStream()
    sse(res)
    res.write(t[0])
    const began = Date.now()
    for (let i = 0; i < floodPieces && !res.destroyed; i++) {
      res.write(data(chunk({ content: floodPiece })))
      while (res.writableNeedDrain && !res.destroyed) await sleep(2)
    }
    floodTook = Date.now() - began
    res.end(t.slice(-3).join(''))
  },
  'not-json': (req, res) => { const t = textStream(); sse(res); res.end([...t.slice(0, 2), 'data: {broken\n\n', ...t.slice(2)].join('')) },
  stall: (req, res) => { sse(res); res.write(textStream().slice(0, 3).join('')) },
  crlf: (req, res) => { sse(res); res.end('\ufeff: c\r\n\r\n' + textStream().map(e => e.replace('data: ', 'data:').replaceAll('\n', '\r\n')).join('') + 'after the end') },
  pieces: (req, res) => { sse(res); return sendPieces(res, Buffer.from(textStream(['Grüße', ' 😀', ' x']).join('')), 1) },
  slow: async (req, res) => {
    await sleep(700)
    if (res.destroyed) return
    sse(res)
    for (const e of textStream()) { res.write(e); await sleep(150) }
    res.end()
  },
  'slow-mid': async (req, res) => {
    const t = textStream()
    sse(res)
    res.write(t[0] + t[1])
    await sleep(700)
    res.end(t.slice(2).join(''))
  },
  endless: async (req, res) => {
    sse(res)
    res.write(data(chunk({ role: 'assistant', content: '' })))
    for (let i = 0; i < 600 && !res.destroyed; i++) { res.write(data(chunk({ content: `w${i} ` }))); await sleep(50) }
    res.end()
  },
  tools: (req, res, body) => {
    const call = (index, more, args) => ({ tool_calls: [{ index, ...more, function: { ...more?.function, arguments: args } }] })
    const one = { id: 'call_1', type: 'function', function: { name: 'get_weather' } }
    const two = { id: 'call_2', type: 'function', function: { name: 'get_time' } }
    if (!body.stream) {
      const c = completion()
      c.choices[0].message = {
        role: 'assistant', content: null,
        tool_calls: [{ ...one, function: { name: 'get_weather', arguments: '{"city":"Paris"}' } }, { ...two, function: { name: 'get_time', arguments: '' } }]
      }
      c.choices[0].finish_reason = 'tool_calls'
      json(res, 200, c)
      return
    }
    sse(res)
    const deltas = [{ role: 'assistant', content: null }, call(0, one, ''), call(0, {}, '{"ci'), call(0, {}, 'ty":"Paris"}'), call(1, two, ''), call(1, {}, '{}')]
    res.end([...deltas.map(d => data(chunk(d))), data(chunk({}, 'tool_calls')), data({ ...chunk({}), choices: [], usage }), data('[DONE]')].join(''))
  }
}

const statuses = [400, 401, 402, 403, 404, 405, 408, 409, 413, 422, 425, 429, 498, 500, 502, 503, 504, 520, 529]
for (const s of statuses) behaviours[`status-${s}`] = (req, res) => json(res, s, refusal(`upstream says ${s}`))

// A refused key is barred for its provider: those behaviours have one each.
const apart = { 'status-401': 'cerebras', 'status-402': 'moonshot', 'status-403': 'deepinfra' }
export const providerOf = name => apart[name] ?? 'openai'
export const modelOf = name => `${providerOf(name)}/${name}`

// Embeddings: floats, or base64 if the model's name says so, whatever was asked.
export const vector = [0.5, -0.25, 1]
const packed = Buffer.from(new Float32Array(vector).buffer).toString('base64')
function embeddings(res, body) {
  const embedding = body.model === 'packed-embed' ? packed : vector
  const input = Array.isArray(body.input) ? body.input : [body.input]
  json(res, 200, { object: 'list', model: body.model, data: input.map((_, index) => ({ object: 'embedding', index, embedding })),
    usage: { prompt_tokens: 7, total_tokens: 7 }, extra: [1.50] })
}

function answer(req, res, body) {
  if (req.url.endsWith('/embeddings')) { embeddings(res, body); return }
  if (req.url === '/elsewhere') { redirected++; json(res, 200, completion()); return }
  const run = behaviours[body?.model]
  if (run) return run(req, res, body)
  if (!body?.stream) { json(res, 200, completion()); return }
  sse(res)
  res.end(textStream(['Hello', ' there', '!'], body.stream_options?.include_usage === true).join(''))
}

export let upstream

const capabilities = 'tools, parallel, images, audio, files, json, schema, stream, plain, chat'
const limits = `context = 100000\nmax_output = 10000\ncapabilities = ${capabilities}\n`

function modelSections() {
  // 3 and 15 USD per million, cached 0.3: what the cost tests reckon with.
  const priced = 'input_price = 3\noutput_price = 15\ncached_input_price = 0.3\n'
  const names = ['plain-model', 'other-model', ...Object.keys(behaviours)]
  return names.map(n => `[model ${n}]\nprovider = ${providerOf(n)}/${n}\n${limits}${priced}`).join('\n') +
    `\n[model stream-only]\nprovider = openai/no-done\ncontext = 100000\nmax_output = 10000\ncapabilities = json, stream, chat\n${priced}` +
    ['openai/fixed-embed', 'cerebras/float-embed', 'openai/packed-embed'].map(n =>
      `\n[model ${n.split('/')[1]}]\nprovider = ${n}\ncontext = 100\ncapabilities = plain, embed\ninput_price = 2\n`).join('') +
    `\n[model dead-model]\nprovider = xai/dead-model\n${limits}${priced}`
}

// more: text with further sections; called once there is a provider.
export async function start(conf = {}, { more = () => '', ...options } = {}) {
  upstream ??= await Upstream.start(answer)
  const env = {}
  for (const p of ['OPENAI', 'CEREBRAS', 'MOONSHOT', 'DEEPINFRA', 'X_AI']) {
    env[`LLM_${p}_API_KEY`] = secretKey
    env[`LLM_${p}_BASE_URL`] = upstream.url
  }
  env.LLM_X_AI_BASE_URL = 'http://127.0.0.1:9' // nobody listens there
  return Gateway.start({
    conf: { max_body_bytes: maxBody, timeout_connect: '1s', timeout_first_byte: '2s', timeout_idle: '2s', ...conf },
    sections: modelSections() + '\n' + more(), env, ...options
  })
}

export const hello = (more = {}) => ({ model: 'plain-model', messages: [{ role: 'user', content: 'Hello' }], ...more })
