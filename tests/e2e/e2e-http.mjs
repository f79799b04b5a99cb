// End to end over HTTP: a web server, all programs, a provider in this process.
// usage: node e2e-http.mjs [TEXT]    only tests whose name contains TEXT

import fs from 'node:fs'
import path from 'node:path'
import { Gateway } from '../lib/gateway.mjs'
import { healAll } from '../lib/gateway.mjs'
import { assert, runAll, test } from '../lib/suite.mjs'
import { account } from './http/account.mjs'
import { requests } from './http/requests.mjs'
import { admin } from './http/admin.mjs'
import { openapi } from './http/openapi.mjs'
import { answers, leaving, otherUsage, pinging } from './http/answers.mjs'
import { providerFaults } from './http/faults.mjs'
import * as co from './http/cohere.mjs'
import { guard, startGuard, stopGuard } from './http/guard.mjs'
import { embeddings } from './http/embeddings.mjs'
import { explanations, startExplain, stopExplain } from './http/explain.mjs'
import { fallback, startFallback, timers } from './http/fallback.mjs'
import { googles, startGoogle, stopGoogle } from './http/google.mjs'
import * as claude from './http/messages.mjs'
import * as aws from './http/bedrock.mjs'
import { startTenants, tenants } from './http/tenant.mjs'
import { own, startOwn, stopOwn } from './http/own.mjs'
import { mcp } from './http/mcp.mjs'
import { responses, startResponses } from './http/responses.mjs'
import { routing, startRouting } from './http/routing.mjs'
import { guarded, noCors, service } from './http/service.mjs'
import { hello, secretKey, start, upstream } from './http/setting.mjs'

const all = []
const run = async started => {
  const g = await started
  all.push(g)
  return g
}
const gateway = (conf, options) => run(start(conf, options))

const main = await gateway({ key_cache_ttl: '2s' }, { procs: 2 })
const pings = await gateway({ ping_interval: '300ms', timeout_first_byte: '30s' })
const patient = await gateway({ timeout_idle: '4s', timeout_first_byte: '4s' })
const extra = await gateway({ stream_usage: 'extra' })
const off = await gateway({
  stream_usage: 'off', cors_origins: 'https://app.example, http://localhost:3000', metrics_token: 'metrics-secret', models_require_key: 'on', error_format: 'openai'
})
const several = await run(startFallback({ ping_interval: '500ms' }))
const short = await run(startFallback({ timeout_first_byte: '1500ms', timeout_total_plain: '1500ms', timeout_total_stream: '2s', timeout_gateway: '2500ms' }))
const vertex = await run(startGoogle())
const messages = await run(claude.startMessages())
const signed = await run(aws.startBedrock())
const keyed = await run(aws.startBedrock('plain'))
const items = await run(startResponses())
const native = await run(co.startCohere())
const desk = await gateway({})
const tenanted = await run(startTenants())
const owning = await run(startOwn())
const tooled = await run(Gateway.start({ env: {}, conf: { auto_image_model: 'sim-image' } }))
const routed = await run(startRouting())
const watched = await run(startGuard())
const explained = await run(startExplain())

requests(() => main)
admin(() => desk)
openapi(() => desk)
answers(() => main)
pinging(() => pings)
leaving(() => patient)
otherUsage(() => extra, 'extra')
otherUsage(() => off, 'off')
providerFaults(() => main)
embeddings(() => main)
fallback(() => several)
timers(() => short)
routing(() => routed)
mcp(() => tooled)
explanations(() => explained)
claude.messages(() => messages)
aws.bedrock(() => signed, () => keyed)
responses(() => items)
co.cohere(() => native)
googles(() => vertex)
account(() => main)
tenants(() => tenanted)
own(() => owning)
guard(() => watched)
service(() => main)
noCors(() => main)
guarded(() => off)

test('after all that the gateway is well', async () => {
  assert.equal((await main.chat(hello())).status, 200)
})

test('no secret and no text of a client in the logs', () => {
  for (const g of all) {
    const log = g.log()
    for (const [what, text] of [['the key', g.key], ['the provider key', secretKey], ['a prompt', 'Say this']]) {
      assert.ok(!log.includes(text), `${what} is in the log`)
    }
  }
})

test('logs are logfmt, one line a record', () => {
  const file = path.join(main.dir, 'log/llmgw.log')
  const lines = fs.readFileSync(file, 'utf8').split('\n').filter(Boolean)
  assert.ok(lines.length > 0)
  for (const l of lines) {
    assert.match(l, /^([a-z_0-9.]+=("([^"\\]|\\.)*"|[^ "]*) ?)+$/, l)
    // eslint-disable-next-line no-control-regex
    assert.ok(!/[\u0000-\u001f\u007f-\u009f]/.test(l), l)
  }
})

test('nothing that a sanitizer would report', () => {
  for (const g of all) {
    const found = g.log().split('\n').filter(l => /ERROR: \w*Sanitizer|runtime error:|SUMMARY: /.test(l))
    assert.deepEqual(found.slice(0, 5), [])
  }
})

await runAll('e2e-http', {
  before: healAll,
  after: async () => {
    for (const g of all) await g.stop()
    await upstream.close()
    await claude.upstream.close()
    await aws.upstream.close()
    await co.upstream.close()
    await stopGoogle()
    await stopOwn()
    await stopGuard()
    await stopExplain()
  }
})
