// Three hosts behind one nginx: network namespaces of their own, PostgreSQL and Redis
// for all, FastCGI over TCP.  One of them is cut off under load, and comes back.
// Needs root, unshare(1), nsenter(1) and ip(8).

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { once } from 'node:events'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { fastcgi } from '../lib/fastcgi.mjs'
import { alive, kids, sleep, top, until, where } from '../lib/gateway.mjs'
import { request } from '../lib/http.mjs'
import { Postgres, Redis } from '../lib/stores.mjs'
import { events, faults } from '../lib/stream.mjs'
import { assert, runAll, table, test } from '../lib/suite.mjs'
import { completion, textStream } from '../lib/upstream.mjs'

// All of it happens in a net of its own, with mounts of its own for nothing to stay.
if (!process.env.TEST_NET) {
  const up = 'ip link set lo up && exec "$0" "$@"'
  if (spawnSync('unshare', ['-n', 'sh', '-c', 'ip link set lo up && ip link add t0 type veth peer name t1'], { stdio: 'ignore' }).status !== 0) {
    console.log('no network namespaces here\n0 passed, 0 failed, 1 skipped')
    process.exit(0)
  }
  const r = spawnSync('unshare', ['-n', 'sh', '-c', up, process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit', env: { ...process.env, TEST_NET: '1' } })
  process.exit(r.status ?? 1)
}

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'llmgw-hosts.'))
fs.chmodSync(dir, 0o755)
const sh = text => execFileSync('sh', ['-ec', text], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: 10000 })
const children = []
process.on('exit', () => {
  for (const c of children) try { process.kill(-c.pid, 'SIGKILL') } catch { /* gone already */ }
  fs.rmSync(dir, { recursive: true, force: true })
})
function start(args, env = {}) {
  const log = fs.openSync(path.join(dir, 'start.log'), 'a')
  const c = spawn(args[0], args.slice(1), { env: { ...process.env, ...env }, stdio: ['ignore', log, log], detached: true, cwd: dir })
  fs.closeSync(log)
  children.push(c)
  return c
}

// --- the provider: who asked for what, from which host, and when -------------------------

const seen = new Map()
const provider = http.createServer((req, res) => {
  const pieces = []
  req.on('data', d => pieces.push(d)).on('end', async () => {
    const body = JSON.parse(Buffer.concat(pieces))
    const id = body.messages[0].content
    seen.set(id, { host: Number(/10\.77\.(\d)\.2$/.exec(req.socket.remoteAddress)?.[1]), at: Date.now(), times: (seen.get(id)?.times ?? 0) + 1 })
    if (id.startsWith('held')) { await once(res, 'close'); return }
    if (!body.stream) { await sleep(150); res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(completion())); return }
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const e of textStream(Array.from({ length: 12 }, (_, i) => ` w${i}`))) {
      if (res.destroyed) return
      res.write(e)
      await sleep(60)
    }
    res.end()
  })
})
await new Promise(done => provider.listen(8080, '0.0.0.0', done))

// --- the hosts -----------------------------------------------------------------------------

const pg = await Postgres.start({ listen_addresses: '*' })
fs.appendFileSync(path.join(pg.data, 'pg_hba.conf'), 'host all all 10.77.0.0/16 trust\n')
pg.child.kill('SIGHUP')
const redis = await Redis.start('--port', '6379', '--bind', '0.0.0.0', '--protected-mode', 'no')

const hosts = [1, 2, 3].map(n => ({ n, dir: path.join(dir, `h${n}`), address: `10.77.${n}.2` }))
const ports = { chat: 9201, health: 9200 }
for (const h of hosts) {
  h.holder = start(['unshare', '-n', 'sleep', '600'])
  await until(() => { try { return fs.readlinkSync(`/proc/${h.holder.pid}/ns/net`) !== fs.readlinkSync('/proc/self/ns/net') } catch { return false } }, 5000, 10)
  h.inside = ['nsenter', '-t', String(h.holder.pid), '-n']
  sh(`ip link add v${h.n} type veth peer name p${h.n}
    ip link set p${h.n} netns ${h.holder.pid}
    ip addr add 10.77.${h.n}.1/24 dev v${h.n}; ip link set v${h.n} up
    ${h.inside.join(' ')} sh -ec 'ip link set lo up; ip addr add ${h.address}/24 dev p${h.n}; ip link set p${h.n} up'`)
  for (const d of ['state', 'run']) fs.mkdirSync(path.join(h.dir, d), { recursive: true })
  h.conf = path.join(h.dir, 'llmgw.conf')
  const near = `10.77.${h.n}.1`
  fs.writeFileSync(h.conf, `[llmgw]
state_dir = ${h.dir}/state
runtime_dir = ${h.dir}/run
catalog_file = ${where.catalog}
log_file = ${h.dir}/llmgw.log
store_sql = postgresql://llmgw@${near}/postgres
store_kv = redis://${near}
fcgi_peers = ${near}
insecure_hosts = 10.77.0.0/16
key_cache_ttl = 200ms
drain_timeout = 2s
exploration_rate = 0

[provider far]
base_url = http://${near}:8080/v1
key = sk-far-secret

[model far-model]
provider = far/far-model
capabilities = stream, plain, chat
input_price = 1
output_price = 2
`)
}
const [first] = hosts
const ctl = (...args) => execFileSync(where.ctl, ['-c', first.conf, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
// As README says: one host makes the secrets, the others have the same ones.
let why
await until(() => { try { ctl('init'); return true } catch (e) { why = e.stderr; return false } }, 10000, 200) || assert.fail(why)
for (const h of hosts.slice(1)) for (const f of ['key_hash_secrets', 'master.key']) fs.copyFileSync(path.join(first.dir, 'state', f), path.join(h.dir, 'state', f))
const begin = (h, program) => {
  const port = ports[program]
  h[program] = start([...h.inside, 'spawn-fcgi', '-n', '-a', h.address, '-p', String(port), '-b', '1024', '--', `${where.bin}/llmgw-run`, '1', `${where.bin}/${program}.fcgi`], { LLMGW_CONF: h.conf })
}
for (const h of hosts) for (const program of Object.keys(ports)) begin(h, program)
// A program of one host, without a web server.
const direct = (h, program, options) => fastcgi({ host: h.address, port: ports[program] }, options)

// --- nginx, with the files that are shipped ------------------------------------------------------

const share = path.join(top, 'nginx-conf')
const all = port => hosts.map(h => `server ${h.address}:${port} max_fails=1 fail_timeout=3s;`).join(' ')
const own = fs.readFileSync(`${share}/llmgw-http.conf`, 'utf8')
  .replace(/^upstream llmgw_(\w+) \{.*\}$/gm, (_, name) => `upstream llmgw_${name} { ${all(ports[name] ?? ports.health)} }`)
fs.writeFileSync(path.join(dir, 'http.conf'), own)
for (const d of ['tmp', 'log']) fs.mkdirSync(path.join(dir, d))
fs.writeFileSync(path.join(dir, 'nginx.conf'), `user root; daemon off; worker_processes 1; pid ${dir}/nginx.pid; error_log ${dir}/log/nginx.log;
events { worker_connections 1024; }
http { access_log off; ${['client_body', 'fastcgi', 'proxy', 'scgi', 'uwsgi'].map(n => `${n}_temp_path ${dir}/tmp/${n};`).join(' ')}
include ${dir}/http.conf;
server { listen 127.0.0.1:4001; underscores_in_headers on; location / { include ${share}/llmgw.conf; } } }
`)
start(['nginx', '-p', dir, '-c', path.join(dir, 'nginx.conf'), '-e', path.join(dir, 'log/nginx.log')], { PATH: `${process.env.PATH}:/usr/sbin` })

// lighttpd and Apache with the rows that their files tell for several hosts.
const source = name => fs.readFileSync(path.join(top, name), 'utf8')
const sbin = name => [`/usr/sbin/${name}`, `/usr/bin/${name}`].find(f => fs.existsSync(f)) ?? name
const portOf = name => ports[name] ?? ports.health
fs.mkdirSync(path.join(dir, 'lighttpd'))
for (const f of ['common.conf', 'llmgw.conf']) {
  fs.writeFileSync(path.join(dir, 'lighttpd', f), source(`lighttpd-conf/${f}`).replace(/"(\w+)" => \( "socket" => var\.llmgw_run \+ "\/(\w+)\.sock" \) \+ var\.llmgw_backend/g,
    (_, name, program) => hosts.map(h => `"${name}${h.n}" => ( "host" => "${h.address}", "port" => ${portOf(program)} ) + var.llmgw_backend`).join(',\n    ')))
}
fs.writeFileSync(path.join(dir, 'lighttpd.conf'), `server.port = 4002
server.bind = "127.0.0.1"
server.document-root = "${dir}"
server.modules += ( "mod_setenv", "mod_fastcgi" )
var.llmgw_conf = "${dir}/lighttpd"
var.llmgw_run = "${dir}"
var.llmgw_mount = ""
include var.llmgw_conf + "/llmgw.conf"
`)
start([sbin('lighttpd'), '-D', '-f', path.join(dir, 'lighttpd.conf')])

const balancers = new Map()
const apacheConf = source('apache-conf/llmgw.conf').replace(/"unix:\$\{LLMGW_RUN\}\/(\w+)\.sock\|fcgi:\/\/([\w-]+)\/" flushpackets=on timeout=3600/g, (_, program, name) => {
  balancers.set(name, portOf(program))
  return `"balancer://${name}/"`
})
const modules = '/usr/lib/apache2/modules'
fs.writeFileSync(path.join(dir, 'apache.conf'), [
  ...['mpm_event', 'authz_core', 'proxy', 'proxy_fcgi', 'slotmem_shm', 'proxy_balancer', 'lbmethod_byrequests', 'env', 'setenvif'].map(m => `LoadModule ${m}_module ${modules}/mod_${m}.so`),
  `ServerRoot ${dir}`, 'ServerName 127.0.0.1', 'Listen 127.0.0.1:4003', `PidFile ${dir}/apache.pid`, `Mutex file:${dir}`, `ErrorLog ${dir}/log/apache.log`, `DefaultRuntimeDir ${dir}`,
  'User www-data', 'Group www-data', 'Define LLMGW_MOUNT /', `Define LLMGW_RUN ${dir}`,
  ...[...balancers].flatMap(([name, port]) => [`<Proxy "balancer://${name}">`,
    ...hosts.map(h => `BalancerMember "fcgi://${h.address}:${port}" retry=5 connectiontimeout=2 flushpackets=on timeout=3600`), '</Proxy>']),
  apacheConf, ''].join('\n'))
start([sbin('apache2'), '-D', 'FOREGROUND', '-f', path.join(dir, 'apache.conf')])

const servers = { nginx: 'http://127.0.0.1:4001', lighttpd: 'http://127.0.0.1:4002', apache: 'http://127.0.0.1:4003' }
const url = servers.nginx
const newKey = (...more) => JSON.parse(ctl('key', 'create', '--json', '--label', 'hosts', ...more))
const key = newKey()
const ask = (id, { stream = false, secret = key.key, timeout = 4000, at = url } = {}) => request(at + '/v1/chat/completions', {
  method: 'POST', timeout, headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json', 'x-request-id': id },
  body: JSON.stringify({ model: 'far-model', max_tokens: 50, stream, messages: [{ role: 'user', content: id }] })
})
const good = (a, stream) => a.status === 200 && a.complete && (!stream || faults(events(a.text).filter(e => !e.comment), false).length === 0)

// Whatever happens, it ends.
setTimeout(() => { console.log('FAIL e2e-hosts: not through after 100 s\n0 passed, 1 failed'); process.exit(1) }, 100000).unref()

// --- tests ---------------------------------------------------------------------------------

const health = async (h, query = '') => {
  const a = await direct(h, 'health', { uri: '/' + query }).catch(e => ({ status: e.code }))
  return a.status
}

test('each host serves, and its health says so', async () => {
  for (const h of hosts) assert.ok(await until(async () => await health(h) === 200, 20000, 100), await health(h))
  assert.ok(await until(async () => (await request(url + '/', { timeout: 3000 }).catch(() => null))?.status === 200, 20000, 200), fs.readFileSync(path.join(dir, 'start.log'), 'utf8'))
  let n = 0
  assert.ok(await until(async () => { await ask(`warm-${n++}`).catch(() => {}); return new Set([...seen.values()].map(s => s.host)).size === 3 }, 25000, 50), JSON.stringify([...seen]))
})

// From inside: nobody is told, packets are lost.
const link = way => sh(`${hosts[1].inside.join(' ')} ip link set p2 ${way}`)

table('another server', Object.entries(servers).slice(1), async (name, at) => {
  const round = async (what, n) => {
    const ids = Array.from({ length: n }, (_, i) => `${name}-${what}-${i}`)
    const answers = await Promise.all(ids.map((id, i) => ask(id, { at, stream: i % 2 === 0, timeout: 12000 }).catch(e => ({ status: e.message }))))
    for (const [i, a] of answers.entries()) assert.ok(good(a, i % 2 === 0), `${what}: ${a.status} ${a.text}`)
    return new Set(ids.map(id => seen.get(id).host))
  }
  let n = 0
  const well = async () => {
    const ids = Array.from({ length: 9 }, () => `${name}-first-${n++}`)
    const answers = await Promise.all(ids.map(id => ask(id, { at }).catch(() => null)))
    return answers.every(a => a?.status === 200) && new Set(ids.map(id => seen.get(id)?.host)).size === 3
  }
  assert.ok(await until(well, 20000, 300), 'not all of them serve')
  assert.equal((await round('all', 24)).size, 3)
  link('down')
  try {
    assert.ok(!(await round('cut', 24)).has(2))
  } finally { link('up') }
  assert.ok([...seen].filter(([id]) => id.startsWith(name)).every(([id, s]) => s.times === 1), 'a provider was asked twice')
})

const tell = (h, id, secret = key.key) => direct(h, 'chat', { method: 'POST', uri: '/v1/chat/completions', headers: { authorization: `Bearer ${secret}` },
  body: JSON.stringify({ model: 'far-model', max_tokens: 50, messages: [{ role: 'user', content: id }] }) })
// A host that was cut off before has its stores again a little later.
let settling = 0
const settled = async () => assert.ok(await until(async () => {
  const answers = await Promise.all([...hosts, ...hosts].map(h => tell(h, `settle-${settling++}`).catch(() => null)))
  return answers.every(a => a?.status === 200)
}, 20000, 300), 'not all of them serve')

test('a host that is told to end is out at once, and comes back', async () => {
  const [, , h] = hosts
  process.kill(h.health.pid, 'SIGTERM')
  assert.ok(await until(async () => await health(h) === 'ECONNREFUSED'), await health(h))
  assert.ok(await until(() => !alive(h.health.pid)))
  begin(h, 'health')
  assert.ok(await until(async () => await health(h) === 200))
})

test('a limit is one for all hosts', async () => {
  await settled()
  const limited = newKey() // nobody has read it yet
  pg.sql(`UPDATE api_key SET rpm = 7 WHERE id = '${limited.id}'`)
  const answers = await Promise.all(Array.from({ length: 42 }, async (_, i) => {
    const { status, text } = await tell(hosts[i % 3], `limit-${i}`, limited.key)
    return { host: i % 3, status, text }
  }))
  assert.deepEqual([200, 429].map(s => answers.filter(a => a.status === s).length), [7, 35], JSON.stringify(answers.find(a => a.status !== 200 && a.status !== 429)))
  assert.equal(new Set(answers.filter(a => a.status === 429).map(a => a.host)).size, 3)
})

// The request is at a provider already: it is paid, and must not run again.
table('a host dies that has a request', Object.entries(servers), async (name, at) => {
  for (const stream of [false, true]) {
    await settled()
    const id = `held-${name}-${stream}`
    const answer = ask(id, { at, stream, timeout: 20000 })
    if (!await until(() => seen.has(id), 10000, 20)) assert.fail((await answer).text)
    const h = hosts[seen.get(id).host - 1]
    const victims = kids(h.chat.pid)
    assert.ok(victims.length > 0, 'it has no processes')
    for (const pid of victims) process.kill(pid, 'SIGKILL')
    const a = await answer
    assert.equal(a.status, name === 'lighttpd' ? 500 : 502, a.text)
    if (name === 'apache') assert.match(a.text, /broke off, and it is not sent to another/)
    assert.ok(good(await ask(`after-${name}-${stream}`, { at, stream, timeout: 20000 }), stream))
    assert.equal(seen.get(id).times, 1)
    assert.ok(await until(() => kids(h.chat.pid).some(p => !victims.includes(p))), 'it is not started again')
  }
})

test('a host is cut off under load, and comes back', async () => {
  await settled()
  const results = []
  let on = true
  const client = async c => {
    for (let n = 0; on; n++) {
      const id = `load-${c}-${n}`
      const r = { id, stream: (c + n) % 2 === 0, began: Date.now() }
      try {
        const a = await ask(id, r)
        r.ok = good(a, r.stream)
        if (!r.ok) r.answer = `${a.status} ${a.text.slice(0, 200)}`
      } catch (e) { r.error = e.message }
      r.ms = Date.now() - r.began
      results.push(r)
    }
  }
  const all = Array.from({ length: 24 }, (_, c) => client(c))
  await sleep(3000)
  link('down')
  const cut = Date.now()
  await sleep(5000)
  link('up')
  const back = Date.now()
  assert.ok(await until(() => [...seen.values()].some(s => s.host === 2 && s.at > back), 15000, 100), 'the host does not come back')
  await sleep(1000)
  on = false
  await Promise.all(all)

  const bad = results.filter(r => !r.ok)
  const of2 = r => seen.get(r.id)?.host === 2
  const begun = bad.filter(of2)
  const lost = bad.filter(r => !of2(r))
  const slowest = Math.max(...results.filter(r => r.ok && r.began > cut).map(r => r.ms))
  console.error(`     one of three hosts cut off: ${results.length} requests, ${begun.length} were in progress there, ${lost.length} others lost, the slowest took ${slowest} ms`)
  // What the others did is not touched, and what had not begun is served elsewhere.
  assert.equal(lost.filter(r => r.began > cut).length, 0, JSON.stringify(lost.slice(0, 3)))
  assert.deepEqual(lost.filter(r => seen.has(r.id)), [], 'lost on a host that was there')
  assert.ok(lost.length <= 2, JSON.stringify(lost.slice(0, 3))) // at the very moment, on its way
  assert.ok(begun.every(r => seen.get(r.id).at < cut + 1000), JSON.stringify(begun.slice(0, 3)))
  assert.ok(results.filter(r => r.ok && r.began > cut && r.began < back).length > 50)
  assert.ok(begun.length > 0 && slowest < 4000, `${begun.length}, ${slowest} ms`)
  // The first ones find out, 2 s long; after that one of them looks again, each 3 s.
  const late = results.filter(r => r.ok && r.began > cut + 2500 && r.began < back && r.ms > 1900)
  assert.ok(late.length <= 4, `${late.length} waited for the host that was known to be away`)
  assert.ok([...seen].filter(([id]) => id.startsWith('load')).every(([, s]) => s.times === 1), 'a provider was asked twice')

  // Its records have come, each once.
  const rows = () => new Map(pg.sql("SELECT request_id, count(*) FROM log WHERE request_id LIKE 'load-%' AND attempt_of IS NULL GROUP BY request_id").split('\n').map(l => l.split('|')))
  const served = results.filter(r => r.ok)
  assert.ok(await until(() => { const m = rows(); return served.every(r => m.has(r.id)) }, 20000, 300), 'records are missing')
  for (const [id, n] of rows()) assert.equal(n, '1', id)
})

test('Redis is away: each host says so, and serves', async () => {
  await redis.stop()
  for (const h of hosts) {
    assert.ok(await until(async () => await health(h) === 503, 10000, 100), await health(h))
    assert.equal(await health(h, '?skip=redis'), 200)
  }
  let n = 0
  assert.ok(await until(async () => good(await ask(`without-${n++}`)), 20000, 200))
})

await runAll('e2e-hosts', {
  after: async () => {
    for (const c of children) try { process.kill(-c.pid, 'SIGTERM') } catch { /* gone already */ }
    await sleep(500)
    await redis.end().catch(() => {})
    await pg.end()
    provider.closeAllConnections()
    provider.close()
  }
})
