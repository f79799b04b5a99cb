// Images by URL that the gateway fetches, in a net of its own: a server with an
// address that is nobody's (TEST-NET-2) stands for the open net.
// Needs unshare(1), ip(8) and openssl(1); without them all is skipped.

import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import https from 'node:https'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Gateway } from '../lib/gateway.mjs'
import { assert, runAll, test } from '../lib/suite.mjs'
import { Upstream } from '../lib/upstream.mjs'

const address = '198.51.100.7'
const skip = why => { console.log(`${why}\n0 passed, 0 failed, 1 skipped`); process.exit(0) }

if (!process.env.LLMGW_TEST_NET) {
  const up = `ip link set lo up && ip addr add ${address}/32 dev lo`
  if (spawnSync('unshare', ['-rn', 'sh', '-c', up], { stdio: 'ignore' }).status !== 0) skip('no net of its own')
  const r = spawnSync('unshare', ['-rn', 'sh', '-c', `${up} && exec "$0" "$@"`, process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)],
    { stdio: 'inherit', env: { ...process.env, LLMGW_TEST_NET: '1' } })
  process.exit(r.status ?? 1)
}

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'llmgw-fetch.'))
const [key, cert] = ['key.pem', 'cert.pem'].map(f => path.join(dir, f))
execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=test',
  '-addext', `subjectAltName=IP:${address},IP:127.0.0.1`], { stdio: 'ignore' })

const png = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(40, 7)])
const hits = []
function serve(req, res) {
  hits.push(`${req.socket.localAddress} ${req.url}`)
  if (req.url === '/moved') { res.writeHead(302, { location: '/a.png' }).end(); return }
  if (req.url === '/text') { res.end('this is no image at all') ; return }
  if (req.url === '/big') { for (let i = 0; i < 22; i++) res.write(Buffer.alloc(1 << 20, 1)); res.end(); return }
  if (req.url === '/hang') return
  res.writeHead(req.url === '/none' ? 404 : 200, { 'content-type': 'text/plain' }).end(png)
}
const server = https.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(cert) }, serve)
await new Promise(done => server.listen(0, '0.0.0.0', done))
const { port } = server.address()

const converse = { output: { message: { role: 'assistant', content: [{ text: 'I see.' }] } }, stopReason: 'end_turn',
  usage: { inputTokens: 5, outputTokens: 2, totalTokens: 7 } }
let links = []
const upstream = await Upstream.start((req, res) => res.writeHead(200, { 'content-type': 'application/json' }).end(
  /images/.test(req.url) ? JSON.stringify({ created: 1, data: links.map(url => ({ url })) }).replaceAll('&', '\\u0026') : JSON.stringify(converse)))
const sections = `[provider bytes]\ndialect = bedrock-converse\nbase_url = ${upstream.url}\npath = /model/m/converse\nauth = none\nany_model = on\n` +
  ['zai', 'openai'].map(p => `[model ${p}-draws]\nprovider = ${p}/m\ncapabilities = plain, draw, images\nimage_price = 0.01\n`).join('')
const env = { LLM_Z_AI_API_KEY: 'k', LLM_Z_AI_BASE_URL: upstream.url, LLM_OPENAI_API_KEY: 'k', LLM_OPENAI_BASE_URL: upstream.url }
const start = conf => Gateway.start({ conf: { ca_file: cert, ...conf }, env, sections })
const on = await start({ fetch_images: 'on' }).catch(e => e)
if (on instanceof Error && /no dialect/.test(`${on.message} ${on.stderr}`)) skip('no dialect that wants bytes is built')
if (on instanceof Error) throw on
const off = await start({})

const ask = (g, ...urls) => g.chat({ model: 'bytes/nova', messages: [{ role: 'user', content: [
  { type: 'text', text: 'What is it?' }, ...urls.map(url => ({ type: 'image_url', image_url: { url } }))] }] })
const at = (file, host = address) => `https://${host}:${port}${file}`
const bad = (a, why) => {
  assert.equal(a.status, 400, a.text)
  assert.equal(a.json.code, 'invalid_image')
  assert.match(a.json.message, /image_url/)
  assert.match(a.json.message, why)
}

test('an image is fetched and sent as bytes', async () => {
  const a = await ask(on, at('/a.png'), at('/b.png'))
  assert.equal(a.status, 200, a.text)
  const parts = upstream.last.body.messages[0].content
  assert.deepEqual(parts.slice(1).map(p => [p.image.format, p.image.source.bytes]), [['png', png.toString('base64')], ['png', png.toString('base64')]])
})
test('nothing is fetched unless it is allowed', async () => {
  const before = hits.length
  bad(await ask(off, at('/a.png')), /takes URLs/)
  assert.equal(hits.length, before)
})
for (const [name, file, why] of [['redirects', '/moved', /refused/], ['404', '/none', /refused/], ['text', '/text', /PNG/], ['too much', '/big', /20 MiB/], ['silence', '/hang', /10 seconds/]]) {
  test(`what cannot be fetched: ${name}`, async () => bad(await ask(on, at(file)), why))
}
test('trap 107: no private address is reached, however it is written', async () => {
  for (const host of ['127.0.0.1', 'localhost', '127.1', '0x7f000001', '2130706433', '0177.0.0.1', '[::ffff:127.0.0.1]', '0.0.0.0']) {
    const before = hits.length
    bad(await ask(on, at('/a.png', host)), /public/)
    assert.equal(hits.length, before, host)
  }
})
const draw = (g, body) => g.post('/v1/images/generations', { model: 'zai-draws', prompt: 'A cat', ...body })
test('images that a provider answers by URL are fetched for who wants base64', async () => {
  links = [at('/a.png?x=1&y=2')]
  const a = await draw(on, {})
  assert.deepEqual(a.json.data, [{ b64_json: png.toString('base64') }], a.text)
  assert.equal(hits.at(-1), `${address} /a.png?x=1&y=2`)
  assert.equal(a.json.usage.cost, 0.01)
  const before = hits.length
  assert.deepEqual((await draw(on, { response_format: 'url' })).json.data, [{ url: links[0] }])
  assert.deepEqual((await draw(off, {})).json.data, [{ url: links[0] }])
  assert.equal(hits.length, before)
})
test('what of them cannot be had stays a URL', async () => {
  for (const url of [at('/none'), at('/a.png', '127.0.0.1'), at('/text'), 'https://x/a"b\\']) {
    links = [url]
    const a = await draw(on, {})
    assert.equal(a.status, 200, a.text)
    assert.deepEqual(a.json.data, [{ url }])
  }
})
test('two calls, two fetches', async () => {
  links = [at('/a.png')]
  const a = await draw(on, { n: 2 })
  assert.deepEqual(a.json.data, [1, 2].map(() => ({ b64_json: png.toString('base64') })))
  assert.equal(a.json.usage.cost, 0.02)
})
test('an edit of an image by URL goes as a form', async () => {
  links = [at('/a.png')]
  const a = await on.post('/v1/images/edits', { model: 'openai-draws', prompt: 'Snow', images: [{ image_url: at('/b.png') }] })
  assert.equal(a.status, 200, a.text)
  assert.ok(upstream.last.raw.includes(png))
  assert.match(upstream.last.headers['content-type'], /^multipart/)
})
test('a client who leaves ends the transfer', async () => {
  const stop = new AbortController()
  const gone = fetch(on.url + '/v1/chat/completions', { method: 'POST', signal: stop.signal, headers: { authorization: `Bearer ${on.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'bytes/nova', messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: at('/hang') } }] }] }) }).catch(e => e)
  setTimeout(() => stop.abort(), 500)
  await gone
  assert.equal((await ask(on, at('/a.png'))).status, 200)
})

await runAll('e2e-fetch', {
  after: async () => {
    await on.stop()
    await off.stop()
    await upstream.close()
    server.closeAllConnections()
    server.close()
    fs.rmSync(dir, { recursive: true, force: true })
  }
})
