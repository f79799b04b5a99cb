// The Model Context Protocol and its sign-in (api.md 11), without an SDK.

import crypto from 'node:crypto'
import { assert, common, table, test } from '../../lib/suite.mjs'

const digest = v => crypto.createHash('sha256').update(v).digest('base64url')
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const back = 'https://client.example/back?x=1'

export function mcp(g) {
  const rpc = (method, params, more = {}) => g().post('/mcp', { jsonrpc: '2.0', id: 7, method, params, ...more.body }, more)
  const call = (name, args, more) => rpc('tools/call', { name, arguments: args }, more)
  const say = { messages: [{ role: 'user', content: 'Say hello' }] }

  // --- JSON-RPC ------------------------------------------------------------------
  for (const [asked, got] of [['2025-11-25', '2025-11-25'], ['2025-06-18', '2025-06-18'], ['2024-11-05', '2024-11-05'], ['1999-01-01', '2025-11-25']]) {
    test(`mcp: initialize with ${asked}`, async () => {
      const a = await rpc('initialize', { protocolVersion: asked, capabilities: {}, clientInfo: { name: 't', version: '1' } })
      assert.equal(a.status, 200, a.text)
      common(a)
      assert.equal(a.json.result.protocolVersion, got)
      assert.equal(a.json.result.serverInfo.name, 'llmgateway')
      assert.ok(a.json.result.capabilities.tools)
      assert.match(a.headers['mcp-session-id'], /^\w{20,}$/)
      assert.deepEqual([a.json.jsonrpc, a.json.id], ['2.0', 7])
    })
  }
  test('mcp: ping, and ids as they came', async () => {
    for (const id of [0, -3, 'a "b" ü', 1.5]) {
      const a = await rpc('ping', undefined, { body: { id } })
      assert.deepEqual([a.status, a.json], [200, { jsonrpc: '2.0', id, result: {} }])
    }
  })
  test('mcp: the tools', async () => {
    const { tools } = (await rpc('tools/list')).json.result
    assert.deepEqual(tools.map(t => t.name).sort(), ['chat', 'generate-image', 'generate-nano-banana', 'list-image-models', 'list-models'])
    for (const t of tools) assert.equal(t.inputSchema.type, 'object')
  })
  test('mcp: notifications and answers have no body', async () => {
    for (const body of [{ jsonrpc: '2.0', method: 'notifications/initialized' }, { jsonrpc: '2.0', id: 1, result: {} }]) {
      const a = await g().post('/mcp', body)
      assert.deepEqual([a.status, a.text], [202, ''])
    }
  })
  table('mcp: refused', [
    ['no JSON', '{"jsonrpc":', 400, -32700], ['half an array', '[1,', 400, -32700], ['an array', [{ jsonrpc: '2.0', id: 1, method: 'ping' }], 400, -32600],
    ['a number', '5', 400, -32600], ['no version', { id: 1, method: 'ping' }, 400, -32600], ['another version', { jsonrpc: '1.0', id: 1, method: 'ping' }, 400, -32600],
    ['no method', { jsonrpc: '2.0', id: 1 }, 400, -32600], ['nothing', { jsonrpc: '2.0' }, 400, -32600], ['an odd method', { jsonrpc: '2.0', id: 1, method: 5 }, 400, -32600],
    ['an odd id', { jsonrpc: '2.0', id: {}, method: 'ping' }, 400, -32600], ['id null', { jsonrpc: '2.0', id: null, method: 'ping' }, 400, -32600],
    ['an unknown method', { jsonrpc: '2.0', id: 1, method: 'resources/list' }, 200, -32601], ['odd params', { jsonrpc: '2.0', id: 1, method: 'ping', params: [] }, 200, -32602],
    ['an unknown tool', { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'sing' } }, 200, -32602],
    ['no tool', { jsonrpc: '2.0', id: 1, method: 'tools/call', params: {} }, 200, -32602],
    ['odd arguments', { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'chat', arguments: 5 } }, 200, -32602]
  ], async (_, body, status, code) => {
    const a = await g().post('/mcp', typeof body === 'string' ? Buffer.from(body) : body)
    assert.equal(a.status, status, a.text)
    assert.deepEqual([a.json.jsonrpc, a.json.error.code, typeof a.json.error.message], ['2.0', code, 'string'])
    common(a)
  })
  table('mcp: arguments', [
    ['chat', {}, /messages is missing/], ['chat', { messages: 'x' }, /messages must be an array/], ['chat', { ...say, model: 5 }, /model must be a string/],
    ['chat', { ...say, stream: true }, /Unknown argument: stream/], ['generate-image', { prompt: 1 }, /prompt must be a string/], ['generate-image', {}, /prompt is missing/],
    ['list-models', { limit: 0 }, /limit must be/], ['list-models', { include_deactivated: 'x' }, /must be true or false/], ['list-image-models', { a: 1 }, /Unknown argument: a/]
  ], async (name, args, why) => {
    const a = await call(name, args)
    assert.deepEqual([a.status, a.json.error?.code], [200, -32602], a.text)
    assert.match(a.json.error.message, why)
  })
  test('mcp: no key, a bad one', async () => {
    for (const authorization of [null, 'Bearer llmgtwy_wrong']) {
      const a = await rpc('ping', undefined, { headers: { authorization } })
      assert.deepEqual([a.status, a.json.error.code, a.json.id], [401, -32001, null])
      assert.match(a.headers['www-authenticate'], /^Bearer resource_metadata="http:\/\/[^"]*\/\.well-known\/oauth-protected-resource\/mcp"$/)
    }
  })
  test('mcp: another content type, other methods', async () => {
    const a = await rpc('ping', undefined, { headers: { 'content-type': 'text/plain' } })
    assert.deepEqual([a.status, a.json.error.code], [415, -32600])
    for (const method of ['GET', 'DELETE']) {
      const b = await g().send(method, '/mcp', {})
      assert.deepEqual([b.status, b.json.error.code, b.headers.allow], [405, -32000, 'POST, OPTIONS'])
    }
  })
  test('mcp: an unknown MCP-Protocol-Version', async () => {
    assert.equal((await rpc('ping', undefined, { headers: { 'mcp-protocol-version': '1999-01-01' } })).json.error.code, -32600)
    assert.equal((await rpc('ping', undefined, { headers: { 'mcp-protocol-version': '2025-06-18' } })).status, 200)
  })

  // --- tools -----------------------------------------------------------------------
  test('mcp: chat, as a request that is paid and recorded', async () => {
    const a = await call('chat', { ...say, model: 'sim-echo', temperature: 0.5, max_tokens: 50 }, { headers: { 'x-request-id': 'mcp-chat-1' } })
    assert.equal(a.status, 200, a.text)
    assert.deepEqual(a.json, { jsonrpc: '2.0', id: 7, result: { content: [{ type: 'text', text: a.json.result.content[0].text }], isError: false } })
    assert.match(a.json.result.content[0].text, /Say hello/)
    assert.equal(a.headers['x-llmgw-provider'], 'sim')
    let r
    for (let i = 0; i < 50 && !(r = (await g().get('/v1/usage/mcp-chat-1')).json)?.usage; i++) await new Promise(done => setTimeout(done, 100))
    assert.ok(r.usage.cost > 0)
    const row = JSON.parse(g().ctl('log', 'list', '--json', '--request-id', 'mcp-chat-1')).data[0]
    assert.deepEqual([row.endpoint, row.used_provider], ['mcp', 'sim'])
  })
  test('mcp: a tool that fails says why', async () => {
    for (const [args, why] of [[{ ...say, model: 'no-such-model' }, /not supported/], [{ ...say, model: 'sim-fault-500' }, /./], [{ messages: [{ role: 'nobody', content: 'x' }], model: 'sim-echo' }, /role/]]) {
      const a = await call('chat', args)
      assert.deepEqual([a.status, a.json.id, a.json.result?.isError], [200, 7, true], a.text)
      assert.match(a.json.result.content[0].text, why)
    }
  })
  test('mcp: models as JSON', async () => {
    const data = async (name, args) => JSON.parse((await call(name, args)).json.result.content[0].text)
    const some = await data('list-models', { limit: 1 })
    assert.equal(some.data.length, 1)
    assert.ok(some.total > 1)
    assert.equal((await data('list-models', {})).data.length, Math.min(20, some.total))
    const sim = await data('list-models', { family: 'sim', limit: 100 })
    assert.ok(sim.data.length > 0 && sim.data.every(m => m.family === 'sim'), JSON.stringify(sim).slice(0, 200))
    const draw = await data('list-image-models')
    assert.ok(draw.data.some(m => m.id === 'sim-image') && !draw.data.some(m => m.id === 'sim-echo'))
  })
  test('mcp: images', async () => {
    const a = await call('generate-image', { prompt: 'A cat', model: 'sim-image', size: '1024x1024', n: 2 })
    assert.equal(a.json.result?.isError, false, a.text)
    const [one, two, ...rest] = a.json.result.content
    assert.deepEqual([one.type, one.mimeType, two.type, rest.length], ['image', 'image/png', 'image', 0])
    assert.equal(Buffer.from(one.data, 'base64').subarray(1, 4).toString(), 'PNG')
    const b = await call('generate-nano-banana', { prompt: 'A cat', aspect_ratio: '16:9' })
    assert.equal(b.json.result?.isError, false, b.text)
    assert.equal(b.headers['x-llmgw-model'], 'sim-image')
  })

  // --- OAuth -----------------------------------------------------------------------
  const open = { headers: { authorization: null } }
  const register = (body = {}, more = {}) => g().post('/oauth/register', { redirect_uris: [back, 'http://127.0.0.1:1/cb'], client_name: 'T', ...body }, more)
  const authorize = (id, more = {}) => g().get('/oauth/authorize?' + new URLSearchParams({
    response_type: 'code', client_id: id, redirect_uri: back, code_challenge: digest(verifier), code_challenge_method: 'S256', state: 'a b&c', ...more
  }), open)
  const token = (fields, headers = {}) => g().post('/oauth/token', Buffer.from(String(new URLSearchParams(fields))),
    { headers: { authorization: null, 'content-type': 'application/x-www-form-urlencoded', ...headers } })
  const codeOf = a => {
    assert.ok(a.headers.location, `${a.status} ${a.text}`)
    return new URL(a.headers.location).searchParams.get('code')
  }
  let client
  const grant = async (more = {}) => {
    client ??= (await register()).json
    return { grant_type: 'authorization_code', client_id: client.client_id, client_secret: g().key, redirect_uri: back, code_verifier: verifier, code: codeOf(await authorize(client.client_id)), ...more }
  }
  test('oauth: what there is', async () => {
    for (const tail of ['', '/mcp']) {
      const a = (await g().get('/.well-known/oauth-authorization-server' + tail, open)).json
      assert.deepEqual([a.authorization_endpoint, a.token_endpoint, a.registration_endpoint].map(u => u.replace(a.issuer, '')), ['/oauth/authorize', '/oauth/token', '/oauth/register'])
      assert.deepEqual([a.response_types_supported, a.grant_types_supported, a.code_challenge_methods_supported, a.token_endpoint_auth_methods_supported],
        [['code'], ['authorization_code', 'client_credentials'], ['S256'], ['client_secret_post', 'client_secret_basic']])
      const r = (await g().get('/.well-known/oauth-protected-resource' + tail, open)).json
      assert.deepEqual([r.resource, r.authorization_servers], [a.issuer + '/mcp', [a.issuer]])
    }
  })
  test('oauth: register, by header or member', async () => {
    const a = await register()
    assert.equal(a.status, 201, a.text)
    client = a.json
    assert.match(client.client_id, /^llmgc_[A-Za-z0-9]{20}$/)
    assert.equal(client.client_secret, g().key)
    assert.deepEqual([client.redirect_uris, client.client_name], [[back, 'http://127.0.0.1:1/cb'], 'T'])
    assert.equal((await register({ api_key: g().key }, open)).status, 201)
    assert.equal((await register({}, { headers: { authorization: null, 'x-api-key': g().key } })).status, 201)
  })
  table('oauth: redirects', [['http://evil.example/', 400], ['https://', 400], ['ftp://x/', 400], ['https://x/#f', 400], ['http://localhost.evil.example/', 400], ['http://127.0.0.1@evil.example/', 400],
    ['javascript:alert(1)', 400], ['https://x/\r\nSet-Cookie: a=b', 400], ['http://localhost:99/x', 201], ['http://[::1]/x', 201], ['https://x.example', 201]], async (uri, status) => {
    const a = await register({ redirect_uris: [uri] })
    assert.equal(a.status, status, a.text)
    if (status === 400) assert.equal(a.json.error, 'invalid_redirect_uri')
  })
  test('oauth: what register refuses', async () => {
    for (const [body, more, status, code] of [[{}, open, 401, 'invalid_client'], [{ api_key: 'llmgtwy_wrong' }, open, 401, 'invalid_client'], [{ redirect_uris: [] }, {}, 400, 'invalid_redirect_uri'],
      [{ redirect_uris: 'x' }, {}, 400, 'invalid_redirect_uri'], [{}, { headers: { 'content-type': 'text/plain' } }, 415, 'invalid_request']]) {
      const a = await register(body, more)
      assert.deepEqual([a.status, a.json.error], [status, code], a.text)
      assert.ok(a.json.error_description)
    }
    const bad = await g().post('/oauth/register', Buffer.from('{'))
    assert.deepEqual([bad.status, bad.json.error], [400, 'invalid_request'])
  })
  test('oauth: a code goes to the redirect, with the state', async () => {
    const a = await authorize((await grant()).client_id)
    assert.equal(a.status, 302, a.text)
    const u = new URL(a.headers.location)
    assert.ok(a.headers.location.startsWith(back + '&code='))
    assert.equal(u.searchParams.get('state'), 'a b&c')
    assert.ok(!a.headers.location.includes(g().key))
    assert.equal((await authorize(client.client_id, { redirect_uri: 'http://127.0.0.1:54321/cb' })).status, 302)
  })
  table('oauth: no code', [[{ client_id: 'llmgc_aaaaaaaaaaaaaaaaaaaa' }, 401, 'invalid_client'], [{ client_id: '' }, 400, 'invalid_request'], [{ redirect_uri: 'https://evil.example/' }, 400, 'invalid_redirect_uri'],
    [{ redirect_uri: back + '&y' }, 400, 'invalid_redirect_uri'], [{ redirect_uri: 'http://127.0.0.1:1/other' }, 400, 'invalid_redirect_uri'], [{ response_type: 'token' }, 400, 'invalid_request'],
    [{ code_challenge: 'x' }, 400, 'invalid_request'], [{ code_challenge_method: 'plain' }, 400, 'invalid_request']], async (more, status, code) => {
    await grant()
    const a = await authorize(client.client_id, more)
    assert.deepEqual([a.status, a.json?.error], [status, code], a.text)
    assert.equal(a.headers.location, undefined)
  })
  test('oauth: a token for a code, once', async () => {
    const fields = await grant()
    const a = await token(fields)
    assert.deepEqual([a.status, a.json], [200, { access_token: g().key, token_type: 'Bearer', expires_in: 3600 }], a.text)
    assert.match(a.headers['cache-control'], /no-store/)
    const b = await token(fields)
    assert.deepEqual([b.status, b.json.error], [400, 'invalid_grant'])
    // Of many at the same time one has it.
    const again = await grant()
    const all = await Promise.all(Array.from({ length: 8 }, () => token(again)))
    assert.equal(all.filter(x => x.status === 200).length, 1)
  })
  test('oauth: a token by Basic and JSON, and by the secret alone', async () => {
    const { client_id: id, client_secret: secret, ...rest } = await grant()
    const basic = { authorization: 'Basic ' + Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64') }
    assert.equal((await token(rest, basic)).status, 200)
    assert.equal((await g().post('/oauth/token', await grant(), open)).status, 200)
    assert.equal((await token({ grant_type: 'client_credentials', client_id: id, client_secret: secret })).json.access_token, secret)
  })
  table('oauth: no token', [[{ code_verifier: verifier.replace('d', 'e') }, 400, 'invalid_grant'], [{ code_verifier: 'short' }, 400, 'invalid_grant'], [{ redirect_uri: 'http://127.0.0.1:1/cb' }, 400, 'invalid_grant'],
    [{ code: 'AAAA' }, 400, 'invalid_grant'], [{ code: '' }, 400, 'invalid_request'], [{ client_secret: 'llmgtwy_wrong' }, 401, 'invalid_client'], [{ client_secret: '' }, 401, 'invalid_client'],
    [{ client_id: 'llmgc_aaaaaaaaaaaaaaaaaaaa' }, 401, 'invalid_client'], [{ grant_type: 'password' }, 400, 'unsupported_grant_type'], [{ grant_type: '' }, 400, 'invalid_request']], async (more, status, code) => {
    const a = await token(await grant(more))
    assert.deepEqual([a.status, a.json.error], [status, code], a.text)
  })
  test('oauth: a code is of its client, and a client of its key', async () => {
    const other = (await register()).json
    const a = await token(await grant({ client_id: other.client_id }))
    assert.deepEqual([a.status, a.json.error], [400, 'invalid_grant'])
    const project = (await g().admin('GET', 'projects')).json.data[0]
    const key = (await g().admin('POST', 'keys', { project_id: project.id, label: 'other' })).json
    const b = await token(await grant({ client_secret: key.key }))
    assert.deepEqual([b.status, b.json.error], [401, 'invalid_client'])
    await g().admin('DELETE', `keys/${key.id}`)
  })
  test('oauth: an altered code, and one that is too old', async () => {
    const fields = await grant()
    const bytes = Buffer.from(fields.code, 'base64url')
    bytes[7] ^= 1
    assert.equal((await token({ ...fields, code: bytes.toString('base64url') })).json.error, 'invalid_grant')
    assert.equal((await token(fields)).status, 200)
  })
}
