// The supervisor under lighttpd: death, reload and drain of processes.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { fastcgi } from '../lib/fastcgi.mjs'
import { alive, build, freePort, sleep, until } from '../lib/gateway.mjs'
import { events, faults, join } from '../lib/stream.mjs'
import { assert, runAll, table, test } from '../lib/suite.mjs'
import { hello, modelOf, start, upstream } from './http/setting.mjs'

const g = await start({}, { procs: 2 })

// A stream that takes a while: resolves when its first text has come.
function stream(model = 'sim/sim-slow-c20-i50') {
  let begun, failed
  const first = new Promise((done, fail) => { begun = done; failed = fail })
  const answer = g.chat(hello({ model, stream: true }), { onData: d => { if (/"content":"[^"]/.test(d.toString())) begun() } })
  answer.then(a => failed(new Error(`no text: ${a.status} ${a.text}`)), failed)
  first.catch(() => {})
  return { first, answer }
}

function whole(a) {
  const list = events(a.text).filter(e => !e.comment)
  assert.deepEqual(faults(list, false), [])
  return join(list).content
}

const workers = name => g.program(name).slice(1)

test('one supervisor, two processes', () => {
  assert.equal(g.program('chat').length, 3)
  assert.equal(g.program('health').length, 2)
})

test('a killed process is back within a second', async () => {
  const [victim] = workers('chat')
  process.kill(victim, 'SIGKILL')
  assert.ok(await until(() => workers('chat').filter(p => p !== victim && alive(p)).length === 2, 1000, 20), 'it is not back')
  for (let i = 0; i < 8; i++) assert.equal((await g.chat(hello())).status, 200)
})

test('the only process of a program killed', async () => {
  const [victim] = workers('models')
  process.kill(victim, 'SIGKILL')
  assert.ok(await until(async () => (await g.get('/v1/models').catch(() => null))?.status === 200, 1000, 50))
  assert.ok(!workers('models').includes(victim))
})

test('killed in a stream: cut, never [DONE], one record', async () => {
  const s = stream(modelOf('endless'))
  await s.first
  for (const p of workers('chat')) process.kill(p, 'SIGKILL')
  const a = await s.answer
  assert.ok(!a.text.includes('[DONE]'))
  assert.ok(await until(async () => (await g.chat(hello()).catch(() => null))?.status === 200, 3000))
  assert.ok(await until(() => g.usage().find(r => r.key === 'endless')?.requests === 1, 8000, 200), 'no record, or several')
})

test('SIGHUP during a stream does not cut it', async () => {
  const s = stream()
  await s.first
  const old = workers('chat')
  process.kill(g.program('chat')[0], 'SIGHUP')
  assert.ok(await until(() => workers('chat').filter(p => !old.includes(p)).length === 2, 3000), 'no new processes')
  whole(await s.answer)
  assert.ok(await until(() => !old.some(alive), 5000), 'the old processes stay')
  assert.equal((await g.chat(hello())).status, 200)
})

test('1,000 streams across 10 upgrades: none is broken', async () => {
  const all = []
  for (let upgrade = 0; upgrade < 10; upgrade++) {
    for (let i = 0; i < 100; i++) all.push(g.chat(hello({ model: 'sim/sim-slow-c30-i100', stream: true }), { timeout: 60000 }))
    const old = workers('chat')
    process.kill(g.program('chat')[0], 'SIGHUP')
    assert.ok(await until(() => workers('chat').filter(p => !old.includes(p)).length === 2, 8000), 'no new processes')
    await sleep(1200) // until they have taken over
  }
  const bad = (await Promise.allSettled(all)).filter(a => {
    try { return a.status === 'rejected' || whole(a.value).length === 0 } catch { return true }
  })
  console.error(`     1000 streams across 10 upgrades: ${bad.length} broken`)
  assert.equal(bad.length, 0, String(bad[0]?.reason ?? bad[0]?.value.text).slice(-500))
  assert.ok(await until(() => workers('chat').length === 2, 10000), 'old processes stay')
})

test('counters do not fall when processes are replaced', async () => {
  const read = async () => {
    const out = new Map()
    let counts = false
    for (const l of (await g.get('/metrics')).text.split('\n')) {
      if (l.startsWith('# TYPE ')) counts = /counter|histogram/.test(l)
      else if (counts && !l.startsWith('#') && l) out.set(l.slice(0, l.lastIndexOf(' ')), Number(l.slice(l.lastIndexOf(' '))))
    }
    return out
  }
  const old = workers('chat')
  for (const stream of [false, true]) assert.equal((await g.chat(hello({ stream }))).status, 200)
  const before = await read()
  process.kill(g.program('chat')[0], 'SIGHUP')
  assert.ok(await until(() => !old.some(alive) && workers('chat').length === 2, 8000), 'no new processes')
  const after = await read()
  assert.ok(before.size > 5, String(before.size))
  for (const [series, n] of before) assert.ok(after.get(series) >= n, `${series}: ${n}, then ${after.get(series)}`)
})

test('SIGHUP: a key that was barred is asked again', async () => {
  const state = () => JSON.parse(g.ctl('provider', 'list', '--json')).data.find(p => p.id === 'cerebras').keys[0].state
  await g.chat(hello({ model: modelOf('status-401') }))
  assert.equal(state(), 'bad')
  const old = workers('chat')
  process.kill(g.program('chat')[0], 'SIGHUP')
  assert.ok(await until(() => workers('chat').filter(p => !old.includes(p)).length === 2 && !old.some(alive), 5000), 'no new processes')
  assert.equal(state(), 'ok')
})

test('SIGHUP with a bad configuration keeps the old processes', async () => {
  const old = workers('chat')
  g.writeConf({ no_such_setting: '1' })
  process.kill(g.program('chat')[0], 'SIGHUP')
  await sleep(1500)
  assert.deepEqual(workers('chat'), old)
  assert.equal((await g.chat(hello())).status, 200)
  assert.match(g.log(), /llmgw\.conf:\d+/)
})

// Who may connect to a listening socket (reliability.md T11): the health program
// on one of its own, with the gateway's configuration and these settings.
async function listening(settings, where, run) {
  g.writeConf(settings)
  const child = spawn('spawn-fcgi', ['-n', ...where, '--', path.join(build, 'fcgi-bin/llmgw-run'), '1', path.join(build, 'fcgi-bin/health.fcgi')], { env: g.env(), stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'exit')
  let said = ''
  child.stderr.on('data', d => { said += d })
  try {
    return await run({ child, said: () => said })
  } finally {
    child.kill('SIGTERM')
    await ended
    g.writeConf()
  }
}
// The first answer, of a program that has just been started.
const health = async where => {
  let a
  await until(async () => (a = await fastcgi(where, { uri: '/?skip=redis' }).catch(e => e)) && a.code !== 'ECONNREFUSED' && a.code !== 'ENOENT', 5000)
  return a
}

test('TCP without fcgi_peers: not started, and said why', async () => {
  const port = await freePort()
  await listening({}, ['-a', '127.0.0.1', '-p', String(port)], async p => {
    assert.ok(await until(() => /fcgi_peers must name/.test(p.said() + g.log()), 5000), p.said())
  })
})
table('who may connect', [
  ['TCP, listed', { fcgi_peers: '192.0.2.7, 127.0.0.0/8' }, true, true], ['TCP, not listed', { fcgi_peers: '192.0.2.0/24' }, true, false],
  ['a file, nobody named', {}, false, true], ['a file, our user', { fcgi_users: String(process.getuid()) }, false, true], ['a file, another user', { fcgi_users: '65533' }, false, false]
], async (name, settings, tcp, served) => {
  const where = tcp ? { host: '127.0.0.1', port: await freePort() } : path.join(g.dir, 'run/own.sock')
  await listening(settings, tcp ? ['-a', where.host, '-p', String(where.port)] : ['-s', where, '-M', '0600'], async () => {
    const a = await health(where)
    if (served) assert.deepEqual([a.status, a.ended], [200, true], String(a.text))
    else assert.ok(a.bytes === 0 || ['ECONNRESET', 'EPIPE'].includes(a.code), `${a.code} ${a.text}`)
    if (!served) assert.ok(await until(() => g.log().includes(tcp ? 'connection of 127.0.0.1 was refused' : `connection of user ${process.getuid()} was refused`), 3000), 'the log does not say it')
  })
  fs.rmSync(path.join(g.dir, 'run/own.sock'), { force: true })
})

// A control group of our own, where the machine lets us have one.
function memoryGroup() {
  for (const [root, limit, used] of [['/sys/fs/cgroup/memory', 'memory.limit_in_bytes', 'memory.usage_in_bytes'], ['/sys/fs/cgroup', 'memory.max', 'memory.current']]) {
    const dir = path.join(root, `llmgw-test-${process.pid}`)
    const put = (name, text) => fs.writeFileSync(path.join(dir, name), String(text))
    try {
      fs.mkdirSync(dir)
      put(limit, 1 << 30)
      return { add: pid => put('cgroup.procs', pid), limit: n => put(limit, n),
        pids: () => fs.readFileSync(path.join(dir, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number),
        used: () => Number(fs.readFileSync(path.join(dir, used), 'utf8')) -
          Number(/^(?:total_)?inactive_file (\d+)$/m.exec(fs.readFileSync(path.join(dir, 'memory.stat'), 'utf8').replace(/^inactive_file.*\n(?=[^]*total_inactive_file)/m, ''))[1]),
        remove: () => until(() => { try { fs.rmdirSync(dir); return true } catch { return false } }) } // its last process may still be ending
    } catch {
      try { fs.rmdirSync(dir) } catch { /* it was not made */ }
    }
  }
}

// Most of what is used, so that the rest has room although it is short.
async function ballast(group) {
  const child = spawn(process.execPath, ['-e', 'process.stdin.once("data", () => { globalThis.b = Buffer.alloc(300 << 20, 1); console.log(1) })'])
  group.add(child.pid)
  child.stdin.write('1\n')
  await once(child.stdout, 'data')
  return child
}

const skipped = { n: 0 }
const group = memoryGroup()
if (!group) skipped.n++
else test('api 15.4: near the memory limit new requests get 503, and health answers', async () => {
  const [first, ...old] = g.program('chat')
  const child = await ballast(group)
  g.writeConf(g.options.conf, g.options.sections)
  group.add(first)
  process.kill(first, 'SIGHUP')
  assert.ok(await until(() => workers('chat').filter(p => !old.includes(p)).length === 2 && !old.some(alive), 5000), 'no new processes')
  assert.equal((await g.chat(hello())).status, 200)
  assert.ok(await until(async () => {
    group.limit(Math.ceil(group.used() / 0.94)) // what is used moves by itself
    await sleep(1200)
    return (await g.chat(hello())).status === 503
  }, 10000), 'nothing is refused')
  const a = await g.chat(hello())
  assert.match(a.text, /"message":"The gateway is at its limit of memory"/)
  assert.equal(a.headers['retry-after'], '1')
  assert.equal((await g.get('/')).status, 200)
  assert.match((await g.get('/metrics')).text, /gateway_requests_shed_total\{[^}]*scope="memory"\} [1-9]/)
  assert.ok(await until(async () => {
    group.limit(Math.ceil(group.used() / 0.97))
    await sleep(1200)
    return g.log().includes('of the memory limit: caches are dropped')
  }, 10000), 'F51: no caches are dropped')
  group.limit(1 << 30)
  child.kill()
  let good = 0 // of all processes
  assert.ok(await until(async () => (good = (await g.chat(hello())).status === 200 ? good + 1 : 0) === 16, 8000, 50), 'still refused')
})

test('F50: near the limit of descriptors new requests get 503, and running ones go on', async () => {
  g.writeConf(g.options.conf, g.options.sections)
  const [run] = g.program('chat')
  execFileSync('prlimit', ['--pid', String(run), '--nofile=300:300'])
  const old = workers('chat')
  process.kill(run, 'SIGHUP')
  assert.ok(await until(() => workers('chat').filter(p => !old.includes(p)).length === 2 && !old.some(alive), 8000), 'no new processes')
  const all = Array.from({ length: 350 }, () => g.chat(hello({ model: 'sim/sim-slow-c20-i200', stream: true }), { timeout: 60000 }))
  const answers = await Promise.all(all)
  const refused = answers.filter(a => a.status === 503)
  assert.ok(refused.length > 0 && refused.length < 200, `${refused.length} refused`)
  for (const a of refused) assert.match(a.text, /"message":"The gateway is at its limit of open descriptors"/)
  for (const a of answers) if (a.status !== 503) whole(a)
  const text = (await g.get('/metrics')).text
  assert.match(text, /gateway_requests_shed_total\{[^}]*scope="descriptors"\} [1-9]/)
  assert.match(text, /process_max_fds\{[^}]*program="chat"\} 600/)
  assert.ok(!/gateway_breaker_open\{[^}]*provider="sim"\} 1/.test(text), 'our own lack opened a circuit')
  assert.equal((await g.chat(hello())).status, 200)
})

// The last one: afterwards the program is not served by these processes.
test('SIGTERM drains', async () => {
  const s = stream()
  await s.first
  const all = g.program('chat')
  process.kill(all[0], 'SIGTERM')
  whole(await s.answer)
  assert.ok(await until(() => !all.some(alive), 3000), 'processes are left')
})

await runAll('e2e-run', { skipped, after: async () => { await g.stop(); await upstream.close(); await group?.remove() } })
