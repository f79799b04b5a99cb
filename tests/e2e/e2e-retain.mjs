// Payloads of organisations that have them kept (api.md 17.2): what is stored, for
// whom, sealed, and that nothing of it is left when its days are over.
// E2E_STORE as in e2e-money.mjs.
// usage: node e2e-retain.mjs [TEXT]

import { execFileSync } from 'node:child_process'
import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { assert, runAll, table, test } from '../lib/suite.mjs'
import { Gateway, inForce, sleep, until, where } from '../lib/gateway.mjs'
import { stores } from '../lib/money.mjs'

const kept = await stores()
const g = await Gateway.start({ env: {}, procs: 2, conf: { ...kept.conf, log_level: 'debug' } })
const sql = text => kept.sql ? kept.sql(text)
  : execFileSync('sqlite3', ['-batch', path.join(g.dir, 'state/llmgw.db')], { input: `.timeout 10000\n${text};\n`, encoding: 'utf8' }).trim()
// Counters that are new are built first, by each program.
const x = [{ role: 'user', content: 'x' }]
const first = [['/v1/chat/completions', { model: 'sim-echo', messages: x }], ['/v1/messages', { model: 'sim-echo', max_tokens: 9, messages: x }], ['/v1/responses', { model: 'sim-echo', input: 'x' }],
  ['/v1/images/generations', { model: 'sim-image', prompt: 'x' }]]
for (const [url, body] of first) if (!await until(async () => (await g.post(url, body)).status === 200, 15000, 200)) throw new Error('nothing can be reserved')
const ok = async (method, url, body) => {
  const a = await g.admin(method, url, body)
  assert.ok(a.status < 300, `${method} ${url}: ${a.status} ${a.text}`)
  return a.json
}
async function tenant(name, more) {
  const org = await ok('POST', 'organizations', { name, ...more })
  await ok('POST', `organizations/${org.id}/credits`, { amount: 100, reason: 'test' })
  const project = await ok('POST', 'projects', { organization_id: org.id, name: 'p' })
  const key = await ok('POST', 'keys', { project_id: project.id, label: 'k' })
  return { org: org.id, key: key.key, headers: { authorization: `Bearer ${key.key}` } }
}
const keeper = await tenant('keeper', { retention: 'retain', retention_days: 2 })
const nobody = await tenant('nobody', {})

const ask = (t, url, body, id, more = {}) => g.post(url, body, { ...more, headers: { ...t.headers, 'x-request-id': id, ...more.headers } })
// All of a record, once it and its payload are there.
async function show(id, state = 'kept') {
  let r
  assert.ok(await until(() => {
    try { r = JSON.parse(g.ctl('log', 'show', id)) } catch { return false }
    return r.payload_state === state
  }, 8000, 200), `${id}: ${r?.payload_state}`)
  return r
}

// Every file of the gateway, and of the databases if they can be read.
function* files(dir) {
  for (const e of fs.readdirSync(dir, { withFileTypes: true })) {
    const name = path.join(dir, e.name)
    if (e.isDirectory()) yield* files(name)
    else if (e.isFile()) yield name
  }
}
const forms = word => [word, Buffer.from(word).toString('base64').replace(/=*$/, '').slice(0, -2), Buffer.from(word).toString('hex')]
function found(word) {
  const at = []
  for (const dir of [g.dir, ...(kept.pg ? [kept.pg.top] : [])]) {
    for (const file of files(dir)) {
      const bytes = fs.readFileSync(file)
      if (forms(word).some(f => bytes.includes(f))) at.push(file)
    }
  }
  return at
}
const canary = name => `canary-${name}-${crypto.randomBytes(6).toString('hex')}`
const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg=='
const big = Buffer.concat([Buffer.from(dot, 'base64'), crypto.randomBytes(3000)])
const sha = bytes => crypto.createHash('sha256').update(bytes).digest('hex')
const say = text => [{ role: 'user', content: text }]

const kinds = [
  ['chat', '/v1/chat/completions', w => ({ model: 'sim-echo', messages: say(w) }), p => p.answer.choices[0].message.content],
  ['a stream', '/v1/chat/completions', w => ({ model: 'sim-echo', messages: say(w), stream: true }), p => p.text],
  ['messages', '/v1/messages', w => ({ model: 'sim-echo', max_tokens: 100, messages: say(w) }), p => p.answer.content[0].text],
  ['messages, a stream', '/v1/messages', w => ({ model: 'sim-echo', max_tokens: 100, messages: say(w), stream: true }), p => p.text],
  ['responses', '/v1/responses', w => ({ model: 'sim-echo', input: w }), p => JSON.stringify(p.answer.output)],
  ['responses, a stream', '/v1/responses', w => ({ model: 'sim-echo', input: w, stream: true }), p => p.text],
  ['embeddings', '/v1/embeddings', w => ({ model: 'sim-embed', input: w }), null]
]
table('kept, sealed and shown', kinds, async (name, url, body, said) => {
  const word = canary(name.replace(/\W+/g, '-'))
  const id = `keep-${name.replace(/\W+/g, '-')}`
  const sent = body(word)
  const a = await ask(keeper, url, sent, id)
  assert.equal(a.status, 200, a.text)
  const r = await show(id)
  assert.deepEqual(r.payload.request, sent)
  assert.equal(r.payload.truncated, false)
  if (said) assert.ok(said(r.payload).includes(word), JSON.stringify(r.payload).slice(0, 500))
  if (sent.stream) assert.equal(r.payload.answer, a.text)
  else assert.deepEqual(r.payload.answer, a.json)
  assert.deepEqual(found(word), [])
})
test('X-Debug: what providers were asked and said, too', async () => {
  const word = canary('debug')
  for (const stream of [false, true]) {
    const id = `keep-debug-${stream}`
    const a = await g.post('/v1/messages', { model: 'sim-echo', max_tokens: 50, messages: say(word), stream }, { headers: { ...keeper.headers, 'x-request-id': id, 'x-debug': 'true' } })
    assert.equal(a.status, 200, a.text)
    const { upstream, truncated } = (await show(id)).payload
    assert.deepEqual([upstream.length, upstream[0].provider, truncated], [1, 'sim', false])
    assert.equal(upstream[0].request.messages[0].content, word)
    assert.ok(JSON.stringify(upstream[0].response).includes('chat.completion'), upstream[0].response)
  }
  assert.equal((await show('keep-chat')).payload.upstream, undefined)
  assert.deepEqual(found(word), [])
})
test('tools, an answer that failed', async () => {
  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } }]
  await ask(keeper, '/v1/chat/completions', { model: 'sim-echo', messages: say('x'), tools, tool_choice: 'auto' }, 'keep-tools')
  assert.deepEqual((await show('keep-tools')).payload.request.tools, tools)
  const a = await ask(keeper, '/v1/chat/completions', { model: 'sim-fault-500', messages: say('x') }, 'keep-failed')
  assert.ok(a.status >= 500)
  assert.deepEqual((await show('keep-failed')).payload.answer, a.json)
})
test('images by digest', async () => {
  const image = `data:image/png;base64,${big.toString('base64')}`
  await ask(keeper, '/v1/chat/completions', { model: 'sim-echo', messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }, { type: 'image_url', image_url: { url: image } }] }] }, 'keep-picture')
  const p = (await show('keep-picture')).payload
  assert.equal(p.request.messages[0].content[1].image_url.url, `data:image/png;base64,sha256:${sha(big)}`)
  const made = await ask(keeper, '/v1/images/generations', { model: 'sim-image', prompt: 'A cat', size: '1024x1024' }, 'keep-drawn')
  const bytes = Buffer.from(made.json.data[0].b64_json, 'base64')
  const drawn = (await show('keep-drawn')).payload.answer.data[0].b64_json
  assert.equal(drawn, made.json.data[0].b64_json.length < 1024 ? made.json.data[0].b64_json : `sha256:${sha(bytes)}`)
  const form = ['--b', 'Content-Disposition: form-data; name="prompt"', '', 'Snow', '--b', 'Content-Disposition: form-data; name="model"', '', 'sim-image', '--b', 'Content-Disposition: form-data; name="image"; filename="a.png"', '', ''].join('\r\n')
  const edit = await ask(keeper, '/v1/images/edits', Buffer.concat([Buffer.from(form), big, Buffer.from('\r\n--b--\r\n')]), 'keep-form', { headers: { 'content-type': 'multipart/form-data; boundary=b' } })
  assert.equal(edit.status, 200, edit.text)
  const f = (await show('keep-form')).payload
  assert.deepEqual([f.request.prompt, f.files], ['Snow', [{ field: 'image', type: 'image/png', bytes: big.length, sha256: sha(big) }]])
})
test('a tool of MCP', async () => {
  const word = canary('mcp')
  await ask(keeper, '/mcp', { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'chat', arguments: { model: 'sim-echo', messages: say(word) } } }, 'keep-mcp')
  assert.ok((await show('keep-mcp')).payload.answer.result.content[0].text.includes(word))
})
test('what guardrails redact is not kept either', async () => {
  await ok('PATCH', `organizations/${keeper.org}`, { guardrails_enabled: true })
  await inForce()
  const word = `${canary('mail')}@example.org`
  for (const [id, stream] of [['keep-redacted', false], ['keep-redacted-stream', true]]) {
    const a = await ask(keeper, '/v1/chat/completions', { model: 'sim-echo', messages: say(`Write to ${word}`), stream }, id)
    assert.equal(a.status, 200, a.text)
    const text = JSON.stringify((await show(id)).payload)
    assert.ok(text.includes('[EMAIL_REDACTED]') && !text.includes(word), text.slice(0, 500))
  }
  await ok('PATCH', `organizations/${keeper.org}`, { guardrails_enabled: false })
  await inForce()
})
test('nothing of who keeps nothing', async () => {
  const word = canary('nobody')
  for (const stream of [false, true]) await ask(nobody, '/v1/chat/completions', { model: 'sim-echo', messages: say(word), stream }, `none-${stream}`)
  const r = await show('none-true', 'none')
  assert.deepEqual([r.payload, r.payload_deleted], [null, false])
  await sleep(1500)
  assert.deepEqual(found(word), [])
})
test('who may read it', async () => {
  const id = (await show('keep-chat')).record_id
  assert.equal((await ok('GET', `logs/${id}`)).payload.request.model, 'sim-echo')
  for (const [role, org, state] of [['viewer', undefined, 'unreadable'], ['org_admin', keeper.org, 'kept'], ['org_admin', nobody.org, null]]) {
    const t = await ok('POST', 'tokens', { role, label: 't', ...(org ? { organization_id: org } : {}) })
    const a = await g.send('GET', `/admin/v1/logs/${id}`, { headers: { authorization: `Bearer ${t.token ?? t.key}` } })
    assert.equal(a.status, state ? 200 : 404, a.text)
    if (state) assert.equal(a.json.payload_state, state)
    if (state === 'unreadable') assert.equal(a.json.payload, null)
  }
  const list = await ok('GET', 'logs?request_id=keep-chat')
  assert.equal(list.data[0].payload, undefined)
})
test('another master key opens nothing', async () => {
  const id = (await show('keep-chat')).record_id
  const file = path.join(g.dir, 'other-key')
  fs.writeFileSync(file, crypto.randomBytes(32).toString('hex') + '\n', { mode: 0o600 })
  const r = JSON.parse(execFileSync(where.ctl, ['-c', g.conf, 'log', 'show', id], { env: { ...g.env(), LLMGW_MASTER_KEY_FILE: file } }))
  assert.deepEqual([r.payload_state, r.payload], ['unreadable', null])
})
test('data_storage_cost', async () => {
  assert.equal((await show('keep-chat')).cost_nano > 0, true)
})
test('past its days it is gone, and nothing of it is left', async () => {
  assert.match(g.ctl('log', 'purge'), /^0 payloads/)
  const before = await show('keep-chat')
  const sealed = sql(`SELECT ${kept.sql ? "encode(sealed, 'hex')" : 'hex(sealed)'} FROM payload WHERE record_id = '${before.record_id}'`)
  assert.ok(sealed.length > 200)
  sql(`UPDATE payload SET created_ms = created_ms - 3 * 86400000 WHERE record_id = '${before.record_id}'`)
  assert.match(g.ctl('log', 'purge'), /^1 payloads/)
  const r = await show('keep-chat', 'deleted')
  assert.deepEqual([r.payload, r.payload_deleted], [null, true])
  assert.equal((await ok('GET', `logs/${before.record_id}`)).payload_deleted, true)
  await show('keep-messages')
  // Neither sealed: PostgreSQL keeps what its own journal has until that is recycled.
  const piece = Buffer.from(sealed, 'hex').subarray(40, 120)
  for (const f of [...files(g.dir), ...(kept.pg ? files(kept.pg.top) : [])]) {
    if (!/pg_wal/.test(f)) assert.ok(!fs.readFileSync(f).includes(piece), f)
  }
})
test('a change to none deletes them all', async () => {
  await ok('PATCH', `organizations/${keeper.org}`, { retention: 'none' })
  assert.match(g.ctl('log', 'purge'), /^[1-9]\d* payloads/)
  await show('keep-messages', 'deleted')
  await inForce()
  await ask(keeper, '/v1/chat/completions', { model: 'sim-echo', messages: say('x') }, 'after-none')
  await show('after-none', 'none')
  assert.equal(JSON.parse(g.ctl('log', 'purge', '--json')).deleted, 0)
})
test('metrics count them', async () => {
  assert.match((await g.get('/metrics')).text, /gateway_payloads_total\{[^}]*result="stored"[^}]*\} [1-9]/)
})

await runAll('e2e-retain', { after: async () => { await g.stop(); await kept.end() } })
