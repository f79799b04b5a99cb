// A gateway on PostgreSQL, and what its clients see while that is away
// (reliability.md 3a, F5 to F8).

import { alive, freePort, kids, sleep, until } from '../lib/gateway.mjs'
import { Postgres } from '../lib/stores.mjs'
import { assert, flat, runAll, test } from '../lib/suite.mjs'
import { hello, start } from './http/setting.mjs'

if (Postgres.missing()) {
  console.log(Postgres.missing())
  console.log('0 passed, 0 failed, 1 skipped')
  process.exit(0)
}

const pg = await Postgres.start()
const g = await start({ store_sql: pg.url() })

const anonymous = { headers: { authorization: null } }
const as = key => ({ headers: { authorization: `Bearer ${key}` } })
const count = () => Number(pg.sql('SELECT count(*) FROM log'))
const health = (query = '') => g.get('/' + query, anonymous)
const healthy = () => until(async () => (await health()).status === 200, 8000, 100)
const depth = async () => Number(/gateway_spool_depth\S* (\d+)/.exec((await g.get('/metrics', anonymous)).text)?.[1] ?? 0)

// So many calls; each has one record, and no more, within `ms`.
async function recorded(calls, before, ms = 8000) {
  assert.ok(await until(() => count() >= before + calls, ms, 100), `${count() - before} records of ${calls}`)
  await sleep(500)
  assert.equal(count(), before + calls)
  assert.equal(pg.sql('SELECT count(DISTINCT record_id) FROM log'), String(before + calls))
}

test('a call, and its record', async () => {
  const before = count()
  const a = await g.chat(hello(), { headers: { authorization: `Bearer ${g.key}`, 'x-source': 'shop.example' } })
  assert.equal(a.status, 200, a.text)
  await recorded(1, before)
  assert.equal(pg.sql('SELECT used_model, status, cost_nano > 0 FROM log'), 'plain-model|200|t')
  assert.equal(g.usage()[0].requests, 1)
  assert.equal(JSON.parse(g.ctl('log', 'list', '--json')).data.length, 1)
})

test('health names the store', async () => {
  const a = await health()
  assert.equal(a.status, 200)
  assert.deepEqual(a.json.health.database, { connected: true, backend: 'postgresql' })
})

test('a key that is disabled is refused within two seconds', async () => {
  const k = g.newKey('short')
  assert.equal((await g.chat(hello(), as(k.key))).status, 200)
  g.changeKey('disable', k.id)
  assert.ok(await until(async () => (await g.chat(hello(), as(k.key))).status === 401, 2000, 100))
})

test('sessions have a name, a deadline and durable commits', () => {
  const names = pg.sql("SELECT DISTINCT application_name FROM pg_stat_activity WHERE application_name LIKE 'llmgw%' ORDER BY 1").split('\n')
  assert.deepEqual(names, ['llmgw-admin', 'llmgw-chat', 'llmgw-health', 'llmgw-images', 'llmgw-mcp', 'llmgw-messages', 'llmgw-models', 'llmgw-responses'])
})

let fresh
test('down: known keys work, unknown ones get 503, health says so', async () => {
  fresh = g.newKey('nobody has seen it').key
  assert.equal((await g.chat(hello())).status, 200)
  await sleep(600)
  const before = count()
  await pg.stop()
  for (let i = 0; i < 5; i++) {
    const began = Date.now()
    assert.equal((await g.chat(hello())).status, 200)
    assert.ok(Date.now() - began < 1500, 'slow')
  }
  const a = await g.chat(hello(), as(fresh))
  flat(a, 503, 'store_unavailable')
  assert.equal(a.headers['retry-after'], '5')
  const h = await health()
  assert.equal(h.status, 503)
  assert.equal(h.headers['retry-after'], '5')
  assert.equal(h.json.health.database.connected, false)
  assert.equal((await health('?skip=database')).status, 200)
  await pg.launch()
  await recorded(5, before, 15000)
  assert.ok(await healthy())
  assert.ok(await until(async () => (await g.chat(hello(), as(fresh))).status === 200, 5000, 200))
})

test('a program that starts without its database', async () => {
  await pg.stop()
  const [victim] = g.program('chat').slice(1)
  process.kill(victim, 'SIGKILL')
  assert.ok(await until(() => g.program('chat').slice(1).some(p => p !== victim && alive(p)), 3000, 50))
  const unknown = async () => (await g.chat(hello()).catch(() => null))?.status
  assert.ok(await until(async () => await unknown() === 503, 5000, 100), `${await unknown()} instead of 503`)
  await pg.launch()
  assert.ok(await until(async () => await unknown() === 200, 8000, 200))
})

test('sessions ended in the middle of commits: each record once', async () => {
  await sleep(1500)
  const before = count()
  let ended = 0
  const killer = (async () => {
    for (let i = 0; i < 12; i++) {
      ended += Number(pg.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'llmgw%'"))
      await sleep(100)
    }
  })()
  let sent = 0
  for (let round = 0; round < 12; round++) {
    const all = await Promise.all(Array.from({ length: 10 }, () => g.chat(hello())))
    for (const a of all) assert.equal(a.status, 200, a.text)
    sent += all.length
    await sleep(60)
  }
  await killer
  assert.ok(ended > 3, `${ended} sessions ended`)
  await recorded(sent, before, 20000)
})

// The trigger runs in COMMIT; what a sequence has given out stays given out.
test('COMMIT itself fails: each record once', async () => {
  assert.ok(await healthy())
  await sleep(500)
  const before = count()
  pg.sql(`CREATE SEQUENCE deaths; CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('deaths') <= 2 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER die AFTER INSERT ON log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()`)
  for (let i = 0; i < 5; i++) assert.equal((await g.chat(hello())).status, 200)
  await recorded(5, before, 20000)
  assert.ok(/terminating connection.*COMMIT/.test(g.log()), 'no COMMIT has failed')
  pg.sql('DROP FUNCTION die CASCADE')
})

test('the server crashes under load: each record once', async () => {
  await sleep(500)
  const before = count()
  const calls = []
  for (let i = 0; i < 60; i++) {
    calls.push(g.chat(hello()))
    if (i === 20) pg.child.kill('SIGQUIT')
    await sleep(15)
  }
  for (const a of await Promise.all(calls)) assert.equal(a.status, 200, a.text)
  await until(() => !alive(pg.child.pid), 5000, 20)
  await pg.launch()
  await recorded(60, before, 20000)
})

test('it hangs: health says so in time, known keys work', async () => {
  assert.ok(await healthy())
  await sleep(500)
  const before = count()
  const signal = name => {
    for (const p of [pg.child.pid, ...kids(pg.child.pid)]) {
      try { process.kill(p, name) } catch { /* a session that has just ended */ }
    }
  }
  const late = g.newKey('late').key
  signal('SIGSTOP')
  try {
    let began = Date.now()
    assert.equal((await health()).status, 503)
    assert.ok(Date.now() - began < 700, `health took ${Date.now() - began} ms`)
    for (let i = 0; i < 3; i++) assert.equal((await g.chat(hello())).status, 200)
    began = Date.now()
    flat(await g.chat(hello(), as(late)), 503, 'store_unavailable')
    assert.ok(Date.now() - began < 2500, `${Date.now() - began} ms`)
  } finally {
    signal('SIGCONT')
  }
  await recorded(3, before, 20000)
  assert.ok(await until(async () => (await g.chat(hello(), as(late))).status === 200, 5000, 200))
  await recorded(4, before)
})

test('read-only: calls go on, records wait', async () => {
  assert.ok(await healthy())
  await sleep(500)
  const before = count()
  pg.alter('default_transaction_read_only = on')
  await sleep(300)
  for (let i = 0; i < 5; i++) assert.equal((await g.chat(hello())).status, 200)
  assert.ok(await until(() => /read-only transaction \(25006\)/.test(g.log()), 3000), 'the log does not say why')
  assert.equal(count(), before)
  const unknown = await g.chat(hello(), as(fresh))
  assert.equal(unknown.status, 200, 'keys can still be read')
  pg.alter('default_transaction_read_only = off')
  await recorded(6, before, 20000)
})

test('no password in the logs', () => {
  assert.ok(!/pg-Secret-Word/.test(g.log()))
  assert.match(g.ctl('config', 'dump'), /store_sql \(set\)|\*\*\*/)
  assert.ok(!/pg-Secret-Word/.test(g.ctl('config', 'dump')))
})

// --- TLS to PostgreSQL ----------------------------------------------------------

test('PostgreSQL over TLS: its certificate is looked at, and the reason of a refusal is said', async () => {
  const own = await Postgres.start()
  const port = await freePort()
  const dir = await own.listenTls(port)
  const url = (mode, ca) => `postgresql://llmgw@127.0.0.1:${port}/postgres?sslmode=${mode}${ca ? `&sslrootcert=${dir}/${ca}.crt` : ''}`
  const over = await start({ store_sql: url('verify-full', 'ca') })
  const a = await over.chat(hello())
  assert.equal(a.status, 200, a.text)
  assert.ok(await until(() => own.sql('SELECT count(*) FROM log') === '1', 5000, 100), 'no record')
  assert.equal(own.sql("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name LIKE 'llmgw%'"), 't')
  const refused = (more, reason) => {
    over.writeConf({ store_sql: more })
    assert.throws(() => over.ctl('db', 'status'), e => reason.test(e.stderr) || assert.fail(e.stderr))
  }
  refused(url('verify-full', 'other'), /certificate verify failed|self-signed certificate|unable to get/i)
  refused(url('disable'), /no encryption|SSL/i)
  refused(url('verify-full', 'nowhere'), /nowhere\.crt|does not exist/i)
  await over.stop()
  await own.end()
})

runAll('stores', { after: async () => { await g.stop(); await pg.end() } })
