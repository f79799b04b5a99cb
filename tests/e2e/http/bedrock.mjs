// AWS Bedrock: a fake one that checks signatures itself, Converse for clients
// of OpenAI's dialect and Claude's own events for those of Anthropic's.

import { Gateway } from '../../lib/gateway.mjs'
import { badSignature, claudeAnswer, claudeStream, converse, converseStream, event, exception } from '../../lib/bedrock.mjs'
import * as claude from '../../lib/messages.mjs'
import { assert, test } from '../../lib/suite.mjs'
import { events, faults, join } from '../../lib/stream.mjs'
import { Upstream, sendPieces } from '../../lib/upstream.mjs'

const id = 'AKIDE2EEXAMPLE'
const secret = 'e2e/secret+key0123456789abcdefghij'
const token = 'session//token+0123456789=='
const region = 'eu-west-1'

export let upstream
let broken = [] // what was wrong with signatures

const amazon = { 'content-type': 'application/vnd.amazon.eventstream', 'x-amzn-requestid': 'r-1' }
const refuse = (res, status, type, message) => {
  res.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': `${type}:http://internal.amazon.com/coral/com.amazon.bedrock/` })
  res.end(JSON.stringify({ message }))
}
const stream = (res, frames, size = 0) => {
  res.writeHead(200, amazon)
  return sendPieces(res, Buffer.concat(frames), size)
}

// How it behaves, by the name of the model.
const behaviours = {
  throttled: res => refuse(res, 400, 'ThrottlingException', 'slow down'),
  unknown: res => refuse(res, 400, 'ValidationException', 'The provided model identifier is invalid.'),
  denied: res => refuse(res, 403, 'AccessDeniedException', 'You are not authorized, arn:aws:iam::123456789012:user/x'),
  'exception-first': res => stream(res, [exception('throttlingException', 'slow')]),
  'exception-mid': res => stream(res, [...converseStream().slice(0, 3), exception('modelStreamErrorException', 'oops')]),
  cut: res => stream(res, [Buffer.concat(converseStream()).subarray(0, -20)]),
  'no-stop': res => stream(res, converseStream().slice(0, 4)),
  corrupt: res => {
    const all = Buffer.concat(converseStream())
    all[all.length - 30] ^= 1
    return stream(res, [all])
  },
  strange: res => { res.writeHead(200, { 'content-type': 'application/json' }); res.end('{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}') },
  tiny: res => stream(res, converseStream(['Grüße', ' 😀']), 1),
  future: res => stream(res, [event('somethingNew', { a: 1 }), ...converseStream()])
}

function serve(req, res, body, seen) {
  const [, place, , model, verb] = /^\/(signed|plain)\/(model)\/([^/]+)\/([a-z-]+)$/.exec(req.url) ?? []
  if (place === 'signed') {
    const bad = badSignature(seen, { id, secret, token, region })
    if (bad) { broken.push(bad); refuse(res, 403, 'InvalidSignatureException', 'bad signature'); return }
  }
  const run = behaviours[model?.replace(/^v\./, '')]
  if (run) return run(res)
  if (verb === 'converse-stream') return stream(res, converseStream())
  if (verb === 'invoke-with-response-stream') return stream(res, claudeStream(), 7)
  res.writeHead(200, { 'content-type': 'application/json' })
  res.end(JSON.stringify(verb === 'count-tokens' ? { inputTokens: 42 } : verb === 'invoke' ? claudeAnswer : converse()))
}

const offer = (name, wants, ...providers) => `[model ${name}]\nprovider = ${providers.join(', ')}\ncontext = 100000\nmax_output = 10000\n` +
  `capabilities = tools, images, stream, plain, chat${wants}\ninput_price = 3\noutput_price = 15\ncached_input_price = 0.3\n`

export async function startBedrock(place = 'signed') {
  upstream ??= await Upstream.start(serve)
  const sections = [offer('nova', '', 'aws-bedrock/v.nova:0'), offer('claude', ', wants_messages', 'aws-bedrock/v.claude-1:0'),
    '[provider other]\ndialect = bedrock-converse\n' + `base_url = ${upstream.url}/plain\nauth = bearer\nkey = bedrock-api-key-other\n`,
    offer('pair', '', 'aws-bedrock/v.exception-first', 'other/v.nova'), offer('own-claude', ', wants_messages', 'other/v.claude-1'),
    ...Object.keys(behaviours).map(b => offer(b, '', `aws-bedrock/v.${b}`))]
  const credentials = place === 'signed'
    ? { LLM_AWS_BEDROCK_ACCESS_KEY_ID: id, LLM_AWS_BEDROCK_SECRET_ACCESS_KEY: secret, LLM_AWS_BEDROCK_SESSION_TOKEN: token }
    : { AWS_BEARER_TOKEN_BEDROCK: 'ABSKe2ekey0123456789', AWS_ACCESS_KEY_ID: 'AKIDOTHER', AWS_SECRET_ACCESS_KEY: 'other' }
  return Gateway.start({
    env: { LLM_AWS_BEDROCK_REGION: region, LLM_AWS_BEDROCK_BASE_URL: `${upstream.url}/${place}`, ...credentials },
    sections: sections.join('\n')
  })
}

const hello = (model, more = {}) => ({ model, messages: [{ role: 'user', content: 'Say this' }], ...more })
const streamed = { stream: true, stream_options: { include_usage: true } }

export function bedrock(g, keyed) {
  test('bedrock: a region that the model string names', async () => {
    const a = await keyed().chat(hello('aws-bedrock/nova:us'))
    assert.equal(a.status, 200, a.text)
    assert.equal(upstream.last.url, '/plain/model/us.v.nova%3A0/converse')
    assert.equal(a.json.model, 'aws-bedrock/nova:us')
    assert.equal((await keyed().chat(hello('aws-bedrock/nova:nowhere'))).status, 400)
  })

  converses(g)
  messages(g)
  failures(g)

  test('bedrock: an API key is a bearer, and nothing is signed', async () => {
    assert.equal((await keyed().chat(hello('nova'))).status, 200)
    assert.equal(upstream.last.headers.authorization, 'Bearer ABSKe2ekey0123456789')
    for (const h of Object.keys(upstream.last.headers)) assert.ok(!h.startsWith('x-amz'), h)
  })

  test('bedrock: every signature was right, and no secret was logged', () => {
    assert.deepEqual(broken, [])
    for (const s of [secret, token, 'ABSKe2ekey', 'Say this']) for (const gw of [g(), keyed()]) assert.ok(!gw.log().includes(s), s)
  })
}

function converses(g) {
  test('bedrock: a plain answer by Converse', async () => {
    const a = await g().chat(hello('nova'))
    assert.equal(a.status, 200)
    assert.equal(a.json.choices[0].message.content, 'Hello there!')
    assert.equal(a.json.usage.prompt_tokens, 30)
    assert.equal(a.json.usage.prompt_tokens_details.cached_tokens, 20)
    assert.equal(upstream.last.url, '/signed/model/v.nova%3A0/converse')
    assert.deepEqual(upstream.last.body, { messages: [{ role: 'user', content: [{ text: 'Say this' }] }], inferenceConfig: {} })
  })

  test('bedrock: a stream by ConverseStream, whatever its pieces', async () => {
    for (const [model, text] of [['nova', 'Hello there!'], ['tiny', 'Grüße 😀'], ['future', 'Hello there!'], ['claude', 'Hello there!']]) {
      const a = await g().chat(hello(model, streamed))
      const list = events(a.text)
      assert.deepEqual(faults(list, true), [], model)
      assert.equal(join(list).content, text)
      assert.equal(join(list).usage.prompt_tokens, 30)
      assert.match(upstream.last.url, /converse-stream$/)
      assert.equal(upstream.last.headers.accept, 'application/vnd.amazon.eventstream')
    }
  })
}

function messages(g) {
  const ask = (body, more) => g().post('/v1/messages' + (more?.path ?? ''), { max_tokens: 50, ...body }, { headers: { 'anthropic-version': '2023-06-01', ...more?.headers } })

  test('bedrock: Claude for clients of its own dialect, by InvokeModel', async () => {
    const a = await ask(hello('claude', { new_member: 1 }), { headers: { 'anthropic-beta': 'context-1m-2025-08-07,nobody-knows-2020-01-01' } })
    assert.equal(a.status, 200, a.text)
    assert.equal(a.json.content[0].text, 'Hello there!')
    assert.equal(upstream.last.url, '/signed/model/v.claude-1%3A0/invoke')
    assert.deepEqual(upstream.last.body, {
      max_tokens: 50, messages: [{ role: 'user', content: 'Say this' }], new_member: 1,
      anthropic_version: 'bedrock-2023-05-31', anthropic_beta: ['context-1m-2025-08-07']
    })
  })

  test('bedrock: its stream, with a member of AWS in the last event (trap 128)', async () => {
    const a = await ask(hello('claude', { stream: true }))
    const list = claude.events(a.text)
    assert.deepEqual(claude.faults(list), [])
    assert.equal(claude.join(list).content[0].text, 'Hello there!')
    assert.match(upstream.last.url, /invoke-with-response-stream$/)
    assert.ok(!('stream' in upstream.last.body) && !('model' in upstream.last.body))
  })

  test('bedrock: other models for clients of that dialect, by Converse', async () => {
    const a = await ask(hello('nova', { stream: true }))
    const list = claude.events(a.text)
    assert.deepEqual(claude.faults(list), [])
    assert.equal(claude.join(list).content[0].text, 'Hello there!')
    assert.match(upstream.last.url, /converse-stream$/)
  })

  test('bedrock: a row of the operator has all of that, too', async () => {
    const a = await ask(hello('own-claude', { stream: true }))
    assert.deepEqual(claude.faults(claude.events(a.text)), [])
    assert.equal(upstream.last.url, '/plain/model/v.claude-1/invoke-with-response-stream')
    assert.equal(upstream.last.body.anthropic_version, 'bedrock-2023-05-31')
    assert.equal(upstream.last.headers.authorization, 'Bearer bedrock-api-key-other')
  })

  test('bedrock: tokens are counted', async () => {
    const a = await g().post('/v1/messages/count_tokens', hello('claude'), { headers: { 'anthropic-version': '2023-06-01' } })
    assert.equal(a.status, 200, a.text)
    assert.deepEqual(a.json, { input_tokens: 42 })
    assert.match(upstream.last.url, /\/v\.claude-1%3A0\/count-tokens$/)
    assert.deepEqual(Object.keys(upstream.last.body.input.converse), ['messages'])
  })
}

function failures(g) {
  const openai = { 'x-llmgw-error-format': 'openai', 'x-no-fallback': 'true' }

  test('bedrock: what the header names decides (trap 122)', async () => {
    for (const [model, status, code] of [['throttled', 429, 'upstream_rate_limited'], ['unknown', 400, null], ['strange', 500, 'upstream_error']]) {
      const a = await g().chat(hello(model), { headers: openai })
      assert.equal(a.status, status, `${model}: ${a.text}`)
      if (code) assert.equal(a.json.error.code, code)
    }
  })

  test('bedrock: an account number stays here', async () => {
    const a = await g().chat(hello('denied'), { headers: openai })
    assert.equal(a.json.error.type, 'gateway_error')
    assert.ok(!a.text.includes('123456789012'), a.text)
  })

  test('bedrock: an exception at first is a status, and another is asked (trap 16)', async () => {
    const a = await g().chat(hello('exception-first', streamed), { headers: openai })
    assert.equal(a.status, 429, a.text)
    const b = await g().chat(hello('pair', streamed))
    assert.equal(join(events(b.text)).content, 'Hello there!')
    assert.equal(upstream.last.headers.authorization, 'Bearer bedrock-api-key-other')
  })

  test('bedrock: what breaks later ends with an error (traps 14 to 16)', async () => {
    for (const model of ['exception-mid', 'cut', 'corrupt', 'no-stop']) {
      const a = await g().chat(hello(model, streamed), { headers: openai })
      const list = events(a.text)
      assert.ok(list.at(-1).json?.error, model)
      assert.ok(!join(list).finish_reason, model)
    }
  })
}
