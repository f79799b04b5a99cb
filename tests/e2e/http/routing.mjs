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
  ...['price', 'sticky', 'kept', 'flips', 'circuit', 'pin'].map(m => offer(m, `cheap/${m}`, `dear/${m}`, `last/${m}`)),
  ...['status-500', 'rate-1', 'rate-6', 'hang', 'status-401', 'once'].map(m => offer(`only-${m}`, `only/${m}`))
].join('\n')

// The providers of these tests fail when told to, by name and model.
const failing = new Set()
const fixed = {
  'status-500': [500], 'status-401': [401], 'rate-1': [429, { 'retry-after': '1' }], 'rate-6': [429, { 'retry-after': '6' }]
}

function answer(req, res, body) {
  const who = `${req.url.split('/')[1]}/${body.model}`
  if (body.model === 'hang') return
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
  return Gateway.start({ conf: { timeout_first_byte: '1s', retry_wait_max: '2s' }, sections: sections() })
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
  circuits(g)
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

function circuits(g) {
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
