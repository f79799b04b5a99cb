// The official client of the Model Context Protocol: signs in through OAuth with a
// client that was registered before, and calls each tool, with the simulated provider.
// Needs E2E_NODE_MODULES: where package.json of this directory is installed.

import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { assert, runAll, test } from '../lib/suite.mjs'
import { Gateway } from '../lib/gateway.mjs'

const modules = path.resolve(process.env.E2E_NODE_MODULES ?? 'build/npm/node_modules')
const resolver = createRequire(path.join(modules, 'x.js'))
const load = async name => import(pathToFileURL(resolver.resolve(`@modelcontextprotocol/sdk/${name}`)))
const { Client } = await load('client/index.js')
const { StreamableHTTPClientTransport } = await load('client/streamableHttp.js')
const { UnauthorizedError } = await load('client/auth.js')
const { LATEST_PROTOCOL_VERSION } = await load('types.js')

const g = await Gateway.start({ env: {}, conf: { auto_image_model: 'sim-image' } })
const redirect = 'http://127.0.0.1:45678/callback'

// What the client keeps, and the browser that it sends away.
class SignIn {
  constructor(client) { Object.assign(this, { client, seen: [] }) }

  get redirectUrl() { return redirect }
  get clientMetadata() { return { redirect_uris: [redirect], client_name: 'test', token_endpoint_auth_method: 'client_secret_post' } }
  state() { return 'state 1' }
  clientInformation() { return this.client }
  saveClientInformation(c) { this.client = c }
  tokens() { return this.token }
  saveTokens(t) { this.token = t }
  saveCodeVerifier(v) { this.verifier = v }
  codeVerifier() { return this.verifier }

  async redirectToAuthorization(url) {
    this.seen.push(String(url))
    const a = await fetch(url, { redirect: 'manual' })
    assert.equal(a.status, 302, await a.text())
    const to = new URL(a.headers.get('location'))
    assert.equal(to.searchParams.get('state'), 'state 1')
    this.code = to.searchParams.get('code')
  }
}

const registered = (await g.post('/oauth/register', { redirect_uris: [redirect], client_name: 'test' })).json
const signIn = new SignIn({ client_id: registered.client_id, client_secret: registered.client_secret })
const url = new URL(g.url + '/mcp')
let client, transport

test('the client is sent to sign in, and back', async () => {
  const first = new StreamableHTTPClientTransport(url, { authProvider: signIn })
  await assert.rejects(new Client({ name: 't', version: '1' }).connect(first), UnauthorizedError)
  assert.ok(signIn.code && signIn.seen.every(u => !u.includes(g.key)))
  await first.finishAuth(signIn.code)
  assert.equal(signIn.token.access_token, g.key)
  transport = new StreamableHTTPClientTransport(url, { authProvider: signIn })
  client = new Client({ name: 't', version: '1' })
  await client.connect(transport)
  assert.equal(client.getServerVersion().name, 'llmgateway')
  assert.equal(transport.protocolVersion, LATEST_PROTOCOL_VERSION)
  assert.ok(transport.sessionId)
})

const call = async (name, args = {}) => {
  const r = await client.callTool({ name, arguments: args })
  assert.equal(r.isError, false, JSON.stringify(r).slice(0, 300))
  return r.content
}
test('tools', async () => {
  const { tools } = await client.listTools()
  assert.equal(tools.length, 5)
  await client.ping()
})
test('chat', async () => {
  const [c] = await call('chat', { model: 'sim-echo', messages: [{ role: 'user', content: 'Grüße' }] })
  assert.match(c.text, /Grüße/)
})
test('list-models', async () => assert.ok(JSON.parse((await call('list-models', { limit: 5 }))[0].text).data.length > 0))
test('list-image-models', async () => assert.ok(JSON.parse((await call('list-image-models'))[0].text).data.some(m => m.id === 'sim-image')))
test('generate-image', async () => {
  const list = await call('generate-image', { prompt: 'A cat', model: 'sim-image', n: 2 })
  assert.deepEqual(list.map(c => [c.type, c.mimeType]), [['image', 'image/png'], ['image', 'image/png']])
})
test('generate-nano-banana', async () => assert.equal((await call('generate-nano-banana', { prompt: 'A cat', aspect_ratio: '16:9' }))[0].type, 'image'))
test('a tool that fails is a result, a bad call an error', async () => {
  const r = await client.callTool({ name: 'chat', arguments: { model: 'no-such', messages: [{ role: 'user', content: 'x' }] } })
  assert.deepEqual([r.isError, r.content[0].type], [true, 'text'])
  await assert.rejects(client.callTool({ name: 'sing', arguments: {} }), e => e.code === -32602)
})
test('a client with a key of its own', async () => {
  const plain = new Client({ name: 't', version: '1' })
  await plain.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers: { authorization: `Bearer ${g.key}` } } }))
  assert.equal((await plain.listTools()).tools.length, 5)
  await plain.close()
})
test('the client leaves', async () => client.close())

await runAll('e2e-sdk-mcp', { after: () => g.stop() })
