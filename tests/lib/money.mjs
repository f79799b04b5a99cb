// A gateway whose provider counts, for tests of money: tenants are made and
// changed in the database itself.  E2E_STORE chooses the pair of stores:
// "sqlite+file", "sqlite+redis", "postgresql+file" or "postgresql+redis".

import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { Gateway, inForce, sleep, until } from './gateway.mjs'
import { Upstream, chunk, completion, data } from './upstream.mjs'

export const kind = process.env.E2E_STORE || 'sqlite+file'
const kinds = ['sqlite+file', 'sqlite+redis', 'postgresql+file', 'postgresql+redis']
if (!kinds.includes(kind)) throw new Error(`E2E_STORE is one of ${kinds.join(', ')}`)
export const nano = usd => Math.round(usd * 1e9)

// What a prompt says: "n=7 in=30 out=100 ms=5".
export const order = (n, { input = 0, out = 1, ms = 0 } = {}) => `n=${n} in=${input} out=${out} ms=${ms}`
const read = body => Object.fromEntries([...String(body.messages.at(-1).content).matchAll(/(\w+)=(\w+)/g)].map(m => [m[1], m[2]]))

// One served request: `sent` once the provider has said all of it.
export const served = []

function usageOf(o, body) {
  const out = Math.min(Number(o.out), body.max_tokens ?? Infinity)
  return { prompt_tokens: Number(o.in), completion_tokens: out, total_tokens: Number(o.in) + out }
}

async function answer(req, res, body) {
  const o = read(body)
  const usage = usageOf(o, body)
  const s = { n: o.n, usage, model: body.model, body, sent: false, at: Date.now() }
  served.push(s)
  if (o.status) {
    res.writeHead(Number(o.status), { 'content-type': 'application/json' })
    res.end('{"error":{"message":"no"}}')
    return
  }
  if (!body.stream) {
    await sleep(Number(o.ms))
    res.writeHead(200, { 'content-type': 'application/json' })
    res.end(JSON.stringify(completion({ usage })))
    s.sent = true
    return
  }
  res.writeHead(200, { 'content-type': 'text/event-stream' })
  for (let i = 0; i < Math.min(usage.completion_tokens, 50) && !res.destroyed; i++) {
    res.write(data(chunk({ content: 'abcd' })))
    if (Number(o.ms) > 0) await sleep(Number(o.ms))
  }
  if (res.destroyed) return
  res.end([data(chunk({}, 'stop')), data({ ...chunk({}), choices: [], usage }), data('[DONE]')].join(''))
  s.sent = true
}

// USD per million tokens: what the models below cost.
export const price = { flat: { input: 0, output: 10 }, usual: { input: 1, output: 10 } }
export const cost = (model, usage) => 1000 * (usage.prompt_tokens * price[model].input + usage.completion_tokens * price[model].output)

const model = (name, more) => `[model ${name}]\nprovider = paid/${name}\n${more}\n`

export class Money {
  static async start({ conf = {}, procs = 1, through } = {}) {
    const m = new Money()
    m.upstream = await Upstream.start(answer)
    m.stores = await stores(through)
    m.g = await Gateway.start({
      procs, env: {}, conf: { timeout_gateway: '20s', ...m.stores.conf, ...conf },
      sections: `[provider paid]\nbase_url = ${m.upstream.url}\ndialect = openai-chat\nkey = sk-paid-0123456789\n` +
        model('flat', 'output_price = 10\nmax_output = 4000\ncontext = 100000') +
        model('usual', 'input_price = 1\noutput_price = 10\nmax_output = 4000\ncontext = 100000') +
        model('gratis', 'free = on\nmax_output = 4000\ncontext = 100000')
    })
    m.count = 0
    // Counters that are new are built first, where others could have holds.
    const ready = async () => (await m.g.chat({ model: 'sim-echo', messages: [{ role: 'user', content: 'x' }] })).status === 200
    let row = 0 // of all processes
    if (!await until(async () => (row = await ready() ? row + 1 : 0) === 4 * procs, 15000, 20)) throw new Error('nothing can be reserved')
    return m
  }

  sql(text) {
    return this.stores.sql ? this.stores.sql(text)
      : execFileSync('sqlite3', ['-batch', '-separator', '|', path.join(this.g.dir, 'state/llmgw.db')],
        { input: `.timeout 10000\n${text};\n`, encoding: 'utf8' }).trim()
  }

  num(text) { return Number(this.sql(text) || 0) }

  rows(text) { return this.sql(text).split('\n').filter(Boolean).map(l => l.split('|')) }

  // Let the programs see what was changed.
  async change(text) {
    this.sql(`${text}; UPDATE change SET version = version + 1`)
    await inForce()
  }

  // A new organisation with a project and a key: sets are columns.
  tenant({ org = {}, project = {}, key = {} } = {}) {
    const i = `${process.pid}x${++this.count}`
    const t = { org: `org_t${i}`, project: `prj_t${i}` }
    const now = Date.now()
    const insert = (table, row) => {
      const value = v => v === null ? 'NULL' : typeof v === 'string' ? `'${v}'` : v
      return `INSERT INTO ${table}(${Object.keys(row)}) VALUES (${Object.values(row).map(value)})`
    }
    const times = { created_ms: now, updated_ms: now }
    this.sql([
      insert('organization', { id: t.org, name: t.org, credits_nano: nano(1000), ...times, ...org }),
      insert('project', { id: t.project, organization_id: t.org, name: t.project, ...times, ...project })
    ].join(';\n'))
    Object.assign(t, this.key(t.project, key))
    return t
  }

  key(project, set = {}) {
    const k = JSON.parse(this.g.ctl('key', 'create', '--json', '--label', 'money', '--project', project))
    const cols = Object.entries(set).map(([c, v]) => `${c} = ${typeof v === 'string' ? `'${v}'` : v}`)
    if (cols.length) this.sql(`UPDATE api_key SET ${cols.join(', ')} WHERE id = '${k.id}'`)
    return { key: k.key, keyId: k.id }
  }

  ask(t, content, { model = 'flat', max_tokens = 100, headers = {}, ...more } = {}) {
    return this.g.chat({ model: `paid/${model}`, ...(max_tokens ? { max_tokens } : {}), messages: [{ role: 'user', content }], ...more },
      { headers: { authorization: `Bearer ${t.key}`, ...headers }, timeout: 40000 })
  }

  // Everything that is reserved, in all organisations.
  async held() {
    const text = (await this.g.get('/metrics')).text
    const of = name => Number(new RegExp(`^${name}\\{[^}]*\\} (.*)$`, 'm').exec(text)?.[1])
    return [of('gateway_reservations_open'), of('gateway_reserved_usd')]
  }

  // The tallies are what the records sum up to, to the last unit.
  faults() {
    const faults = []
    for (const [scope, column] of [['key', 'key_id'], ['project', 'project_id'], ['organization', 'organization_id']]) {
      const want = `SELECT ${column} AS id, sum(cost_nano) AS c, sum(billed_nano) AS b, count(*) FILTER (WHERE attempt_of IS NULL) AS n FROM log WHERE ${column} IS NOT NULL GROUP BY ${column}`
      faults.push(...this.rows(`SELECT '${scope}', w.id, w.c, w.b, w.n, t.cost_nano, t.billed_nano, t.requests FROM (${want}) w LEFT JOIN tally t ON t.scope = '${scope}' AND t.id = w.id AND t.from_ms = 0 WHERE t.id IS NULL OR t.cost_nano <> w.c OR t.billed_nano <> w.b OR t.requests <> w.n`))
    }
    return faults
  }

  // All records are in SQL: nothing is spooled any more.
  async settled(test, ms = 15000) { return until(test, ms, 100) }

  async stop() {
    await this.g.stop()
    await this.upstream.close()
    await this.stores.end()
  }
}

// through: makes the address of a Redis from the path of its socket.
export async function stores(through) {
  const { Postgres, Redis } = await import('./stores.mjs')
  const pg = kind.startsWith('postgresql') && await Postgres.start()
  const redis = kind.endsWith('redis') && await Redis.start()
  return {
    conf: {
      ...(pg && { store_sql: pg.url() }),
      ...(redis && { store_kv: through ? `unix:${await through(redis.sock)}` : redis.url() })
    },
    pg, redis,
    sql: pg && (text => pg.sql(text)),
    end: async () => { await (pg && pg.end()); await (redis && redis.end()) }
  }
}
