// Images with the official OpenAI package, against the simulated provider.
// Needs E2E_NODE_MODULES: where package.json of this directory is installed.

import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { assert, runAll, test } from '../lib/suite.mjs'
import { Gateway } from '../lib/gateway.mjs'

const modules = path.resolve(process.env.E2E_NODE_MODULES ?? 'build/npm/node_modules')
const resolver = createRequire(path.join(modules, 'x.js'))
const { default: OpenAI, toFile } = await import(pathToFileURL(resolver.resolve('openai')))

const g = await Gateway.start({})
const c = new OpenAI({ baseURL: g.url + '/v1', apiKey: g.key, maxRetries: 0, timeout: 20000 })
const isPng = b64 => assert.equal(Buffer.from(b64, 'base64').subarray(1, 4).toString(), 'PNG')
const picture = async () => Buffer.from((await c.images.generate({ model: 'sim-image', prompt: 'A cat' })).data[0].b64_json, 'base64')

test('images.generate', async () => {
  const { data, response } = await c.images.generate({ model: 'sim-image', prompt: 'A cat', n: 2, size: '1536x1024', quality: 'high' }).withResponse()
  assert.equal(data.data.length, 2)
  for (const d of data.data) isPng(d.b64_json)
  assert.equal(data.usage.total_tokens, data.usage.input_tokens + data.usage.output_tokens)
  assert.ok(data.usage.cost > 0)
  assert.equal(data._request_id, response.headers.get('x-request-id'))
})
test('images.generate, URLs', async () => {
  const r = await c.images.generate({ model: 'sim-image', prompt: 'A cat', response_format: 'url' })
  const file = await fetch(r.data[0].url)
  assert.equal(file.headers.get('content-type'), 'image/png')
})
test('images.edit with files', async () => {
  const file = await toFile(await picture(), 'cat.png', { type: 'image/png' })
  const r = await c.images.edit({ model: 'sim-image', prompt: 'Füge Schnee hinzu', image: file })
  isPng(r.data[0].b64_json)
  assert.equal(r.usage.input_tokens_details.image_tokens, 100)
  const two = await c.images.edit({ model: 'sim-image', prompt: 'Snow', image: [file, await toFile(await picture(), 'b.png', { type: 'image/png' })], mask: file })
  assert.equal(two.usage.input_tokens_details.image_tokens, 200)
  assert.notEqual(two.data[0].b64_json, r.data[0].b64_json)
})
for (const kind of ['generate', 'edit']) {
  test(`images.${kind}, a stream`, async () => {
    const more = kind === 'edit' ? { image: await toFile(await picture(), 'cat.png', { type: 'image/png' }) } : {}
    const types = []
    let last
    for await (const e of await c.images[kind]({ model: 'sim-image', prompt: 'A cat', stream: true, partial_images: 2, ...more })) {
      types.push(e.type.split('.')[1])
      isPng(e.b64_json)
      last = e
    }
    assert.deepEqual(types, ['partial_image', 'partial_image', 'completed'])
    assert.ok(last.usage.total_tokens > 0)
  })
}
test('errors are those of the package', async () => {
  await assert.rejects(c.images.generate({ model: 'sim-image', prompt: '' }), e => e instanceof OpenAI.BadRequestError && e.param === 'prompt')
  await assert.rejects(c.images.generate({ model: 'sim-echo', prompt: 'A cat' }), e => e.code === 'unsupported_capability' && /does not support image output/.test(e.message))
  const text = await toFile(Buffer.from('hello'), 'cat.png', { type: 'image/png' })
  await assert.rejects(c.images.edit({ model: 'sim-image', prompt: 'x', image: text }), e => e.status === 400 && e.code === 'invalid_image')
})

await runAll('e2e-sdk-images', { after: () => g.stop() })
