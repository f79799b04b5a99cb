// Rules of a key, own provider keys, project modes, custom providers, aliases
// (api.md 12.1, 13, 14.1), set in the database as the admin API does.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { until } from '../../lib/gateway.mjs'
import { request } from '../../lib/http.mjs'
import { seal } from '../../lib/seal.mjs'
import { assert, test } from '../../lib/suite.mjs'
import { start, upstream } from './setting.mjs'

const offer = (model, provider) => `[model ${model}]\nprovider = ${provider}\ncontext = 100000\nmax_output = 10000\n` +
  'capabilities = tools, stream, plain, chat\ninput_price = 3\noutput_price = 15\n'

// One provider has a key of the gateway, groq has none.
export const startTenants = () => start({ insecure_hosts: '127.0.0.1' }, {
  more: () => `[provider one]\ndialect = openai-chat\nbase_url = ${upstream.url}/one\npath = /v1/chat/completions\nauth = bearer\nkey = sk-gateway-one\n` +
    offer('ruled', 'one/plain-model') + offer('ruled-too', 'one/plain-model') +
    offer('owned', 'groq/plain-model')
})

const quote = v => v === null ? 'NULL' : Buffer.isBuffer(v) ? `x'${v.toString('hex')}'` : typeof v === 'number' ? v : `'${v}'`

export function tenants(get) {
  let org, project, made, n = 0
  const sql = text => execFileSync('sqlite3', ['-cmd', '.timeout 5000', `${get().dir}/state/llmgw.db`,
    `BEGIN IMMEDIATE; ${text}; UPDATE change SET version = version + 1; COMMIT;`])
  const insert = (table, row) => {
    const all = { ...row, created_ms: 1, updated_ms: 1 }
    sql(`INSERT INTO ${table}(${Object.keys(all)}) VALUES (${Object.values(all).map(quote)})`)
  }
  const setup = () => {
    if (made) return
    made = get().newKey('rules')
    project = made.project_id
    org = JSON.parse(get().ctl('project', 'show', '--json', project)).organization_id
  }
  const ask = (model, session = '') => request(get().url + '/v1/chat/completions', {
    method: 'POST',
    headers: { authorization: `Bearer ${made.key}`, 'content-type': 'application/json', ...(session && { 'x-session-id': session }) },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] })
  })
  const becomes = async (model, status) => {
    let a
    assert.ok(await until(async () => { a = await ask(model); return a.status === status }, 4000), `${a.status} ${a.text}`)
    return a
  }
  const rule = (type, value) => {
    const id = `iam_${++n}`
    insert('iam_rule', { id, key_id: made.id, type, value: JSON.stringify(value) })
    return id
  }
  const unrule = async id => { sql(`DELETE FROM iam_rule WHERE id = '${id}'`); await becomes('ruled', 200) }
  const own = (provider, secret, more = {}) => {
    const id = `pkey_${++n}`
    const master = fs.readFileSync(`${get().dir}/state/master.key`, 'utf8')
    insert('provider_key', { id, organization_id: org, provider, masked: 'x', ...more,
      sealed: more.sealed || seal(master, secret, ['provider_key', id, org, provider]) })
    return id
  }
  const unown = id => sql(`DELETE FROM provider_key WHERE id = '${id}'`)
  const mode = m => { get().ctl('project', 'mode', project, m) }

  test('iam: a denied model is 403 with the rule, and passes when the rule is gone', async () => {
    setup()
    assert.equal((await ask('ruled')).status, 200)
    const id = rule('deny_models', { models: ['ruled'] })
    const a = await becomes('ruled', 403)
    assert.equal(a.json.message ?? a.json.error?.message, `Access denied: Model ruled is in the denied models list (Rule ID: ${id})`)
    assert.equal((await ask('ruled-too')).status, 200)
    const list = JSON.parse((await request(get().url + '/v1/models', { headers: { authorization: `Bearer ${made.key}` } })).text)
    const ids = list.data.map(m => m.id)
    assert.ok(ids.includes('ruled-too') && !ids.includes('ruled'))
    await unrule(id)
  })

  test('iam: a pinned request of a denied provider, prices, addresses', async () => {
    setup()
    for (const [type, value, model, why] of [
      ['deny_providers', { providers: ['one'] }, 'one/ruled', 'Provider one is in the denied providers list'],
      ['allow_providers', { providers: ['openai'] }, 'one/ruled', 'Provider one is not in the allowed providers list'],
      ['allow_pricing', { max_output_price: 14.99 }, 'ruled', 'Model output price exceeds maximum allowed'],
      ['allow_pricing', { pricing_type: 'free' }, 'ruled', 'Only free models are allowed'],
      ['allow_ips', { cidrs: ['192.0.2.0/24'] }, 'ruled', 'IP address is not allowed']]) {
      const id = rule(type, value)
      const a = await becomes(model, 403)
      assert.equal(a.json.message ?? a.json.error?.message, `Access denied: ${why} (Rule ID: ${id})`)
      await unrule(id)
    }
  })

  test('a disabled key is refused within 2.5 s by all programs, and an enabled one works', async () => {
    const other = get().newKey('status')
    const headers = { authorization: `Bearer ${other.key}` }
    const status = async () => (await request(get().url + '/v1/models', { headers })).status
    assert.equal(await status(), 200)
    get().changeKey('disable', other.id)
    assert.ok(await until(async () => await status() === 401, 2500))
    get().changeKey('enable', other.id)
    assert.ok(await until(async () => await status() === 200, 2500))
  })

  test('modes: what has no key, own keys, and the gateway never pays for them', async () => {
    setup()
    const none = await ask('owned')
    assert.equal(none.status, 400)
    const listed = async () => (await request(get().url + '/v1/models', { headers: { authorization: `Bearer ${made.key}` } })).json.data.map(m => m.id)
    assert.ok((await listed()).includes('ruled') && !(await listed()).includes('owned'))
    mode('api-keys')
    let a = await becomes('ruled', 400)
    assert.ok(await until(async () => !(await listed()).includes('ruled'), 2500))
    assert.match(a.text, /No provider key set for any of the providers that support model ruled\. Please add/)
    assert.match(a.text, /no_provider_key/)
    const id = own('groq', 'sk-own-groq', { base_url: upstream.url + '/groq' })
    a = await becomes('owned', 200)
    assert.ok(await until(async () => (await listed()).includes('owned'), 2500))
    assert.equal(a.json.metadata.routing[0].credential, 'own')
    assert.equal(upstream.requests.at(-1).headers.authorization, 'Bearer sk-own-groq')
    mode('hybrid')
    a = await becomes('ruled', 200)
    assert.equal(a.json.metadata.routing[0].credential, 'gateway')
    assert.equal((await ask('owned')).status, 200)
    mode('credits')
    await becomes('owned', 400)
    mode('hybrid')
    await becomes('owned', 200)
    unown(id)
    await becomes('owned', 400)
    const rows = execFileSync('sqlite3', [`${get().dir}/state/llmgw.db`,
      "SELECT DISTINCT billed_nano FROM log WHERE credential = 'own' AND cost_nano > 0"], { encoding: 'utf8' })
    assert.equal(rows.trim(), '0')
  })

  test('a sealed key of another row does not open', async () => {
    setup()
    const master = fs.readFileSync(`${get().dir}/state/master.key`, 'utf8')
    const id = own('groq', '', { base_url: upstream.url + '/groq', sealed: seal(master, 'sk-own-groq', ['provider_key', 'pkey_other', org, 'groq']) })
    mode('hybrid')
    assert.ok(await until(() => get().log().includes(`${id}: does not open`) || ask('owned').then(() => false)))
    assert.equal((await ask('owned')).status, 400)
    unown(id)
  })

  test('custom providers: by name, the default, in mode credits, private addresses', async () => {
    setup()
    assert.match((await ask('my-own/plain-model')).text, /Provider 'my-own' not found\./)
    const id = own('custom', 'sk-custom', { name: 'my-own', base_url: upstream.url + '/mine', default_model: 'plain-model',
      models: JSON.stringify([{ model: 'plain-model', input_price: 1, output_price: 2 }]) })
    const a = await becomes('my-own/plain-model', 200)
    assert.equal(upstream.last.headers.authorization, 'Bearer sk-custom')
    assert.match(upstream.requests.at(-1).url, /^\/mine\//)
    assert.equal(a.json.metadata.used_provider, 'my-own')
    assert.equal((await ask('custom')).status, 200)
    mode('credits')
    assert.match((await becomes('my-own/plain-model', 400)).text, /Custom providers are not supported in credits mode/)
    mode('hybrid')
    await becomes('my-own/plain-model', 200)
    unown(id)
    await becomes('custom', 400)
    for (const base of ['http://127.0.0.2:1', 'https://127.0.0.2', 'https://10.0.0.1', 'http://example.com']) {
      const bad = own('custom', 'sk-custom', { name: 'bad-one', base_url: base })
      assert.ok(await until(async () => { await ask('bad-one/x'); return get().log().includes(`key ${bad}: `) }), base)
      assert.match((await ask('bad-one/x')).text, /Provider 'bad-one' not found/)
      unown(bad)
    }
    const guarded = own('custom', 'sk-custom', { name: 'guarded', base_url: 'https://localhost.localdomain:9' })
    await becomes('guarded/x', 502)
    unown(guarded)
  })

  test('aliases: the organisation goes before all, a session stays', async () => {
    setup()
    insert('alias', { id: 'als_1', organization_id: null, name: 'house-model', targets: JSON.stringify([{ model: 'ruled' }]) })
    const a = await becomes('house-model', 200)
    assert.equal(a.json.metadata.used_model, 'ruled')
    assert.equal(a.json.metadata.requested_model, 'house-model')
    insert('alias', { id: 'als_2', organization_id: org, name: 'house-model', targets: JSON.stringify([{ model: 'ruled', weight: 1 }, { model: 'ruled-too', weight: 1 }]) })
    const used = new Set()
    assert.ok(await until(async () => { used.add((await ask('house-model')).json.metadata.used_model); return used.size === 2 }))
    for (const s of ['s1', 's2', 's3']) {
      const first = (await ask('house-model', s)).json.metadata.used_model
      for (let i = 0; i < 4; i++) assert.equal((await ask('house-model', s)).json.metadata.used_model, first)
    }
  })
}
