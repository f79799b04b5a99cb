// The official OpenAI package.

import { assert, test } from '../lib/suite.mjs'
import { fails, g, load, model, slow, testOf } from './setting.mjs'

const say = content => [{ role: 'user', content }]
const weather = { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false } }

export async function openai() {
  const { default: OpenAI } = await load('openai')
  const { zodResponseFormat, zodTextFormat } = await load('openai/helpers/zod')
  const { z } = await load('zod')
  const c = new OpenAI({ baseURL: g.url + '/v1', apiKey: g.key, maxRetries: 0, timeout: 20000 })
  const Person = z.object({ name: z.string(), age: z.number(), tags: z.array(z.enum(['a', 'b'])) })

  chat(c, { OpenAI, zodResponseFormat, Person })
  embeddings(c)
  responses(c, { zodTextFormat, Person })
}

function chat(c, { OpenAI, zodResponseFormat, Person }) {
  test('openai: chat', async () => {
    const a = await c.chat.completions.create({ model, messages: say('Say this') })
    assert.equal(a.choices[0].message.content, 'Say this')
    assert.ok(a.usage.total_tokens > 0)
  })
  test('openai: chat, stream', async () => {
    let text = ''
    for await (const k of await c.chat.completions.create({ model, messages: say('Say this'), stream: true })) text += k.choices[0].delta.content ?? ''
    assert.equal(text, 'Say this')
  })
  test('openai: chat, runTools', async () => {
    const asked = []
    const run = c.chat.completions.runTools({
      model, messages: say('Weather in Rome?'),
      tools: [{ type: 'function', function: { ...weather, parse: JSON.parse, function: a => { asked.push(a); return 'sunny' } } }]
    })
    assert.equal(await run.finalContent(), 'sunny')
    assert.deepEqual(asked, [{ city: 'Weather in Rome?' }])
  })
  test('openai: chat, parse', async () => {
    const a = await c.chat.completions.parse({ model, messages: say('Ada'), response_format: zodResponseFormat(Person, 'person') })
    assert.deepEqual(a.choices[0].message.parsed, { name: 'Ada', age: 1, tags: ['a'] })
  })
  test('openai: chat, reasoning', async () => {
    const a = await c.chat.completions.create({ model, messages: say('why'), reasoning_effort: 'low' })
    assert.equal(a.choices[0].message.reasoning_content, 'Thinking it over.')
    assert.equal(a.usage.completion_tokens_details.reasoning_tokens, 3)
  })
  test('openai: errors', async () => {
    const bad = await fails(c.chat.completions.create({ model, messages: say('x'), temperature: 9 }))
    assert.ok(bad instanceof OpenAI.BadRequestError)
    assert.equal(bad.code, 'invalid_parameters')
    assert.equal(bad.param, 'temperature')
    const other = await fails(c.withOptions({ apiKey: 'llmgtwy_' + 'x'.repeat(40) }).models.list())
    assert.ok(other instanceof OpenAI.AuthenticationError)
    const rate = await fails(c.chat.completions.create({ model: 'sim/sim-fault-429', messages: say('x') }))
    assert.ok(rate instanceof OpenAI.RateLimitError)
  })
  test('openai: abort', async () => {
    const stop = new AbortController()
    let n = 0
    const e = await fails((async () => {
      const s = await c.chat.completions.create({ model: slow, messages: say('x'), stream: true }, { signal: stop.signal })
      for await (const k of s) if (k.choices[0].delta.content && ++n === 3) stop.abort()
      if (stop.signal.aborted) throw new OpenAI.APIUserAbortError()
    })())
    assert.ok(e instanceof OpenAI.APIUserAbortError)
    assert.ok(n < 20)
  })
}

function embeddings(c) {
  test('openai: embeddings', async () => {
    // This package asks for base64 by itself.
    const a = await c.embeddings.create({ model: 'sim-embed', input: ['hello', 'there'] })
    assert.deepEqual(a.data.map(d => d.embedding.length), [16, 16])
    const b = await c.embeddings.create({ model: 'sim-embed', input: 'hello', encoding_format: 'float', dimensions: 4 })
    assert.deepEqual(b.data[0].embedding, a.data[0].embedding.slice(0, 4))
  })
}

function responses(c, { zodTextFormat, Person }) {
  testOf('responses', 'openai: responses', async () => {
    const a = await c.responses.create({ model, input: 'Say this' })
    assert.equal(a.output_text, 'Say this')
    assert.equal(a.status, 'completed')
    assert.ok(a.usage.total_tokens > 0)
  })
  testOf('responses', 'openai: responses, stream', async () => {
    const s = c.responses.stream({ model, input: 'Say this' })
    let text = ''
    s.on('response.output_text.delta', e => { text += e.delta })
    const done = await s.finalResponse()
    assert.equal(text, 'Say this')
    assert.equal(done.output_text, 'Say this')
  })
  testOf('responses', 'openai: responses, tools', async () => {
    const tools = [{ type: 'function', ...weather, strict: true }]
    const input = [{ role: 'user', content: 'Weather in Rome?' }]
    const a = await c.responses.create({ model, input, tools })
    const call = a.output.find(o => o.type === 'function_call')
    assert.deepEqual(JSON.parse(call.arguments), { city: 'Weather in Rome?' })
    input.push(...a.output, { type: 'function_call_output', call_id: call.call_id, output: 'sunny' })
    assert.equal((await c.responses.create({ model, input, tools })).output_text, 'sunny')
  })
  testOf('responses', 'openai: responses, parse', async () => {
    const a = await c.responses.parse({ model, input: 'Ada', text: { format: zodTextFormat(Person, 'person') } })
    assert.deepEqual(a.output_parsed, { name: 'Ada', age: 1, tags: ['a'] })
  })
  testOf('responses', 'openai: responses, errors', async () => {
    const e = await fails(c.responses.create({ model, input: 'x', previous_response_id: 'resp_1' }))
    assert.equal(e.status, 400)
    assert.equal(e.code, 'unsupported_parameter')
  })
}
