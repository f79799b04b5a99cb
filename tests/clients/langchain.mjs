// LangChain's clients.

import { assert, test } from '../lib/suite.mjs'
import { fails, g, has, load, model, skipped, slow } from './setting.mjs'

export async function langchain() {
  const { ChatOpenAI, OpenAIEmbeddings } = await load('@langchain/openai')
  const { ChatAnthropic } = await load('@langchain/anthropic')
  const { HumanMessage, ToolMessage } = await load('@langchain/core/messages')
  const { z } = await load('zod')
  const configuration = { baseURL: g.url + '/v1' }
  const open = more => new ChatOpenAI({ model, apiKey: g.key, configuration, maxRetries: 0, ...more })
  const rows = [
    ['chat', 'ChatOpenAI', more => open({ useResponsesApi: false, ...more })],
    ['responses', 'ChatOpenAI on responses', more => open({ useResponsesApi: true, ...more })],
    ['messages', 'ChatAnthropic', more => new ChatAnthropic({ model, apiKey: g.key, anthropicApiUrl: g.url, maxRetries: 0, maxTokens: 1000, ...more })]
  ]
  for (const [program, name, make] of rows) {
    if (has(program)) all(`langchain ${name}`, make, { HumanMessage, ToolMessage, z })
    else skipped.n += 6
  }
  test('langchain: embeddings', async () => {
    const e = new OpenAIEmbeddings({ model: 'sim-embed', apiKey: g.key, configuration })
    assert.deepEqual((await e.embedDocuments(['hello', 'there'])).map(v => v.length), [16, 16])
  })
}

function all(name, make, { HumanMessage, ToolMessage, z }) {
  const m = make()
  const weather = { name: 'weather', description: 'The weather', schema: z.object({ city: z.string() }) }

  test(`${name}: invoke`, async () => {
    const a = await m.invoke('Say this')
    assert.equal(a.text, 'Say this')
    assert.ok(a.usage_metadata.total_tokens > 0)
  })
  test(`${name}: stream`, async () => {
    let text = ''
    for await (const k of await m.stream('Say this')) text += k.text
    assert.equal(text, 'Say this')
  })
  test(`${name}: tools`, async () => {
    const bound = m.bindTools([weather])
    const talk = [new HumanMessage('Rome')]
    const a = await bound.invoke(talk)
    assert.deepEqual(a.tool_calls.map(c => [c.name, c.args]), [['weather', { city: 'Rome' }]])
    talk.push(a, new ToolMessage({ content: 'sunny', tool_call_id: a.tool_calls[0].id }))
    assert.equal((await bound.invoke(talk)).text, 'sunny')
  })
  test(`${name}: structured output`, async () => {
    const a = await m.withStructuredOutput(z.object({ name: z.string(), age: z.number() })).invoke('Ada')
    assert.deepEqual(a, { name: 'Ada', age: 1 })
  })
  test(`${name}: errors`, async () => {
    const e = await fails(make({ model: 'no-such-model' }).invoke('x'))
    assert.equal(e.status, 400)
    assert.match(e.message, /no-such-model/)
  })
  test(`${name}: abort`, async () => {
    const stop = new AbortController()
    let n = 0
    await fails((async () => {
      for await (const k of await make({ model: slow }).stream('x', { signal: stop.signal })) if (k.text && ++n === 3) stop.abort()
      throw new Error('ended')
    })())
    assert.ok(n >= 3 && n < 20, `${n}`)
  })
}
