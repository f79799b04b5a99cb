// POST /v1/embeddings: both spellings of vectors, limits, messages, costs.

import { assert, test } from '../../lib/suite.mjs'
import { upstream, vector } from './setting.mjs'

const floats = base64 => {
  const b = Buffer.from(base64, 'base64')
  return Array.from({ length: b.length / 4 }, (_, i) => b.readFloatLE(4 * i))
}

export function embeddings(g) {
  const embed = (body, headers) => g().post('/v1/embeddings', { model: 'sim-embed', ...body }, { headers })

  test('embeddings of one text and of several', async () => {
    const one = (await embed({ input: 'hello' })).json
    assert.equal(one.object, 'list')
    assert.deepEqual(one.data.map(d => [d.object, d.index, d.embedding.length]), [['embedding', 0, 16]])
    assert.equal(one.model, 'sim/sim-embed')
    assert.equal(one.metadata.used_provider, 'sim')
    assert.deepEqual(Object.keys(one.usage), ['prompt_tokens', 'total_tokens', 'cost', 'cost_details'])
    assert.equal(one.usage.prompt_tokens, 2)
    assert.equal(one.usage.cost, 0.000002)
    const two = (await embed({ input: ['hello', 'there'], dimensions: 3 })).json
    assert.deepEqual(two.data.map(d => d.index), [0, 1])
    assert.deepEqual(two.data[0].embedding, one.data[0].embedding.slice(0, 3))
    assert.notDeepEqual(two.data[1].embedding, two.data[0].embedding)
  })
  test('embeddings as base64', async () => {
    const plain = (await embed({ input: 'hello' })).json.data[0].embedding
    const packed = (await embed({ input: 'hello', encoding_format: 'base64' })).json.data[0].embedding
    assert.equal(typeof packed, 'string')
    assert.deepEqual(floats(packed), plain)
  })
  test('embeddings in the form that was asked for, whatever the provider has', async () => {
    const b64 = Buffer.from(new Float32Array(vector).buffer).toString('base64')
    for (const model of ['float-embed', 'packed-embed']) {
      assert.deepEqual((await embed({ model, input: ['a', 'b'] })).json.data.map(d => d.embedding), [vector, vector])
      assert.deepEqual((await embed({ model, input: ['a'], encoding_format: 'base64' })).json.data.map(d => d.embedding), [b64])
    }
  })
  test('embeddings: what the provider is sent, and what comes back', async () => {
    const a = await embed({ model: 'float-embed', input: 'a', encoding_format: 'base64', input_type: 'search_query', user: 'u', x: [1.50] })
    assert.equal(upstream.last.url, '/v1/embeddings')
    assert.deepEqual(upstream.last.body, { model: 'float-embed', input: 'a', input_type: 'search_query', user: 'u', x: [1.5] })
    assert.equal(a.json.model, 'cerebras/float-embed')
    assert.match(a.text, /"extra":\[1\.5\]/)
    assert.equal(a.json.usage.prompt_tokens, 7)
    assert.equal(a.json.usage.total_tokens, 7)
    assert.equal(a.json.usage.cost, 0.000014)
    const b = await embed({ model: 'packed-embed', input: 'a', encoding_format: 'base64', input_type: 'search_query' })
    assert.deepEqual(upstream.last.body, { model: 'packed-embed', input: 'a', encoding_format: 'base64' })
    assert.equal(b.headers['x-llmgw-dropped'], 'input_type')
  })
  test('embeddings of many texts are not too long together', async () => {
    assert.equal((await embed({ model: 'float-embed', input: Array(20).fill('x'.repeat(100)) })).status, 200)
  })
  test('embeddings take tokens where the provider speaks the same', async () => {
    assert.equal((await embed({ input: [1, 2, 3] })).status, 200)
    assert.equal((await embed({ input: [[1, 2], [3]] })).json.data.length, 2)
  })
  for (const [name, body, status, code, message] of [
    ['no input', {}, 400, 'invalid_parameters', /^Invalid request parameters: input: /],
    ['empty input', { input: '' }, 400, 'invalid_parameters', 'Invalid request parameters: input: must not be empty'],
    ['no element', { input: [] }, 400, 'invalid_parameters', 'Invalid request parameters: input: must have 1 to 2048 elements'],
    ['too many elements', { input: Array(2049).fill('x') }, 400, 'invalid_parameters', /2048/],
    ['an element that is no text', { input: ['a', 1] }, 400, 'invalid_parameters', 'Invalid request parameters: input[1]: must be a string'],
    ['an empty element', { input: ['a', ''] }, 400, 'invalid_parameters', 'Invalid request parameters: input[1]: must not be empty'],
    ['bad format', { input: 'a', encoding_format: 'hex' }, 400, 'invalid_parameters', /encoding_format/],
    ['bad size', { input: 'a', dimensions: 0 }, 400, 'invalid_parameters', /dimensions/],
    ['a chat model', { model: 'sim-echo', input: 'a' }, 400, 'unsupported_capability', 'Model sim-echo is not an embeddings model'],
    ['a size that cannot be chosen', { model: 'fixed-embed', input: 'a', dimensions: 3 }, 400, 'unsupported_capability', 'Model fixed-embed does not support dimensions']
  ]) {
    test(`embeddings: ${name}`, async () => {
      const a = await embed(body)
      assert.equal(a.status, status, a.text)
      assert.equal(a.json.code, code)
      if (message instanceof RegExp) assert.match(a.json.message, message)
      else assert.equal(a.json.message, message)
    })
  }
  test('an embeddings model on chat', async () => {
    const a = await g().chat({ model: 'sim-embed', messages: [{ role: 'user', content: 'x' }] })
    assert.equal(a.status, 400)
    assert.equal(a.json.message, 'Model sim-embed is an embeddings model and cannot be used with /v1/chat/completions. Use the /v1/embeddings endpoint instead.')
  })
}
