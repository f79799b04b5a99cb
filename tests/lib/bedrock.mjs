// Bedrock as its clients see it: event streams, answers, and signatures.

import { createHash, createHmac } from 'node:crypto'
import { crc32 } from 'node:zlib'

// One message of an event stream.
export function frame(headers, payload) {
  const parts = []
  for (const [name, value] of Object.entries(headers)) {
    const length = Buffer.alloc(2)
    length.writeUInt16BE(Buffer.byteLength(value))
    parts.push(Buffer.from([Buffer.byteLength(name)]), Buffer.from(name), Buffer.from([7]), length, Buffer.from(value))
  }
  const h = Buffer.concat(parts)
  const body = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
  const m = Buffer.alloc(16 + h.length + body.length)
  m.writeUInt32BE(m.length, 0)
  m.writeUInt32BE(h.length, 4)
  m.writeUInt32BE(crc32(m.subarray(0, 8)), 8)
  h.copy(m, 12)
  body.copy(m, 12 + h.length)
  m.writeUInt32BE(crc32(m.subarray(0, m.length - 4)), m.length - 4)
  return m
}

export const event = (type, payload) =>
  frame({ ':event-type': type, ':content-type': 'application/json', ':message-type': 'event' }, payload)

export const exception = (type, message) =>
  frame({ ':exception-type': type, ':content-type': 'application/json', ':message-type': 'exception' }, { message })

// What InvokeModelWithResponseStream makes of an event of the model's own.
export const chunk = own => event('chunk', { bytes: Buffer.from(JSON.stringify(own)).toString('base64'), p: 'abc' })

export const usage = { inputTokens: 10, outputTokens: 3, totalTokens: 33, cacheReadInputTokens: 20, cacheWriteInputTokens: 0 }

export const converse = (more = {}) => ({
  output: { message: { role: 'assistant', content: [{ text: 'Hello there!' }] } },
  stopReason: 'end_turn', usage, metrics: { latencyMs: 5 }, ...more
})

export function converseStream(words = ['Hello', ' there', '!']) {
  return [
    event('messageStart', { role: 'assistant', p: 'abc' }),
    ...words.map(text => event('contentBlockDelta', { contentBlockIndex: 0, delta: { text } })),
    event('contentBlockStop', { contentBlockIndex: 0 }),
    event('messageStop', { stopReason: 'end_turn' }),
    event('metadata', { usage, metrics: { latencyMs: 5 } })
  ]
}

// Claude's own events, wrapped; the last one has a member of AWS's.
export function claudeStream(words = ['Hello', ' there', '!']) {
  return [
    { type: 'message_start', message: { id: 'msg_bdrk_1', type: 'message', role: 'assistant', model: 'claude', content: [],
      stop_reason: null, stop_sequence: null, usage: { input_tokens: 10, output_tokens: 1 } } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    ...words.map(text => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })),
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 3 } },
    { type: 'message_stop', 'amazon-bedrock-invocationMetrics': { inputTokenCount: 10, outputTokenCount: 3 } }
  ].map(chunk)
}

export const claudeAnswer = {
  id: 'msg_bdrk_1', type: 'message', role: 'assistant', model: 'claude', content: [{ type: 'text', text: 'Hello there!' }],
  stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 10, output_tokens: 3 }
}

const sha = data => createHash('sha256').update(data).digest('hex')
const hmac = (key, data) => createHmac('sha256', key).update(data).digest()

// What is wrong with the signature of a request that was seen; null: nothing.
export function badSignature(seen, { id, secret, token, region, now = Date.now() }) {
  const m = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/bedrock\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/
    .exec(seen.headers.authorization ?? '')
  if (!m) return `Authorization: ${seen.headers.authorization}`
  const [, who, day, where, names, signature] = m
  const date = seen.headers['x-amz-date'] ?? ''
  const at = Date.parse(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (!(Math.abs(at - now) < 300000)) return `x-amz-date: ${date}`
  if (who !== id || where !== region || day !== date.slice(0, 8)) return `scope ${who} ${day} ${where}`
  const signed = names.split(';')
  for (const n of ['host', 'x-amz-date', ...(token ? ['x-amz-security-token'] : [])]) if (!signed.includes(n)) return `${n} is not signed`
  if (signed.some(n => /^(user-agent|accept.*|connection|content-length|x-forwarded-.*)$/.test(n))) return `signed: ${names}`
  if ((seen.headers['x-amz-security-token'] ?? '') !== (token ?? '')) return 'another session token'
  const path = seen.url.split('/').map(s => encodeURIComponent(s).replace(/[!'()*]/g, c => '%' + c.charCodeAt(0).toString(16).toUpperCase())).join('/')
  const canonical = ['POST', path, '', ...signed.map(n => `${n}:${seen.headers[n]}`), '', names, sha(seen.raw)].join('\n')
  const text = ['AWS4-HMAC-SHA256', date, `${day}/${where}/bedrock/aws4_request`, sha(canonical)].join('\n')
  const key = [day, where, 'bedrock', 'aws4_request'].reduce(hmac, 'AWS4' + secret)
  return hmac(key, text).toString('hex') === signature ? null : `signature of\n${canonical}`
}
