// The admin API: resources, roles, audit, and its effect on other programs.

import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import http from 'node:http'
import path from 'node:path'
import { sleep, until } from '../../lib/gateway.mjs'
import { assert, common, flat, table, test } from '../../lib/suite.mjs'
import { hello } from './setting.mjs'

// One row for each resource that is a table: how one is made (`at` are ids of
// others), what is changed, what must be refused, which name clashes.
const rows = [
  ['organizations', {
    make: (at, n) => ({ name: `org ${n}` }),
    read: { status: 'active', email: null, email_verified: true, retention: 'none', retention_days: 30, budget: null, limits: { rpm: null, tpm: null, concurrent: null }, guardrails_enabled: false, credits: 0, usage: 0 },
    patch: { retention: 'retain', retention_days: 7, email: 'a@b.example', 'limits': { rpm: 5 }, budget: { limit: 12.5, unit: 'day' } },
    after: { retention: 'retain', retention_days: 7, email: 'a@b.example', limits: { rpm: 5, tpm: null, concurrent: null }, budget: { limit: 12.5, count: 1, unit: 'day' } },
    clear: { email: null, budget: null, limits: { rpm: null } },
    bad: [
      [{}, 'name'], [{ name: 7 }, 'name'], [{ name: '' }, 'name'], [{ name: 'x'.repeat(201) }, 'name'], [{ name: 'a\nb' }, 'name'], [{ name: null }, 'name'],
      [{ name: 'x', status: 'on' }, 'status'], [{ name: 'x', retention_days: 0 }, 'retention_days'], [{ name: 'x', retention_days: 1.5 }, 'retention_days'],
      [{ name: 'x', email_verified: 'yes' }, 'email_verified'], [{ name: 'x', limits: 5 }, 'limits'], [{ name: 'x', limits: { rps: 1 } }, 'limits.rps'],
      [{ name: 'x', limits: { rpm: -1 } }, 'limits.rpm'], [{ name: 'x', budget: { limit: 1 } }, 'budget.unit'], [{ name: 'x', budget: { unit: 'day' } }, 'budget.limit'],
      [{ name: 'x', budget: { limit: '1', unit: 'day' } }, 'budget.limit'], ['{"name":"x","budget":{"limit":0.0000000001,"unit":"day"}}', 'budget.limit'],
      [{ name: 'x', credits: 5 }, 'credits'], [{ name: 'x', id: 'org_1' }, 'id'], [{ name: 'x', colour: 'red' }, 'colour']
    ],
    clash: true, gone: { status: 'archived' }
  }],
  ['projects', {
    make: (at, n) => ({ organization_id: at.org, name: `project ${n}` }),
    read: { status: 'active', mode: 'hybrid', caching_enabled: false, cache_ttl: 60, error_format: 'auto', budget: null },
    patch: { mode: 'credits', caching_enabled: true, cache_ttl: 10, error_format: 'openai' }, after: { mode: 'credits', caching_enabled: true, cache_ttl: 10, error_format: 'openai' },
    clear: { cache_ttl: null },
    bad: [[{ name: 'x' }, 'organization_id'], [{ organization_id: 'o', name: 'x', mode: 'free' }, 'mode'], [{ organization_id: 'o', name: 'x', cache_ttl: 9 }, 'cache_ttl']],
    clash: true, gone: { status: 'archived' }
  }],
  ['keys', {
    make: (at, n) => ({ project_id: at.project, label: `key ${n}`, usage_limit: 1.000000001, period_limit: { limit: 5, count: 2, unit: 'week' }, expires_at: '2099-01-31T12:00:00+01:00' }),
    read: { status: 'active', usage_limit: 1.000000001, period_limit: { limit: 5, count: 2, unit: 'week' }, expires_at: '2099-01-31T11:00:00.000Z', usage: 0, period_usage: 0, last_used_at: null },
    patch: { label: 'other', status: 'inactive', usage_limit: 2 }, after: { label: 'other', status: 'inactive', usage_limit: 2 },
    clear: { usage_limit: null, expires_at: null, period_limit: null },
    bad: [
      [{ label: 'x' }, 'project_id'], [{ project_id: 'p', expires_at: 'tomorrow' }, 'expires_at'], [{ project_id: 'p', expires_at: '2027-02-30T00:00:00Z' }, 'expires_at'],
      [{ project_id: 'p', expires_at: 5 }, 'expires_at'], [{ project_id: 'p', usage_limit: -1 }, 'usage_limit'], [{ project_id: 'p', period_limit: { limit: 1, unit: 'year' } }, 'period_limit.unit'],
      [{ project_id: 'p', key: 'mine' }, 'key'], [{ project_id: 'p', status: 'deleted' }, 'status']
    ],
    gone: { status: 'deleted' }
  }],
  ['keys/{key}/iam-rules', {
    make: () => ({ type: 'allow_models', value: { models: ['gpt-4o*'] } }),
    read: { type: 'allow_models', value: { models: ['gpt-4o*'] }, status: 'active' },
    patch: { status: 'inactive' }, after: { status: 'inactive' },
    bad: [[{ type: 'allow_models' }, 'value'], [{ type: 'allow', value: {} }, 'type'], [{ type: 'allow_models', value: [] }, 'value']]
  }],
  ['identities', {
    make: (at, n) => ({ kind: 'client_dn', value: `CN="user" ${n},O=Ünited '&' Sons`, key_id: at.key }),
    read: { kind: 'client_dn' },
    bad: [
      [{ value: 'x', key_id: 'k' }, 'kind'], [{ kind: 'user', value: 'x', key_id: 'k' }, 'kind'], [{ kind: 'client_dn', value: 'x' }, 'key_id'],
      [{ kind: 'remote_user', value: '', key_id: 'k' }, 'value'], [{ kind: 'remote_user', value: 'a\nb', key_id: 'k' }, 'value'], [{ kind: 'remote_user', value: 'x'.repeat(513), key_id: 'k' }, 'value']
    ],
    clash: true
  }],
  ['provider-keys', {
    make: at => ({ organization_id: at.org, provider: 'openai', key: 'sk-hush-0123456789', options: {} }),
    read: { provider: 'openai', name: null, base_url: null, options: {}, default: false, status: 'active' },
    patch: { status: 'inactive' }, after: { status: 'inactive' },
    bad: [
      [{ organization_id: 'o', provider: 'nobody' }, 'key'], [{ organization_id: 'o', provider: 'openai', key: '' }, 'key'],
      [{ organization_id: 'o', provider: 'openai', key: 'x', base_url: 'ftp://x' }, 'base_url'], [{ organization_id: 'o', provider: 'openai', key: 'x', options: [] }, 'options']
    ],
    gone: { status: 'deleted' }
  }],
  ['limits', {
    make: (at, n) => ({ organization_id: at.org, model: `model-${n}`, rpm: 5 }),
    read: { rpm: 5, tpm: null, concurrent: null },
    patch: { tpm: 7 }, after: { rpm: 5, tpm: 7 }, clear: { rpm: null },
    bad: [[{ organization_id: 'o', model: 'a b' }, 'model'], [{ model: 'x' }, 'organization_id'], [{ organization_id: 'o', model: 'x', rpm: '5' }, 'rpm']],
    clash: true
  }],
  ['discounts', {
    make: at => ({ organization_id: at.org, provider: 'openai', fraction: 0.25 }),
    read: { provider: 'openai', model: null, fraction: 0.25, expires_at: null },
    patch: { fraction: 0.125 }, after: { fraction: 0.125 },
    bad: [[{ fraction: 1.5 }, 'fraction'], [{ fraction: -0.1 }, 'fraction'], [{ fraction: 0.0000001 }, 'fraction'], [{ provider: 'nobody', fraction: 0.1 }, 'provider'], [{}, 'fraction']]
  }],
  ['aliases', {
    make: (at, n) => ({ organization_id: at.org, name: `alias-${n}`, targets: [{ model: 'sim-echo', weight: 3 }, { model: 'gpt-4o' }] }),
    read: { targets: [{ model: 'sim-echo', weight: 3 }, { model: 'gpt-4o' }] },
    patch: { targets: [{ model: 'sim-echo' }] }, after: { targets: [{ model: 'sim-echo' }] },
    bad: [[{ name: 'x', targets: [] }, 'targets'], [{ name: 'x', targets: [{}] }, 'targets'], [{ name: 'x', targets: [{ model: 'x', weight: -1 }] }, 'targets'], [{ name: 'x', targets: 'x' }, 'targets']],
    clash: true
  }],
  ['alerts', {
    make: at => ({ organization_id: at.org, scope: 'organization', scope_id: at.org, kind: 'budget', threshold: 0.8, webhook: 'https://example.org/hook?a=b' }),
    read: { threshold: 0.8, webhook: 'https://example.org/hook?a=b' },
    patch: { threshold: 0.5 }, after: { threshold: 0.5 },
    bad: [[{ organization_id: 'o', scope: 'world', scope_id: 'x', kind: 'budget', threshold: 1, webhook: 'https://a.example/' }, 'scope'], [{ organization_id: 'o', scope: 'key', scope_id: 'x', kind: 'budget', threshold: 1, webhook: 'ftp://a.example/' }, 'webhook']]
  }],
  ['tokens', {
    make: (at, n) => ({ role: 'viewer', organization_id: at.org, label: `token ${n}` }),
    read: { role: 'viewer', status: 'active', expires_at: null },
    bad: [[{}, 'role'], [{ role: 'root' }, 'role'], [{ role: 'org_admin' }, 'organization_id']],
    gone: { status: 'revoked' }
  }]
]

// SQL, patterns and paths are text like any other (reliability.md T1).
const hostile = ["'; DROP TABLE api_key; --", '" OR ""="', '%', '_%', '../../etc/passwd', '$(id)', '{"$gt":""}', '\\', '?1', ':a', 'NULL']

export function admin(g) {
  const at = {}
  const call = (...args) => g().admin(...args)
  let n = 0
  const ok = async (method, path, body, status = 200, more) => {
    const a = await call(method, path, body, more)
    assert.equal(a.status, status, `${method} ${path}: ${a.text.slice(0, 300)}`)
    common(a)
    return a.json
  }
  const placed = path => path.replace('{key}', at.key).replace('{org}', at.org)

  test('admin: an organization, a project and a key of it', async () => {
    at.org = (await ok('POST', 'organizations', { name: 'first' }, 201)).id
    at.project = (await ok('POST', 'projects', { organization_id: at.org, name: 'p' }, 201)).id
    const key = await ok('POST', 'keys', { project_id: at.project, label: 'k' }, 201)
    at.key = key.id
    at.secret = key.key
    assert.match(key.key, /^llmgtwy_[0-9A-Za-z]{40}$/)
    assert.equal(key.masked, 'llmgtwy_…' + key.key.slice(-4))
    const ask = async () => (await g().chat(hello({ model: 'sim-echo' }), { headers: { authorization: `Bearer ${key.key}` } })).status
    assert.equal(await ask(), 402)
    await ok('POST', `organizations/${at.org}/credits`, { amount: 10, reason: 'to begin with' }, 201)
    assert.ok(await until(async () => await ask() === 200, 2000), 'it has credits')
  })

  table('admin: life of', rows, async (path, r) => {
    path = placed(path)
    const a = await call('POST', path, r.make(at, ++n))
    assert.equal(a.status, 201, a.text)
    const made = a.json
    assert.match(made.id, /^[a-z]+_[0-9A-Za-z]{20}$/)
    assert.ok(a.headers.location.endsWith(`/admin/v1/${path}/${made.id}`), a.headers.location)
    assert.match(made.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.equal(made.updated_at, made.created_at)
    const got = await ok('GET', `${path}/${made.id}`)
    for (const secret of ['key', 'token', 'secret']) delete made[secret]
    assert.ok(!a.text.includes('hush'))
    assert.deepEqual(got, made)
    for (const [k, v] of Object.entries(r.read)) assert.deepEqual(got[k], v, k)
    const list = await ok('GET', path)
    assert.equal(list.object, 'list')
    assert.deepEqual(list.data[0], got, 'it is not the first of the list')
    if (r.clash) flat(await call('POST', path, r.make(at, n)), 409, 'conflict')
    if (r.patch) {
      const changed = await ok('PATCH', `${path}/${made.id}`, r.patch)
      for (const k of Object.keys(got)) if (k !== 'updated_at') assert.deepEqual(changed[k], k in r.after ? r.after[k] : got[k], k)
      assert.deepEqual(await ok('GET', `${path}/${made.id}`), changed)
      const same = await ok('PATCH', `${path}/${made.id}`, {})
      assert.deepEqual(same, changed)
    }
    if (r.clear) {
      const cleared = await ok('PATCH', `${path}/${made.id}`, r.clear)
      for (const k of Object.keys(r.clear)) assert.deepEqual(cleared[k], k === 'cache_ttl' ? 60 : k === 'limits' ? { rpm: null, tpm: null, concurrent: null } : null, k)
    }
    const gone = await ok('DELETE', `${path}/${made.id}`)
    assert.equal(gone.id, made.id)
    assert.equal((await ok('DELETE', `${path}/${made.id}`)).id, made.id, 'repeating it')
    if (r.gone) for (const [k, v] of Object.entries(r.gone)) assert.equal(gone[k], v)
    else flat(await call('GET', `${path}/${made.id}`), 404, 'not_found')
    assert.ok(!(await ok('GET', path)).data.some(o => o.id === made.id), 'it is still listed')
  })

  table('admin: bad members of', rows, async (path, r) => {
    path = placed(path)
    for (const [body, param] of r.bad) {
      const b = flat(await call('POST', path, body), 400, 'invalid_parameters')
      assert.equal(b.param, param, b.message)
      assert.ok(b.message.startsWith(`Invalid request parameters: ${param}: `), b.message)
    }
    flat(await call('POST', path, { unknown_member: 1 }), 400, 'invalid_parameters', /unknown_member/)
    flat(await call('POST', path, '[1]'), 400, 'invalid_json')
    flat(await call('POST', path, '{"a":1,"a":2}'), 400, 'invalid_json')
    flat(await call('POST', path, '{}', { headers: { 'content-type': 'text/plain' } }), 415, 'unsupported_media_type')
  })

  table('admin: unknown id of', rows, async (path, r) => {
    for (const id of ['org_00000000000000000000', 'x', ...hostile.filter(h => !/[/\\]/.test(h))]) {
      flat(await call('GET', `${placed(path)}/${encodeURIComponent(id)}`), 404, 'not_found')
      flat(await call('DELETE', `${placed(path)}/${encodeURIComponent(id)}`), 404, 'not_found')
    }
  })

  test('admin: hostile text is text', async () => {
    for (const text of hostile) {
      const made = await ok('POST', 'keys', { project_id: at.project, label: text }, 201)
      assert.equal((await ok('GET', `keys/${made.id}`)).label, text)
      for (const p of ['organization_id', 'cursor']) {
        const a = await call('GET', `projects?${p}=${encodeURIComponent(text)}`)
        if (p === 'cursor') flat(a, 400, 'invalid_parameters')
        else assert.deepEqual(a.json.data, [], p)
      }
      await ok('DELETE', `keys/${made.id}`)
    }
    assert.equal((await ok('GET', `keys/${at.key}`)).status, 'active')
  })

  test('admin: methods, paths and tokens that are none', async () => {
    assert.equal(flat(await call('PUT', 'keys', {}), 405, 'method_not_allowed') && (await call('PUT', 'keys', {})).headers.allow, 'GET, HEAD, POST, OPTIONS')
    flat(await call('PATCH', `tokens/x`, {}), 405, 'method_not_allowed')
    flat(await call('GET', 'nothing'), 404, 'not_found')
    flat(await call('GET', 'guardrail-event'), 404, 'not_found')
    const options = await call('OPTIONS', `keys/${at.key}`, undefined, { token: null })
    assert.deepEqual([options.status, options.headers.allow], [204, 'GET, HEAD, PATCH, DELETE, OPTIONS'])
    assert.equal((await call('HEAD', 'keys')).status, 200)
    for (const token of [null, g().key, 'llmgadm_' + 'x'.repeat(40), 'llmgadm_%', g().token.slice(0, -1), g().token + 'x', "llmgadm_' OR 1=1"]) {
      const a = await call('GET', 'keys', undefined, { token })
      flat(a, 401, 'invalid_api_key')
      assert.equal(a.headers['www-authenticate'], 'Bearer')
    }
    flat(await g().chat(hello({ model: 'sim-echo' }), { headers: { authorization: `Bearer ${g().token}` } }), 401, 'invalid_api_key')
  })

  test('admin: a cursor stays valid while objects are added', async () => {
    const made = []
    for (let i = 0; i < 7; i++) made.push((await ok('POST', 'keys', { project_id: at.project, label: `page ${i}` }, 201)).id)
    const seen = []
    for (let cursor = ''; cursor !== null;) {
      const page = await ok('GET', `keys?limit=2&project_id=${at.project}${cursor && '&cursor=' + cursor}`)
      assert.ok(page.data.length <= 2)
      seen.push(...page.data.map(k => k.id))
      cursor = page.next_cursor
      if (seen.length < 6) await ok('POST', 'keys', { project_id: at.project, label: 'added' }, 201)
    }
    assert.deepEqual(seen.filter(id => made.includes(id)).sort(), made.sort())
    assert.equal(new Set(seen).size, seen.length)
    for (const bad of ['0', '501', 'x', '-1', '1.5', '']) flat(await call('GET', `keys?limit=${bad}`), 400, 'invalid_parameters')
  })

  test('admin: a changed base URL needs the key again', async () => {
    const make = more => call('POST', 'provider-keys', { organization_id: at.org, provider: 'custom', name: 'my-own', key: 'sk-hush-0123456789', base_url: 'https://a.example/v1', ...more })
    const k = (await make()).json
    assert.ok(k.id, JSON.stringify(k))
    assert.ok(!JSON.stringify(k).includes('hush'))
    flat(await call('PATCH', `provider-keys/${k.id}`, { base_url: 'https://b.example/v1' }), 400, 'invalid_parameters', /key: is required/)
    await ok('PATCH', `provider-keys/${k.id}`, { base_url: 'https://b.example/v1', key: 'sk-hush-other-4321' })
    flat(await make(), 409, 'conflict')
    for (const [more, param] of [[{ name: 'openai' }, 'name'], [{ name: 'A' }, 'name'], [{ name: 'x', base_url: null }, 'base_url'], [{ name: 'x', base_url: 'http://a.example' }, 'base_url'], [{ name: 'x', models: [{}] }, 'models'], [{ provider: 'nobody' }, 'provider']]) {
      assert.equal(flat(await make(more), 400, 'invalid_parameters').param, param)
    }
    assert.ok(!JSON.stringify(await ok('GET', 'audit?limit=500')).includes('hush'))
  })

  test('admin: credits', async () => {
    const org = (await ok('POST', 'organizations', { name: 'rich' }, 201)).id
    const path = `organizations/${org}/credits`
    const first = await ok('POST', path, { amount: 10.000000001, reason: 'start', external_id: 'e1' }, 201)
    assert.equal(first.balance, 10.000000001)
    assert.deepEqual(await ok('POST', path, { amount: 5, reason: 'again', external_id: 'e1' }, 200), first)
    assert.equal((await ok('POST', path, { amount: -4, reason: 'back' }, 201)).balance, 6.000000001)
    assert.equal((await ok('GET', `organizations/${org}`)).credits, 6.000000001)
    assert.deepEqual((await ok('GET', path)).data.map(t => t.amount), [-4, 10.000000001])
    for (const amount of [0, '5', 1e12, null]) flat(await call('POST', path, { amount, reason: 'x' }), 400, 'invalid_parameters', /amount/)
    flat(await call('POST', path, '{"amount":0.1000000001,"reason":"x"}'), 400, 'invalid_parameters', /amount/)
    flat(await call('POST', 'organizations/org_00000000000000000000/credits', { amount: 1, reason: 'x' }), 404, 'not_found')
  })

  test('admin: roles', async () => {
    const other = (await ok('POST', 'organizations', { name: 'second' }, 201)).id
    const theirs = (await ok('POST', 'projects', { organization_id: other, name: 'p' }, 201)).id
    const chief = await ok('POST', 'tokens', { role: 'org_admin', organization_id: at.org, expires_at: '2099-01-01T00:00:00Z' }, 201)
    const viewer = await ok('POST', 'tokens', { role: 'viewer', organization_id: at.org }, 201)
    assert.match(chief.token, /^llmgadm_[0-9A-Za-z]{40}$/)
    const as = token => ({ token: token.token })
    assert.deepEqual((await ok('GET', 'organizations', undefined, 200, as(chief))).data.map(o => o.id), [at.org])
    assert.ok((await ok('GET', 'projects', undefined, 200, as(viewer))).data.every(p => p.organization_id === at.org))
    for (const who of [chief, viewer]) {
      flat(await call('GET', `organizations/${other}`, undefined, as(who)), 404, 'not_found')
      flat(await call('GET', `projects/${theirs}`, undefined, as(who)), 404, 'not_found')
      flat(await call('GET', `organizations/${other}/credits`, undefined, as(who)), 404, 'not_found')
      flat(await call('POST', 'organizations', { name: 'x' }, as(who)), 403, 'permission_denied')
      flat(await call('POST', `organizations/${at.org}/credits`, { amount: 1, reason: 'x' }, as(who)), 403, 'permission_denied')
      flat(await call('POST', 'discounts', { fraction: 1 }, as(who)), 403, 'permission_denied')
    }
    for (const [method, path, body] of [['POST', 'projects', { name: 'v' }], ['PATCH', `projects/${at.project}`, {}], ['DELETE', `keys/${at.key}`], ['POST', 'explain', { model: 'sim-echo' }]]) {
      flat(await call(method, path, body, as(viewer)), 403, 'permission_denied')
    }
    flat(await call('PATCH', `projects/${theirs}`, { name: 'mine' }, as(chief)), 404, 'not_found')
    flat(await call('DELETE', `projects/${theirs}`, undefined, as(chief)), 404, 'not_found')
    flat(await call('POST', 'keys', { project_id: theirs }, as(chief)), 404, 'not_found')
    flat(await call('POST', 'projects', { organization_id: other, name: 'x' }, as(chief)), 404, 'not_found')
    flat(await call('PATCH', `organizations/${at.org}`, { status: 'active' }, as(chief)), 403, 'permission_denied')
    assert.equal((await ok('POST', 'projects', { name: 'of the chief' }, 201, as(chief))).organization_id, at.org)
    assert.equal((await ok('POST', 'aliases', { organization_id: null, name: 'chiefs', targets: [{ model: 'sim-echo' }] }, 201, as(chief))).organization_id, at.org)
    flat(await call('POST', 'tokens', { role: 'admin' }, as(chief)), 403, 'permission_denied')
    flat(await call('POST', 'tokens', { role: 'viewer', expires_at: '2100-01-01T00:00:00Z' }, as(chief)), 403, 'permission_denied')
    const sub = await ok('POST', 'tokens', { role: 'viewer' }, 201, as(chief))
    assert.deepEqual([sub.organization_id, sub.expires_at], [at.org, '2099-01-01T00:00:00.000Z'])
    flat(await call('GET', `usage?organization_id=${other}`, undefined, as(viewer)), 404, 'not_found')
    await ok('DELETE', `tokens/${viewer.id}`)
    flat(await call('GET', 'keys', undefined, as(viewer)), 401, 'invalid_api_key')
    const old = await ok('POST', 'tokens', { role: 'viewer', expires_at: '2020-01-01T00:00:00Z' }, 201)
    flat(await call('GET', 'keys', undefined, as(old)), 401, 'key_expired')
  })

  test('admin: sessions', async () => {
    const a = await call('POST', 'sessions', {})
    assert.equal(a.status, 201, a.text)
    const set = a.headers['set-cookie'][0]
    assert.match(set, /^__Host-llmgw=[0-9A-Za-z]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=\d+$/)
    const cookie = set.split(';')[0]
    const by = headers => ({ token: null, headers: { cookie, ...headers } })
    await ok('GET', 'keys', undefined, 200, by({}))
    flat(await call('POST', 'organizations', { name: 'csrf' }, by({})), 403, 'permission_denied')
    flat(await call('POST', 'organizations', { name: 'csrf' }, by({ 'x-csrf-token': a.json.csrf, origin: 'https://evil.example' })), 403, 'permission_denied')
    await ok('POST', 'organizations', { name: 'csrf' }, 201, by({ 'x-csrf-token': a.json.csrf }))
    await ok('DELETE', 'sessions', undefined, 200, by({ 'x-csrf-token': a.json.csrf }))
    flat(await call('GET', 'keys', undefined, by({})), 401, 'invalid_api_key')
  })

  test('admin: a session by a code that works once', async () => {
    const token = await ok('POST', 'tokens', { role: 'viewer', organization_id: at.org }, 201)
    const made = () => JSON.parse(g().ctl('session', 'link', token.id, '--json'))
    const sign = (code, path = 'sessions') => call('POST', path, {}, { token: code })
    const { link, expires_at } = made()
    assert.match(link, /^llmglnk_[0-9A-Za-z]{40}$/)
    assert.ok(Math.abs(new Date(expires_at) - Date.now() - 600000) < 10000)
    for (const path of ['organizations', 'tokens']) flat(await sign(link, path), 401, 'invalid_api_key')
    flat(await call('GET', 'keys', undefined, { token: link }), 401, 'invalid_api_key')
    const both = await Promise.all([sign(link), sign(link)])
    assert.deepEqual(both.map(a => a.status).sort(), [201, 401], 'it is good for one')
    const a = both.find(x => x.status === 201)
    const cookie = a.headers['set-cookie'][0].split(';')[0]
    await ok('GET', 'keys', undefined, 200, { token: null, headers: { cookie } })
    flat(await call('POST', 'projects', { organization_id: at.org, name: 'x' }, { token: null, headers: { cookie, 'x-csrf-token': a.json.csrf } }), 403, 'permission_denied')
    flat(await sign(link), 401, 'invalid_api_key')
    const late = made().link
    execFileSync('sqlite3', [path.join(g().dir, 'state/llmgw.db')], { input: '.timeout 5000\nUPDATE admin_link SET expires_ms = 1;\n' })
    flat(await sign(late), 401, 'invalid_api_key')
    const revoked = made().link
    await ok('DELETE', `tokens/${token.id}`)
    flat(await sign(revoked), 401, 'invalid_api_key')
    assert.throws(made, /Invalid admin token|no token/)
    assert.throws(() => g().ctl('session', 'link', 'tok_nobody'), /no token tok_nobody/)
  })

  test('admin: the audit log', async () => {
    const made = await ok('POST', 'projects', { organization_id: at.org, name: 'audited' }, 201, { headers: { 'x-request-id': 'audit-1' } })
    await ok('PATCH', `projects/${made.id}`, { name: 'renamed' })
    await ok('DELETE', `projects/${made.id}`)
    const list = (await ok('GET', `audit?object_id=${made.id}`)).data
    assert.deepEqual(list.map(x => x.action), ['delete', 'update', 'create'])
    assert.deepEqual(list[1].changes, { name: ['audited', 'renamed'] })
    assert.deepEqual(list[0].changes, { status: ['active', 'archived'] })
    const first = list[2]
    assert.equal(first.object, 'project')
    assert.equal(first.role, 'admin')
    assert.match(first.actor, /^tok_/)
    assert.equal(first.request_id, 'audit-1')
    assert.ok(first.address)
    assert.deepEqual(first.changes.name, [null, 'audited'])
    assert.ok((await ok('GET', 'audit?action=denied')).data.length > 0, 'denials are not there')
    const all = (await ok('GET', 'audit?limit=500')).data
    assert.ok(!JSON.stringify(all).includes(at.secret))
    for (const m of ['PATCH', 'DELETE']) flat(await call(m, `audit/${first.id}`, m === 'PATCH' ? {} : undefined), 404, 'not_found')
  })

  test('admin: a disabled key is refused within 2 s', async () => {
    const key = await ok('POST', 'keys', { project_id: at.project, label: 'to be disabled' }, 201)
    const ask = () => g().chat(hello({ model: 'sim-echo' }), { headers: { authorization: `Bearer ${key.key}` } })
    assert.equal((await ask()).status, 200)
    await ok('PATCH', `keys/${key.id}`, { status: 'inactive' })
    assert.ok(await until(async () => (await ask()).status === 401, 2000), 'it still works')
    flat(await ask(), 401, 'key_inactive')
    await ok('PATCH', `keys/${key.id}`, { status: 'active' })
    assert.ok(await until(async () => (await ask()).status === 200, 2000), 'it does not work again')
  })

  test('admin: an alert is sent once, and signed', async () => {
    const got = []
    const hook = http.createServer((req, res) => {
      let text = ''
      req.on('data', d => { text += d })
      req.on('end', () => { got.push({ text, sign: req.headers['x-llmgw-signature'] }); res.end() })
    })
    await new Promise(done => hook.listen(0, '127.0.0.1', done))
    const org = (await ok('POST', 'organizations', { name: 'alarmed' }, 201)).id
    const project = (await ok('POST', 'projects', { organization_id: org, name: 'p' }, 201)).id
    const { key } = await ok('POST', 'keys', { project_id: project, label: 'k' }, 201)
    await ok('POST', `organizations/${org}/credits`, { amount: 1, reason: 'x' }, 201)
    const alert = await ok('POST', 'alerts', { organization_id: org, scope: 'organization', scope_id: org, kind: 'credits', threshold: 0.000001, webhook: `http://127.0.0.1:${hook.address().port}/a` }, 201)
    assert.match(alert.secret, /^whsec_[0-9A-Za-z]{40}$/)
    assert.equal((await ok('GET', `alerts/${alert.id}`)).secret, undefined)
    const ask = () => g().chat(hello({ model: 'sim-echo' }), { headers: { authorization: `Bearer ${key}` } })
    for (let i = 0; i < 3; i++) assert.equal((await ask()).status, 200)
    assert.ok(await until(() => got.length > 0, 8000), 'no alert came')
    await sleep(1500)
    hook.close()
    assert.equal(got.length, 1)
    const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(got[0].sign)
    assert.equal(createHmac('sha256', alert.secret).update(`${t}.${got[0].text}`).digest('hex'), v1)
    assert.ok(Math.abs(Date.now() / 1000 - Number(t)) < 30)
    assert.ok(got[0].text.includes(alert.id))
  })

  test('admin: a key rolls', async () => {
    const key = await ok('POST', 'keys', { project_id: at.project, label: 'rolls', usage_limit: 5 }, 201)
    const ask = async secret => (await g().chat(hello({ model: 'sim-echo' }), { headers: { authorization: `Bearer ${secret}` } })).status
    assert.equal(await ask(key.key), 200)
    const rolled = await ok('POST', `keys/${key.id}/roll`, {})
    assert.match(rolled.key, /^llmgtwy_[0-9A-Za-z]{40}$/)
    assert.deepEqual([rolled.id, rolled.usage_limit, rolled.label], [key.id, 5, 'rolls'])
    assert.equal(rolled.masked, 'llmgtwy_…' + rolled.key.slice(-4))
    assert.equal(await ask(rolled.key), 200)
    assert.ok(await until(async () => await ask(key.key) === 401, 2500), 'the old secret still works')
    for (const grace_seconds of [-1, 604801, '5']) flat(await call('POST', `keys/${key.id}/roll`, { grace_seconds }), 400, 'invalid_parameters', /grace_seconds/)
    flat(await call('POST', 'keys/key_00000000000000000000/roll', {}), 404, 'not_found')
  })

  test('admin: who is suspended or archived sees no models either', async () => {
    const org = (await ok('POST', 'organizations', { name: 'ended' }, 201)).id
    const project = (await ok('POST', 'projects', { organization_id: org, name: 'p' }, 201)).id
    const { key } = await ok('POST', 'keys', { project_id: project, label: 'k' }, 201)
    const all = () => Promise.all(['/v1/models', '/v1/models/sim-echo', '/v1/key'].map(async p => (await g().get(p, { headers: { authorization: `Bearer ${key}` } })).status))
    assert.deepEqual(await all(), [200, 200, 200])
    await ok('PATCH', `organizations/${org}`, { status: 'suspended' })
    let last
    assert.ok(await until(async () => String(last = await all()) === '403,403,403', 4000), String(last))
    await ok('PATCH', `organizations/${org}`, { status: 'active' })
    await ok('DELETE', `projects/${project}`)
    assert.ok(await until(async () => String(last = await all()) === '410,410,410', 4000), String(last))
    assert.equal((await g().get('/v1/models', { headers: { authorization: null } })).status, 200)
  })

  test('admin: explain', async () => {
    const e = await ok('POST', 'explain', { model: 'sim-echo' })
    assert.equal(e.root, 'sim-echo')
    assert.deepEqual(e.choice.provider, 'sim')
    assert.equal(e.candidates[0].filtered_by, null)
    assert.equal((await ok('POST', 'explain', { model: 'no-such-model' })).error.code, 'model_not_found')
    flat(await call('POST', 'explain', {}), 400, 'invalid_parameters', /model/)
    flat(await call('POST', 'explain', { model: 'sim-echo', key_id: 'key_x' }), 404, 'not_found')
  })

  test('admin: logs, usage and activity', async () => {
    const a = await g().chat(hello({ model: 'sim-echo' }), { headers: { authorization: `Bearer ${at.secret}` } })
    const id = a.headers['x-request-id']
    let rows
    assert.ok(await until(async () => (rows = (await ok('GET', `logs?request_id=${id}`)).data).length === 1, 5000), 'no record')
    assert.equal(rows[0].key_id, at.key)
    assert.equal((await ok('GET', `logs/${rows[0].id}`)).id, rows[0].id)
    assert.ok((await ok('GET', `usage?key_id=${at.key}`)).requests >= 1)
    const act = await ok('GET', `activity?group_by=model&key_id=${at.key}`)
    assert.equal(act.object, 'activity')
    assert.equal(act.data[0].model, 'sim-echo')
    const csv = await call('GET', 'activity?group_by=model', undefined, { headers: { accept: 'text/csv' } })
    assert.match(csv.headers['content-type'], /^text\/csv/)
    // Whole, where JSON has a page and a cursor.
    const rows2 = async q => (await call('GET', `activity?group_by=user${q}`, undefined, { headers: { accept: 'text/csv' } })).text.trim().split('\n').length - 1
    for (let i = 0; i < 55; i++) await g().chat({ model: 'sim-echo', user: `user ${i}`, messages: [{ role: 'user', content: 'Hi' }] }, { headers: { authorization: `Bearer ${at.secret}` } })
    assert.ok(await until(async () => await rows2('') >= 55, 8000, 300), `${await rows2('')} rows`)
    assert.equal(await rows2('&limit=7'), 7)
    flat(await call('GET', 'logs/log_00000000000000000000'), 404, 'not_found')
  })

  test('admin: the webhook of an alert is a public https address', async () => {
    const { data } = await ok('GET', 'organizations')
    const alert = webhook => call('POST', 'alerts', { organization_id: data[0].id, scope: 'organization', scope_id: data[0].id, kind: 'budget', threshold: 0.5, webhook })
    for (const url of ['http://a.example/h', 'https://10.0.0.1/h', 'https://[fd00::1]/h']) {
      const a = await alert(url)
      assert.deepEqual([a.status, a.json.param], [400, 'webhook'], a.text)
    }
    const made = await alert('https://a.example/h')
    assert.equal(made.status, 201, made.text)
    assert.equal((await call('PATCH', `alerts/${made.json.id}`, { webhook: 'http://a.example/h' })).status, 400)
    assert.equal((await call('PATCH', `alerts/${made.json.id}`, { threshold: 0.6 })).status, 200)
  })
  test('admin: providers', async () => {
    const p = (await ok('GET', 'providers')).data
    assert.ok(p.find(x => x.id === 'sim').usable)
    assert.ok(!p.find(x => x.id === 'anthropic').usable)
  })
}
