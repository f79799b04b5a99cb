// Providers that fail (api.md 2.4, 2.5; the statuses of each class).

import { assert, flat, openai, table, test } from '../../lib/suite.mjs'
import { events, join } from '../../lib/stream.mjs'
import * as setting from './setting.mjs'

const { hello, modelOf, secretKey } = setting

export function providerFaults(g) {
  beforeTheAnswer(g)
  inTheStream(g)
}

// name of the behaviour, status, code, message
const early = [
  ['hang', 504, 'timeout', 'Upstream provider timeout'], ['reset', 502, 'fetch_failed', 'Failed to connect to provider'],
  ['garbage', 500, 'upstream_error'], ['empty', 500, 'upstream_error'], ['hollow', 500, 'upstream_error'], ['html', 500, 'upstream_error'],
  ['truncated', 500, 'upstream_error'], ['half-json', 500, 'upstream_error'], ['error-in-200', 500, 'upstream_error'],
  ['no-content', 500, 'upstream_error', 'Response finished successfully but returned no content or tool calls'],
  ['redirect', 500, 'upstream_error', /^Error from provider .*: HTTP 307$/],
  ...[400, 413, 422].map(s => [`status-${s}`, s, 'upstream_invalid_request', /upstream says/]),
  ...[401, 402, 403, 404, 405].map(s => [`status-${s}`, 500, 'gateway_error', new RegExp(`^Error from provider .*: HTTP ${s}$`)]),
  ...[408, 409, 425, 498, 500, 502, 503, 504, 520, 529].map(s => [`status-${s}`, 500, 'upstream_error', new RegExp(`^Error from provider .*: HTTP ${s}$`)]),
  ['status-429', 429, 'upstream_rate_limited', /^Error from provider .*: HTTP 429$/], ['rate-30', 429, 'upstream_rate_limited']
]

function beforeTheAnswer(g) {
  for (const stream of [false, true]) {
    // That there is no content shows at the end of a stream: see below.
    const rows = early.filter(([name]) => !(stream && name === 'no-content'))
    table(stream ? 'provider fault, streaming' : 'provider fault', rows, async (name, status, code, message) => {
      const before = setting.upstream.requests.length
      const a = await g().chat(hello({ model: modelOf(name), stream }), { headers: { 'x-llmgw-error-format': 'openai' } })
      const calls = setting.upstream.requests.length - before
      const b = openai(a, status, code)
      if (message instanceof RegExp) assert.match(b.error.message, message)
      else if (message) assert.equal(b.error.message, message)
      assert.equal(a.headers['x-should-retry'], code === 'gateway_error' ? 'false' : undefined)
      // One more try; and one resend each where a kept connection was stale.
      assert.ok(calls >= 1 && calls <= (name === 'reset' ? 4 : 2), `${calls} calls`)
      if (status === 400 || status === 413 || status === 422) assert.equal(calls, 1)
      assert.equal(b.error.requested_model ?? b.requested_model, modelOf(name))
    })
  }
  test('refused connection', async () => {
    flat(await g().chat(hello({ model: 'dead-model' })), 502, 'fetch_failed', 'Failed to connect to provider')
  })
  test('a redirect is not followed', () => assert.equal(setting.redirected, 0))
  test('the flat body names model and provider', async () => {
    const b = flat(await g().chat(hello({ model: modelOf('status-500') })), 500, 'upstream_error')
    assert.deepEqual([b.requested_model, b.requested_provider, b.used_model, b.used_provider], ['openai/status-500', 'openai', 'status-500', 'openai'])
  })
  table('trap 118: Retry-After', [['status-429', '10'], ['rate-30', '30'], ['rate-long', '3600']], async (name, seconds) => {
    assert.equal((await g().chat(hello({ model: modelOf(name) }))).headers['retry-after'], seconds)
  })
  table('trap 18: packed all the same', [['plain', false], ['stream', true]], async (_, stream) => {
    const a = await g().chat(hello({ model: modelOf('gzipped'), stream }))
    assert.equal(a.status, 200, a.text.slice(0, 300))
    assert.equal(setting.upstream.last.headers['accept-encoding'], 'identity')
    assert.equal(a.headers['content-encoding'], undefined)
    assert.equal(stream ? join(events(a.text)).content : a.json.choices[0].message.content, 'Hello there!')
  })
  test('keys are taken out of the provider text', async () => {
    const a = await g().chat(hello({ model: modelOf('leaky-400') }))
    flat(a, 400, 'upstream_invalid_request', /Bad request/)
    assert.ok(!a.text.includes(secretKey) && !a.text.includes('org-AbCd'), a.text)
  })
  test('a content filter is an answer', async () => {
    const a = await g().chat(hello({ model: modelOf('filter-400') }))
    assert.equal(a.status, 200, a.text.slice(0, 300))
    assert.equal(a.json.choices[0].finish_reason, 'content_filter')
  })
  test('other requests go on while one hangs', async () => {
    const hung = g().chat(hello({ model: modelOf('hang') }))
    const started = Date.now()
    assert.equal((await g().chat(hello())).status, 200)
    assert.ok(Date.now() - started < 700)
    assert.equal((await hung).status, 504)
  })
}

function inTheStream(g) {
  table('a stream that cannot begin', [
    ['cut-first', 500, 'upstream_error'], ['error-first', 500, 'upstream_error']
  ], async (name, status, code) => flat(await g().chat(hello({ model: modelOf(name), stream: true })), status, code))
  const broken = [['cut', 500], ['no-finish', 500], ['error-mid', 500], ['stall', 504]]
  table('a stream that breaks', broken, async (name, status) => {
    const a = await g().chat(hello({ model: modelOf(name), stream: true }))
    assert.equal(a.status, 200)
    assert.ok(a.complete)
    const list = events(a.text)
    const last = list.at(-1).json
    assert.ok(last?.error, 'the last event is no error: ' + a.text.slice(-200))
    assert.equal(last.error.status, status)
    assert.equal(last.error.param, null)
    assert.equal(last.error.code, status === 504 ? 'timeout' : 'upstream_error')
    assert.equal(typeof last.error.message, 'string')
    const j = join(list)
    assert.equal(j.content, 'Hello there')
    assert.equal(j.finish_reason, null)
    assert.ok(!list.some(e => e.done))
  })
  test('a stream without content', async () => {
    const a = await g().chat(hello({ model: modelOf('no-content'), stream: true }))
    const e = a.status === 200 ? events(a.text).at(-1).json.error : a.json
    assert.equal(e.code, 'upstream_error')
    assert.equal(e.message, 'Response finished successfully but returned no content or tool calls')
  })
  test('the error of a stream is flat where that was asked for', async () => {
    const a = await g().chat(hello({ model: modelOf('cut'), stream: true }), { headers: { 'x-llmgw-error-format': 'flat' } })
    const last = events(a.text).at(-1).json
    assert.equal(last.error, true)
    assert.equal(last.status, 500)
    assert.equal(last.code, 'upstream_error')
  })
}
