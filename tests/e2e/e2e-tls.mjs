// TLS towards providers (reliability.md T26): whom it trusts, what it shows, and
// the way through a proxy.  Certificates are made by openssl(1).

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { Gateway, where as built } from '../lib/gateway.mjs'
import { assert, flat, runAll, table, test } from '../lib/suite.mjs'
import { completion } from '../lib/upstream.mjs'

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'llmgw-tls.'))
const file = name => path.join(dir, name)
const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' })
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

function authority(name) {
  openssl('req', '-x509', ...curve, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2', '-subj', `/CN=${name}`)
}

// Signed by an authority; `name`.pem has the key, too.
function certificate(name, ca, { days = '2', san = 'IP:127.0.0.1' } = {}) {
  fs.writeFileSync(file('ext'), `subjectAltName=${san}\n`)
  openssl('req', '-new', ...curve, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-out', `${name}.crt`, '-days', days, '-extfile', 'ext')
  fs.writeFileSync(file(`${name}.pem`), fs.readFileSync(file(`${name}.crt`), 'utf8') + fs.readFileSync(file(`${name}.key`), 'utf8'), { mode: 0o600 })
}

authority('ours')
authority('theirs')
certificate('good', 'ours')
certificate('foreign', 'theirs')
certificate('late', 'ours', { days: '-1' })
certificate('misnamed', 'ours', { san: 'DNS:other.example' })
certificate('client', 'ours')
certificate('stranger', 'theirs')

const seen = [] // what any server was asked
async function serve(name, more = {}) {
  const server = https.createServer({ cert: fs.readFileSync(file(`${name}.crt`)), key: fs.readFileSync(file(`${name}.key`)), ...more }, (req, res) => {
    seen.push({ name, authorization: req.headers.authorization, shown: req.socket.getPeerCertificate().subject?.CN })
    req.resume().on('end', () => res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(completion())))
  })
  server.on('tlsClientError', () => {})
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  return server
}
const asks = { requestCert: true, rejectUnauthorized: true, ca: fs.readFileSync(file('ours.pem')) }
const servers = {
  good: await serve('good'), foreign: await serve('foreign'), late: await serve('late'), misnamed: await serve('misnamed'),
  old: await serve('good', { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' }),
  asking: await serve('good', asks)
}

const tunnels = []
const proxy = http.createServer((req, res) => res.writeHead(400).end())
proxy.on('connect', (req, client, head) => {
  tunnels.push(req.url)
  const [host, port] = req.url.split(':')
  const up = net.connect(port, host, () => {
    client.write('HTTP/1.1 200 OK\r\n\r\n')
    up.write(head)
    up.pipe(client).pipe(up)
  })
  for (const s of [up, client]) s.on('error', () => {})
})
await new Promise(done => proxy.listen(0, '127.0.0.1', done))

const provider = (name, server, more = '') => `[provider ${name}]\nbase_url = https://127.0.0.1:${servers[server].address().port}/v1\nkey = sk-${name}-secret\nany_model = on\n${more}`
const ca = `ca_file = ${file('ours.pem')}\n`
const sections = [
  ...['good', 'foreign', 'late', 'misnamed', 'old', 'asking'].map(n => provider(n, n, ca)),
  provider('system', 'good'),
  provider('shown', 'asking', `${ca}client_certificate = ${file('client.pem')}\n`),
  provider('wrong', 'asking', `${ca}client_certificate = ${file('stranger.pem')}\n`),
  provider('through', 'good', `${ca}upstream_proxy = http://127.0.0.1:${proxy.address().port}\n`),
  provider('nowhere', 'good', `${ca}upstream_proxy = http://127.0.0.1:1\n`)
].join('\n')
const env = { https_proxy: 'http://127.0.0.1:1', HTTPS_PROXY: 'http://127.0.0.1:1', all_proxy: 'http://127.0.0.1:1' }
const g = await Gateway.start({ sections, env })
const general = await Gateway.start({ sections: [provider('asking', 'asking'), provider('foreign', 'foreign', `ca_file = ${file('theirs.pem')}\n`)].join('\n'), conf: { ca_file: file('ours.pem'), client_certificate: file('client.pem'), upstream_proxy: `http://127.0.0.1:${proxy.address().port}` } })
const ask = (name, gateway = g) => gateway.chat({ model: `${name}/m`, messages: [{ role: 'user', content: 'Hi' }] })

async function works(name, gateway) {
  const before = seen.length
  const a = await ask(name, gateway)
  assert.equal(a.status, 200, a.text)
  assert.equal(seen.length, before + 1)
  assert.equal(seen.at(-1).authorization, `Bearer sk-${name}-secret`)
  return seen.at(-1)
}

table('refused, and the key is not sent', [['foreign'], ['late'], ['misnamed'], ['old'], ['system'], ['asking'], ['wrong']], async name => {
  const before = seen.length
  flat(await ask(name), 502, 'fetch_failed')
  assert.equal(seen.length, before)
})

test('a private authority, a certificate that is shown, and one handle for all', async () => {
  for (let i = 0; i < 2; i++) {
    assert.equal((await works('good')).shown, undefined)
    assert.equal((await works('shown')).shown, 'client')
    // What the handle had for another provider does not stay.
    flat(await ask('system'), 502, 'fetch_failed')
    flat(await ask('asking'), 502, 'fetch_failed')
  }
})

test('through a proxy, of the provider only', async () => {
  await works('through')
  assert.deepEqual(tunnels, [`127.0.0.1:${servers.good.address().port}`])
  await works('good')
  assert.equal(tunnels.length, 1)
  flat(await ask('nowhere'), 502, 'fetch_failed')
})

test('for all providers, unless one has its own', async () => {
  assert.equal((await works('asking', general)).shown, 'client')
  assert.equal((await works('foreign', general)).name, 'foreign')
  assert.equal(tunnels.at(-1), `127.0.0.1:${servers.foreign.address().port}`)
})

table('a file that cannot be used is told by the configuration test', [
  ['client_certificate', 'nowhere.pem', 'cannot read'], ['client_certificate', 'client.crt', 'no key'], ['client_certificate', 'ext', 'no certificate'], ['ca_file', 'client.key', 'no certificate']
], async (setting, name, why) => {
  for (const where of ['[llmgw]', '[provider good]\nbase_url = https://127.0.0.1/v1']) {
    const conf = file('bad.conf')
    fs.writeFileSync(conf, `${fs.readFileSync(g.conf, 'utf8').split('\n\n')[0]}\n${where === '[llmgw]' ? '' : `\n${where}\n`}${setting} = ${file(name)}\n`)
    assert.throws(() => execFileSync(built.ctl, ['-c', conf, 'config', 'test'], { env: g.env(), encoding: 'utf8', stdio: 'pipe' }), e => e.stderr.includes(why) && e.stderr.includes(name) && (where === '[llmgw]' || /bad\.conf:\d+: /.test(e.stderr)) || assert.fail(e.stderr))
  }
})

await runAll('e2e-tls', {
  after: async () => {
    for (const x of [g, general]) await x.stop()
    for (const s of [...Object.values(servers), proxy]) { s.closeAllConnections(); s.close() }
    fs.rmSync(dir, { recursive: true, force: true })
  }
})
