// Images: generations and edits, through a fake provider that speaks as OpenAI,
// Google, xAI, Together, Z.ai and a chat model that draws; what they cost; how
// they fail; and how much memory large ones take.

import fs from 'node:fs'
import http from 'node:http'
import { crc32, inflateSync } from 'node:zlib'
import { Gateway, healAll, inForce, serverName, sleep, until } from '../lib/gateway.mjs'
import { assert, flat, runAll, table, test } from '../lib/suite.mjs'
import { Upstream, data, event } from '../lib/upstream.mjs'

const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=='
const png = Buffer.from(dot, 'base64')
const jpeg = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(40)])
const webp = Buffer.concat([Buffer.from('RIFF____WEBPVP8 '), Buffer.alloc(40)])
const gif = Buffer.concat([Buffer.from('GIF89a'), Buffer.alloc(40)])
const dataUrl = `data:image/png;base64,${dot}`
const usage = { input_tokens: 50, output_tokens: 400, total_tokens: 450, input_tokens_details: { text_tokens: 10, image_tokens: 40 } }
const made = (n = 1, more = {}) => ({
  created: 1795300000, background: 'opaque', output_format: 'png', quality: 'low', size: '1024x1024',
  data: Array.from({ length: n }, (_, i) => ({ b64_json: dot, ...(i ? {} : { revised_prompt: 'A cat' }), x_seen: [1.50] })), usage, ...more
})
const spent = { promptTokenCount: 20, candidatesTokenCount: 1290, totalTokenCount: 1310, candidatesTokensDetails: [{ modality: 'IMAGE', tokenCount: 1290 }] }
const gemini = (parts, more = {}) => ({ candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP', ...more }], usageMetadata: spent, responseId: 'r' })
const inline = { inlineData: { mimeType: 'image/png', data: dot } }
const dashscope = url => ({
  output: { choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: [{ image: url }] } }] }, usage: { height: 928, image_count: 1, width: 1664 }, request_id: 'r'
})
const chat = (images, more = {}) => ({
  id: 'c', object: 'chat.completion', created: 1, model: 'm', usage: { prompt_tokens: 30, completion_tokens: 1290, total_tokens: 1320, completion_tokens_details: { image_tokens: 1290 } },
  choices: [{ index: 0, message: { role: 'assistant', content: '', images: images.map(url => ({ type: 'image_url', image_url: { url } })) }, finish_reason: 'stop', ...more }]
})

// --- the provider -------------------------------------------------------------

let calls = 0
const json = (res, status, body, headers = {}) => {
  res.writeHead(status, { 'content-type': 'application/json', ...headers })
  res.end(typeof body === 'string' ? body : JSON.stringify(body))
}
const refusal = (message, code) => ({ error: { message, type: 'invalid_request_error', param: null, code } })
// base64 of this many bytes, made once.
const big = new Map()
const bigText = n => {
  if (!big.has(n)) big.set(n, 'A'.repeat(n))
  return big.get(n)
}
const drafts = (kind, n) => Array.from({ length: n }, (_, i) =>
  event({ type: `${kind}.partial_image`, b64_json: dot, partial_image_index: i, size: '1024x1024' })).join('')

const behaviours = {
  hang: () => {},
  reset: (req, res) => res.socket.resetAndDestroy(),
  none: (req, res) => json(res, 200, made(0)),
  hollow: (req, res) => json(res, 200, {}),
  garbage: (req, res) => json(res, 200, '{"data":[{"b64_json":"AAAA'),
  'error-in-200': (req, res) => json(res, 200, { error: { message: 'boom', code: null } }),
  'status-500': (req, res) => json(res, 500, refusal('boom')),
  'status-429': (req, res) => json(res, 429, refusal('slow down', 'rate_limit_exceeded'), { 'retry-after': '7' }),
  'status-401': (req, res) => json(res, 401, refusal('bad key', 'invalid_api_key')),
  moderated: (req, res) => json(res, 400, refusal('Your request was rejected by the safety system', 'content_policy_violation')),
  'bad-size': (req, res) => json(res, 400, refusal('Invalid size', 'invalid_value')),
  'no-usage': (req, res) => json(res, 200, made(1, { usage: undefined })),
  links: (req, res) => json(res, 200, { created: 5, data: [{ url: 'https://img.example/1.png' }] }),
  big: (req, res) => json(res, 200, `{"created":1,"data":[{"b64_json":"${bigText(20e6)}"}],"usage":${JSON.stringify(usage)}}`),
  huge: (req, res) => json(res, 200, `{"created":1,"data":[{"b64_json":"${bigText(34e6)}"}]}`),
  'gemini-safety': (req, res) => json(res, 200, { ...gemini([], { finishReason: 'IMAGE_SAFETY' }), usageMetadata: { promptTokenCount: 20, totalTokenCount: 20 } }),
  'gemini-blocked': (req, res) => json(res, 200, { promptFeedback: { blockReason: 'PROHIBITED_CONTENT' }, usageMetadata: { promptTokenCount: 20 } }),
  'gemini-text': (req, res) => json(res, 200, gemini([{ text: 'I cannot draw.' }])),
  'gemini-draft': (req, res) => json(res, 200, gemini([{ thought: true, inlineData: { mimeType: 'image/png', data: 'ZHJhZnQ=' } }, { text: 'Here' }, inline])),
  'gemini-third': (req, res) => ++calls % 3 === 0 ? json(res, 500, { error: { code: 500, message: 'x', status: 'INTERNAL' } }) : json(res, 200, gemini([inline])),
  'gemini-big': (req, res) => json(res, 200, JSON.stringify(gemini([inline])).replace(dot, bigText(20e6))),
  'stream-cut': (req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.write(drafts('image_generation', 1), () => setTimeout(() => res.destroy(), 50))
  },
  'stream-error': (req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.end(drafts('image_generation', 1) + event({ type: 'error', error: { message: 'boom', code: 'server_error' } }))
  },
  'stream-slow': async (req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    for (let i = 0; i < 400 && !res.destroyed; i++) { res.write(drafts('image_generation', 1)); await sleep(50) }
    res.end()
  },
  'stream-plain': (req, res) => json(res, 200, made(1))
}

// A form as the provider got it.
function parts(seen) {
  const boundary = /boundary=(\S+)/.exec(seen.headers['content-type'])[1]
  const text = seen.raw.toString('latin1')
  assert.ok(text.startsWith(`--${boundary}\r\n`) && text.endsWith(`\r\n--${boundary}--\r\n`), 'the form is whole')
  assert.equal(Number(seen.headers['content-length']), seen.raw.length)
  return text.slice(0, -boundary.length - 6).split(`--${boundary}\r\n`).slice(1).map(p => {
    const at = p.indexOf('\r\n\r\n')
    const head = p.slice(0, at)
    return {
      name: /name="([^"]*)"/.exec(head)[1], filename: /filename="([^"]*)"/.exec(head)?.[1], type: /Content-Type: (\S+)/i.exec(head)?.[1],
      data: Buffer.from(p.slice(at + 4, -2), 'latin1')
    }
  })
}
const field = (list, name) => list.find(p => p.name === name)?.data.toString('utf8')

function serve(req, res, body, seen) {
  if (upstream.dieOnce) {
    upstream.dieOnce = false
    return req.socket.destroy()
  }
  const form = /^multipart/.test(seen.headers['content-type'] ?? '')
  const model = form ? (seen.raw.length < 1e6 ? field(parts(seen), 'model') : 'up') : body.model ?? /models\/([^:]+):/.exec(req.url)?.[1]
  seen.model = model
  if (behaviours[model]) return behaviours[model](req, res, body)
  if (/:generateContent/.test(req.url)) return json(res, 200, gemini([inline]))
  if (req.url.startsWith('/v1/image/')) return json(res, 200, { image: dot, version: 'reve@1', content_violation: false, credits_used: 18 })
  if (/multimodal-generation/.test(req.url)) return json(res, 200, dashscope('https://img.example/q.png'))
  if (/chat\/completions/.test(req.url)) return json(res, 200, chat([dataUrl]))
  const kind = /edits/.test(req.url) ? 'image_edit' : 'image_generation'
  if (form ? field(parts(seen), 'stream') === 'true' : body.stream) {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.end(drafts(kind, 2) + event({ type: `${kind}.completed`, b64_json: dot, size: '1024x1024', quality: 'low', usage, x_seen: 1 }))
    return
  }
  if (body.response_format === 'url') return json(res, 200, { created: 5, data: [{ url: 'https://img.example/1.png' }] })
  json(res, 200, made(Number(body.n ?? 1)))
}

const upstream = await Upstream.start(serve)
const offer = (name, provider, more = 'plain, draw, images, stream', prices = 'input_price = 5\noutput_price = 20\nimage_output_price = 40\n') =>
  `[model ${name}]\nprovider = ${provider}\ncapabilities = ${more}\n${prices}\n`
const google = name => offer(name, `google-ai-studio/${name}`, 'plain, stream, draw, images, chat', 'context = 65536\nmax_output = 32768\ninput_price = 0.3\noutput_price = 2.5\nimage_output_price = 30\n')
const g = await Gateway.start({
  conf: { insecure_hosts: '127.0.0.1', auto_image_model: 'up', timeout_first_byte: '20s' },
  env: {
    LLM_OPENAI_API_KEY: 'sk-openai-secret', LLM_OPENAI_BASE_URL: upstream.url, LLM_GOOGLE_AI_STUDIO_API_KEY: 'goog', LLM_GOOGLE_AI_STUDIO_BASE_URL: upstream.url,
    LLM_X_AI_API_KEY: 'xai', LLM_X_AI_BASE_URL: upstream.url, LLM_TOGETHER_AI_API_KEY: 'tog', LLM_TOGETHER_AI_BASE_URL: upstream.url,
    LLM_Z_AI_API_KEY: 'zai', LLM_Z_AI_BASE_URL: upstream.url, LLM_OPENROUTER_API_KEY: 'or', LLM_OPENROUTER_BASE_URL: upstream.url,
    LLM_ALIBABA_API_KEY: 'ali', LLM_ALIBABA_BASE_URL: `${upstream.url}/compatible-mode`, LLM_REVE_API_KEY: 'reve', LLM_REVE_BASE_URL: upstream.url,
    LLM_AZURE_API_KEY: 'az', LLM_AZURE_BASE_URL: upstream.url
  },
  sections: [
    `[provider mine]\nbase_url = ${upstream.url}/v1\nkey = mine\n`,
    offer('up', 'openai/up'), offer('az', 'azure/az'), offer('own', 'mine/own'),
    google('flash-image'), ...Object.keys(behaviours).filter(b => b.startsWith('gemini')).map(google),
    ...Object.keys(behaviours).filter(b => !b.startsWith('gemini')).map(b => offer(b, `openai/${b}`)),
    offer('grok-image', 'xai/grok-image', 'plain, draw', 'image_price = 0.07\n'), offer('flux', 'together-ai/flux', 'plain, draw', 'image_price = 0.01\n'),
    offer('qwen', 'alibaba/qwen', 'plain, draw, images', 'image_price = 0.03\n'), offer('reve', 'reve/latest', 'plain, draw, images', 'image_price = 0.02\n'),
    offer('cog', 'zai/cog', 'plain, draw', 'image_price = 0.01\n'), offer('router', 'openrouter/router', 'plain, stream, draw, images, chat'),
    offer('words', 'openai/words', 'plain, stream, chat'), offer('pair', 'openai/none, mine/own')
  ].join('\n')
})

const draw = (body, more) => g.post('/v1/images/generations', { model: 'up', prompt: 'A cat', ...body }, more)
const edit = (body, more) => g.post('/v1/images/edits', { model: 'up', prompt: 'A cat', images: [{ image_url: dataUrl }], ...body }, more)
function form(list, boundary = 'xyz') {
  const pieces = list.flatMap(([name, value, filename, type]) => [
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n`,
    type ? `Content-Type: ${type}\r\n` : '', '\r\n', value, '\r\n'])
  return Buffer.concat([...pieces, `--${boundary}--\r\n`].map(p => Buffer.isBuffer(p) ? p : Buffer.from(p)))
}
const sendForm = (list, { headers = {}, ...more } = {}) => g.post('/v1/images/edits', Buffer.isBuffer(list) ? list : form(list),
  { headers: { 'content-type': 'multipart/form-data; boundary=xyz', ...headers }, ...more })
const sentBody = () => upstream.last.body
const record = async a => {
  let r
  assert.ok(await until(async () => (r = (await g.get('/v1/usage/' + a.headers['x-request-id'])).json).usage !== undefined), 'a record')
  return { ...r, cost: r.usage.cost }
}
const near = (x, y) => assert.ok(Math.abs(x - y) < 1e-9, `${x} is not ${y}`)

// --- the simulated provider -----------------------------------------------------

function readPng(bytes) {
  assert.equal(bytes.subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n')
  const out = { idat: [] }
  for (let at = 8; at < bytes.length;) {
    const n = bytes.readUInt32BE(at)
    const type = bytes.toString('latin1', at + 4, at + 8)
    assert.equal(bytes.readUInt32BE(at + 8 + n), crc32(bytes.subarray(at + 4, at + 8 + n)), type)
    if (type === 'IHDR') { out.w = bytes.readUInt32BE(at + 8); out.h = bytes.readUInt32BE(at + 12) }
    if (type === 'IDAT') out.idat.push(bytes.subarray(at + 8, at + 8 + n))
    at += 12 + n
  }
  assert.equal(inflateSync(Buffer.concat(out.idat)).length, (out.w * 3 + 1) * out.h)
  return out
}

table('sim draws', [['1024x1024', {}, 256, 256], ['1536x1024', { size: '1536x1024' }, 256, 170], ['a ratio', { aspect_ratio: '9:16' }, 144, 256]],
  async (_, body, w, h) => {
    const a = await draw({ model: 'sim-image', ...body })
    assert.equal(a.status, 200, a.text)
    const p = readPng(Buffer.from(a.json.data[0].b64_json, 'base64'))
    assert.deepEqual([p.w, p.h], [w, h])
    assert.equal((await draw({ model: 'sim-image', ...body })).json.data[0].b64_json, a.json.data[0].b64_json, 'the same again')
  })
test('sim: what an answer has', async () => {
  const a = await draw({ model: 'sim-image', n: 2 })
  const b = a.json
  assert.equal(b.data.length, 2)
  assert.notEqual(b.data[0].b64_json, b.data[1].b64_json)
  assert.deepEqual(Object.keys(b.usage), ['input_tokens', 'output_tokens', 'total_tokens', 'input_tokens_details', 'output_tokens_details', 'cost', 'cost_details'])
  assert.deepEqual(b.usage.output_tokens_details, { image_tokens: 200, text_tokens: 0 })
  near(b.usage.cost_details.image_output_cost, 200 * 10e-6)
  assert.equal(b.metadata.used_provider, 'sim')
  assert.equal(a.headers['x-llmgw-provider'], 'sim')
  const r = await record(a)
  assert.equal(r.cost, b.usage.cost)
  assert.equal(r.status, 200)
})
test('sim: an edit, a URL that leads to the picture, a stream', async () => {
  const a = await sendForm([['model', 'sim-image'], ['prompt', 'Füge Schnee hinzu'], ['image', png, 'a.png', 'image/png'], ['response_format', 'url']])
  assert.equal(a.status, 200, a.text)
  assert.equal(a.json.usage.input_tokens_details.image_tokens, 100)
  const file = await g.get(new URL(a.json.data[0].url).pathname)
  assert.equal(file.headers['content-type'], 'image/png')
  readPng(file.body)
  const s = await draw({ model: 'sim-image', stream: true, partial_images: 2 })
  assert.deepEqual([...s.text.matchAll(/^event: (.*)$/gm)].map(m => m[1]), ['image_generation.partial_image', 'image_generation.partial_image', 'image_generation.completed'])
})

// --- requests -------------------------------------------------------------------

table('refused', [
  ['no prompt', { prompt: undefined }, 'invalid_parameters', /prompt: is required/],
  ['an empty prompt', { prompt: '' }, 'invalid_parameters', /prompt/],
  ['n 0', { n: 0 }, 'invalid_parameters', /n: /], ['n 11', { n: 11 }, 'invalid_parameters', /n: /], ['n as text', { n: '2' }, 'invalid_parameters', /n: /],
  ['a size without x', { size: '1024' }, 'invalid_parameters', /size: must be auto or/], ['a size with blanks', { size: '1 x 1' }, 'invalid_parameters', /size/],
  ['a ratio without colon', { aspect_ratio: '1' }, 'invalid_parameters', /aspect_ratio/], ['a quality', { quality: 'best' }, 'invalid_parameters', /quality/],
  ['a style', { style: 'odd' }, 'invalid_parameters', /style/], ['a format', { response_format: 'png' }, 'invalid_parameters', /response_format/],
  ['four drafts', { stream: true, partial_images: 4 }, 'invalid_parameters', /partial_images/],
  ['an unknown model', { model: 'nobody' }, 'model_not_found', /nobody/],
  ['a chat model', { model: 'words' }, 'unsupported_capability', 'Model words does not support image output'],
  ['URLs of who has none', { response_format: 'url' }, 'unsupported_parameter', 'response_format is not supported by any available provider for model up'],
  ['a stream of who has none', { model: 'flash-image', stream: true }, 'unsupported_parameter', 'stream is not supported by any available provider for model flash-image'],
  ['a stream of a model without', { model: 'grok-image', stream: true }, 'unsupported_parameter', /^stream is not/]
], async (_, body, code, message) => flat(await draw(body), 400, code, message))

test('an image model cannot chat', async () => {
  flat(await g.chat({ model: 'up', messages: [{ role: 'user', content: 'x' }] }), 400, 'unsupported_capability', 'Model up does not support text output')
})
table('content types', [['text/plain', '/v1/images/edits', /multipart\/form-data or application\/json$/], ['multipart/form-data; boundary=x', '/v1/images/generations', /must be application\/json$/]],
  async (type, path, message) => flat(await g.post(path, 'x', { headers: { 'content-type': type } }), 415, 'unsupported_media_type', message))

test('auto is the model of the setting', async () => {
  for (const model of [undefined, 'auto']) {
    const a = await draw({ model })
    assert.equal(a.status, 200, a.text)
    assert.equal(a.json.metadata.used_model, 'up')
    assert.equal(a.json.metadata.requested_model, 'auto')
  }
})

test('OpenAI: what is sent, and what comes back', async () => {
  const a = await draw({ n: 2, size: '1536x1024', quality: 'hd', style: 'vivid', response_format: 'b64_json', seed: 5, routing: 'price', user: 'u', x: [1.5] })
  assert.equal(upstream.last.url, '/v1/images/generations')
  assert.deepEqual(sentBody(), { model: 'up', prompt: 'A cat', n: 2, size: '1536x1024', quality: 'high', user: 'u', x: [1.5] })
  assert.deepEqual(a.headers['x-llmgw-dropped'].split(',').sort(), ['seed', 'style'])
  const { usage: u, metadata, ...rest } = a.json
  assert.deepEqual(rest, { created: 1795300000, background: 'opaque', output_format: 'png', quality: 'low', size: '1024x1024', data: made(2).data })
  assert.match(a.text, /"x_seen":\[1\.50?\]/)
  assert.deepEqual([u.input_tokens, u.output_tokens, u.input_tokens_details.image_tokens], [50, 400, 40])
  near(u.cost, 50 * 5e-6 + 400 * 40e-6)
  near(u.cost_details.image_output_cost, 400 * 40e-6)
  assert.equal(metadata.used_provider, 'openai')
})
test('OpenAI: a ratio becomes the nearest size', async () => {
  for (const [ratio, size] of [['16:9', '1536x1024'], ['1:1', '1024x1024'], ['9:16', '1024x1536']]) {
    await draw({ aspect_ratio: ratio })
    assert.deepEqual(sentBody(), { model: 'up', prompt: 'A cat', size })
  }
})
test('Azure has its own paths', async () => {
  assert.equal((await draw({ model: 'az' })).status, 200)
  assert.equal(upstream.last.url, '/openai/v1/images/generations?api-version=preview')
  assert.equal((await edit({ model: 'az' })).status, 200)
  assert.equal(upstream.last.url, '/openai/v1/images/edits?api-version=preview')
  assert.equal(upstream.last.headers['api-key'], 'az')
})
test('Google: a ratio, one image a call, and their sum', async () => {
  const before = upstream.requests.length
  const a = await draw({ model: 'flash-image', n: 3, size: '1792x1024', quality: 'high' })
  assert.equal(a.status, 200, a.text)
  assert.equal(upstream.requests.length - before, 3)
  assert.equal(upstream.last.url, '/v1beta/models/flash-image:generateContent')
  assert.deepEqual(sentBody(), { contents: [{ role: 'user', parts: [{ text: 'A cat' }] }], generationConfig: { responseModalities: ['IMAGE'], imageConfig: { aspectRatio: '16:9' } } })
  assert.deepEqual(a.json.data, [1, 2, 3].map(() => ({ b64_json: dot })))
  assert.equal(a.json.output_format, 'png')
  assert.deepEqual([a.json.usage.input_tokens, a.json.usage.output_tokens, a.json.usage.output_tokens_details.image_tokens], [60, 3870, 3870])
  near(a.json.usage.cost, 60 * 0.3e-6 + 3870 * 30e-6)
  assert.equal(a.headers['x-llmgw-dropped'], 'quality')
  near((await record(a)).cost, a.json.usage.cost)
})
table('Google: ratios', [['1024x1024', '1:1'], ['1536x1024', '3:2'], ['1024x1536', '2:3'], ['1024x1792', '9:16'], ['1600x1200', '4:3']], async (size, ratio) => {
  await draw({ model: 'flash-image', size })
  assert.equal(sentBody().generationConfig.imageConfig.aspectRatio, ratio)
})
test('Google: drafts of a thought are no images', async () => {
  assert.deepEqual((await draw({ model: 'gemini-draft' })).json.data, [{ b64_json: dot }])
})
test('Google: an edit has its images', async () => {
  const a = await sendForm([['model', 'flash-image'], ['prompt', 'Snow'], ['image[]', png, 'a.png', 'text/plain'], ['image[]', webp, 'b']])
  assert.equal(a.status, 200, a.text)
  assert.deepEqual(sentBody().contents[0].parts, [{ text: 'Snow' }, { inlineData: { mimeType: 'image/png', data: dot } }, { inlineData: { mimeType: 'image/webp', data: webp.toString('base64') } }])
})
test('a mask goes only to who has masks', async () => {
  flat(await edit({ model: 'flash-image', mask: { image_url: dataUrl } }), 400, 'unsupported_parameter', 'mask is not supported by any available provider for model flash-image')
  assert.equal((await edit({ mask: { image_url: dataUrl } })).status, 200)
  assert.deepEqual(parts(upstream.last).map(p => p.name), ['model', 'prompt', 'image', 'mask'])
})
test('an edit goes only to who has edits', async () => {
  flat(await edit({ model: 'grok-image' }), 400, 'unsupported_capability', 'Model grok-image does not support image input')
})
test('xAI, Together and Z.ai are told in their words', async () => {
  await draw({ model: 'grok-image', size: '1024x1792', quality: 'hd', n: 2 })
  assert.deepEqual(sentBody(), { model: 'grok-image', prompt: 'A cat', n: 2, aspect_ratio: '9:16', response_format: 'b64_json' })
  await draw({ model: 'flux', size: '1024x768', seed: 1, background: 'opaque' })
  assert.deepEqual(sentBody(), { model: 'flux', prompt: 'A cat', seed: 1, width: 1024, height: 768, response_format: 'base64' })
  const before = upstream.requests.length
  const a = await draw({ model: 'cog', aspect_ratio: '1:1', n: 2 })
  assert.deepEqual(sentBody(), { model: 'cog', prompt: 'A cat', size: '1024x1024' })
  assert.equal(upstream.last.url, '/api/paas/v4/images/generations')
  assert.equal(upstream.requests.length - before, 2)
  near(a.json.usage.cost_details.image_output_cost, 0.02)
})
test('Alibaba: a chat beside the compatible part of the host, links to images', async () => {
  const before = upstream.requests.length
  const a = await draw({ model: 'qwen', size: '1792x1024', negative_prompt: 'dogs', seed: 7, quality: 'hd', n: 2 })
  assert.equal(a.status, 200, a.text)
  assert.equal(upstream.last.url, '/api/v1/services/aigc/multimodal-generation/generation')
  assert.equal(upstream.last.headers.authorization, 'Bearer ali')
  assert.deepEqual(sentBody(), {
    model: 'qwen', input: { messages: [{ role: 'user', content: [{ text: 'A cat' }] }] },
    parameters: { size: '1664*928', negative_prompt: 'dogs', seed: 7, watermark: false }
  })
  assert.equal(upstream.requests.length - before, 2)
  assert.deepEqual(a.json.data, [{ url: 'https://img.example/q.png' }, { url: 'https://img.example/q.png' }])
  near(a.json.usage.cost_details.image_output_cost, 0.06)
  assert.match(a.headers['x-llmgw-dropped'] ?? '', /quality/)
  const e = await edit({ model: 'qwen', images: [{ image_url: dataUrl }, { image_url: 'https://img.example/in.png' }] })
  assert.equal(e.status, 200, e.text)
  assert.deepEqual(sentBody().input.messages[0].content, [{ image: dataUrl }, { image: 'https://img.example/in.png' }, { text: 'A cat' }])
  flat(await edit({ model: 'qwen', images: Array(4).fill({ image_url: dataUrl }) }), 400, 'invalid_parameters', 'images: the provider of this model takes at most 3')
})
test('Reve: created, edited, mixed', async () => {
  const a = await draw({ model: 'reve', size: '1024x1536', user: 'u' })
  assert.equal(a.status, 200, a.text)
  assert.equal(upstream.last.url, '/v1/image/create')
  assert.deepEqual(sentBody(), { prompt: 'A cat', aspect_ratio: '2:3', version: 'latest' })
  assert.deepEqual(a.json.data, [{ b64_json: dot }])
  near(a.json.usage.cost, 0.02)
  await edit({ model: 'reve' })
  assert.equal(upstream.last.url, '/v1/image/edit')
  assert.deepEqual(sentBody(), { edit_instruction: 'A cat', reference_image: dot, version: 'latest' })
  await sendForm([['model', 'reve'], ['prompt', 'Both'], ['image[]', png, 'a.png'], ['image[]', png, 'b.png']])
  assert.equal(upstream.last.url, '/v1/image/remix')
  assert.deepEqual(sentBody(), { prompt: 'Both', reference_images: [dot, dot], version: 'latest' })
  flat(await edit({ model: 'reve', mask: { image_url: dataUrl } }), 400, 'unsupported_parameter')
  flat(await draw({ model: 'reve', response_format: 'url' }), 400, 'unsupported_parameter')
})
test('URLs where there are some', async () => {
  const a = await draw({ model: 'grok-image', response_format: 'url' })
  assert.deepEqual(a.json.data, [{ url: 'https://img.example/1.png' }])
  assert.equal(sentBody().response_format, 'url')
  near(a.json.usage.cost, 0.07)
})
test('a model that draws in chats draws here', async () => {
  const a = await edit({ model: 'router', size: '1024x1024' })
  assert.equal(upstream.last.url, '/v1/chat/completions')
  assert.deepEqual(sentBody().modalities, ['image', 'text'])
  assert.deepEqual(sentBody().image_config, { aspect_ratio: '1:1' })
  assert.deepEqual(sentBody().messages, [{ role: 'user', content: [{ type: 'text', text: 'A cat' }, { type: 'image_url', image_url: { url: dataUrl } }] }])
  assert.deepEqual(a.json.data, [{ b64_json: dot }])
  assert.equal(a.json.usage.output_tokens_details.image_tokens, 1290)
})
test('the same model in a chat has images', async () => {
  const a = await g.chat({ model: 'router', messages: [{ role: 'user', content: 'A cat' }], image_config: { aspect_ratio: '1:1' } })
  assert.equal(a.json.choices[0].message.images[0].image_url.url, dataUrl)
  const b = await g.chat({ model: 'flash-image', modalities: ['image', 'text'], messages: [{ role: 'user', content: 'A cat' }], image_config: { aspect_ratio: '3:2' } })
  assert.equal(b.json.choices[0].message.images[0].image_url.url, dataUrl)
  assert.deepEqual(sentBody().generationConfig.imageConfig, { aspectRatio: '3:2' })
})
test('tokens that nobody told are those of the size', async () => {
  const a = await draw({ model: 'no-usage', size: '1024x1024' })
  assert.equal(a.json.usage.estimated, true)
  assert.equal(a.json.usage.output_tokens_details.image_tokens, 1290)
})

// --- forms ----------------------------------------------------------------------

test('a form passes as it is, but for the model and what GPT image refuses', async () => {
  const a = await sendForm([['model', 'openai/up'], ['image[]', png, 'a.png', 'image/png'], ['image[]', jpeg, 'b %22q%22.png', 'image/png'], ['mask', webp, 'm'],
    ['prompt', 'Füge "Schnee" \\ hinzu'], ['response_format', 'b64_json'], ['n', '1'], ['input_fidelity', 'high'], ['x_unknown', '05'], ['user', '']])
  assert.equal(a.status, 200, a.text)
  assert.equal(upstream.last.url, '/v1/images/edits')
  const p = parts(upstream.last)
  assert.deepEqual(p.map(x => [x.name, x.filename, x.type]), [['model', undefined, undefined], ['prompt', undefined, undefined], ['n', undefined, undefined],
    ['input_fidelity', undefined, undefined], ['x_unknown', undefined, undefined], ['image[]', 'a.png', 'image/png'], ['image[]', 'b %22q%22.png', 'image/jpeg'], ['mask', 'm', 'image/webp']])
  assert.deepEqual(p.slice(0, 5).map(x => x.data.toString()), ['up', 'Füge "Schnee" \\ hinzu', '1', 'high', '05'])
  assert.deepEqual(p.slice(5).map(x => x.data), [png, jpeg, webp])
})
test('JSON becomes a form', async () => {
  const a = await edit({ images: [{ image_url: dataUrl }, { image_url: dataUrl }], n: 1, quality: 'low', x: { y: 1 } })
  assert.equal(a.status, 200, a.text)
  assert.deepEqual(parts(upstream.last).map(p => [p.name, p.type]), [['model', undefined], ['prompt', undefined], ['n', undefined], ['quality', undefined], ['x', undefined], ['image[]', 'image/png'], ['image[]', 'image/png']])
  assert.deepEqual(parts(upstream.last).at(-1).data, png)
})
table('bad forms', [
  ['no prompt', [['image', png, 'a']], 'invalid_parameters', 'prompt is required'], ['an empty prompt', [['prompt', ''], ['image', png, 'a']], 'invalid_parameters', 'prompt is required'],
  ['no image', [['prompt', 'x']], 'invalid_parameters', 'image file is required for multipart/form-data requests'],
  ['a mask alone', [['prompt', 'x'], ['mask', png, 'a']], 'invalid_parameters', 'image file is required for multipart/form-data requests'],
  ['17 images', [['prompt', 'x'], ...Array(17).fill(['image[]', png, 'a'])], 'invalid_parameters', /at most 16/], ['65 parts', Array(65).fill(['x', 'y']), 'invalid_parameters', /64 parts/],
  ['a GIF', [['prompt', 'x'], ['image', gif, 'a.png', 'image/png']], 'invalid_image', /neither PNG, JPEG nor WebP/], ['text as image', [['prompt', 'x'], ['image', 'hello', 'a.png', 'image/png']], 'invalid_image', /neither PNG/],
  ['an empty image', [['prompt', 'x'], ['image', '', 'a.png', 'image/png']], 'invalid_image', /neither PNG/],
  ['n as a word', [['prompt', 'x'], ['n', 'two'], ['image', png, 'a']], 'invalid_parameters', /n: /], ['two prompts', [['prompt', 'x'], ['prompt', 'y'], ['image', png, 'a']], 'invalid_parameters', /given twice/],
  ['bytes that are no text', [['prompt', 'x'], ['size', Buffer.from([0xff])], ['image', png, 'a']], 'invalid_parameters', /size/],
  ['no last boundary', form([['prompt', 'x'], ['image', png, 'a']]).subarray(0, -4), 'invalid_parameters', /ends before/], ['no form', Buffer.from('hello'), 'invalid_parameters', /begin with the boundary/]
], async (_, list, code, message) => flat(await sendForm(list), 400, code, message))
test('what stands in a file becomes no field', async () => {
  const evil = Buffer.concat([png, Buffer.from('\r\n--llmgw-form-0-end\r\nContent-Disposition: form-data; name="model"\r\n\r\ndear\r\n--llmgw-form-0-end--\r\n')])
  assert.equal((await sendForm([['model', 'up'], ['prompt', 'llmgw-form-1-end'], ['image', evil, 'a']])).status, 200)
  assert.match(upstream.last.headers['content-type'], /llmgw-form-2-end/)
  assert.deepEqual(parts(upstream.last).map(p => p.name), ['model', 'prompt', 'image'])
})
test('boundaries', async () => {
  for (const type of ['multipart/form-data', 'multipart/form-data; boundary=', `multipart/form-data; boundary=${'x'.repeat(71)}`]) {
    flat(await g.post('/v1/images/edits', form([['prompt', 'x']]), { headers: { 'content-type': type } }), 400, 'invalid_parameters', /boundary/)
  }
  const long = 'y'.repeat(70)
  assert.equal((await g.post('/v1/images/edits', form([['model', 'up'], ['prompt', 'x'], ['image', png, 'a']], long), { headers: { 'content-type': `multipart/form-data; boundary=${long}` } })).status, 200)
})
table('bad JSON edits', [
  ['no prompt', { prompt: undefined }, 'invalid_parameters', 'prompt is required'], ['no images', { images: undefined }, 'invalid_parameters', /images: is required/],
  ['none of them', { images: [] }, 'invalid_parameters', /images: must have 1 to 16/], ['17', { images: Array(17).fill({ image_url: dataUrl }) }, 'invalid_parameters', /1 to 16/],
  ['http', { images: [{ image_url: dataUrl }, { image_url: 'http://x/y.png' }] }, 'invalid_parameters', 'images[1].image_url must be an https URL or a base64 data URL'],
  ['no URL', { images: [{}] }, 'invalid_parameters', 'images[0].image_url must be an https URL or a base64 data URL'],
  ['text', { images: ['x'] }, 'invalid_parameters', 'images[0].image_url must be an https URL or a base64 data URL'],
  ['no base64', { images: [{ image_url: 'data:image/png;base64,iVBORw0K*' }] }, 'invalid_parameters', 'images[0].image_url must be an https URL or a base64 data URL'],
  ['wrong bytes', { images: [{ image_url: `data:image/jpeg;base64,${dot}` }] }, 'invalid_image', /images\[0\]\.image_url/],
  ['a GIF', { images: [{ image_url: `data:image/gif;base64,${gif.toString('base64')}` }] }, 'invalid_image', /images\[0\]/],
  ['a bad mask', { mask: { image_url: 'x' } }, 'invalid_parameters', 'mask.image_url must be an https URL or a base64 data URL'],
  ['a URL that nobody may fetch', { images: [{ image_url: 'https://img.example/a.png' }] }, 'invalid_image', /send the data instead/]
], async (_, body, code, message) => flat(await edit(body), 400, code, message))

// --- streams --------------------------------------------------------------------

const names = a => [...a.text.matchAll(/^event: (.*)$/gm)].map(m => m[1])
const events = a => [...a.text.matchAll(/^data: (.*)$/gm)].map(m => JSON.parse(m[1]))
test('a stream of drafts and the picture', async () => {
  const a = await draw({ stream: true, partial_images: 2 })
  assert.equal(a.headers['content-type'], 'text/event-stream; charset=utf-8')
  assert.deepEqual(sentBody(), { model: 'up', prompt: 'A cat', stream: true, partial_images: 2 })
  assert.deepEqual(names(a), ['image_generation.partial_image', 'image_generation.partial_image', 'image_generation.completed'])
  const last = events(a).at(-1)
  assert.equal(last.b64_json, dot)
  assert.equal(last.x_seen, 1)
  near(last.usage.cost, 50 * 5e-6 + 400 * 40e-6)
  assert.equal(last.metadata.used_provider, 'openai')
  near((await record(a)).cost, last.usage.cost)
})
test('a stream of an edit', async () => {
  const a = await sendForm([['model', 'up'], ['prompt', 'x'], ['image', png, 'a'], ['stream', 'true']])
  assert.deepEqual(names(a), ['image_edit.partial_image', 'image_edit.partial_image', 'image_edit.completed'])
})
test('a provider that was asked to stream and does not', async () => {
  const a = await draw({ model: 'stream-plain', stream: true })
  assert.deepEqual(names(a), ['image_generation.completed'])
  assert.equal(events(a)[0].b64_json, dot)
  assert.ok(events(a)[0].usage.cost > 0)
})
table('a stream that breaks', [['stream-cut'], ['stream-error']], async model => {
  const a = await draw({ model, stream: true })
  assert.equal(names(a)[0], 'image_generation.partial_image')
  assert.equal(events(a).at(-1).error.status, 500)
})

// --- failures -------------------------------------------------------------------

table('failures', [
  ['none', 500, 'upstream_error', 'The model did not generate any images'], ['hollow', 500, 'upstream_error', 'The model did not generate any images'],
  ['gemini-text', 500, 'upstream_error', 'The model did not generate any images'],
  ['gemini-safety', 400, 'content_policy_violation'], ['gemini-blocked', 400, 'content_policy_violation'], ['moderated', 400, 'content_policy_violation'],
  ['garbage', 500, 'upstream_error'], ['error-in-200', 500, 'upstream_error'], ['status-500', 500, 'upstream_error'], ['reset', 502, 'fetch_failed'], ['huge', 500, 'upstream_error'],
  ['status-429', 429, 'upstream_rate_limited'], ['bad-size', 400, 'invalid_value', 'Invalid size'], ['status-401', 500, 'gateway_error']
], async (model, status, code, message) => {
  const a = await draw({ model })
  flat(a, status, code, message)
  // Only what the provider told is charged.
  const r = await record(a)
  assert.equal(r.status, status)
  if (!['none', 'gemini-text', 'gemini-safety', 'gemini-blocked'].includes(model)) assert.equal(r.cost, 0)
})
test('another provider draws when one does not', async () => {
  const a = await draw({ model: 'pair' })
  assert.equal(a.status, 200, a.text)
  assert.equal(a.json.metadata.used_provider, 'mine')
})
test('an upload goes out whole again when its kept connection is dead', async () => {
  const list = [['model', 'up'], ['prompt', 'x'], ['image', Buffer.concat([png, Buffer.alloc(300000, 7)]), 'a.png']]
  assert.equal((await sendForm(list)).status, 200)
  const before = upstream.requests.length
  upstream.dieOnce = true
  const a = await sendForm(list)
  assert.equal(a.status, 200, a.text)
  const seen = upstream.requests.slice(before)
  assert.equal(seen.length, 2)
  assert.deepEqual(a.json.metadata.routing.map(r => r.error_type), ['none'])
  for (const s of seen) assert.ok(parts(s).find(p => p.name === 'image').data.equals(list[2][1]), 'a part of it is lost')
  near((await record(a)).cost, a.json.usage.cost)
})
test('the key of an organisation draws, and its credits are not touched', async () => {
  const ok = async (method, path, body) => {
    const a = await g.admin(method, path, body)
    assert.ok(a.status < 300, `${path}: ${a.text}`)
    return a.json
  }
  const org = await ok('POST', 'organizations', { name: 'painters' })
  const project = await ok('POST', 'projects', { organization_id: org.id, name: 'p', mode: 'api-keys' })
  const { key } = await ok('POST', 'keys', { project_id: project.id, label: 'k' })
  const as = { headers: { authorization: `Bearer ${key}` } }
  flat(await draw({}, as), 400, 'no_provider_key')
  await ok('POST', 'provider-keys', { organization_id: org.id, provider: 'openai', key: 'sk-painter', base_url: `${upstream.url}/v1` })
  await inForce()
  for (const send of [() => draw({}, as), () => edit({}, as), () => sendForm([['model', 'up'], ['prompt', 'x'], ['image', png, 'a']], { headers: as.headers })]) {
    const a = await send()
    assert.equal(a.status, 200, a.text)
    assert.equal(upstream.last.headers.authorization, 'Bearer sk-painter')
    assert.ok(a.json.usage.cost > 0)
  }
  assert.equal((await ok('GET', `organizations/${org.id}`)).credits, 0)
  await ok('PATCH', `projects/${project.id}`, { mode: 'hybrid' })
  await inForce()
  assert.equal((await draw({}, as)).status, 200)
  assert.equal(upstream.last.headers.authorization, 'Bearer sk-painter')
})
test('images that were made before a call failed are the answer', async () => {
  calls = 0
  const a = await draw({ model: 'gemini-third', n: 5 })
  assert.equal(a.status, 200, a.text)
  assert.equal(a.json.data.length, 2)
  assert.equal(a.json.usage.output_tokens, 2580)
})
test('a client that leaves cancels the call', async () => {
  // Apache tells only when it is sent something.
  for (const body of [{ model: 'hang' }, { model: 'stream-slow', stream: true }].slice(serverName === 'apache' ? 1 : 0)) {
    const id = `leave-${body.model}`
    const before = upstream.requests.length
    const text = JSON.stringify({ prompt: 'A cat', ...body })
    const req = http.request(g.url + '/v1/images/generations', { method: 'POST', agent: false,
      headers: { authorization: `Bearer ${g.key}`, 'content-type': 'application/json', 'content-length': text.length, 'x-request-id': id } })
    req.on('error', () => {})
    req.on('response', res => res.resume().on('error', () => {}))
    // lighttpd does not look at a client whose whole request was there at once.
    req.flushHeaders()
    await sleep(100)
    req.end(text)
    assert.ok(await until(() => upstream.requests.length > before))
    await sleep(200)
    req.destroy()
    assert.ok(await until(() => upstream.requests.at(-1).closed, 5000), 'the call is closed')
    let r
    assert.ok(await until(async () => (r = (await g.get(`/v1/usage/${id}`)).json).status === 499, 6000), JSON.stringify(r))
  }
})
test('what all images may cost is held', async () => {
  const k = g.newKey('poor')
  g.ctl('key', 'set', k.id, 'usage_limit=0.3')
  const ask = n => draw({ model: 'grok-image', n }, { headers: { authorization: `Bearer ${k.key}` } })
  const a = await ask(5)
  assert.equal(a.status, 402, a.text)
  assert.equal(a.json.code, 'insufficient_budget')
  assert.equal(a.json.required, 0.35)
  assert.equal((await ask(4)).status, 200)
  assert.equal((await ask(1)).status, 402)
})
test('bodies that are too large', async () => {
  flat(await draw({ prompt: 'x'.repeat(33554432) }), 413, 'request_too_large', 'Request body exceeds 33554432 bytes')
})
test('metrics name the endpoints', async () => {
  const text = (await g.get('/metrics')).text
  assert.match(text, /gateway_requests_total\{[^}]*endpoint="images-generations"[^}]*\} [1-9]/)
  assert.match(text, /gateway_requests_total\{[^}]*endpoint="images-edits"[^}]*\} [1-9]/)
})

// --- memory ---------------------------------------------------------------------

const mb = n => n / 1e6
const rss = () => {
  const pids = g.program('images')
  return pids.map(p => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${p}/status`, 'utf8'))[1]) * 1024).reduce((a, b) => a + b, 0)
}
// The most that the program grew by while `run` ran.
async function growth(run) {
  const idle = rss()
  let most = idle
  let over = false
  const watching = (async () => { while (!over) { most = Math.max(most, rss()); await sleep(2) } })()
  await run()
  over = true
  await watching
  return mb(most - idle)
}
// Sanitizers take memory of their own.
if (!/asan|sanit/.test(process.env.E2E_BUILD ?? '')) {
  const restart = async () => { await g.restart(); await draw(); await edit() }
  table('20 MB', [['big', 45], ['gemini-big', 45]], async (model, limit) => {
    await restart()
    const n = await growth(async () => {
      const a = await draw({ model })
      assert.equal(a.status, 200)
      assert.equal(a.json.data[0].b64_json.length, 20e6)
      assert.ok(a.complete)
    })
    console.log(`     an answer of 20 MB (${model}): ${n.toFixed(1)} MB`)
    assert.ok(n <= limit, `${n} MB`)
  })
  test('ten answers of 20 MB at once', async () => {
    await restart()
    const n = await growth(() => Promise.all(Array.from({ length: 10 }, async () => {
      const a = await draw({ model: 'big' })
      assert.equal(a.status, 200, a.text.slice(0, 300))
      assert.ok(a.body.length > 20e6)
    })))
    console.log(`     ten answers of 20 MB: ${n.toFixed(1)} MB`)
    assert.ok(n < 300, `${n} MB`)
    const after = rss()
    assert.ok(await until(() => mb(rss()) < 60), `${mb(after)} MB stay`)
  })
  test('a slow client of 20 MB takes no more', async () => {
    await restart()
    const n = await growth(() => draw({ model: 'big' }, { onOpen: r => r.on('response', res => { res.pause(); setTimeout(() => res.resume(), 1000) }) }))
    assert.ok(n <= 45, `${n} MB`)
  })
  test('an upload of 32 MB', async () => {
    await restart()
    const file = Buffer.concat([png, Buffer.alloc(32e6, 'x')])
    const n = await growth(async () => {
      const a = await sendForm([['model', 'up'], ['prompt', 'x'], ['image', file, 'a.png']])
      assert.equal(a.status, 200, a.text.slice(0, 300))
    })
    assert.ok(upstream.last.raw.includes(file), 'every byte has arrived')
    console.log(`     an upload of 32 MB: ${n.toFixed(1)} MB`)
    assert.ok(n <= 70, `${n} MB`)
  })
}

test('nothing that a sanitizer would report, and no secret in the logs', () => {
  const log = g.log()
  assert.deepEqual(log.split('\n').filter(l => /ERROR: \w*Sanitizer|runtime error:|SUMMARY: /.test(l)).slice(0, 5), [])
  for (const text of ['sk-openai-secret', g.key, 'A cat', dot]) assert.ok(!log.includes(text), text)
})

await runAll('e2e-images', {
  before: healAll,
  after: async () => {
    await g.stop()
    await upstream.close()
  }
})
