// llmgwctl: every command, what is wrong on the command line, exit statuses,
// and the doctor before a good web server and before a bad one.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { build, Gateway, top, until } from '../lib/gateway.mjs'
import { assert, runAll, table, test } from '../lib/suite.mjs'

const OK = 0, FAILED = 1, USAGE = 64, UNAVAILABLE = 69, CONFIG = 78

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'llmgw-ctl.'))
const conf = path.join(dir, 'llmgw.conf')
const state = path.join(dir, 'state')
const catalog = path.join(top, 'data/catalog.ndjson')

function writeConf(text = '') {
  fs.writeFileSync(conf, `[llmgw]\nstate_dir = ${state}\nruntime_dir = ${dir}/run\nsim = on\n${text}`)
}

function clean(env = {}) {
  const all = { ...process.env }
  for (const name of Object.keys(all)) if (/^(LLM_|LLMGW_)|_API_KEY$/.test(name)) delete all[name]
  return { ...all, ...env }
}

function ctl(args, env) {
  const r = spawnSync(path.join(build, 'llmgwctl'), args, { encoding: 'utf8', env: clean({ LLMGW_CONF: conf, ...env }) })
  assert.equal(r.error, undefined)
  return { code: r.status, out: r.stdout, err: r.stderr }
}

function good(...args) {
  const r = ctl(args)
  assert.equal(r.code, OK, `${args.join(' ')}: ${r.code} ${r.err}`)
  assert.equal(r.err, '')
  return r.out
}

const json = (...args) => JSON.parse(good(...args, '--json'))

// A refusal: status, message on stderr, the same as JSON, nothing else.
function bad(code, message, ...args) {
  const plain = ctl(args)
  assert.equal(plain.code, code, plain.err)
  assert.match(plain.err, message)
  assert.equal(plain.out, '')
  const r = ctl([...args, '--json'])
  assert.equal(r.code, code)
  const { error } = JSON.parse(r.out)
  assert.match(error.message, message)
  return error.code
}

const mode = file => (fs.statSync(file).mode & 0o7777).toString(8)

// --- before init -------------------------------------------------------------

writeConf(`catalog_file = ${catalog}\n`)

test('no database yet', () => {
  assert.equal(bad(UNAVAILABLE, /llmgwctl init/, 'key', 'list'), 'store_unavailable')
  assert.equal(bad(UNAVAILABLE, /llmgwctl init/, 'key', 'create'), 'store_unavailable')
  assert.equal(fs.existsSync(state), false)
})

test('doctor before init', () => {
  const r = ctl(['doctor'])
  assert.equal(r.code, FAILED)
  assert.match(r.out, /^FAIL {2}state directory: .*\n {6}run "llmgwctl init"$/m)
  assert.match(r.out, /^FAIL {2}key_hash_secrets: /m)
  assert.match(r.out, /^FAIL {2}database: /m)
})

// --- the command line --------------------------------------------------------

table('usage', [
  ['nothing', [], /command is missing/],
  ['no such command', ['frobnicate'], /no command "frobnicate"/],
  ['no such second word', ['key', 'frob'], /no command "key frob"/],
  ['a group without list', ['config'], /second word/],
  ['unknown option', ['key', 'list', '--frob'], /no option --frob of key list/],
  ['option of another command', ['org', 'list', '--expires', '3d'], /no option --expires/],
  ['unknown letter', ['-x', 'init'], /no option -x/],
  ['option without its value', ['key', 'create', '--label'], /--label needs TEXT/],
  ['switch with a value', ['key', 'list', '--all=yes'], /--all takes no value/],
  ['option twice', ['key', 'create', '--label', 'a', '--label', 'b'], /--label is there twice/],
  ['too few arguments', ['key', 'rename', 'x'], /needs ID NAME/],
  ['too many arguments', ['key', 'show', 'x', 'y'], /too many arguments: y/],
  ['-c without FILE', ['init', '-c'], /--config needs FILE/],
  ['bad expiry', ['key', 'create', '--expires', 'soon'], /--expires must be/, true],
  ['expiry of no day', ['key', 'create', '--expires', '2027-02-30'], /--expires must be/, true],
  ['expiry in the past', ['key', 'create', '--expires', '2020-01-01'], /in the past/, true],
  ['expiry of nothing', ['key', 'create', '--expires', '0d'], /--expires must be/, true],
  ['bad group', ['usage', '--by', 'phase-of-moon'], /--by must be/, true],
  ['bad day', ['usage', '--from', 'yesterday'], /--from must be/, true],
  ['days and from', ['usage', '--days', '3', '--from', '2026-01-01'], /--days does not go/, true],
  ['end before beginning', ['usage', '--from', '2026-02-01', '--to', '2026-01-01'], /--to is before/, true],
  ['no number', ['log', 'list', '--limit', '0x10'], /--limit must be a number/, true],
  ['number out of range', ['usage', '--days', '0'], /--days must be a number/, true],
  ['doctor without a host', ['doctor', 'ftp://x'], /URL/],
  ['doctor outside of nowhere', ['doctor', '--outside'], /--outside needs a URL/],
  ['doctor with two keys', ['doctor', '--key', 'a', '--key-file', 'b'], /one of them/]
], (name, args, message, stores) => {
  if (stores) good('init')
  const r = ctl(args)
  assert.equal(r.code, USAGE, r.err)
  assert.match(r.err, message)
  assert.match(r.err, /try: llmgwctl/)
  assert.equal(r.out, '')
  const j = ctl(['--json', ...args])
  assert.equal(j.code, USAGE)
  if (args[args.length - 1] !== '-c') assert.equal(JSON.parse(j.out).error.code, 'usage')
})

test('help at every level', () => {
  assert.match(good('--help'), /key create +Make an API key/)
  assert.match(good('key', '--help'), /^ {2}key rename ID NAME/m)
  assert.doesNotMatch(good('key', '-h'), /org create/)
  assert.match(good('key', 'create', '--help'), /--expires WHEN/)
  assert.match(good('--version'), /^llmgw \d/)
})

test('each command has a section in the manual', () => {
  const manual = fs.readFileSync(path.join(top, 'doc/llmgwctl.8'), 'utf8')
  const names = good('--help').split('\n\n')[1].split('\n').map(l => /^ {2}((?:[a-z]+ ?)+?)(?: {2}| [A-Z[]|$)/.exec(l)?.[1]?.trim()).filter(Boolean)
  assert.ok(names.length > 30, names.join())
  for (const name of names) {
    assert.match(manual, new RegExp(`^\\.It Ic ${name}( |$)`, 'm'), `${name} is not in llmgwctl(8)`)
  }
})

// --- init --------------------------------------------------------------------

test('init makes what is missing, once', () => {
  fs.rmSync(state, { recursive: true, force: true })
  const first = json('init')
  assert.equal(first.state_dir, state)
  assert.match(first.admin_token, /^llmgadm_[0-9A-Za-z]{40}$/)
  assert.ok(first.created.includes(`${state}/key_hash_secrets`))
  const secret = fs.readFileSync(`${state}/key_hash_secrets`, 'utf8')
  assert.match(secret, /^[0-9A-Za-z]{64}\n$/)
  assert.deepEqual(json('init'), { state_dir: state, created: [], admin_token: null })
  assert.equal(fs.readFileSync(`${state}/key_hash_secrets`, 'utf8'), secret)
  assert.equal(mode(state), '750')
  assert.equal(mode(`${dir}/run`), '750')
  assert.equal(mode(`${state}/key_hash_secrets`), '600')
  assert.equal(mode(`${state}/llmgw.db`), '600')
  assert.match(good('init'), /nothing changed/)
})

test('init where no directory can be made', () => {
  fs.writeFileSync(`${dir}/file`, '')
  const r = ctl(['init'], { LLMGW_STATE_DIR: `${dir}/file/state` })
  assert.equal(r.code, CONFIG)
  assert.match(r.err, /Not a directory/)
})

test('init --user needs a user', () => {
  bad(FAILED, /no user "no-such-user"/, 'init', '--user', 'no-such-user')
})

// --- organisations, projects, keys -------------------------------------------

test('an organisation from its making to its end', () => {
  const org = json('org', 'create', 'acme')
  assert.equal(org.object, 'organization')
  assert.equal(org.status, 'active')
  assert.match(org.id, /^org_/)
  assert.equal(bad(FAILED, /another organization of this name/, 'org', 'create', 'acme'), 'conflict')
  assert.equal(json('org', 'rename', org.id, 'Acme Ltd').name, 'Acme Ltd')
  assert.equal(json('org', 'disable', org.id).status, 'suspended')
  assert.equal(json('org', 'enable', org.id).status, 'active')
  assert.ok(json('org', 'list').data.some(o => o.id === org.id))
  assert.equal(json('org', 'delete', org.id).status, 'archived')
  assert.equal(json('org', 'delete', org.id).status, 'archived')
  assert.ok(!json('org').data.some(o => o.id === org.id))
  assert.ok(json('org', '--all').data.some(o => o.id === org.id))
  assert.equal(bad(FAILED, /is archived/, 'org', 'disable', org.id), 'conflict')
  assert.equal(bad(FAILED, /is archived/, 'project', 'create', 'p', '--org', org.id), 'conflict')
})

test('a project from its making to its end', () => {
  const p = json('project', 'create', 'web', '--mode', 'credits')
  assert.equal(p.mode, 'credits')
  assert.match(p.organization_id, /^org_/)
  assert.equal(json('project', 'mode', p.id, 'api-keys').mode, 'api-keys')
  assert.equal(bad(FAILED, /mode must be/, 'project', 'mode', p.id, 'free'), 'invalid_parameters')
  assert.equal(json('project', 'show', p.id).name, 'web')
  assert.equal(json('project', 'list', '--org', p.organization_id).data.length, 2)
  assert.equal(json('project', 'list', '--org', 'org_none').data.length, 0)
  assert.equal(json('project', 'disable', p.id).status, 'archived')
  assert.equal(json('project', 'enable', p.id).status, 'active')
  assert.equal(json('project', 'delete', p.id).status, 'archived')
})

test('a project whose mode is wrong is not made', () => {
  bad(FAILED, /mode must be/, 'project', 'create', 'half', '--mode', 'x')
  assert.ok(!json('project', '--all').data.some(p => p.name === 'half'))
})

test('a key from its making to its end', () => {
  const k = json('key', 'create', '--label', 'first', '--expires', '30d')
  assert.match(k.key, /^llmgtwy_[0-9A-Za-z]{40}$/)
  assert.equal(k.masked, `llmgtwy_…${k.key.slice(-4)}`)
  assert.equal(k.label, 'first')
  assert.ok(Math.abs(Date.parse(k.expires_at) - Date.now() - 30 * 864e5) < 60e3)
  const shown = json('key', 'show', k.id)
  assert.equal(shown.key, undefined)
  assert.ok(!good('key', 'list').includes(k.key))
  assert.equal(json('key', 'list', '--project', k.project_id).data.length, 1)
  assert.equal(json('key', 'rename', k.id, 'second').label, 'second')
  assert.equal(json('key', 'disable', k.id).status, 'inactive')
  assert.equal(json('key', 'enable', k.id).status, 'active')
  assert.equal(json('key', 'delete', k.id).status, 'deleted')
  assert.equal(bad(FAILED, /is deleted/, 'key', 'enable', k.id), 'conflict')
  assert.equal(json('key').data.length, 0)
  const again = json('key', 'create', '--expires=2099-12-31T12:00:00+01:00', '--project', k.project_id)
  assert.equal(again.expires_at, '2099-12-31T11:00:00.000Z')
  assert.match(good('key', 'create'), /shown this once:\n\n {2}llmgtwy_\w{40}\n/)
})

table('refused', [
  ['unknown organisation', 'not_found', /No organization org_x/, 'org', 'show', 'org_x'],
  ['unknown project', 'not_found', /No project proj_x/, 'key', 'create', '--project', 'proj_x'],
  ['unknown key', 'not_found', /No key key_x/, 'key', 'disable', 'key_x'],
  ['unknown record', 'not_found', /No record log_x/, 'log', 'show', 'log_x'],
  ['unknown model', 'not_found', /No model gpt-0/, 'models', 'show', 'gpt-0'],
  ['empty name', 'invalid_parameters', /name must be 1 to 200/, 'org', 'create', ''],
  ['long name', 'invalid_parameters', /name must be 1 to 200/, 'org', 'create', 'x'.repeat(201)],
  ['line in a name', 'invalid_parameters', /name must be/, 'project', 'create', 'a\nb'],
  ['control in a label', 'invalid_parameters', /label must be/, 'key', 'create', '--label', 'a\x1b[2J'],
  ['quote in an id', 'not_found', /No key/, 'key', 'show', "' OR 1=1 --"]
], (name, code, message, ...args) => {
  assert.equal(bad(FAILED, message, ...args), code)
})

test('words behind -- are no options', () => {
  const org = JSON.parse(good('--json', 'org', 'create', '--', '--json'))
  assert.equal(org.name, '--json')
})

// --- configuration -----------------------------------------------------------

test('config test', () => {
  const r = json('config', 'test')
  assert.equal(r.ok, true)
  assert.equal(r.file, conf)
  assert.ok(r.models > 100)
  assert.match(good('config', 'test'), /good/)
})

table('config test refuses', [
  ['a misspelled key, with file and line', 'max_boddy = 1\n', /llmgw\.conf:6: no setting "max_boddy" in \[llmgw\]/],
  ['a value out of range', 'front_threads = 0\n', /llmgw\.conf:6: front_threads/],
  ['an unknown section', '[modell x]\n', /llmgw\.conf:6: no section/],
  ['a provider without a dialect that is known', '[provider x]\ndialect = esperanto\nbase_url = https://x.example\n', /llmgw\.conf:6: no dialect/],
  ['a bad price', '[model x]\nprovider = openai\ninput_price = cheap\n', /llmgw\.conf:6/],
  ['a Redis by TLS', 'store_kv = rediss://127.0.0.1\n', /rediss: needs a Redis library with TLS/],
  ['a store that there is not', 'store_sql = mysql://user:secret@x\n', /store_sql: "mysql:" names no store/],
  ['a store of answers that there is not', 'store_cache = memcached:x\n', /store_cache/],
  ['a proxy', 'upstream_proxy = ftp://user:secret@x\n', /upstream_proxy: a proxy is http/],
  ['a price of storage', 'storage_usd_per_mtok = -1\n', /storage_usd_per_mtok/],
  ['an origin', 'cors_origins = https://a.example, foo\n', /cors_origins: "foo"/],
  ['a name of a header', 'client_ip_header = a b\n', /client_ip_header/],
  ['a list that is not there', 'catalog_file', /nonexistent/]
], (name, text, message) => {
  writeConf(`catalog_file = ${text.startsWith('catalog_file') ? '/nonexistent\n' : `${catalog}\n${text}`}`)
  try {
    assert.equal(bad(CONFIG, message, 'config', 'test'), 'configuration')
    if (/ey|value|section/.test(name)) bad(CONFIG, message, 'key', 'list')
  } finally {
    writeConf(`catalog_file = ${catalog}\n`)
  }
})

test('a file that cannot be read', () => {
  assert.equal(bad(CONFIG, /nonexistent: No such file/, '-c', '/nonexistent', 'key', 'list'), 'configuration')
  bad(CONFIG, /cannot be read/, '-c', dir, 'config', 'dump')
})

test('a wrong variable', () => {
  const r = ctl(['key', 'list'], { LLMGW_MAX_BODDY: '1' })
  assert.equal(r.code, CONFIG)
  assert.match(r.err, /LLMGW_MAX_BODDY/)
})

test('config dump reads back, without secrets', () => {
  writeConf(`catalog_file = ${catalog}\nmetrics_token = hush\n[provider openai]\nkey = sk-hush\n`)
  const text = good('config', 'dump')
  assert.ok(!text.includes('hush'))
  const other = path.join(dir, 'dump.conf')
  fs.writeFileSync(other, text)
  good('-c', other, 'config', 'test')
  const { data } = json('config', 'dump')
  assert.deepEqual(data.find(r => r.name === 'metrics_token'), { section: 'llmgw', name: 'metrics_token', value: null, secret: true })
  assert.equal(data.find(r => r.section === 'llmgw' && r.name === 'state_dir').value, state)
  assert.equal(data.find(r => r.section === 'provider openai' && r.name === 'key').secret, true)
  writeConf(`catalog_file = ${catalog}\n`)
})

test('config manual', () => {
  assert.match(good('config', 'manual'), /^\.Sh SETTINGS/)
  assert.ok(json('config', 'manual').data.length > 50)
})

// --- models and providers ----------------------------------------------------

test('models', () => {
  const few = json('models').data, all = json('models', 'list', '--all').data
  assert.ok(few.length > 0 && few.length < all.length)
  assert.ok(few.some(m => m.id === 'sim-echo'))
  const m = json('models', 'show', 'gpt-4o-mini')
  const p = m.providers.find(p => p.provider === 'openai')
  assert.equal(p.prices[0].input, '0.15')
  assert.equal(p.prices[0].output, '0.6')
  assert.equal(p.usable, false)
  assert.match(good('models'), /^sim-echo +1 +2 +1000000 +sim$/m)
  assert.match(good('models', 'show', 'gpt-4o-mini'), /^openai +no +0\.15/m)
})

test('a key of a provider shows its models', () => {
  const r = ctl(['models', '--json'], { LLM_OPENAI_API_KEY: 'sk-hush' })
  assert.ok(JSON.parse(r.out).data.some(m => m.id === 'gpt-4o-mini'))
  const p = ctl(['provider', 'list', '--json'], { LLM_OPENAI_API_KEY: 'sk-hush,sk-more' })
  assert.ok(!p.out.includes('hush'))
  const openai = JSON.parse(p.out).data.find(p => p.id === 'openai')
  assert.deepEqual(openai.keys.map(k => k.state), ['ok', 'ok'])
  assert.equal(openai.usable, true)
  assert.equal(json('provider').data.find(p => p.id === 'openai').usable, false)
})

test('models update', () => {
  const lines = fs.readFileSync(catalog, 'utf8').trimEnd().split('\n')
  const list = lines.slice(1).map(l => JSON.parse(l)).filter(m => m.id !== 'gpt-4o')
  list.find(m => m.id === 'gpt-4o-mini').mappings[0].tiers[0].output = '0.7'
  const made = { ...list.find(m => m.id === 'sim-echo'), id: 'sim-new', aliases: [] }
  made.mappings = made.mappings.map(x => ({ ...x, model: 'sim-new' }))
  list.push(made)
  list.sort((a, b) => a.id < b.id ? -1 : 1)
  const file = path.join(dir, 'new.ndjson')
  fs.writeFileSync(file, [lines[0], ...list.map(m => JSON.stringify(m))].join('\n') + '\n')

  const dry = json('models', 'update', file, '--dry-run')
  assert.deepEqual([dry.added, dry.removed, dry.repriced, dry.written],
    [['sim-new'], ['gpt-4o'], ['gpt-4o-mini'], false])
  assert.equal(fs.existsSync(`${state}/catalog.ndjson`), false)

  assert.match(good('models', 'update', file), /1 added, 1 removed, 1 with other prices\n.*\nnot in use: catalog_file/s)
  writeConf()
  assert.ok(json('models').data.some(m => m.id === 'sim-new'))
  const again = json('models', 'update', file)
  assert.deepEqual([again.added, again.removed, again.repriced, again.in_use], [[], [], [], true])

  fs.writeFileSync(file, lines[0] + '\n{"id":"x"\n')
  assert.equal(bad(FAILED, /new\.ndjson:2/, 'models', 'update', file), 'invalid_parameters')
  assert.equal(bad(FAILED, /No such file/, 'models', 'update', '/nonexistent'), 'invalid_parameters')
  assert.ok(json('models').data.some(m => m.id === 'sim-new'))
  writeConf(`catalog_file = ${catalog}\n`)
})

// --- stores ------------------------------------------------------------------

test('db migrate', () => {
  const r = json('db', 'migrate')
  assert.equal(r.version, r.old_version)
  assert.match(good('db', 'migrate'), /as before/)
})

test('a database that is none', () => {
  fs.writeFileSync(`${dir}/broken.db`, 'this is not a database, not at all'.repeat(50))
  const r = ctl(['key', 'list', '--json'], { LLMGW_STORE_SQL: `sqlite:${dir}/broken.db` })
  assert.equal(r.code, UNAVAILABLE, r.err)
  assert.equal(JSON.parse(r.out).error.code, 'store_unavailable')
})

test('a secret that is open to others', () => {
  fs.chmodSync(`${state}/key_hash_secrets`, 0o644)
  bad(CONFIG, /must be 0600/, 'key', 'create')
  assert.equal(ctl(['doctor']).code, FAILED)
  fs.chmodSync(`${state}/key_hash_secrets`, 0o600)
})

test('doctor of a good host', () => {
  const r = json('doctor')
  assert.equal(r.ok, true)
  assert.ok(r.checks.length >= 8)
  assert.deepEqual(r.checks.filter(c => c.result === 'fail'), [])
})

test('the socket on which the web server is believed', async () => {
  const of = at => JSON.parse(ctl(['doctor', '--json'], { LLMGW_TRUSTED_IDENTITY_SOCKET: at }).out).checks.find(c => c.check === 'trusted_identity_socket')?.result
  assert.equal(of(''), undefined)
  assert.equal(of(path.join(dir, 'none.sock')), 'warn')
  assert.equal(of(dir), 'ok')
  const server = net.createServer()
  const at = path.join(dir, 'chat.sock')
  await new Promise(done => { server.listen(at, done) })
  fs.chmodSync(at, 0o666)
  assert.equal(of(at), 'warn')
  fs.chmodSync(at, 0o660)
  assert.equal(of(at), 'ok')
  server.close()
})

test('an open state directory', () => {
  fs.chmodSync(state, 0o755)
  const r = ctl(['doctor', '--json'])
  assert.equal(r.code, FAILED)
  assert.equal(JSON.parse(r.out).checks.find(c => c.check === 'state directory').result, 'fail')
  fs.chmodSync(state, 0o750)
})

// --- a gateway that runs -----------------------------------------------------

const g = await Gateway.start()
const keyFile = path.join(dir, 'key')
fs.writeFileSync(keyFile, g.key + '\n', { mode: 0o600 })
const live = (...args) => JSON.parse(g.ctl(...args, '--json'))

test('usage and log of real requests', async () => {
  const hello = { model: 'sim-echo', messages: [{ role: 'user', content: 'one two three' }] }
  const answer = await g.chat(hello, { headers: { authorization: `Bearer ${g.key}`, 'x-request-id': 'ctl-test-1' } })
  assert.equal(answer.status, 200, answer.text)
  await g.chat({ ...hello, model: 'sim/sim-fault-429' })
  assert.ok(await until(() => live('usage').totals.requests >= 2, 8000, 200), 'nothing in the log')

  const row = live('usage').data.find(r => r.model === 'sim-echo')
  assert.equal(row.requests, 1)
  assert.equal(row.errors, 0)
  assert.ok(row.input_tokens > 0 && row.output_tokens > 0)
  assert.match(row.cost, /^0\.\d{1,9}$/)
  assert.equal(Math.round(Number(row.cost) * 1e9), row.cost_nano)
  const { project_id: project, id: key } = live('key', 'list').data[0]
  assert.equal(live('usage', '--by', 'key').data[0].key, key)
  assert.equal(live('usage', '--by', 'key').data[0].label, 'test')
  assert.equal(live('usage', '--by', 'project').data[0].project, project)
  assert.equal(live('usage', '--by', 'day', '--days', '1').data[0].day, new Date().toISOString().slice(0, 10))
  assert.equal(live('usage', '--to', '2020-01-01').totals.requests, 0)
  assert.equal(live('usage', '--project', 'proj_x').totals.requests, 0)
  assert.equal(live('usage', '--from', '2020-01-01', '--to', '2999-12-31').totals.requests, live('usage').totals.requests)
  assert.match(g.ctl('usage'), /^total +2 +1 /m)

  const [record] = live('log', 'list', '--request-id', 'ctl-test-1').data
  assert.equal(record.used_model, 'sim-echo')
  assert.equal(record.status, 200)
  assert.equal(record.streamed, false)
  const one = JSON.parse(g.ctl('log', 'show', record.record_id))
  for (const [name, value] of Object.entries(record)) assert.deepEqual(one[name], value, name)
  assert.ok(Array.isArray(one.routing))
  assert.equal(one.input_cost_nano + one.output_cost_nano, one.cost_nano)
  assert.equal(live('log', '--limit', '1').data.length, 1)
  assert.equal(live('log', '--project', 'proj_x').data.length, 0)
  assert.match(g.ctl('log'), /sim-echo/)
})

function doctor(url, ...args) {
  const r = ctl(['doctor', url, '--json', ...args], { LLMGW_CONF: g.conf })
  const all = JSON.parse(r.out)
  assert.equal(r.code, all.ok ? OK : FAILED)
  return Object.fromEntries(all.checks.map(c => [c.check, c]))
}

test('doctor of a good mount', () => {
  const c = doctor(g.url + '/', '--key-file', keyFile, '--full')
  for (const name of ['health', 'paths', 'authorization', 'body', 'body limit', 'stream', 'database', 'spool']) {
    assert.equal(c[name]?.result, 'ok', `${name}: ${c[name]?.text}`)
  }
})

test('doctor without a key does not fail', () => {
  const c = doctor(g.url, '--outside')
  assert.equal(c.stream.result, 'warn')
  assert.equal(c.database, undefined)
})

// A web server in front of the good one that does everything wrong.
async function spoiled(wrong, run) {
  const server = http.createServer((req, res) => {
    const page = (status) => { res.writeHead(status, { 'content-type': 'text/html' }); res.end('<html>'); req.resume() }
    const headers = { ...req.headers, connection: 'close' }
    if (wrong === 'body' && Number(headers['content-length']) > 1 << 20) return page(413)
    if (wrong === 'paths' && !/^\/(v1\/.*)?$/.test(req.url)) return page(404)
    if (wrong === 'authorization') delete headers.authorization
    if (wrong === 'health') return page(200)
    req.pipe(http.request(g.url + req.url, { method: req.method, headers }, up => {
      if (wrong === 'stream') {
        const all = []
        up.on('data', d => all.push(d))
        up.on('end', () => { res.writeHead(up.statusCode, up.headers); res.end(Buffer.concat(all)) })
        return
      }
      res.writeHead(up.statusCode, up.headers)
      up.pipe(res)
    }))
  })
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  try {
    await run(`http://127.0.0.1:${server.address().port}`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

// The doctor must not block this process, which is the web server.
async function doctorAside(url, ...args) {
  const { spawn } = await import('node:child_process')
  const child = spawn(path.join(build, 'llmgwctl'), ['doctor', url, '--json', '--outside', ...args],
    { env: clean({ LLMGW_CONF: g.conf }) })
  let out = ''
  child.stdout.on('data', d => { out += d })
  const code = await new Promise(done => child.on('close', done))
  return { code, checks: Object.fromEntries(JSON.parse(out).checks.map(c => [c.check, c])) }
}

table('doctor of a mount that spoils', [
  ['nothing', 'nothing', null],
  ['the health', 'health', /health\.fcgi/],
  ['other paths', 'paths', /check-local/],
  ['the key', 'authorization', /CGIPassAuth/],
  ['large bodies', 'body', /client_max_body_size/],
  ['streams', 'stream', /fastcgi_buffering off/]
], (name, wrong, remedy) => spoiled(wrong, async url => {
  const { code, checks } = await doctorAside(url, '--key', g.key)
  assert.equal(code, remedy ? FAILED : OK, JSON.stringify(checks))
  if (!remedy) return
  assert.equal(checks[wrong].result, 'fail')
  assert.match(checks[wrong].remedy, remedy)
}))

test('doctor of a mount that the programs do not know', async () => {
  const { checks } = await doctorAside(g.url + '/llm', '--key', g.key)
  assert.deepEqual(Object.keys(checks), ['health'])
  assert.match(checks.health.remedy, /mount_prefix = \/llm /)
})

// The same providers as the programs in their units, which read that file.
test('keys of the environment file beside the settings', () => {
  const file = path.join(dir, 'environment')
  const usable = env => JSON.parse(ctl(['provider', 'list', '--json'], env).out).data.find(p => p.id === 'groq').usable
  assert.equal(usable(), false)
  fs.writeFileSync(file, '# a comment\nnonsense\nLLM_GROQ_API_KEY="gsk-1,gsk-2"\nLLMGW_LOG_LEVEL=bogus\n', { mode: 0o600 })
  try {
    assert.match(ctl(['provider', 'list']).err, /LLMGW_LOG_LEVEL/)
    assert.equal(usable({ LLMGW_LOG_LEVEL: 'warn' }), true)
    const { keys } = JSON.parse(ctl(['provider', 'list', '--json'], { LLMGW_LOG_LEVEL: 'warn' }).out).data.find(p => p.id === 'groq')
    assert.equal(keys.length, 2)
  } finally {
    fs.unlinkSync(file)
  }
})

test('doctor of nothing at all', () => {
  const c = doctor('http://127.0.0.1:1')
  assert.equal(c.health.result, 'fail')
  assert.equal(c.paths, undefined)
})

// What openapi.json says of the admin API, done by the command line.
test('every method of every resource of the admin API', async () => {
  const doc = (await g.get('/openapi.json')).json
  const at = {}
  const run = (...args) => JSON.parse(g.ctl(...args, '--json'))
  at.org = run('organization', 'create', 'name=walk', 'limits.rpm=5', '--retention-days', '7').id
  at.project = run('project', 'create', 'walk', `organization_id=${at.org}`, 'cache_ttl=20').id
  at.key = run('key', 'create', `project_id=${at.project}`, 'usage_limit=0.5', 'period_limit.limit=1', 'period_limit.unit=day').id
  const make = {
    organizations: ['organization', [], ['name=other'], ['email=a@b.example']],
    'organizations/{parent_id}/credits': ['credit', [at.org], ['amount=1.5', 'reason=walk']],
    'organizations/{parent_id}/guardrails': ['guard', [at.org], ['name=g1', 'type=blocked_terms', 'action=block', 'config={"terms":["hush"]}'], ['action=warn']],
    projects: ['project', [], [`organization_id=${at.org}`, 'name=p2'], ['mode=credits']],
    keys: ['key', [], [`project_id=${at.project}`, 'label=k2', 'expires_at=30d'], ['limits.tpm=7']],
    'keys/{parent_id}/roll': ['roll', [at.key], ['grace_seconds=5']],
    'keys/{parent_id}/iam-rules': ['iam-rule', [at.key], ['type=allow_models', 'value={"models":["sim-echo"]}'], ['status=inactive']],
    identities: ['identity', [], ['kind=remote_user', 'value=walk', `key_id=${at.key}`], [`key_id=${at.key}`]],
    'provider-keys': ['provider-key', [], [`organization_id=${at.org}`, 'provider=openai', 'key=sk-hush-0123456789'], ['status=inactive']],
    limits: ['limit', [], [`organization_id=${at.org}`, 'model=sim-echo', 'rpm=5'], ['tpm=5', 'rpm=null']],
    discounts: ['discount', [], [`organization_id=${at.org}`, 'provider=openai', 'fraction=0.25'], ['fraction=0.5']],
    aliases: ['alias', [], [`organization_id=${at.org}`, 'name=a1', 'targets=[{"model":"sim-echo"}]'], ['name=a2']],
    alerts: ['alert', [], [`organization_id=${at.org}`, 'scope=organization', `scope_id=${at.org}`, 'kind=budget', 'threshold=0.5', 'webhook=https://a.example/'], ['threshold=0.75']],
    tokens: ['token', [], ['role=viewer', `organization_id=${at.org}`]],
    explain: ['explain', [], ['sim-echo']],
    providers: ['providers', []], 'providers/{parent_id}/reset': ['provider-reset', ['sim'], []], logs: ['logs', []], activity: ['activity', []], audit: ['audit', []]
  }
  const elsewhere = ['sessions', 'usage', 'logs/{id}', 'organizations/{parent_id}/guardrails/test', 'guardrail-events']
  for (const [path, item] of Object.entries(doc.paths)) {
    const name = path.replace('/admin/v1/', '').replace(/\/\{id\}$/, '')
    if (!path.startsWith('/admin/') || elsewhere.includes(name)) continue
    const [word, parent, members, change] = make[name] ?? assert.fail(`${path} is not done by this test`)
    if (!path.endsWith('/{id}')) {
      if (item.post) {
        const made = run(word, ...(['roll', 'explain', 'provider-reset'].includes(word) ? [] : word === 'project' || word === 'organization' || word === 'key' ? ['add'] : ['create']), ...parent, ...members)
        at[name] = made.id
        assert.ok(made.object, path)
      }
      if (item.get) assert.ok(run(word, 'list', ...parent).data.length > 0, path)
      continue
    }
    if (name === 'logs') continue
    assert.equal(run(word, 'show', ...parent, at[name]).id, at[name])
    if (item.patch) {
      const [k, v] = change[0].split('=')
      const now = run(word, 'set', ...parent, at[name], ...change)
      assert.equal(String(k.split('.').reduce((o, m) => o[m], now)), v, path)
    }
    if (item.delete) assert.equal(run(word, 'delete', ...parent, at[name]).id, at[name])
  }
  const entries = run('audit', 'list').data
  assert.ok(entries.every(e => e.actor.startsWith('ctl:')), 'another actor')
  assert.deepEqual(run('audit', 'verify').good, true)
})

await runAll('ctl', {
  after: async () => {
    await g.stop()
    fs.rmSync(dir, { recursive: true, force: true })
  }
})
