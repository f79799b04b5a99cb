// A gateway of its own for a test: a web server and all programs on a free port
// of 127.0.0.1, in a scratch directory, with a key.  Programs are taken from
// E2E_BUILD (./build), the server is E2E_SERVER (lighttpd, nginx or apache).

import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { request } from './http.mjs'
import { ownPrograms, programs, servers } from './webserver.mjs'

export const top = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
export const build = path.resolve(process.env.E2E_BUILD || path.join(top, 'build'))

// Where the parts of the gateway are: in the source and its build, or below
// E2E_DEST as `make install DESTDIR=` leaves them.
const dest = process.env.E2E_DEST && path.resolve(process.env.E2E_DEST, 'usr/local')
export const where = dest
  ? { bin: `${dest}/libexec/llmgw`, ctl: `${dest}/sbin/llmgwctl`, share: `${dest}/share/llmgw`, catalog: `${dest}/share/llmgw/catalog.ndjson` }
  : { bin: `${build}/fcgi-bin`, ctl: `${build}/llmgwctl`, share: top, catalog: `${top}/data/catalog.ndjson` }

export const serverName = process.env.E2E_SERVER || 'lighttpd'

export const sleep = ms => new Promise(done => setTimeout(done, ms))

// Until a change is in force in all programs: key_cache_ttl of a test.
export const inForce = () => sleep(500)

// Ask again until the answer is true; false when the time is over.
export async function until(test, ms = 5000, step = 50) {
  for (const end = Date.now() + ms; ;) {
    if (await test()) return true
    if (Date.now() > end) return false
    await sleep(step)
  }
}

export function freePort() {
  return new Promise((done, failed) => {
    const s = net.createServer()
    s.on('error', failed)
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address()
      s.close(() => done(port))
    })
  })
}

// All processes below a process.
export function kids(pid) {
  let list
  try {
    list = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  } catch {
    return []
  }
  return list.split(' ').filter(Boolean).flatMap(k => [Number(k), ...kids(k)])
}

export function alive(pid) {
  try {
    return !/\) Z /.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

// The environment without what would change a gateway.
function cleanEnv(more) {
  const env = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^(LLM_|LLMGW_)|_API_KEY$|_proxy$/i.test(name)) env[name] = value
  }
  return { ...env, ...more }
}

const running = new Set()
process.on('exit', () => { for (const g of running) g.kill() })
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => process.exit(1))

// What one test did to the health of providers and keys is over for the next.
export function healAll() {
  for (const g of running) {
    if (g.children && g.asked) g.ctl('provider', 'reset')
    g.asked = false
  }
}

// conf: settings of [llmgw]; sections: text with further sections; env: for
// the programs; procs: processes of chat; server, host, mount: another web server
// than E2E_SERVER, and where in it.
export class Gateway {
  static async start(options = {}) {
    const g = new this()
    g.options = options
    g.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'llmgw-test.'))
    fs.chmodSync(g.dir, 0o755) // a web server may not be root
    for (const d of ['log', 'tmp', 'run']) fs.mkdirSync(path.join(g.dir, d))
    g.conf = path.join(g.dir, 'llmgw.conf')
    g.port = await freePort()
    g.url = `http://${options.host ?? '127.0.0.1'}:${g.port}${options.mount ?? ''}`
    running.add(g)
    g.writeConf(options.conf, options.sections)
    g.token = JSON.parse(g.ctl('init', '--json')).admin_token
    g.key = g.newKey('test').key
    await g.launch()
    return g
  }

  writeConf(conf = {}, sections = '') {
    const settings = {
      state_dir: `${this.dir}/state`,
      runtime_dir: `${this.dir}/run`,
      catalog_file: where.catalog,
      log_file: `${this.dir}/log/llmgw.log`,
      sim: 'on',
      sim_url: `${this.url}/sim`,
      public_url: this.url,
      // Failures are answered at once, and nothing is left to chance.
      retry_wait_max: '0',
      exploration_rate: '0',
      key_cache_ttl: '200ms',
      ...conf
    }
    const lines = Object.entries(settings).map(([k, v]) => `${k} = ${v}`)
    fs.writeFileSync(this.conf, `[llmgw]\n${lines.join('\n')}\n\n${sections}`)
  }

  env() {
    return cleanEnv({ ...this.options.env, LLMGW_CONF: this.conf })
  }

  async launch() {
    const out = fs.openSync(path.join(this.dir, 'log/start.log'), 'a')
    const server = this.options.server ?? servers[serverName]
    const commands = [...(server.spawns ? [] : ownPrograms(this, where)), ...this.morePrograms(), server.command(this, where)]
    let exited = false
    this.children = commands.map(([exe, ...args]) => {
      const child = spawn(exe, args, { env: this.env(), stdio: ['ignore', out, out], cwd: this.dir })
      child.on('error', () => { exited = true })
      child.on('exit', () => { exited = true })
      return child
    })
    fs.closeSync(out)
    const up = await until(async () => {
      if (exited) return true
      const answer = await request(this.url + '/', { timeout: 2000 }).catch(() => null)
      return answer?.status === 200 && this.sockets().length >= 3 && this.begun()
    }, 20000)
    if (exited || !up) {
      throw new Error('the gateway does not start:\n' + this.logs())
    }
  }

  // What a suite has besides: programs (commands), and lines of the web
  // server's configuration before and behind what is shipped.
  morePrograms() { return [] }
  web() { return { before: [], behind: [] } }

  sockets() {
    return fs.readdirSync(path.join(this.dir, 'run')).filter(f => /\.sock/.test(f))
  }

  // Their sockets may be there before they are.
  begun() {
    const names = new Set(this.sockets().map(f => f.replace(/\.sock.*/, '')).filter(n => programs.includes(n)))
    return [...names].every(n => this.program(n).length > 0)
  }

  // All that the programs and the server said.
  logs() {
    const dir = path.join(this.dir, 'log')
    return fs.readdirSync(dir).map(f => `--- ${f}\n` +
      fs.readFileSync(path.join(dir, f), 'utf8').slice(-4000)).join('\n')
  }

  // Everything that was logged, unabridged.
  log() {
    const dir = path.join(this.dir, 'log')
    return fs.readdirSync(dir).map(f => fs.readFileSync(path.join(dir, f), 'utf8')).join('\n')
  }

  ctl(...args) {
    return execFileSync(where.ctl, ['-c', this.conf, ...args],
      { env: this.env(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }

  newKey(label) {
    return JSON.parse(this.ctl('key', 'create', '--json', '--label', label))
  }

  // enable, disable or delete a key.
  changeKey(verb, id) { this.ctl('key', verb, id) }

  usage(by = 'model') {
    const rows = JSON.parse(this.ctl('usage', '--json', '--by', by)).data
    return rows.map(r => ({ ...r, key: r[by] }))
  }

  // All processes, those of the programs before the server.
  pids() { return (this.children ?? []).flatMap(c => [c.pid, ...kids(c.pid)]).filter(Boolean) }

  // Processes of one program: the supervisor first, then its workers.
  program(name) {
    return this.pids().filter(pid => {
      try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`/${name}.fcgi`)
      } catch {
        return false
      }
    })
  }

  // Send a request; with the key unless headers say otherwise.
  send(method, url, { headers = {}, body, ...more } = {}) {
    const given = Object.keys(headers).map(h => h.toLowerCase())
    const all = { ...headers }
    if (!given.includes('authorization') && !given.includes('x-api-key')) {
      all.authorization = `Bearer ${this.key}`
    }
    if (body !== undefined && !given.includes('content-type')) {
      all['content-type'] = 'application/json'
    }
    for (const h of Object.keys(all)) if (all[h] === null) delete all[h]
    const bytes = body === undefined || typeof body === 'string' || Buffer.isBuffer(body)
      ? body : JSON.stringify(body)
    this.asked = true
    return request(this.url + url, { method, headers: all, body: bytes, ...more })
  }

  get(url, more) { return this.send('GET', url, more) }
  post(url, body, more) { return this.send('POST', url, { ...more, body }) }
  // The admin API; `token` instead of the first one, null: none.
  admin(method, path, body, { token = this.token, headers = {}, ...more } = {}) {
    return this.send(method, '/admin/v1/' + path, { body, headers: { authorization: token && `Bearer ${token}`, ...headers }, ...more })
  }

  chat(body, more) { return this.post('/v1/chat/completions', body, more) }

  // For the end of the process, when nothing can be waited for.
  kill() {
    for (const pid of this.pids().reverse()) {
      try { process.kill(pid, 'SIGKILL') } catch { /* gone already */ }
    }
    this.remove()
  }

  remove() {
    if (!process.env.E2E_KEEP) fs.rmSync(this.dir, { recursive: true, force: true })
  }

  async end() {
    const all = this.pids()
    for (const c of this.children) c.kill('SIGTERM')
    await until(() => !all.some(alive), 5000)
    for (const pid of all) if (alive(pid)) process.kill(pid, 'SIGKILL')
  }

  async stop() {
    if (!running.has(this)) return
    await this.end()
    running.delete(this)
    this.remove()
  }

  async restart() {
    await this.end()
    await this.launch()
  }
}
