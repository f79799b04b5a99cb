// The programs as plain CGI: a request in the environment, its body on
// standard input, the answer on standard output.

import { spawn } from 'node:child_process'
import path from 'node:path'
import { build } from '../lib/gateway.mjs'
import { events, faults, join } from '../lib/stream.mjs'
import { assert, runAll, table, test } from '../lib/suite.mjs'
import { hello, modelOf, start, upstream } from './http/setting.mjs'

const g = await start({})

function cgi(program, method, uri, { body = '', headers = {}, length = Buffer.byteLength(body) } = {}) {
  const [script, query = ''] = uri.split('?')
  const env = {
    ...g.env(), GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.1', SERVER_NAME: 'localhost', SERVER_PORT: '80', REMOTE_ADDR: '127.0.0.1',
    REQUEST_METHOD: method, REQUEST_URI: uri, SCRIPT_NAME: script, QUERY_STRING: query, LLMGW_SNIPPET: '1'
  }
  if (body) Object.assign(env, { CONTENT_TYPE: 'application/json', CONTENT_LENGTH: String(length) })
  for (const [k, v] of Object.entries(headers)) env[k === 'content-type' ? 'CONTENT_TYPE' : 'HTTP_' + k.toUpperCase().replaceAll('-', '_')] = v
  return new Promise((done, failed) => {
    const began = performance.now()
    const child = spawn(path.join(build, 'fcgi-bin', `${program}.fcgi`), { env, stdio: ['pipe', 'pipe', 'pipe'] })
    const out = []
    const err = []
    let ms
    child.stdout.on('data', d => {
      ms ??= performance.now() - began
      out.push(d)
    })
    child.stderr.on('data', d => err.push(d))
    child.on('error', failed)
    child.stdin.on('error', () => {})
    const timer = setTimeout(() => child.kill('SIGKILL'), 8000)
    child.on('close', code => {
      clearTimeout(timer)
      const text = Buffer.concat(out).toString()
      const at = text.indexOf('\r\n\r\n')
      if (at < 0) { failed(new Error(`no header block, exit status ${code}: ${text.slice(0, 200)}${Buffer.concat(err)}`)); return }
      const fields = {}
      for (const line of text.slice(0, at).split('\r\n')) {
        const m = /^([A-Za-z0-9-]+): (.*)$/.exec(line)
        assert.ok(m, `no header line: ${line}`)
        assert.ok(!(m[1].toLowerCase() in fields), `${m[1]} twice`)
        fields[m[1].toLowerCase()] = m[2]
      }
      done({ code, status: Number((fields.status ?? '200').split(' ')[0]), headers: fields, text: text.slice(at + 4), ms })
    })
    child.stdin.end(body)
  })
}

const key = () => ({ authorization: `Bearer ${g.key}` })
const chat = (body, more) => cgi('chat', 'POST', '/v1/chat/completions', { body: JSON.stringify(body), headers: key(), ...more })

test('health', async () => {
  const a = await cgi('health', 'GET', '/')
  assert.deepEqual([a.code, a.status], [0, 200])
  assert.equal(a.headers['content-type'], 'application/json; charset=utf-8')
  assert.equal(JSON.parse(a.text).health.status, 'healthy')
})

test('models', async () => {
  const a = await cgi('models', 'GET', '/v1/models', { headers: key() })
  assert.equal(a.status, 200)
  assert.ok(JSON.parse(a.text).data.some(m => m.id === 'plain-model'))
})

test('a chat', async () => {
  const a = await chat(hello())
  assert.deepEqual([a.code, a.status], [0, 200], a.text.slice(0, 300))
  const b = JSON.parse(a.text)
  assert.equal(b.choices[0].message.content, 'Hello there!')
  assert.equal(b.usage.cost, 0.0001854)
  assert.equal(a.headers['x-llmgw-provider'], 'openai')
})

test('a stream', async () => {
  const a = await chat(hello({ stream: true }))
  assert.equal(a.headers['content-type'], 'text/event-stream; charset=utf-8')
  const list = events(a.text)
  assert.deepEqual(faults(list, false), [])
  assert.equal(join(list).content, 'Hello there!')
})

table('an error', [
  ['404', () => cgi('health', 'GET', '/nope'), 404, 'not_found'],
  ['405', () => cgi('chat', 'GET', '/v1/chat/completions'), 405, 'method_not_allowed'],
  ['415', () => chat(hello(), { headers: { ...key(), 'content-type': 'text/plain' } }), 415, 'unsupported_media_type'],
  ['401', () => chat(hello(), { headers: {} }), 401, 'invalid_api_key'],
  ['400', () => cgi('chat', 'POST', '/v1/chat/completions', { body: '{', headers: key() }), 400, 'invalid_json'],
  ['a short body', () => chat(hello(), { length: 100000 }), 400, null],
  ['502', () => chat(hello({ model: 'dead-model' })), 502, 'fetch_failed'],
  ['500', () => chat(hello({ model: modelOf('status-500') })), 500, 'upstream_error']
], async (name, run, status, code) => {
  const a = await run()
  assert.deepEqual([a.code, a.status], [0, status], a.text.slice(0, 300))
  assert.match(a.headers.status, new RegExp(`^${status}( |$)`))
  const b = JSON.parse(a.text)
  assert.equal(b.error, true)
  if (code) assert.equal(b.code, code)
})

test('neither FastCGI nor CGI: the usage text', async () => {
  const env = g.env()
  const { code, err } = await new Promise(done => {
    const child = spawn(path.join(build, 'fcgi-bin/chat.fcgi'), { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let err = ''
    child.stdout.on('data', d => { err += d })
    child.stderr.on('data', d => { err += d })
    child.on('close', code => done({ code, err }))
  })
  assert.notEqual(code, 0)
  assert.match(err, /usage|FastCGI/i)
})

// Sanitizers take their time.
if (!/asan|sanit/.test(process.env.E2E_BUILD ?? '')) {
  table('an answer begins within 20 ms', [
    ['health', () => cgi('health', 'GET', '/')], ['models', () => cgi('models', 'GET', '/v1/models', { headers: key() })], ['chat', () => chat(hello())]
  ], async (name, ask) => {
    const took = []
    for (let i = 0; i < 15; i++) took.push((await ask()).ms)
    took.sort((a, b) => a - b)
    console.error(`     CGI, ${name}: ${took[0].toFixed(1)} ms, half of them within ${took[7].toFixed(1)} ms`)
    assert.ok(took[0] <= 20, `${took[0]} ms`) // others use the machine, too
  })
}

await runAll('e2e-cgi', { after: async () => { await g.stop(); await upstream.close() } })
