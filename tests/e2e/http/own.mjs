// Own provider keys: whatever a gateway's key may be, stored by the admin API;
// mode hybrid, in which the gateway's key follows own ones; what is known of
// keys and circuits, and rules about addresses on the list of models.

import crypto from 'node:crypto'
import { Gateway, inForce, until } from '../../lib/gateway.mjs'
import { badSignature, claudeAnswer, converse } from '../../lib/bedrock.mjs'
import { assert, test } from '../../lib/suite.mjs'
import { Upstream, completion, geminiAnswer } from '../../lib/upstream.mjs'

const { privateKey } = crypto.generateKeyPairSync('rsa', {
  modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
})
const aws = { id: 'AKIDOWNEXAMPLE01', secret: 'own/secret+key0123456789abcdefghij', token: 'own//session+0123456789==', region: 'eu-west-1' }

let fake
const wrong = [] // signatures
const status = {} // by bearer key, if not 200

function serve(req, res, body, seen) {
  const send = (code, value) => {
    res.writeHead(code, { 'content-type': 'application/json' })
    res.end(JSON.stringify(value))
  }
  const bearer = req.headers.authorization?.replace('Bearer ', '')
  if (req.url === '/token') return send(200, { access_token: 'tok-own-secret', expires_in: 3600, token_type: 'Bearer' })
  if (status[bearer]) return send(status[bearer], { error: { message: 'no', type: 'server_error', code: null } })
  if (req.url.includes('/publishers/google/')) return send(bearer === 'tok-own-secret' ? 200 : 401, geminiAnswer('Hello'))
  if (req.url.includes('/publishers/anthropic/')) return send(bearer === 'tok-own-secret' ? 200 : 401, claudeAnswer)
  if (req.url.startsWith('/model/')) {
    const bad = seen.headers.authorization?.startsWith('AWS4') ? badSignature(seen, aws) : null
    if (bad) wrong.push(bad)
    return send(bad ? 403 : 200, converse())
  }
  if (req.url.includes('/responses')) {
    return send(200, { id: 'resp_1', object: 'response', created_at: 1, status: 'completed', model: 'm',
      output: [{ type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: 'Hello', annotations: [] }] }],
      usage: { input_tokens: 5, output_tokens: 3, total_tokens: 8 } })
  }
  return send(200, completion())
}

const offer = (name, provider, wants = '') => `[model ${name}]\nprovider = ${provider}\ncontext = 100000\nmax_output = 10000\n` +
  `capabilities = tools, stream, plain, chat${wants}\ninput_price = 3\noutput_price = 15\n`

export async function startOwn() {
  fake = await Upstream.start(serve)
  return Gateway.start({
    conf: { insecure_hosts: '127.0.0.1', retry_budget: '100', timeout_first_byte: '2s' },
    sections: `[provider house]\ndialect = openai-chat\nbase_url = ${fake.url}/house\nauth = bearer\nkey = sk-gateway-house\n` +
      `[provider spare]\ndialect = openai-chat\nbase_url = ${fake.url}/spare\nauth = bearer\nkey = sk-gateway-spare\n` +
      offer('gem', 'google-vertex/gem-1') + offer('claude', 'vertex-anthropic/claude-1') + offer('nova', 'aws-bedrock/v.nova:0') +
      offer('blue', 'azure/blue-1') + offer('bluer', 'azure/blue-2', ', wants_responses') + offer('cloudy', 'alibaba/qwen-1') +
      offer('both', 'house/plain') + offer('pair', 'house/plain, spare/plain')
  })
}

export const stopOwn = () => fake.close()

export function own(g) {
  let org, project
  const call = (method, path, body) => g().admin(method, path, body)
  const ok = async (method, path, body) => {
    const a = await call(method, path, body)
    assert.ok(a.status < 300, `${method} ${path}: ${a.status} ${a.text}`)
    return a.json
  }
  const setup = async () => {
    if (org) return
    project = (await ok('GET', 'projects')).data[0]
    org = project.organization_id
    await ok('POST', `organizations/${org}/credits`, { amount: 10, reason: 'test' })
  }
  const mode = m => ok('PATCH', `projects/${project.id}`, { mode: m })
  const ask = (model, headers = {}) => g().chat({ model, max_tokens: 100, messages: [{ role: 'user', content: 'Hi' }] }, { headers })
  const becomes = async (model, want) => {
    let a
    assert.ok(await until(async () => { a = await ask(model); return a.status === want }, 4000), `${a.status} ${a.text}`)
    return a
  }
  const make = async (provider, key, options, more = {}) => {
    await setup()
    return ok('POST', 'provider-keys', { organization_id: org, provider, key, ...(options && { options }), base_url: fake.url, ...more })
  }
  // With such a key, a request; the key goes afterwards.
  const used = async (k, model) => {
    const a = await becomes(model, 200)
    const seen = fake.last
    assert.equal(a.json.metadata.routing.at(-1).credential, 'own')
    await ok('DELETE', `provider-keys/${k.id}`)
    await becomes(model, 400)
    return seen
  }

  kinds(g, { call, setup, make, used, fresh: () => org })
  hybrid(g, { ok, setup, make, mode, ask, becomes })
  state(g, { ok, call, setup, make, ask, becomes })
  addresses(g)
}

const account = () => JSON.stringify({
  type: 'service_account', project_id: 'proj-own', private_key_id: 'kid', private_key: privateKey,
  client_email: 'robot@proj-own.iam.gserviceaccount.com', token_uri: `${fake.url}/token`
}, null, 2)

function kinds(g, { call, setup, make, used, fresh }) {
  test('own keys: Vertex with a service account', async () => {
    const k = await make('google-vertex', account(), { token_type: 'oauth', region: 'europe-west4' })
    assert.equal(k.masked, 'robot@proj-own.iam.gserviceaccount.com')
    const seen = await used(k, 'gem')
    assert.match(seen.url, /^\/v1\/projects\/proj-own\/locations\/europe-west4\/publishers\/google\/models\/gem-1:generateContent/)
    assert.equal(seen.headers.authorization, 'Bearer tok-own-secret')
    assert.ok(!g().log().includes('PRIVATE KEY'))
  })
  test('own keys: Claude on Vertex', async () => {
    const seen = await used(await make('vertex-anthropic', account(), { project: 'other-1', region: 'us-east5' }), 'claude')
    assert.match(seen.url, /^\/v1\/projects\/other-1\/locations\/us-east5\/publishers\/anthropic\/models\/claude-1:rawPredict/)
  })
  test('own keys: Bedrock with an access key', async () => {
    for (const session of [`:${aws.token}`]) {
      const k = await make('aws-bedrock', `${aws.id}:${aws.secret}${session}`, { region: aws.region })
      assert.equal(k.masked, 'AKI…LE01')
      const seen = await used(k, 'nova')
      assert.equal(seen.headers['x-amz-security-token'], aws.token)
      assert.match(seen.headers.authorization, /^AWS4-HMAC-SHA256 /)
    }
    assert.deepEqual(wrong, [])
    assert.ok(!g().log().includes(aws.secret))
    const seen = await used(await make('aws-bedrock', 'ABSKown0123456789', { region: 'us-east-1' }), 'nova')
    assert.equal(seen.headers.authorization, 'Bearer ABSKown0123456789')
  })
  test('own keys: Azure by its options', async () => {
    const key = 'azure-own-0123456789'
    let seen = await used(await make('azure', key), 'blue')
    assert.equal(seen.url, '/openai/v1/chat/completions')
    assert.equal(seen.headers['api-key'], key)
    seen = await used(await make('azure', key, { deployment_type: 'openai', api_version: '2025-01-01' }), 'blue')
    assert.equal(seen.url, '/openai/deployments/blue-1/chat/completions?api-version=2025-01-01')
    seen = await used(await make('azure', key, { use_responses_api: true }), 'bluer')
    assert.match(seen.url, /^\/openai\/v1\/responses/)
    seen = await used(await make('azure', key, { use_responses_api: false }), 'bluer')
    assert.equal(seen.url, '/openai/v1/chat/completions')
  })
  test('own keys: a workspace of Alibaba', async () => {
    const seen = await used(await make('alibaba', 'sk-alibaba-own-0123', { workspace_id: 'ws_1-a' }), 'cloudy')
    assert.equal(seen.headers['x-dashscope-workspace'], 'ws_1-a')
  })
  test('own keys: what does not fit is said when it is stored', async () => {
    await setup()
    const anonymous = JSON.stringify({ ...JSON.parse(account()), project_id: undefined })
    const elsewhere = JSON.stringify({ ...JSON.parse(account()), token_uri: 'https://a.example/token' })
    for (const [provider, key, options, why] of [
      ['openai', 'sk-1', { region: 'eu' }, /options: region is no option of this provider/],
      ['google-vertex', 'x', { token_type: 'magic' }, /options: token_type must be api-key or oauth/],
      ['google-vertex', 'x', { token_type: 'oauth' }, /key: the credentials are not JSON/],
      ['google-vertex', '/etc/passwd', { token_type: 'oauth' }, /key: the credentials are not JSON/],
      ['google-vertex', account(), {}, /key: must not be JSON/],
      ['vertex-anthropic', 'metadata', {}, /key: the credentials are not JSON/],
      ['vertex-anthropic', anonymous, {}, /options: project is needed/],
      ['vertex-anthropic', elsewhere, {}, /key: token_uri is not https of a host of Google/],
      ['vertex-anthropic', account(), { project: 'a/b' }, /options: project must be/],
      ['aws-bedrock', 'AKID:', {}, /key: must be ACCESS_KEY_ID:/],
      ['aws-bedrock', 'AKID:a:b:c', {}, /key: must be ACCESS_KEY_ID:/],
      ['aws-bedrock', 'ABSK', { region: 'EU_WEST' }, /options: region must be/],
      ['aws-bedrock', 'ABSK', { region: 'EU-WEST' }, /options: REGION: no region/],
      ['azure', 'k', {}, /options: resource or base_url is needed/],
      ['azure', 'k', { resource: 'r', deployment_type: 'x' }, /deployment_type must be ai-foundry or openai/],
      ['azure', 'k', { resource: 'a.b' }, /resource must be/],
      ['sim', 'k', {}, /provider: takes no keys/]
    ]) {
      const a = await call('POST', 'provider-keys', { organization_id: fresh(), provider, key, options })
      assert.equal(a.status, 400, `${provider} ${JSON.stringify(options)}: ${a.text}`)
      assert.match(a.json.message, why)
      assert.ok(!a.text.includes('PRIVATE'))
    }
  })
}

function hybrid(g, { ok, setup, make, mode, ask, becomes }) {
  const spent = async () => (await g().get('/v1/key')).json.credits
  const credit = async amount => ok('POST', `organizations/${(await ok('GET', 'projects')).data[0].organization_id}/credits`, { amount, reason: 'test' })

  test('hybrid: the gateway key follows an own one that fails, and credits pay it alone', async () => {
    await setup()
    await mode('hybrid')
    const k = await make('house', 'sk-own-house', undefined, { base_url: `${fake.url}/own` })
    assert.ok(await until(async () => (await ask('both')).json.metadata?.routing[0].credential === 'own'))
    assert.ok(await until(async () => (await spent()).held === 0))
    const before = await spent()
    await ask('both')
    assert.equal(fake.last.headers.authorization, 'Bearer sk-own-house')
    assert.ok(await until(async () => (await spent()).held === 0))
    assert.deepEqual(await spent(), before)
    status['sk-own-house'] = 500
    for (const model of ['both', 'house/both']) {
      for (const headers of [{}, { 'x-no-fallback': 'true' }]) {
        const was = await spent()
        const a = await ask(model, headers)
        assert.equal(a.status, 200, a.text)
        assert.deepEqual(a.json.metadata.routing.map(r => r.credential), ['own', 'gateway'])
        const cost = a.json.usage.cost
        assert.ok(await until(async () => { const c = await spent(); return c.held === 0 && Math.abs(was.available - c.available - cost) < 1e-9 }), JSON.stringify([was, await spent(), cost]))
        g().ctl('provider', 'reset', 'house')
      }
    }
    // The other provider's gateway key comes after all own ones.
    const a = await ask('pair')
    assert.equal(a.json.metadata.routing[0].credential, 'own')
    assert.equal(a.json.metadata.routing.length, 2)
    g().ctl('provider', 'reset', 'house')
    // Without credits the own key is all there is, even when it rests.
    await credit(-(await spent()).available)
    assert.ok(await until(async () => (await ask('both')).status >= 500))
    for (let i = 0; i < 4; i++) assert.equal((await ask('both')).status, 500)
    g().ctl('provider', 'reset', 'house')
    delete status['sk-own-house']
    assert.equal((await becomes('both', 200)).json.metadata.routing[0].credential, 'own')
    await ok('DELETE', `provider-keys/${k.id}`)
    await becomes('both', 402)
    await credit(10)
    await becomes('both', 200)
  })

  test('hybrid: an own key that is barred is passed over; api-keys has no other', async () => {
    await setup()
    await becomes('both', 200)
    const k = await make('house', 'sk-own-barred', undefined, { base_url: `${fake.url}/own` })
    assert.ok(await until(async () => (await ask('both')).json.metadata?.routing[0].credential === 'own'))
    status['sk-own-barred'] = 401
    assert.equal((await ask('both')).json.metadata.routing.length, 2)
    assert.deepEqual((await ask('both')).json.metadata.routing.map(r => r.credential), ['gateway'])
    assert.deepEqual((await ask('house/both')).json.metadata.routing.map(r => r.credential), ['gateway'])
    await mode('api-keys')
    assert.ok(await until(async () => (await ask('both')).status !== 200))
    await mode('hybrid')
    await becomes('both', 200)
    assert.deepEqual((await ok('GET', `provider-keys/${k.id}`)).health, { state: 'bad', wait_ms: null, failures: 0 })
    delete status['sk-own-barred']
    // Changed, it is another.
    const now = await ok('PATCH', `provider-keys/${k.id}`, { key: 'sk-own-changed' })
    assert.equal(now.health.state, 'ok')
    assert.ok(await until(async () => (await ask('both')).json.metadata?.routing[0].credential === 'own'))
    await ok('DELETE', `provider-keys/${k.id}`)
  })
}

function state(g, { ok, call, setup, make, ask, becomes }) {
  const find = async id => (await ok('GET', 'providers')).data.find(p => p.id === id)
  const metric = async re => (await g().get('/metrics')).text.split('\n').find(l => re.test(l))

  test('providers: keys and breakers, their metrics, and a reset that is audited', async () => {
    await setup()
    assert.ok(await until(async () => (await ask('both')).json.metadata?.routing[0].credential === 'gateway'))
    assert.deepEqual((await find('house')).keys, [{ index: 0, state: 'ok', wait_ms: 0, failures: 0 }])
    status['sk-gateway-house'] = 500
    for (let i = 0; i < 12; i++) await ask('house/both')
    const seen = await find('house')
    assert.equal(seen.keys[0].state, 'failed')
    assert.ok(seen.keys[0].wait_ms > 20000)
    const b = seen.breakers.find(x => x.model === 'plain')
    assert.equal(b.state, 'open')
    assert.ok(b.open_ms > 20000 && b.failures >= 10, JSON.stringify(b))
    assert.match(await metric(/^gateway_breaker_open\{.*provider="house"/), / 1$/)
    assert.match(await metric(/^gateway_keys\{.*provider="house",state="failed"/), / 1$/)
    assert.match(await metric(/^gateway_keys\{.*provider="house",state="ok"/), / 0$/)
    const listed = JSON.parse(g().ctl('provider', 'list', '--json')).data.find(p => p.id === 'house')
    assert.equal(listed.keys[0].state, 'failed')
    assert.equal(listed.breakers.find(x => x.model === 'plain').state, 'open')
    delete status['sk-gateway-house']
    assert.deepEqual(await ok('POST', 'providers/house/reset', {}), { id: 'house', object: 'provider', reset: true })
    const after = await find('house')
    assert.equal(after.keys[0].state, 'ok')
    assert.equal(after.breakers.find(x => x.model === 'plain').state, 'closed')
    assert.match(await metric(/^gateway_breaker_open\{.*provider="house"/), / 0$/)
    const entry = (await ok('GET', 'audit')).data[0]
    assert.deepEqual([entry.action, entry.object, entry.object_id], ['reset', 'provider', 'house'])
    assert.equal((await call('POST', 'providers/nobody/reset', {})).status, 404)
    g().ctl('provider', 'reset', 'house')
    assert.match((await ok('GET', 'audit')).data[0].actor, /^ctl:/)
  })

  test('providers: an organisation sees no gateway keys, and resets its own only', async () => {
    await setup()
    await becomes('both', 200)
    const p = (await ok('GET', 'projects')).data[0]
    const token = (await ok('POST', 'tokens', { role: 'org_admin', organization_id: p.organization_id, label: 'o' })).token
    const as = (method, path, body) => g().admin(method, path, body, { token })
    const mine = (await as('GET', 'providers')).json.data.find(x => x.id === 'house')
    assert.deepEqual([mine.keys, mine.breakers], [[], []])
    const k = await make('house', 'sk-own-reset', undefined, { base_url: `${fake.url}/own` })
    assert.ok(await until(async () => (await ask('both')).json.metadata?.routing[0].credential === 'own'))
    status['sk-own-reset'] = 402
    status['sk-gateway-house'] = 402
    await ask('both')
    assert.equal((await ok('GET', `provider-keys/${k.id}`)).health.state, 'empty')
    assert.equal((await find('house')).keys[0].state, 'empty')
    assert.equal((await as('POST', 'providers/house/reset', {})).status, 200)
    assert.equal((await ok('GET', `provider-keys/${k.id}`)).health.state, 'ok')
    assert.equal((await find('house')).keys[0].state, 'empty')
    delete status['sk-own-reset']
    delete status['sk-gateway-house']
    await ok('DELETE', `provider-keys/${k.id}`)
  })
}

function addresses(g) {
  test('models: an address that the key is not for sees none', async () => {
    const list = async key => (await g().get('/v1/models?all=true', { headers: { authorization: `Bearer ${key}` } })).json.data.length
    const one = async key => (await g().get('/v1/models/both', { headers: { authorization: `Bearer ${key}` } })).status
    for (const [type, cidr, seen] of [['deny_ips', '127.0.0.0/8', false], ['allow_ips', '192.0.2.0/24', false], ['allow_ips', '127.0.0.1/32', true]]) {
      const k = g().newKey('address')
      assert.ok(await list(k.key) > 1)
      const a = await g().admin('POST', `keys/${k.id}/iam-rules`, { type, value: { cidrs: [cidr] } })
      assert.equal(a.status, 201, a.text)
      if (seen) await inForce()
      assert.ok(await until(async () => (await list(k.key) > 0) === seen, 4000), `${type} ${cidr}`)
      assert.equal(await one(k.key), seen ? 200 : 404)
    }
  })
}
