// Run wire cases against the gateway: an upstream serves the recorded bytes
// (at once, in pieces of 7 bytes and of 1), a client asks through a gateway of
// its own, and both sides are compared with expect.json.
//
// usage: cases DIR [--only SUBSTR] [--json] [--all-listed] [-v]
//   --only         cases whose name contains this
//   --json         one line of JSON for each case, then one with the counts
//   --all-listed   count what is not supported yet as skipped
//   -v             name the cases that passed, too

import fs from 'node:fs'
import path from 'node:path'
import { Gateway, top } from '../lib/gateway.mjs'
import { Upstream, completion, geminiAnswer, geminiStream, message, messageStream, sendPieces, textStream } from '../lib/upstream.mjs'
import { converse, converseStream } from '../lib/bedrock.mjs'
import * as messages from '../lib/messages.mjs'
import { events, faults, join, plain, chunks } from '../lib/stream.mjs'
import { clientAnthropic, clientOpenai, leaks, survived } from './match.mjs'
import { mayRefuse, upstreamRequest } from './facts.mjs'
import { load, model, setup, supported } from './plan.mjs'
import { readVectors, readable } from './vectors.mjs'

const upstreamKey = 'sk-upstream-0123456789abcdefSECRET'
const pieceSizes = [0, 7, 1]

function usage() {
  console.error('usage: cases DIR [--only SUBSTR] [--json] [--all-listed] [-v]')
  process.exit(2)
}

function options(argv) {
  const o = { only: '', json: false, all: false, verbose: false, dir: null }
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === '--only') o.only = argv[++i] ?? usage()
    else if (argv[i] === '--json') o.json = true
    else if (argv[i] === '--all-listed') o.all = true
    else if (argv[i] === '-v') o.verbose = true
    else if (argv[i].startsWith('-') || o.dir) usage()
    else o.dir = argv[i]
  }
  if (!o.dir || !fs.existsSync(o.dir)) usage()
  return o
}

// --- the upstream's side ------------------------------------------------------

const hopHeaders = /^(content-length|transfer-encoding|content-encoding|connection|keep-alive|date|server)$/i
const types = { '.json': 'application/json', '.sse': 'text/event-stream', '.html': 'text/html' }

// What is served while a case runs.
let serving = null

function serve(req, res, body) {
  if (!serving) {
    res.writeHead(500).end()
    return
  }
  serving.requests++
  if (!serving.bytes) { // a request case: any good answer
    if (/\/images\//.test(req.url)) {
      res.writeHead(200, { 'content-type': 'application/json' })
      res.end('{"created":1,"data":[{"b64_json":"iVBORw0KGgo="}]}')
      return
    }
    const claude = /\/messages|rawPredict/i.test(req.url)
    if (/:streamGenerateContent/.test(req.url)) {
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      res.end(geminiStream('o', 'k').join(''))
    } else if (/:generateContent/.test(req.url)) {
      res.writeHead(200, { 'content-type': 'application/json' })
      res.end(JSON.stringify(geminiAnswer()))
    } else if (/\/converse-stream$/.test(req.url)) {
      res.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' })
      res.end(Buffer.concat(converseStream()))
    } else if (/\/converse$/.test(req.url)) {
      res.writeHead(200, { 'content-type': 'application/json' })
      res.end(JSON.stringify(converse()))
    } else if (body?.stream) {
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      res.end((claude ? messageStream() : textStream()).join(''))
    } else {
      res.writeHead(200, { 'content-type': 'application/json' })
      res.end(JSON.stringify(claude ? message() : completion()))
    }
    return
  }
  res.writeHead(serving.status, serving.headers)
  return sendPieces(res, serving.bytes, serving.size)
}

function recording(c, size) {
  const u = c.what.upstream
  const headers = {}
  for (const [k, v] of Object.entries(u.headers ?? {})) if (!hopHeaders.test(k)) headers[k.toLowerCase()] = v
  headers['content-type'] ??= types[path.extname(u.body)] ?? 'application/octet-stream'
  return { status: u.status, headers, size, requests: 0, bytes: fs.readFileSync(path.join(c.dir, u.body)) }
}

// --- the client's side --------------------------------------------------------

const paths = { openai: '/v1/chat/completions', anthropic: '/v1/messages', 'openai-images': '/v1/images/generations' }

function clientRequest(c, client) {
  const file = path.join(c.dir, 'client.request.json')
  const name = `${c.provider}/${model(c)}`
  if (fs.existsSync(file)) {
    // The model is replaced in the text: numbers keep their digits.
    const text = fs.readFileSync(file, 'utf8')
    return text.replace(/("model"\s*:\s*)"[^"]*"/, `$1${JSON.stringify(name)}`)
  }
  const form = path.join(c.dir, 'client.request.multipart')
  if (fs.existsSync(form)) {
    return Buffer.from(fs.readFileSync(form, 'latin1').replace(/(name="model"\r\n\r\n)[^\r]*/, `$1${name}`), 'latin1')
  }
  if (client === 'openai-images') return JSON.stringify({ model: name, prompt: 'A cat' })
  const body = { model: name, messages: [{ role: 'user', content: 'Hello' }] }
  if (client === 'anthropic' && c.what.kind !== 'count_tokens') body.max_tokens = 1000
  if (['stream', 'stream-error', 'framing'].includes(c.what.kind) || c.expect.stream) {
    body.stream = true
    if (client === 'openai') body.stream_options = { include_usage: true }
  }
  return JSON.stringify(body)
}

function upstreamDocs(text) {
  const docs = []
  for (const line of text.split(/\r?\n/)) {
    const value = line.startsWith('data:') ? line.slice(5).trim() : null
    if (!value || value === '[DONE]') continue
    try { docs.push(JSON.parse(value)) } catch { /* the gateway skips it too */ }
  }
  return docs
}

async function attempt(gw, upstream, c, size, client) {
  const request = clientRequest(c, client)
  serving = c.what.kind === 'request' ? { requests: 0 } : recording(c, size)
  const before = upstream.requests.length
  const at = Buffer.isBuffer(request) ? '/v1/images/edits' : paths[client]
  const answer = await gw.post(at + (c.what.kind === 'count_tokens' ? '/count_tokens' : ''), request, {
    headers: { 'x-no-fallback': 'true', 'x-llmgw-error-format': client.replace('-images', ''), ...c.what.client_headers }
  })
  const seen = upstream.requests[before]
  const bad = leaks(answer, upstreamKey)
  if (!seen && mayRefuse(c.expect.upstream_request, answer)) return bad
  if (!seen) bad.push(`nothing was sent to the provider: ${answer.status} ${answer.text.slice(0, 300)}`)
  if (c.what.kind === 'request') bad.push(...requestCase(c, answer, seen, client))
  else if (client === 'openai-images') bad.push(...imagesCase(c, answer))
  else if (client === 'anthropic') bad.push(...messageCase(c, answer, JSON.parse(request)))
  else bad.push(...answerCase(c, answer, JSON.parse(request)))
  return bad
}

function requestCase(c, answer, seen, client) {
  const sent = clientRequest(c, client)
  const bad = upstreamRequest(c.expect.upstream_request, seen, Buffer.isBuffer(sent) ? sent : null)
  if (answer.status !== 200) bad.push(`status ${answer.status}: ${answer.text.slice(0, 300)}`)
  else if (!Buffer.isBuffer(sent) && JSON.parse(seen?.text || '{}').stream && JSON.parse(clientRequest(c, client)).stream) {
    const asked = JSON.parse(clientRequest(c, client)).stream_options?.include_usage === true
    bad.push(...(client === 'anthropic' ? messages.faults(messages.events(answer.text)) : faults(events(answer.text), asked)))
  }
  return bad
}

// What does not depend on the client's format; a wrong status ends it all.
function common(c, want, answer) {
  const status = want?.status ?? c.expect.status
  const bad = []
  if (status !== undefined && answer.status !== status) {
    return [`status ${answer.status}, expected ${status}: ${answer.text.slice(0, 300)}`]
  }
  if (!answer.complete) bad.push('the answer was cut')
  if (c.expect.retry_after_seconds !== undefined && Number(answer.headers['retry-after']) !== c.expect.retry_after_seconds) {
    bad.push(`Retry-After: ${answer.headers['retry-after']}, expected ${c.expect.retry_after_seconds}`)
  }
  if (c.expect.class === 'gateway_error' && answer.headers['x-should-retry'] !== 'false') bad.push('x-should-retry: false is missing')
  if (c.what.kind === 'framing' && answer.status < 500) bad.push(`status ${answer.status} for a broken stream`)
  return bad
}

// What each image is to have holds where the recording has it: one of a model
// that is said to answer base64 only has a URL.
function imagesCase(c, answer) {
  const want = c.expect.client_openai_images
  const bad = common(c, want, answer)
  if (bad.length) return bad
  const list = answer.json.data ?? []
  const recorded = serving.bytes ? JSON.parse(serving.bytes.toString('utf8')) : {}
  for (const [k, v] of Object.entries(want)) {
    if (k === 'data_count' && list.length !== v) bad.push(`${list.length} images, expected ${v}`)
    else if (k === 'first_revised_prompt_present' && !list[0]?.revised_prompt) bad.push('no revised_prompt')
    else if (k === 'second_revised_prompt_absent' && list[1]?.revised_prompt) bad.push('a second revised_prompt')
    else if (k === 'error') for (const [m, w] of Object.entries(v)) if (answer.json.error?.[m] !== w) bad.push(`error.${m}: ${answer.json.error?.[m]}`)
  }
  list.forEach((d, i) => {
    for (const m of ['b64_json', 'url']) {
      if (recorded.data?.[i] && d[m] !== recorded.data[i][m]) bad.push(`data[${i}].${m} is not the provider's`)
    }
  })
  return bad
}

function messageCase(c, answer, request) {
  const want = c.expect.client_anthropic
  const bad = common(c, want, answer)
  const got = { list: [], joined: {}, faults: [], body: null }
  if (answer.status === 200 && request.stream) {
    got.list = messages.events(answer.text)
    got.joined = messages.join(got.list)
    got.faults = messages.faults(got.list)
    got.body = got.joined.error ?? null
  } else got.joined = got.body = answer.json
  if (answer.headers['request-id'] !== answer.headers['x-request-id']) bad.push('request-id is not x-request-id')
  if (answer.status !== 200 && bad.length) return bad
  return [...bad, ...clientAnthropic(want ?? {}, got)]
}

function answerCase(c, answer, request) {
  const want = c.expect.client_openai
  const bad = common(c, want, answer)
  if (bad.some(b => b.startsWith('status '))) return bad
  const got = { joined: {}, list: [], faults: [], body: null }
  const streamed = answer.status === 200 && request.stream
  if (streamed) {
    got.list = events(answer.text)
    got.joined = join(got.list)
    got.faults = faults(got.list, request.stream_options?.include_usage === true)
    got.body = got.list.findLast(e => e.json?.error)?.json ?? null
  } else {
    got.body = answer.json
    got.joined = plain(got.body)
  }
  bad.push(...clientOpenai(want ?? {}, got))
  if (c.format === 'openai' && (c.what.kind === 'response' || c.what.kind === 'stream')) {
    const text = serving.bytes.toString('utf8')
    bad.push(...survived(streamed ? upstreamDocs(text) : [JSON.parse(text)], streamed ? chunks(got.list) : [got.body]))
  }
  return [...bad, ...citations(c, got)]
}

function citations(c, got) {
  if (!c.expect.citation_urls) return []
  const urls = JSON.stringify(got.body ?? chunks(got.list)).matchAll(/"url_citation":\{[^}]*"url":"([^"]*)"/g)
  return [...urls].filter(m => !c.expect.citation_urls.urls.includes(m[1])).map(m => `citation of ${m[1]}`)
}

// A case passes if it passes for every client, with every size of pieces.
async function run(gw, upstream, c) {
  for (const client of c.clients.filter(x => supported.client.has(x))) {
    for (const size of c.what.kind === 'request' ? [0] : pieceSizes) {
      let bad
      try {
        bad = await attempt(gw, upstream, c, size, client)
      } catch (e) {
        bad = [e.message]
      }
      serving = null
      // A refused key is barred until the programs start anew.
      if (c.expect.class === 'gateway_error') await gw.restart()
      if (bad.length) return bad.map(b => `${client}${size ? ` in pieces of ${size}` : ''}: ${b}`)
    }
  }
  return []
}

// --- main -------------------------------------------------------------------

const o = options(process.argv.slice(2))
const all = load(o.dir).filter(c => c.name.includes(o.only))
const vectors = all.filter(c => c.why && readable(c.name))
const out = all.filter(c => c.why && !vectors.includes(c))
const todo = all.filter(c => !c.why)
const count = { passed: 0, failed: 0, skipped: 0 }

function tell(c, result, reasons = []) {
  count[result]++
  if (o.json) console.log(JSON.stringify({ case: c.name, result, reasons }))
  else if (result === 'failed') console.log(`FAIL ${c.name}\n` + reasons.slice(0, 8).map(r => `     ${r}`).join('\n'))
  else if (o.verbose || result === 'skipped') console.log(`${result === 'passed' ? 'ok  ' : 'skip'} ${c.name} ${reasons.join(', ')}`)
}

for (const c of vectors) {
  const bad = readVectors(c.name, o.dir)
  tell(c, bad.length ? 'failed' : 'passed', bad)
}

let broken = false
if (todo.some(c => !c.what.optional)) {
  const upstream = await Upstream.start(serve)
  const catalogue = path.join(top, 'data/catalog.ndjson')
  let gw
  try {
    gw = await Gateway.start(setup(todo, catalogue, upstream.url, upstreamKey))
    for (const c of todo) {
      if (c.what.optional) tell(c, 'skipped', ['optional'])
      else {
        const bad = await run(gw, upstream, c)
        tell(c, bad.length ? 'failed' : 'passed', bad)
      }
    }
  } catch (e) {
    console.error(e.message)
    broken = true
  }
  await gw?.stop()
  await upstream.close()
}
if (o.all) for (const c of out) tell(c, 'skipped', ['not supported yet'])
else if (out.length && !o.json) {
  const reasons = new Map()
  for (const c of out) reasons.set(c.why, (reasons.get(c.why) ?? 0) + 1)
  console.log(`left out, not supported yet: ${out.length} directories (` +
    [...reasons].map(([why, n]) => `${why}: ${n}`).join('; ') + ')')
}
if (broken) count.failed += todo.length + vectors.length - count.passed - count.failed - count.skipped
if (o.json) console.log(JSON.stringify(count))
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`)
process.exit(count.failed ? 1 : 0)
