// Who the web server says is there (trusted_identity_socket), and what it asks
// about requests that it serves itself (authorizer.fcgi): by each server with the
// files that are shipped for it, with passwords and client certificates.  E2E_STORE
// is the pair of stores, as for the tests of money.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import path from 'node:path'
import { fastcgi, socketOf } from '../lib/fastcgi.mjs'
import { Gateway, alive, freePort, serverName, until, where } from '../lib/gateway.mjs'
import { stores } from '../lib/money.mjs'
import { assert, flat, runAll, table, test } from '../lib/suite.mjs'
import { listening } from '../lib/webserver.mjs'

const port = { password: await freePort(), tls: await freePort(), scgi: await freePort(), authorizer: await freePort() }
const guarded = serverName === 'nginx' ? await freePort() : undefined
const share = where.share

// --- what is behind the web server, and is no business of the gateway --------

const reached = []
const backend = http.createServer(async (q, res) => {
  let body = ''
  for await (const piece of q) body += piece
  const said = { path: q.url, key: q.headers['x-llmgw-key'], project: q.headers['x-llmgw-project'], organization: q.headers['x-llmgw-organization'], body }
  reached.push(said)
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify(said))
})
await new Promise(done => { backend.listen(0, '127.0.0.1', done) })
port.backend = backend.address().port

// lighttpd tells programs of SCGI, and no proxied server.
const scgi = net.createServer(s => {
  let got = ''
  s.on('error', () => {})
  s.on('data', d => {
    got += d
    const [head, rest] = [got.slice(got.indexOf(':') + 1), got.slice(got.indexOf(',') + 1)]
    const words = head.slice(0, Number(got.split(':')[0])).split('\0')
    const at = name => words[words.indexOf(name) + 1]
    if (rest.length < Number(at('CONTENT_LENGTH'))) return
    const said = { path: at('REQUEST_URI'), key: at('LLMGW_KEY'), project: at('LLMGW_PROJECT'), organization: at('LLMGW_ORGANIZATION'), body: rest }
    reached.push(said)
    s.end(`Status: 200 OK\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(said)}`)
  })
})
await new Promise(done => { scgi.listen(port.scgi, '127.0.0.1', done) })

// --- certificates -------------------------------------------------------------

function certificates(dir) {
  const run = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const self = (name, subject) => run('req', '-x509', ...key, '-days', '30', '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.crt`)
  self('ca', '/CN=people')
  self('stranger', '/O=Example/CN=ann')
  self('server', '/CN=127.0.0.1')
  for (const name of ['ann', 'bob']) {
    run('req', ...key, '-subj', `/O=Example/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    run('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30', '-out', `${name}.crt`)
  }
  const read = f => fs.readFileSync(path.join(dir, f), 'utf8')
  fs.writeFileSync(path.join(dir, 'server.pem'), read('server.crt') + read('server.key'))
  const hash = execFileSync('openssl', ['passwd', '-apr1', 'secret'], { encoding: 'utf8' }).trim()
  fs.writeFileSync(path.join(dir, 'passwords'), `ann:${hash}\nbob:${hash}\n`)
  for (const f of fs.readdirSync(dir)) fs.chmodSync(path.join(dir, f), 0o644)
}

// --- the servers, as the shipped files say -------------------------------------

const webs = {
  lighttpd: d => ({
    before: [`include "${share}/lighttpd-conf/identity.conf"`, 'server.modules += ( "mod_openssl" )'],
    behind: [
      'server.modules += ( "mod_proxy", "mod_scgi" )',
      `$SERVER["socket"] == "127.0.0.1:${port.password}" {`,
      'auth.backend = "htpasswd"', `auth.backend.htpasswd.userfile = "${d}/passwords"`,
      'auth.require = ( "/" => ( "method" => "basic", "realm" => "llmgw", "require" => "valid-user" ) )', '}',
      `$SERVER["socket"] == "127.0.0.1:${port.tls}" {`,
      'ssl.engine = "enable"', `ssl.pemfile = "${d}/server.pem"`, 'ssl.verifyclient.activate = "enable"',
      'ssl.verifyclient.enforce = "disable"', `ssl.verifyclient.ca-file = "${d}/ca.crt"`, '}',
      'var.llmgw_guarded = "^/(tools|plain)/"', `include "${share}/lighttpd-conf/authorizer.conf"`,
      `$HTTP["url"] =~ "^/tools/" { scgi.server = ( "/" => (( "host" => "127.0.0.1", "port" => ${port.scgi}, "check-local" => "disable" )) ) }`,
      `$HTTP["url"] =~ "^/plain/" { proxy.server = ( "/" => (( "host" => "127.0.0.1", "port" => ${port.backend} )) ) }`]
  }),
  nginx: d => ({
    before: [],
    behind: [
      'server {', `listen 127.0.0.1:${port.password};`, 'auth_basic llmgw;', `auth_basic_user_file ${d}/passwords;`,
      'set $llmgw_user $remote_user;', `location / { include ${share}/nginx-conf/llmgw.conf; include ${share}/nginx-conf/identity.conf; }`, '}',
      'server {', `listen 127.0.0.1:${port.tls} ssl;`, `ssl_certificate ${d}/server.crt;`, `ssl_certificate_key ${d}/server.key;`,
      `ssl_client_certificate ${d}/ca.crt;`, 'ssl_verify_client optional;', 'set $llmgw_user "";', `location / { include ${share}/nginx-conf/llmgw.conf; include ${share}/nginx-conf/identity.conf; }`, '}',
      'server {', `listen 127.0.0.1:${guarded};`, `include ${share}/nginx-conf/authorizer.conf;`,
      'location ~ ^/(tools|plain)/ {', `include ${share}/nginx-conf/authorized.conf;`, `proxy_pass http://127.0.0.1:${port.backend};`, '} }']
  }),
  apache: d => ({
    before: [
      ...['authn_core', 'authn_file', 'authz_user', 'auth_basic', 'authnz_fcgi', 'headers', 'proxy_http', 'socache_shmcb', 'ssl']
        .map(m => `LoadModule ${m}_module /usr/lib/apache2/modules/mod_${m}.so`),
      ...['tools', 'plain'].map(p => `ProxyPass /${p}/ http://127.0.0.1:${port.backend}/${p}/`)],
    behind: [
      `Define LLMGW_AUTHORIZER 127.0.0.1:${port.authorizer}`,
      ...['tools', 'plain'].flatMap(p => [`Define LLMGW_GUARDED /${p}/`, `Include ${share}/apache-conf/authorizer.conf`]).slice(0, 2),
      `Listen 127.0.0.1:${port.password}`, `<VirtualHost 127.0.0.1:${port.password}>`,
      `Define LLMGW_HTPASSWD ${d}/passwords`, `Include ${share}/apache-conf/identity.conf`, 'UnDefine LLMGW_HTPASSWD', '</VirtualHost>',
      `Listen 127.0.0.1:${port.tls}`, `<VirtualHost 127.0.0.1:${port.tls}>`, 'SSLEngine on',
      `SSLCertificateFile ${d}/server.crt`, `SSLCertificateKeyFile ${d}/server.key`, `SSLCACertificateFile ${d}/ca.crt`, 'SSLVerifyClient optional',
      `Include ${share}/apache-conf/identity.conf`, '</VirtualHost>']
  })
}

class Identities extends Gateway {
  writeConf(conf, sections) {
    fs.mkdirSync(path.join(this.dir, 'tls'))
    certificates(path.join(this.dir, 'tls'))
    super.writeConf({ trusted_identity_socket: `${this.dir}/run`, fcgi_peers: '127.0.0.1', cors_origins: 'https://app.example', ...conf }, sections)
  }

  morePrograms() {
    fs.mkdirSync(path.join(this.dir, 'else'), { recursive: true })
    const at = f => path.join(this.dir, f)
    return [
      listening(where.bin, serverName === 'apache' ? port.authorizer : at('run/authorizer.sock'), 'authorizer'),
      listening(where.bin, at('else/other.sock'), 'health'),
      ['env', `LLMGW_TRUSTED_IDENTITY_SOCKET=${at('else/named.sock')}`, ...listening(where.bin, at('else/named.sock'), 'health')]
    ]
  }

  web() { return webs[serverName](path.join(this.dir, 'tls')) }
}

const kept = await stores()
const g = await Identities.start({ env: {}, conf: kept.conf })
// Counters that are new are built first, where others could have holds.
await until(async () => (await g.chat({ model: 'sim-echo', messages: [{ role: 'user', content: 'x' }] })).status === 200, 15000)
const tls = path.join(g.dir, 'tls')
const basic = (user, password = 'secret') => ({ authorization: 'Basic ' + Buffer.from(`${user}:${password}`).toString('base64') })

// A request to one of the ports, with no key unless headers have it.
function to(at, { method = 'GET', uri = '/v1/key', headers = {}, cert, body } = {}) {
  const options = { host: '127.0.0.1', port: at, method, path: uri, headers, agent: false, timeout: 20000, rejectUnauthorized: false }
  if (cert) Object.assign(options, { cert: fs.readFileSync(`${tls}/${cert}.crt`), key: fs.readFileSync(`${tls}/${cert}.key`) })
  if (body !== undefined) Object.assign(headers, { 'content-type': headers['content-type'] ?? 'application/json', 'content-length': Buffer.byteLength(body) })
  return new Promise((done, failed) => {
    const q = (at === port.tls ? https : http).request(options, async res => {
      let text = ''
      for await (const piece of res) text += piece
      done({ status: res.statusCode, headers: res.headers, text, get json() { return JSON.parse(text) } })
    })
    q.on('error', failed)
    q.on('timeout', () => q.destroy(new Error('no answer')))
    q.end(body)
  })
}

const chat = JSON.stringify({ model: 'sim-echo', messages: [{ role: 'user', content: 'hello' }] })
const asked = (at, more) => to(at, { method: 'POST', uri: '/v1/chat/completions', body: chat, ...more })
const create = (kind, value, key) => JSON.parse(g.ctl('identity', 'create', '--json', `kind=${kind}`, `value=${value}`, `key_id=${key}`))
// Which key was it?
const keyOf = a => { assert.equal(a.status, 200, a.text); return a.json.id }

const ann = g.newKey('ann')
const machine = g.newKey('machine')
const named = create('remote_user', 'ann', ann.id)
// Each server has its own way to write a name.
const dnOf = name => serverName === 'lighttpd' ? `O = Example, CN = ${name}` : `CN=${name},O=Example`
const dn = dnOf('ann')
create('client_dn', dn, machine.id)

test('a user with a password is a key, and pays as that key', async () => {
  assert.ok(await until(async () => (await to(port.password, { headers: basic('ann') })).status === 200, 10000), 'she is not known')
  assert.equal(keyOf(await to(port.password, { headers: basic('ann') })), ann.id)
  const a = await asked(port.password, { headers: basic('ann') })
  assert.equal(a.status, 200, a.text)
  assert.ok(await until(() => g.usage('key').some(r => r.key === ann.id && r.requests === 1), 10000), JSON.stringify(g.usage('key')))
  assert.equal((await to(port.password, { uri: '/v1/models', headers: basic('ann') })).status, 200)
})

test('who has no key, and who is nobody', async () => {
  flat(await to(port.password, { headers: basic('bob') }), 401, 'invalid_api_key', 'Unauthorized: No API key is set for remote_user "bob"')
  flat(await asked(port.password, { headers: basic('bob') }), 401, 'invalid_api_key')
  assert.equal((await to(port.password, { headers: basic('ann', 'wrong') })).status, 401)
  assert.equal((await to(port.password)).status, 401)
})

test('a client certificate is a key', async () => {
  assert.equal(keyOf(await to(port.tls, { cert: 'ann' })), machine.id)
  assert.equal((await asked(port.tls, { cert: 'ann' })).status, 200)
  flat(await to(port.tls, { cert: 'bob' }), 401, 'invalid_api_key', `Unauthorized: No API key is set for client_dn "${dnOf('bob')}"`)
  flat(await to(port.tls), 401, 'invalid_api_key', /No API key provided/)
})

test('a certificate that is not verified is none', async () => {
  // nginx and Apache end it themselves.
  const a = await to(port.tls, { cert: 'stranger' }).catch(() => ({ status: 400 }))
  assert.ok([400, 401].includes(a.status), `${a.status} ${a.text}`)
})

test('a key that was sent wins', async () => {
  const bearer = { authorization: `Bearer ${g.key}` }
  const mine = keyOf(await g.get('/v1/key'))
  assert.equal(keyOf(await to(port.tls, { cert: 'ann', headers: bearer })), mine)
  assert.equal(keyOf(await to(port.tls, { cert: 'bob', headers: { 'x-api-key': g.key } })), mine)
  flat(await to(port.tls, { cert: 'ann', headers: { 'x-api-key': 'llmgtwy_wrong' } }), 401, 'invalid_api_key', 'Unauthorized: Invalid API key')
})

test('no header is believed', async () => {
  const headers = {
    'Remote-User': 'ann', REMOTE_USER: 'ann', 'X-Remote-User': 'ann', 'X-Forwarded-User': 'ann', 'SSL-Client-S-DN': dn, SSL_CLIENT_S_DN: dn,
    'SSL-Client-Verify': 'SUCCESS', SSL_CLIENT_VERIFY: 'SUCCESS', 'X-SSL-Client-S-DN': dn, 'LLMGW-Key': ann.id
  }
  for (const more of [{}, basic('ann'), basic('ann', '')]) {
    flat(await to(g.port, { headers: { ...headers, ...more } }), 401, 'invalid_api_key', /No API key provided/)
    flat(await to(port.tls, { headers: { ...headers, ...more } }), 401, 'invalid_api_key', /No API key provided/)
  }
})

const user = { REMOTE_USER: 'ann' }
const proof = { SSL_CLIENT_S_DN: dn, SSL_CLIENT_VERIFY: 'SUCCESS' }

table('direct', [
  ['in the directory', 'run', user, () => ann.id],
  ['in the directory, a certificate', 'run', proof, () => machine.id],
  ['both: the user', 'run', { ...proof, ...user }, () => ann.id],
  ['an empty user', 'run', { ...proof, REMOTE_USER: '' }, () => machine.id],
  ['a name without a verdict', 'run', { SSL_CLIENT_S_DN: dn }, null],
  ['a name that failed', 'run', { ...proof, SSL_CLIENT_VERIFY: 'FAILED:self signed' }, null],
  ['a name of no certificate', 'run', { ...proof, SSL_CLIENT_VERIFY: 'NONE' }, null],
  ['an unverified issuer', 'run', { ...proof, SSL_CLIENT_VERIFY: 'GENEROUS' }, null],
  ['another spelling', 'run', { ...proof, SSL_CLIENT_S_DN: '/O=Example/CN=ann' }, null],
  ['control characters', 'run', { REMOTE_USER: 'ann\n' }, null],
  ['the socket that is named', 'named', user, () => ann.id],
  ['another socket', 'other', user, null],
  ['another socket, a certificate', 'other', proof, null]
], async (name, at, params, want) => {
  const socket = at === 'run' ? socketOf(g, 'health') : path.join(g.dir, 'else', `${at}.sock`)
  const a = await fastcgi(socket, { uri: '/v1/key', params })
  if (want) assert.equal(JSON.parse(a.text).id, want(), a.text)
  else assert.equal(a.status, 401, a.text)
})

test('the admin API takes its tokens and nothing else', async () => {
  assert.equal((await fastcgi(socketOf(g, 'admin'), { uri: '/admin/v1/keys', params: user })).status, 401)
})

test('a page of another site cannot use its visitor', async () => {
  const of = origin => ({ ...basic('ann'), origin })
  flat(await asked(port.password, { headers: of('https://evil.example') }), 403, 'permission_denied')
  flat(await asked(port.password, { headers: of('null') }), 403, 'permission_denied')
  assert.equal((await asked(port.password, { headers: of(`http://127.0.0.1:${port.password}`) })).status, 200)
  assert.equal((await asked(port.password, { headers: of('https://app.example') })).status, 200)
  assert.equal((await asked(port.password, { headers: of(g.url) })).status, 200) // public_url
})

test('identities: who may change them, another key, an end', async () => {
  const org = (await g.admin('GET', 'organizations')).json.data[0].id
  const token = (await g.admin('POST', 'tokens', { role: 'org_admin', organization_id: org })).json.token
  const other = (await g.admin('POST', 'organizations', { name: 'others' })).json.id
  const foreign = (await g.admin('POST', 'tokens', { role: 'org_admin', organization_id: other })).json.token
  flat(await g.admin('POST', 'identities', { kind: 'remote_user', value: 'eve', key_id: ann.id }, { token }), 403, 'permission_denied')
  assert.equal((await g.admin('GET', `identities/${named.id}`, undefined, { token })).status, 200)
  assert.equal((await g.admin('GET', `identities/${named.id}`, undefined, { token: foreign })).status, 404)
  assert.deepEqual((await g.admin('GET', 'identities', undefined, { token: foreign })).json.data, [])
  assert.equal((await g.admin('GET', 'identities?kind=client_dn')).json.data.length, 1)
  flat(await g.admin('POST', 'identities', { kind: 'remote_user', value: 'ann', key_id: machine.id }), 409, 'conflict')

  const is = async want => until(async () => { const a = await to(port.password, { headers: basic('ann') }); return (a.status === 200 ? a.json.id : a.status) === want }, 10000)
  assert.equal((await g.admin('PATCH', `identities/${named.id}`, { key_id: machine.id })).status, 200)
  assert.ok(await is(machine.id), 'the other key')
  const short = g.newKey('short')
  await g.admin('PATCH', `identities/${named.id}`, { key_id: short.id })
  assert.ok(await is(short.id), 'a third key')
  g.changeKey('delete', short.id)
  assert.ok(await is(401), 'its key was deleted')
  assert.ok(!g.ctl('identity', 'list').includes('remote_user'), 'it is still listed')
  const again = create('remote_user', 'ann', ann.id) // the dead one is not in the way
  assert.ok(await is(ann.id), 'made again')
  g.ctl('identity', 'delete', again.id)
  assert.ok(await is(401), 'deleted')
  const log = (await g.admin('GET', 'audit?limit=50')).json.data.filter(e => e.object === 'identity')
  assert.deepEqual([...new Set(log.map(e => e.action))].sort(), ['create', 'delete', 'update'])
  assert.ok(log.some(e => e.action === 'update' && e.changes.key_id[0] === ann.id && e.changes.key_id[1] === machine.id))
})

// --- the authorizer -------------------------------------------------------------

const ids = {}
const tool = (key, more) => to(guarded ?? g.port, { uri: '/tools/a%20b?c=d', ...more, headers: { ...(key && { authorization: `Bearer ${key}` }), ...more?.headers } })
// Apache hands the text of a refusal on as HTML.
const refused = (a, status, code) => {
  assert.equal(a.status, status, a.text)
  assert.equal(JSON.parse(a.text).code, code)
  if (serverName !== 'apache') flat(a, status, code)
}

test('authorizer: an allowed request reaches the backend, which knows whose it is', async () => {
  ids.org = (await g.admin('POST', 'organizations', { name: 'tools' })).json.id
  ids.project = (await g.admin('POST', 'projects', { organization_id: ids.org, name: 'tools' })).json.id
  ids.key = (await g.admin('POST', 'keys', { project_id: ids.project, label: 'tools' })).json
  const forged = { 'x-llmgw-key': 'key_forged', 'x-llmgw-organization': 'org_forged', 'content-type': 'text/odd' }
  const a = await tool(ids.key.key, { method: 'POST', body: 'x'.repeat(100000), headers: forged })
  assert.equal(a.status, 200, a.text)
  assert.deepEqual(a.json, { path: '/tools/a%20b?c=d', key: ids.key.id, project: ids.project, organization: ids.org, body: 'x'.repeat(100000) })
  assert.equal((await tool(undefined, { headers: { 'x-api-key': ids.key.key } })).status, 200)
  if (serverName === 'lighttpd') {
    const b = await tool(ids.key.key, { uri: '/plain/x', headers: { 'x-llmgw-key': 'key_forged' } })
    assert.deepEqual([b.status, b.json.path, b.json.key], [200, '/plain/x', undefined])
  }
})

test('authorizer: refused without a key, and by its state', async () => {
  const n = reached.length
  for (const key of [undefined, 'llmgtwy_wrong', ids.key.id]) {
    const a = await tool(key)
    refused(a, 401, 'invalid_api_key')
    assert.equal(a.headers['www-authenticate'], 'Bearer')
  }
  const change = async (path, body, status, code) => {
    await g.admin('PATCH', path, body)
    let a
    assert.ok(await until(async () => (a = await tool(ids.key.key)).status === status && (!code || a.text.includes(`"${code}"`)), 10000), `never ${status} ${code}: ${a.text}`)
    if (code) refused(a, status, code)
  }
  await change(`keys/${ids.key.id}`, { status: 'inactive' }, 401, 'key_inactive')
  await change(`keys/${ids.key.id}`, { status: 'active' }, 200)
  await change(`organizations/${ids.org}`, { status: 'suspended' }, 403, 'organization_suspended')
  await change(`organizations/${ids.org}`, { status: 'active' }, 200)
  await change(`projects/${ids.project}`, { status: 'archived' }, 410, 'project_archived')
  await change(`projects/${ids.project}`, { status: 'active' }, 200)
  await change(`projects/${ids.project}`, { budget: { limit: 0, unit: 'day' } }, 402, 'insufficient_budget')
  await change(`projects/${ids.project}`, { budget: null, mode: 'credits' }, 402, 'insufficient_credits')
  await change(`projects/${ids.project}`, { mode: 'hybrid' }, 200)
  const rule = (await g.admin('POST', `keys/${ids.key.id}/iam-rules`, { type: 'deny_ips', value: { cidrs: ['127.0.0.0/8'] } })).json.id
  await change('nothing', {}, 403, 'permission_denied')
  await g.admin('DELETE', `keys/${ids.key.id}/iam-rules/${rule}`)
  await change('nothing', {}, 200)
  assert.ok(reached.slice(n).every(r => r.key === ids.key.id))
})

test('authorizer: each allowed request is one of its rate', async () => {
  const k = (await g.admin('POST', 'keys', { project_id: ids.project, label: 'slow', limits: { rpm: 3, tpm: 0, concurrent: 0 } })).json
  const n = reached.length
  const seen = []
  for (let i = 0; i < 5; i++) seen.push((await tool(k.key)).status)
  assert.deepEqual(seen, [200, 200, 200, 429, 429])
  assert.equal(reached.length - n, 3)
  const a = await tool(k.key)
  refused(a, 429, 'rate_limit_exceeded')
  assert.ok(Number(a.headers['retry-after']) >= 1, 'Retry-After')
  assert.deepEqual(g.usage('key').filter(r => [k.id, ids.key.id].includes(r.key)), [], 'a usage record')
})

test('authorizer: roles', async () => {
  const at = serverName === 'apache' ? port.authorizer : socketOf(g, 'authorizer')
  const headers = { authorization: `Bearer ${ids.key.key}` }
  const ask = more => fastcgi(at, { uri: '/x//%2F..', headers, ...more })
  let a = await ask({ role: 2, params: { CONTENT_LENGTH: '5' }, method: 'POST' })
  assert.deepEqual([a.status, a.text, a.headers], [200, '', {
    status: '200 OK', 'variable-llmgw_key': ids.key.id, 'variable-llmgw_project': ids.project, 'variable-llmgw_organization': ids.org
  }])
  a = await ask({ role: 1, method: 'DELETE' })
  assert.deepEqual([a.status, a.text, a.headers['x-llmgw-key'], a.headers['x-llmgw-project'], a.headers['x-llmgw-organization']],
    [200, '', ids.key.id, ids.project, ids.org])
  a = await ask({ params: { LLMGW_REFUSED: '1' } })
  assert.deepEqual([a.status, a.headers['retry-after']], [503, '1'])
  assert.equal((await ask({ role: 2, headers: {} })).status, 401)
  for (const [program, role] of [['authorizer', 3], ['chat', 2], ['health', 2], ['admin', 2]]) {
    const b = await fastcgi(program === 'authorizer' ? at : socketOf(g, program), { role, uri: '/', headers }).catch(() => ({ bytes: 0 }))
    assert.equal(b.bytes, 0, `${program} answers in role ${role}`)
  }
  // A trusted socket: by whom the web server names.
  if (serverName !== 'apache') {
    a = await ask({ role: 2, headers: {}, params: proof })
    assert.equal(a.headers['variable-llmgw_key'], machine.id)
  }
})

test('authorizer: while it does not run nothing is allowed', async () => {
  const n = reached.length
  const all = g.program('authorizer')
  assert.ok(all.length >= 2)
  for (const pid of all) process.kill(pid, 'SIGKILL')
  assert.ok(await until(() => !all.some(alive), 5000))
  const a = await tool(ids.key.key)
  assert.ok(a.status >= 500, `${a.status} ${a.text}`)
  assert.equal(reached.length, n)
})

test('names of people stand in no log', () => {
  assert.ok(!/O ?= ?Example/.test(fs.readFileSync(path.join(g.dir, 'log/llmgw.log'), 'utf8')))
})

await runAll(`identity ${serverName}`, { after: async () => { await g.stop(); await kept.end(); backend.close(); scgi.close() } })
