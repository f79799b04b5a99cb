// PostgreSQL and Redis of their own for a test, in a scratch directory, reached by
// a unix socket only.  `missing()` says why there is none.

import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { alive, until } from './gateway.mjs'

function programs() {
  const all = '/usr/lib/postgresql'
  const versions = fs.existsSync(all) ? fs.readdirSync(all).map(Number).filter(Boolean) : []
  const dirs = [process.env.PG_BIN, ...versions.sort((a, b) => b - a).map(v => `${all}/${v}/bin`), '/usr/local/bin', '/usr/bin']
  return dirs.find(d => d && fs.existsSync(path.join(d, 'initdb')))
}

// PostgreSQL does not run as root.
const asNobody = args => process.getuid() === 0
  ? ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', ...args] : args

const running = new Set()
process.on('exit', () => { for (const p of running) p.kill() })

// A private CA in a directory: ca.crt, other.crt of another one, and the
// certificate of 127.0.0.1.
export function makeCertificates(dir) {
  const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' })
  for (const ca of ['ca', 'other']) {
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
      '-subj', `/CN=llmgw test ${ca}`, '-keyout', `${ca}.key`, '-out', `${ca}.crt`)
  }
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=127.0.0.1', '-keyout', 'server.key', '-out', 'server.csr')
  fs.writeFileSync(path.join(dir, 'san'), 'subjectAltName=IP:127.0.0.1\n')
  openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'san', '-out', 'server.crt')
}

export class Postgres {
  static missing() { return programs() ? '' : 'PostgreSQL is not installed' }

  static async start(settings = {}) {
    const p = new Postgres()
    p.bin = programs()
    p.top = fs.mkdtempSync(path.join(os.tmpdir(), 'llmgw-pg.'))
    fs.chmodSync(p.top, 0o755)
    p.data = path.join(p.top, 'data')
    p.sock = path.join(p.top, 'sock')
    for (const d of [p.data, p.sock]) {
      fs.mkdirSync(d, { mode: 0o700 })
      if (process.getuid() === 0) execFileSync('chown', ['nobody:nogroup', d])
    }
    fs.chmodSync(p.sock, 0o755)
    p.run('initdb', '-D', p.data, '-U', 'llmgw', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync')
    const all = { listen_addresses: '', unix_socket_directories: p.sock, fsync: 'off', shared_buffers: '16MB', ...settings }
    fs.appendFileSync(path.join(p.data, 'postgresql.conf'), Object.entries(all).map(([k, v]) => `${k} = '${v}'\n`).join(''))
    running.add(p)
    await p.launch()
    return p
  }

  run(program, ...args) {
    const [file, ...rest] = asNobody([path.join(this.bin, program), ...args])
    return execFileSync(file, rest, { encoding: 'utf8', cwd: this.data, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  // The URL of a database; `password` is not asked for, but must never be shown.
  url(db = 'postgres') { return `postgresql://llmgw:pg-Secret-Word@/${db}?host=${this.sock}` }

  async launch() {
    const log = fs.openSync(path.join(this.top, 'log'), 'a')
    const [file, ...args] = asNobody([path.join(this.bin, 'postgres'), '-D', this.data])
    this.child = spawn(file, args, { stdio: ['ignore', log, log], cwd: this.data })
    fs.closeSync(log)
    const up = await until(() => {
      try { return this.sql('SELECT 1') === '1' } catch { return false }
    }, 15000, 100)
    if (!up) throw new Error('PostgreSQL does not start:\n' + fs.readFileSync(path.join(this.top, 'log'), 'utf8').slice(-2000))
  }

  // Rows as psql prints them: columns with "|".
  sql(text, db = 'postgres') {
    return execFileSync(path.join(this.bin, 'psql'), ['-XAtq', '-h', this.sock, '-p', String(this.port ?? 5432), '-U', 'llmgw', '-d', db, '-c', text],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
  }

  // From now on also at a port of 127.0.0.1, with TLS only; returns the directory
  // of the certificates.
  async listenTls(port) {
    const dir = path.join(this.top, 'tls')
    fs.mkdirSync(dir)
    makeCertificates(dir)
    if (process.getuid() === 0) execFileSync('chown', ['-R', 'nobody:nogroup', dir])
    fs.writeFileSync(path.join(this.data, 'pg_hba.conf'), 'local all all trust\nhostssl all all 127.0.0.1/32 trust\n')
    fs.appendFileSync(path.join(this.data, 'postgresql.conf'),
      `listen_addresses = '127.0.0.1'\nport = ${port}\nssl = on\nssl_cert_file = '${dir}/server.crt'\nssl_key_file = '${dir}/server.key'\n`)
    await this.stop()
    this.port = port
    await this.launch()
    return dir
  }

  // A setting, for all sessions from now on.
  alter(setting) {
    fs.appendFileSync(path.join(this.data, 'postgresql.conf'), setting + '\n')
    this.child.kill('SIGHUP')
  }

  // As a power cut ends it ('SIGQUIT'), or as an operator does ('SIGINT').
  async stop(signal = 'SIGINT') {
    this.child.kill(signal)
    await until(() => !alive(this.child.pid), 10000, 20)
  }

  kill() {
    try { this.child.kill('SIGQUIT') } catch { /* gone already */ }
    fs.rmSync(this.top, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  }

  async end() {
    running.delete(this)
    await this.stop()
    this.kill()
  }
}

export class Redis {
  static program() { return ['/usr/bin', '/usr/local/bin'].map(d => path.join(d, 'redis-server')).find(f => fs.existsSync(f)) }

  static missing() { return Redis.program() ? '' : 'Redis is not installed' }

  // more: of the command line, as a port.
  static async start(...more) {
    const r = new Redis()
    r.more = more
    r.top = fs.mkdtempSync(path.join(os.tmpdir(), 'llmgw-redis.'))
    r.sock = path.join(r.top, 'sock')
    running.add(r)
    await r.launch()
    return r
  }

  // Nothing is kept on disk: after a stop it is empty.
  async launch() {
    this.child = spawn(Redis.program(), ['--port', '0', '--unixsocket', this.sock, '--dir', this.top, '--save', '', '--appendonly', 'no', ...this.more], { stdio: 'ignore' })
    const up = await until(() => {
      try { return this.cli('PING') === 'PONG' } catch { return false }
    }, 10000, 50)
    if (!up) throw new Error('Redis does not start')
  }

  url() { return `unix:${this.sock}` }

  cli(...args) {
    return execFileSync(Redis.program().replace('redis-server', 'redis-cli'), ['-s', this.sock, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
  }

  async stop(signal = 'SIGKILL') {
    this.child.kill(signal)
    await until(() => !alive(this.child.pid), 10000, 20)
  }

  kill() {
    try { this.child.kill('SIGKILL') } catch { /* gone already */ }
    fs.rmSync(this.top, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  }

  async end() {
    running.delete(this)
    await this.stop()
    this.kill()
  }
}
