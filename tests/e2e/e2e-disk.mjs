// The disk of the state directory is full, and that of the log: a file system
// of its own, small, in a mount namespace of its own.  F7, F9, F49.
// Needs root and unshare(1).

import fs from 'node:fs'
import path from 'node:path'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Gateway, until } from '../lib/gateway.mjs'
import { assert, runAll, test } from '../lib/suite.mjs'
import { hello } from './http/setting.mjs'

if (!process.env.TEST_MOUNT) {
  if (spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', '/mnt'], { stdio: 'ignore' }).status !== 0) {
    console.log('no mount namespaces here\n0 passed, 0 failed, 1 skipped')
    process.exit(0)
  }
  const r = spawnSync('unshare', ['-m', process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit', env: { ...process.env, TEST_MOUNT: '1' } })
  process.exit(r.status ?? 1)
}

// The log is on a disk that is full from the beginning.
class Small extends Gateway {
  writeConf(conf = {}, sections = '') {
    const state = path.join(this.dir, 'state')
    fs.mkdirSync(state)
    const r = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=100m,mode=700', 'tmpfs', state])
    assert.equal(r.status, 0, String(r.stderr))
    super.writeConf({ log_file: '/dev/full', ...conf }, sections)
  }

  remove() {
    spawnSync('umount', [path.join(this.dir, 'state')])
    super.remove()
  }
}

const g = await Small.start()
const filler = path.join(g.dir, 'state/filler')

// All of it, to the last byte; again, since what is freed is taken by others.
function fill() {
  const fd = fs.openSync(filler, 'a')
  for (let n = 1 << 20; n >= 1;) {
    try {
      if (fs.writeSync(fd, Buffer.alloc(n)) < n) n >>= 1
    } catch {
      n >>= 1
    }
  }
  fs.closeSync(fd)
}

const served = [] // requests that got 200
async function ask(more = {}, options) {
  const a = await g.chat(hello({ model: 'sim/sim', ...more }), { timeout: 30000, ...options })
  if (a.status === 200) served.push(a.headers['x-request-id'])
  return a
}

const lines = async () => {
  const text = (await g.get('/metrics')).text
  return Number(/^gateway_log_dropped_total(?:\{[^}]*\})? (\d+)/m.exec(text)?.[1] ?? 0)
}

test('F49: the disk of the log is full: lines are dropped and counted, requests go on', async () => {
  assert.equal((await ask()).status, 200)
  assert.ok(await until(async () => await lines() > 0), 'no line was counted as dropped')
})

test('F9: the disk of the spool is full: new calls get 503, those in flight end', async () => {
  const running = ask({ model: 'sim/sim-slow-c30-i100', stream: true })
  assert.ok(await until(async () => /gateway_open_streams\{[^}]*\} 1/.test((await g.get('/metrics')).text)), 'no stream')
  let a
  assert.ok(await until(async () => {
    fill()
    a = await ask()
    return a.status === 503
  }, 10000, 20), `still ${a?.status}`)
  assert.match(a.text, /"code":"store_unavailable"/)
  assert.equal(a.headers['retry-after'], '5')
  const r = await running
  assert.equal(r.status, 200)
  assert.match(r.text, /data: \[DONE\]\n\n$/)
})

test('F9: when there is room again all is served, and each call has one record', async () => {
  fs.rmSync(filler)
  assert.ok(await until(async () => (await ask()).status === 200, 15000, 200), 'still refused')
  let all
  const ids = async () => {
    all = (await g.admin('GET', 'logs?limit=500')).json?.data ?? []
    return served.every(id => all.filter(r => r.request_id === id).length === 1)
  }
  assert.ok(await until(ids, 60000, 500), `${served.length} served: ` + served.filter(id => all.filter(r => r.request_id === id).length !== 1).join(' '))
  assert.equal(all.filter(r => r.status === 200).length, served.length)
})

await runAll('e2e-disk', { after: () => g.stop() })
