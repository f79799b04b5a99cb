// Who is asked, and when again (api.md 12.4 to 12.6): scores, circuits, keys,
// sessions, waits.

import { assert, table, test } from '../../lib/suite.mjs'
import { events } from '../../lib/stream.mjs'
import { Gateway, sleep, until } from '../../lib/gateway.mjs'
import { Upstream, completion, textStream } from '../../lib/upstream.mjs'
import { hello } from './setting.mjs'

let upstream

const offer = (model, ...providers) => `[model ${model}]\nprovider = ${providers.join(', ')}\ncontext = 100000\nmax_output = 10000\n` +
  'capabilities = tools, stream, plain, chat\ninput_price = 1\noutput_price = 15\n'

const provider = (name, key, more = '') => `[provider ${name}]\ndialect = openai-chat\nbase_url = ${upstream.url}/${name}\n` +
  `path = /v1/chat/completions\nauth = bearer\nkey = ${key}\n${more}`

// cheap and dear offer the same models, and cheap is better; only is alone.
const sections = () => [
  provider('cheap', 'sk-c1'), provider('dear', 'sk-d1', 'priority = 0.8\n'), provider('last', 'sk-l1', 'priority = 0\n'), provider('only', 'sk-o1, sk-o2, sk-o3'),
  provider('bad', 'sk-b1', 'priority = 0.9\n'), provider('worse', 'sk-w1', 'priority = 0.1\n'), offer('all-open', 'bad/all-open', 'worse/all-open'),
  provider('fails', 'sk-f1', 'priority = 900\n'), provider('slow', 'sk-s1'), offer('budget', 'fails/gang', 'slow/slow'),
  provider('mortal', 'sk-m1').replace(upstream.url, mortal.url), offer('mortal', 'mortal/mortal'),
  ...['price', 'sticky', 'kept', 'flips', 'circuit', 'pin'].map(m => offer(m, `cheap/${m}`, `dear/${m}`, `last/${m}`)),
  // What "auto" chooses from, all told of it by name in auto_models.
  provider('think', 'sk-t1'),
  offer('thinker', 'think/thinker').replace('chat\n', 'chat, reason\n').replace('15', '3'),
  offer('sayer', 'think/sayer').replace('100000', '9000'), offer('gift', 'think/gift').replace('[model gift]', '[model gift]\nfree = on').replace('= 15', '= 99'),
  ...['status-500', 'rate-1', 'rate-6', 'hang', 'status-401', 'once'].map(m => offer(`only-${m}`, `only/${m}`))
].join('\n')

// The providers of these tests fail when told to, by name and model.
const failing = new Set()
const fixed = {
  'status-500': [500], 'status-401': [401], 'rate-1': [429, { 'retry-after': '1' }], 'rate-6': [429, { 'retry-after': '6' }]
}

// What waits until a test lets it go.
const held = []

// Of so many requests all fail when the last of them is there.
let gang = []
let gangSize = 1
function fail(res) {
  gang.push(res)
  if (gang.length < gangSize) return
  for (const r of gang) r.writeHead(500, { 'content-type': 'application/json' }).end('{"error":{"message":"down"}}')
  gang = []
}

// A provider whose connections can be told to end at their next request.
let mortal
let doomed = false
async function mortals(req, res) {
  if (doomed && req.socket.served) return req.socket.destroy()
  if (!doomed) await new Promise(done => setTimeout(done, 50))
  req.socket.served = true
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(completion()))
}

async function answer(req, res, body) {
  const who = `${req.url.split('/')[1]}/${body.model}`
  if (body.model === 'hang') return
  if (body.model === 'gang') return fail(res)
  if (body.model === 'slow') await new Promise(done => held.push(done))
  const [status, headers] = fixed[body.model] ?? (failing.has(who) || failing.delete(`once ${body.model}`) ? [500] : [200])
  if (status !== 200) {
    res.writeHead(status, { 'content-type': 'application/json', ...headers }).end('{"error":{"message":"down"}}')
    return
  }
  res.writeHead(200, { 'content-type': body.stream ? 'text/event-stream' : 'application/json' })
  res.end(body.stream ? textStream().join('') : JSON.stringify(completion()))
}

export async function startRouting() {
  upstream = await Upstream.start(answer)
  mortal = await Upstream.start(mortals)
  return Gateway.start({ conf: { timeout_first_byte: '1s', retry_wait_max: '2s', retry_budget: '0', auto_models: 'thinker, sayer' }, sections: sections() })
}

async function ask(g, body, more = {}) {
  const before = upstream.requests.length
  const since = Date.now()
  const a = await g.chat(hello(body), more)
  return {
    a, ms: Date.now() - since, seen: upstream.requests.slice(before).map(s => `${s.url.split('/')[1]} ${s.headers.authorization.slice(-2)}`),
    routing: a.status === 200 && !body.stream ? a.json.metadata.routing.map(r => [r.provider, r.error_type]) : null
  }
}

const served = async (g, body, more) => (await ask(g, body, more)).a.headers['x-llmgw-provider']

export function routing(g) {
  choice(g)
  sessions(g)
  automatic(g)
  circuits(g)
  budget(g)
  waits(g)
}

function choice(g) {
  test('routing: the better one first, and never one of priority 0', async () => {
    assert.equal(await served(g(), { model: 'price' }), 'cheap')
    failing.add('cheap/price').add('dear/price')
    const { a, seen } = await ask(g(), { model: 'price' })
    assert.equal(a.status, 500)
    // Both, and the last of them once more.
    assert.deepEqual(seen, ['cheap c1', 'dear d1', 'dear d1'])
    failing.clear()
    assert.equal(await served(g(), { model: 'last/price' }), 'last')
  })
  test('routing: a session stays where a fallback brought it', async () => {
    const more = { headers: { 'x-session-id': 's-1' } }
    assert.equal(await served(g(), { model: 'sticky' }, more), 'cheap')
    failing.add('cheap/sticky')
    assert.equal(await served(g(), { model: 'sticky' }, more), 'dear')
    failing.clear()
    assert.equal(await served(g(), { model: 'sticky' }, more), 'dear')
    assert.equal(await served(g(), { model: 'sticky' }, { headers: { 'x-session-id': 's-2' } }), 'cheap')
  })
  test('routing: the decision stands in the record', async () => {
    const { a } = await ask(g(), { model: 'kept' })
    const id = a.headers['x-request-id']
    const found = () => JSON.parse(g().ctl('log', 'list', '--json', '--request-id', id)).data
    assert.ok(await until(() => found().length > 0))
    const d = JSON.parse(g().ctl('log', 'show', found()[0].record_id)).decision
    assert.match(d.reason, /^(weighted-score|price-only-no-metrics)$/)
    assert.deepEqual(d.candidates.map(c => c.provider), ['cheap', 'dear'])
    assert.equal(d.candidates[0].score, 0)
    assert.ok(d.candidates[1].score > 0.1)
  })
  test('routing: the record says when another one had to serve', async () => {
    failing.add('cheap/kept')
    const { a } = await ask(g(), { model: 'kept' })
    failing.clear()
    assert.equal(a.headers['x-llmgw-provider'], 'dear')
    let rows
    const url = `logs?request_id=${a.headers['x-request-id']}`
    assert.ok(await until(async () => (rows = (await g().admin('GET', url)).json.data).length === 2))
    const d = rows.map(r => JSON.parse(g().ctl('log', 'show', r.id)))
    const [failed, last] = [d.find(r => r.attempt_of), d.find(r => !r.attempt_of)]
    assert.equal(last.decision.reason, 'fallback')
    assert.equal(last.decision.first_reason, failed.decision.reason)
    for (const r of rows) assert.deepEqual(r.decision, d.find(x => x.record_id === r.id).decision)
    assert.deepEqual(last.decision.candidates.map(c => c.provider), ['cheap', 'dear'])
  })
  test('routing: a pinned provider that is down is left, unless the client forbids it', async () => {
    failing.add('cheap/pin')
    assert.equal((await ask(g(), { model: 'cheap/pin' })).a.status, 500)
    await sleep(1100) // the figures are of the last second
    assert.equal(await served(g(), { model: 'cheap/pin' }), 'dear')
    const { a, seen } = await ask(g(), { model: 'cheap/pin' }, { headers: { 'x-no-fallback': 'true' } })
    assert.equal(a.status, 500)
    assert.ok(seen.every(s => s === 'cheap c1'))
    failing.clear()
  })
}

// Each says that it is of one session; the next of it goes where a fallback brought it.
function sessions(g) {
  const say = { messages: [{ role: 'user', content: 'Hi' }] }
  const chat = (body, headers) => g().chat({ model: 'sticky', ...say, ...body }, { headers })
  const messages = (body, headers) => g().post('/v1/messages', { model: 'sticky', max_tokens: 9, ...say, ...body }, { headers })
  const responses = body => g().post('/v1/responses', { model: 'sticky', input: 'Hi', ...body })
  table('routing: the session is told by', [
    ...['x-session-id', 'x-session-affinity', 'session-id', 'x-claude-code-session-id'].map(h => [h, () => chat({}, { [h]: `s-${h}` })]),
    ['prompt_cache_key', () => chat({ prompt_cache_key: 's-cache' })], ['user', () => chat({ user: 's-user' })],
    ['prompt_cache_key before user', (_, i) => chat({ prompt_cache_key: 's-both', user: `other ${i}` })],
    ['a header before the body', (_, i) => chat({ user: `other ${i}` }, { 'x-session-id': 's-header' })],
    ['metadata.user_id', () => messages({ metadata: { user_id: 's-meta' } })],
    ['a header before metadata.user_id', (_, i) => messages({ metadata: { user_id: `other ${i}` } }, { 'x-session-id': 's-head' })],
    ['responses: prompt_cache_key', () => responses({ prompt_cache_key: 's-resp' })], ['responses: user', () => responses({ user: 's-resp-user' })]
  ], async (name, send) => {
    failing.add('cheap/sticky')
    const first = await send(name, 1)
    failing.clear()
    assert.equal(first.status, 200, first.text)
    assert.equal(first.headers['x-llmgw-provider'], 'dear')
    const second = await send(name, 2)
    assert.equal(second.headers['x-llmgw-provider'], 'dear')
    const found = () => JSON.parse(g().ctl('log', 'list', '--json', '--request-id', second.headers['x-request-id'])).data
    assert.ok(await until(() => found().length > 0))
    assert.equal(JSON.parse(g().ctl('log', 'show', found()[0].record_id)).decision.reason, 'session-sticky')
  })
}

const wishes = { free_models_only: true, no_reasoning: true }
function automatic(g) {
  const say = { messages: [{ role: 'user', content: 'Hi' }] }
  const asks = {
    chat: body => g().chat({ max_tokens: 100, ...say, ...body }), messages: body => g().post('/v1/messages', { max_tokens: 100, ...say, ...body }),
    responses: body => g().post('/v1/responses', { max_output_tokens: 100, input: 'Hi', ...body })
  }
  const effort = b => b.reasoning_effort ?? b.reasoning?.effort
  for (const [kind, ask] of Object.entries(asks)) {
    table(`auto, ${kind}`, [
      ['the cheapest of the list, with a low effort', {}, 'thinker', 'low'],
      ['no_reasoning', { no_reasoning: true }, 'sayer', undefined],
      ['an effort of the client', kind === 'chat' ? { reasoning_effort: 'high' } : kind === 'messages' ? { output_config: { effort: 'high' } } : { reasoning: { effort: 'high' } }, 'thinker', 'high'],
      ['free_models_only', { free_models_only: true }, 'gift', undefined]
    ], async (name, body, model, low) => {
      const a = await ask({ model: 'auto', ...body })
      assert.equal(a.status, 200, a.text)
      assert.equal(a.headers['x-llmgw-model'], model)
      const sent = upstream.last.body
      assert.equal(sent.model, model)
      assert.equal(effort(sent), low)
      for (const w of Object.keys(wishes)) assert.ok(!(w in sent), w)
    })
    table(`auto, ${kind}: refused`, [
      ['what is not free', { model: 'price', free_models_only: true }, 'unsupported_capability', 'Model price is not free. Remove free_models_only parameter or use a free model.'],
      ['what reasons', { model: 'thinker', no_reasoning: true }, 'unsupported_capability', 'Model thinker is a reasoning model. Remove no_reasoning parameter or use another model.'],
      ['too much', { model: 'auto', [kind === 'responses' ? 'max_output_tokens' : 'max_tokens']: 90000000 }, 'no_provider_available', 'No model is available for auto routing.'],
      ['too much for what is free', { model: 'auto', free_models_only: true, [kind === 'responses' ? 'max_output_tokens' : 'max_tokens']: 90000000 }, 'no_provider_available',
        'No free models are available for auto routing. Remove free_models_only parameter or use a specific model.']
    ], async (name, body, code, message) => {
      const a = await ask(body)
      assert.equal(a.status, 400, a.text)
      const e = a.json.error
      assert.equal(e?.message ?? a.json.message, message)
      if (kind === 'chat') assert.equal(a.json.code, code)
    })
  }
}

function circuits(g) {
  test('routing: when all circuits are open the one with the best score is tried', async () => {
    failing.add('bad/all-open').add('worse/all-open')
    const open = id => JSON.parse(g().ctl('provider', 'list', '--json')).data.find(p => p.id === id).open_circuits
    for (let i = 0; i < 30 && (open('bad') === 0 || open('worse') === 0); i++)
      for (const p of ['bad', 'worse']) await ask(g(), { model: `${p}/all-open` }, { headers: { 'x-no-fallback': 'true' } })
    assert.deepEqual([open('bad'), open('worse')], [1, 1])
    failing.clear()
    for (const stream of [false, true]) {
      const { a, seen } = await ask(g(), { model: 'all-open', stream })
      assert.equal(a.status, 200, a.text)
      assert.deepEqual(seen, ['bad b1'])
    }
    failing.add('bad/all-open')
    const { a, seen } = await ask(g(), { model: 'all-open' })
    assert.equal(a.status, 500)
    assert.ok(seen.every(s => s === 'bad b1'), seen.join())
    failing.clear()
    g().ctl('provider', 'reset')
  })
  test('routing: after ten failures nobody waits for it any more', async () => {
    failing.add('cheap/circuit')
    const quiet = { headers: { 'x-no-fallback': 'true' } }
    for (let i = 0; i < 5; i++) assert.equal((await ask(g(), { model: 'cheap/circuit' }, quiet)).a.status, 500)
    g().ctl('provider', 'reset', 'dear') // the key of cheap rests, its circuit stays open
    assert.ok(JSON.parse(g().ctl('provider', 'list', '--json')).data.find(p => p.id === 'cheap').open_circuits >= 1)
    for (const stream of [false, true]) {
      const { a, seen } = await ask(g(), { model: 'circuit', stream })
      assert.equal(a.status, 200)
      assert.deepEqual(seen, ['dear d1'])
    }
    failing.clear()
    g().ctl('provider', 'reset', 'cheap')
    assert.equal(JSON.parse(g().ctl('provider', 'list', '--json')).data.find(p => p.id === 'cheap').open_circuits, 0)
  })
  test('routing: barred keys are left out, and asked in turn when all are', async () => {
    const first = await ask(g(), { model: 'only-status-401' })
    assert.equal(first.a.status, 500)
    assert.deepEqual(first.seen, ['only o1', 'only o2', 'only o3'])
    const list = JSON.parse(g().ctl('provider', 'list', '--json')).data.find(p => p.id === 'only')
    assert.deepEqual([list.keys.map(k => k.state), list.keys_well], [['bad', 'bad', 'bad'], 0])
    const turns = new Set()
    for (let i = 0; i < 3; i++) turns.add((await ask(g(), { model: 'only-once' })).seen[0])
    assert.equal(turns.size, 3)
  })
}

function budget(g) {
  test('routing: three retries at a time are always allowed, more by retry_budget', async () => {
    g().ctl('provider', 'reset')
    let all = []
    gangSize = 8
    const stop = () => { while (held.length) held.pop()() }
    try {
      all = Array.from({ length: 8 }, () => g().chat(hello({ model: 'budget' })))
      // Five are answered at once, three wait for the second provider.
      const first = []
      for (const p of all) p.then(a => first.push(a.status))
      assert.ok(await until(() => first.length === 5 && held.length === 3, 900, 20), `${first} ${held.length}`)
      assert.deepEqual(first, [500, 500, 500, 500, 500])
      stop()
      assert.equal((await Promise.all(all)).filter(a => a.status === 200).length, 3)
      // They are given back.
      gangSize = 1
      g().ctl('provider', 'reset')
      all = [g().chat(hello({ model: 'budget' }))]
      assert.ok(await until(() => held.length === 1, 900, 20))
    } finally {
      stop()
      await Promise.all(all)
    }
    g().ctl('provider', 'reset')
  })
  const list = a => a.json.metadata.routing.map(r => [r.provider, r.error_type])
  const tell = n => Promise.all(Array.from({ length: n }, () => g().chat(hello({ model: 'mortal' }))))
  test('routing: a kept connection that is dead is replaced once, and no attempt', async () => {
    doomed = false
    await tell(1)
    doomed = true
    const before = mortal.requests.length
    const [a] = await tell(1)
    assert.equal(a.status, 200, a.text)
    assert.equal(mortal.requests.length - before, 2)
    assert.deepEqual(list(a), [['mortal', 'none']])
  })
  test('routing: when the one in its place is dead, too, the next attempt has a new one', async () => {
    doomed = false
    await tell(5)
    doomed = true
    const before = mortal.requests.length
    const [a] = await tell(1)
    assert.equal(a.status, 200, a.text)
    assert.equal(mortal.requests.length - before, 3)
    assert.deepEqual(list(a), [['mortal', 'network_error'], ['mortal', 'none']])
  })
}

function waits(g) {
  test('routing: what is alone is asked once more', async () => {
    failing.add('once once')
    const { a, seen, routing, ms } = await ask(g(), { model: 'only-once' }, { headers: { 'x-no-fallback': 'true' } })
    assert.equal(a.status, 200)
    assert.deepEqual(seen, ['only o1', 'only o2'])
    assert.deepEqual(routing, [['only', 'upstream_error'], ['only', 'none']])
    assert.ok(ms < 250)
  })
  table('routing: the wait before it', [['of its own', 'only/status-500', 250, 4], ['that was asked for', 'only/rate-1', 1000, 4], ['too long', 'only/rate-6', 0, 3], ['none after a timeout', 'only/hang', 0, 1]],
    async (_, model, least, calls) => {
      for (const stream of [false, true]) {
        g().ctl('provider', 'reset')
        const { a, seen, ms } = await ask(g(), { model: model.replace('/', '-'), stream })
        assert.ok(a.status >= 429 || events(a.text).at(-1).json?.error, a.text)
        assert.equal(seen.length, calls === 1 ? 3 : calls, seen.join())
        assert.ok(ms >= least, `${ms} ms`)
      }
    })
}
