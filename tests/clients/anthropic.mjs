// The official Anthropic package.

import { assert } from '../lib/suite.mjs'
import { fails, g, load, model, slow, testOf } from './setting.mjs'

const say = content => [{ role: 'user', content }]
const ask = (more = {}) => ({ model, max_tokens: 1000, messages: say('Say this'), ...more })
const tools = [{ name: 'weather', input_schema: { type: 'object', properties: { city: { type: 'string' } } } }]

export async function anthropic() {
  const { default: Anthropic } = await load('@anthropic-ai/sdk')
  const c = new Anthropic({ baseURL: g.url, apiKey: g.key, maxRetries: 0, timeout: 20000 })

  testOf('messages', 'anthropic: messages', async () => {
    const a = await c.messages.create(ask())
    assert.deepEqual(a.content.map(b => [b.type, b.text]), [['text', 'Say this']])
    assert.equal(a.stop_reason, 'end_turn')
    assert.ok(a.usage.input_tokens > 0 && a.usage.output_tokens > 0)
  })
  testOf('messages', 'anthropic: stream', async () => {
    const s = c.messages.stream(ask())
    let text = ''
    s.on('text', t => { text += t })
    const done = await s.finalMessage()
    assert.equal(text, 'Say this')
    assert.equal(done.stop_reason, 'end_turn')
    assert.ok(done.usage.input_tokens > 0)
  })
  testOf('messages', 'anthropic: tools', async () => {
    for (const stream of [false, true]) {
      const body = ask({ messages: say('Weather in Rome?'), tools })
      const a = stream ? await c.messages.stream(body).finalMessage() : await c.messages.create(body)
      assert.equal(a.stop_reason, 'tool_use')
      const call = a.content.find(b => b.type === 'tool_use')
      assert.deepEqual([call.name, call.input], ['weather', { city: 'Weather in Rome?' }])
      const messages = [...body.messages, { role: 'assistant', content: a.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'sunny' }, { type: 'text', text: 'Well?' }] }]
      assert.equal((await c.messages.create({ ...body, messages })).content[0].text, 'sunny')
    }
  })
  testOf('messages', 'anthropic: thinking', async () => {
    const a = await c.messages.create(ask({ max_tokens: 4000, thinking: { type: 'enabled', budget_tokens: 1024 } })).catch(e => e)
    // sim knows no budgets: the gateway says so, or makes an effort of it.
    if (a instanceof Error) assert.equal(a.status, 400)
    else assert.equal(a.content[0].type, 'thinking')
    const b = await c.messages.create(ask({ thinking: { type: 'adaptive' }, output_config: { effort: 'low' } }))
    assert.deepEqual(b.content.map(x => x.type), ['thinking', 'text'])
  })
  testOf('messages', 'anthropic: structured output', async () => {
    const schema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'], additionalProperties: false }
    const a = await c.messages.create(ask({ output_config: { format: { type: 'json_schema', schema } } }))
    assert.deepEqual(JSON.parse(a.content[0].text), { name: 'Say this' })
  })
  testOf('messages', 'anthropic: errors', async () => {
    const bad = await fails(c.messages.create(ask({ max_tokens: 0.5 })))
    assert.ok(bad instanceof Anthropic.BadRequestError)
    assert.equal(bad.error.error.type, 'invalid_request_error')
    assert.ok((await fails(c.withOptions({ apiKey: 'llmgtwy_' + 'x'.repeat(40) }).messages.create(ask()))) instanceof Anthropic.AuthenticationError)
    assert.ok((await fails(c.messages.create(ask({ model: 'sim/sim-fault-429' })))) instanceof Anthropic.RateLimitError)
    assert.ok((await fails(c.messages.countTokens({ model, messages: say('x') }))) instanceof Anthropic.NotFoundError)
  })
  testOf('messages', 'anthropic: abort', async () => {
    const s = c.messages.stream(ask({ model: slow }))
    let n = 0
    s.on('text', () => { if (++n === 3) s.abort() })
    assert.ok((await fails(s.finalMessage())) instanceof Anthropic.APIUserAbortError)
    assert.ok(n < 20)
  })
}
