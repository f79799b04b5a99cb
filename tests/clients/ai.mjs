// The AI SDK with its providers for each dialect.

import { assert, test } from '../lib/suite.mjs'
import { fails, g, has, load, model, skipped, slow } from './setting.mjs'

export async function ai() {
  const sdk = await load('ai')
  const { z } = await load('zod')
  const settings = { baseURL: g.url + '/v1', apiKey: g.key }
  const { createOpenAI } = await load('@ai-sdk/openai')
  const { createAnthropic } = await load('@ai-sdk/anthropic')
  const { createOpenAICompatible } = await load('@ai-sdk/openai-compatible')
  const compatible = createOpenAICompatible({ name: 'llmgw', supportsStructuredOutputs: true, ...settings })
  const rows = [
    ['chat', 'openai.chat', m => createOpenAI(settings).chat(m)],
    ['chat', 'openai-compatible', m => compatible(m)],
    ['responses', 'openai', m => createOpenAI(settings).responses(m)],
    ['messages', 'anthropic', m => createAnthropic(settings)(m)]
  ]
  for (const [program, name, make] of rows) {
    if (has(program)) all(`ai with ${name}`, make, sdk, z)
    else skipped.n += 6
  }
  test('ai: embeddings', async () => {
    const { embeddings } = await sdk.embedMany({ model: compatible.textEmbeddingModel('sim-embed'), values: ['hello', 'there'] })
    assert.deepEqual(embeddings.map(e => e.length), [16, 16])
    const { embedding } = await sdk.embed({ model: createOpenAI(settings).textEmbeddingModel('sim-embed'), value: 'hello' })
    assert.deepEqual(embedding, embeddings[0])
  })
}

function all(name, make, { generateText, streamText, tool, stepCountIs, Output, APICallError }, z) {
  const m = make(model)
  const tools = {
    weather: tool({ description: 'The weather', inputSchema: z.object({ city: z.string() }), execute: async ({ city }) => `sunny in ${city}` })
  }
  test(`${name}: text`, async () => {
    const a = await generateText({ model: m, prompt: 'Say this', maxRetries: 0 })
    assert.equal(a.text, 'Say this')
    assert.equal(a.finishReason, 'stop')
    assert.ok(a.usage.inputTokens > 0 && a.usage.outputTokens > 0)
  })
  test(`${name}: stream`, async () => {
    const s = streamText({ model: m, prompt: 'Say this', maxRetries: 0, onError: () => {} })
    let text = ''
    for await (const t of s.textStream) text += t
    assert.equal(text, 'Say this')
    assert.ok((await s.usage).outputTokens > 0)
  })
  test(`${name}: tools`, async () => {
    const more = { model: m, tools, prompt: 'Rome', stopWhen: stepCountIs(3), maxRetries: 0 }
    const a = await generateText(more)
    assert.equal(a.text, 'sunny in Rome')
    assert.equal(a.steps.length, 2)
    const s = streamText({ ...more, onError: () => {} })
    let text = ''
    for await (const t of s.textStream) text += t
    assert.equal(text, 'sunny in Rome')
  })
  test(`${name}: structured output`, async () => {
    const schema = z.object({ name: z.string(), age: z.number() })
    const a = await generateText({ model: m, prompt: 'Ada', maxRetries: 0, output: Output.object({ schema }) })
    assert.deepEqual(a.output, { name: 'Ada', age: 1 })
  })
  test(`${name}: errors`, async () => {
    const e = await fails(generateText({ model: make('no-such-model'), prompt: 'x', maxRetries: 0 }))
    assert.ok(APICallError.isInstance(e), e)
    assert.equal(e.statusCode, 400)
    assert.match(e.message, /no-such-model/)
  })
  test(`${name}: abort`, async () => {
    const stop = new AbortController()
    let n = 0
    let aborted = false
    const s = streamText({ model: make(slow), prompt: 'x', abortSignal: stop.signal, maxRetries: 0, onAbort: () => { aborted = true }, onError: () => {} })
    for await (const t of s.textStream) if (t && ++n === 3) stop.abort()
    assert.ok(aborted && n < 20, `${n}`)
  })
}
