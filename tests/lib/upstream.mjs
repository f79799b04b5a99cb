// A provider under the test's control.

import http from 'node:http'

export class Upstream {
  // handler(req, res, body): answers; body is the parsed JSON or the text.
  static start(handler) {
    return new Promise((done, failed) => {
      const u = new Upstream()
      u.handler = handler
      u.requests = []
      u.open = 0
      u.server = http.createServer((req, res) => u.take(req, res))
      u.server.keepAliveTimeout = 60000
      u.server.requestTimeout = 0
      u.server.on('error', failed)
      u.server.on('connection', s => {
        s.setNoDelay(true)
        u.open++
        s.on('close', () => { u.open-- })
      })
      u.server.listen(0, '127.0.0.1', () => {
        u.port = u.server.address().port
        u.url = `http://127.0.0.1:${u.port}`
        done(u)
      })
    })
  }

  take(req, res) {
    const pieces = []
    const seen = { method: req.method, url: req.url, headers: req.headers, rawHeaders: req.rawHeaders, closed: false }
    // The caller is gone before the answer was over.
    res.on('close', () => { seen.closed = !res.writableFinished; seen.closedAt = Date.now() })
    req.on('error', () => {})
    req.on('data', d => pieces.push(d))
    req.on('end', () => {
      seen.raw = Buffer.concat(pieces)
      seen.text = seen.raw.toString('utf8')
      try { seen.body = JSON.parse(seen.text) } catch { seen.body = seen.text }
      this.requests.push(seen)
      Promise.resolve(this.handler(req, res, seen.body, seen)).catch(e => {
        console.error('upstream:', e)
        res.destroy()
      })
    })
  }

  get last() { return this.requests.at(-1) }

  close() {
    this.server.closeAllConnections()
    return new Promise(done => this.server.close(done))
  }
}

// Bytes in pieces of a size, each flushed by itself; 0 is all at once.
export async function sendPieces(res, bytes, size) {
  if (!size) {
    res.end(bytes)
    return
  }
  for (let i = 0; i < bytes.length && !res.destroyed; i += size) {
    res.write(bytes.subarray(i, i + size))
    await new Promise(setImmediate)
  }
  res.end()
}

// An answer and a stream as OpenAI gives them.

export const usage = {
  prompt_tokens: 19, completion_tokens: 10, total_tokens: 29,
  prompt_tokens_details: { cached_tokens: 8, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 }
}

export function completion(more = {}) {
  return {
    id: 'chatcmpl-abc123', object: 'chat.completion', created: 1795300000, model: 'gpt-4o-mini-2024-07-18',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hello there!', refusal: null }, logprobs: null, finish_reason: 'stop' }],
    usage, service_tier: 'default', system_fingerprint: 'fp_1', ...more
  }
}

export function chunk(delta, finish = null, more = {}) {
  return {
    id: 'chatcmpl-abc123', object: 'chat.completion.chunk', created: 1795300000, model: 'gpt-4o-mini-2024-07-18',
    system_fingerprint: 'fp_1', choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }], ...more
  }
}

export const data = value => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`

// Events of a text stream; with usage as the last but one where it was asked for.
export function textStream(words = ['Hello', ' there', '!'], withUsage = true) {
  const events = [chunk({ role: 'assistant', content: '', refusal: null })]
  for (const w of words) events.push(chunk({ content: w }))
  events.push(chunk({}, 'stop'))
  if (withUsage) events.push({ ...chunk({}), choices: [], usage })
  return [...events.map(data), data('[DONE]')]
}

// --- the same in Anthropic's format ---------------------------------------------

const counts = { input_tokens: 5, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 2 }

export function message(text = 'Hello there', more = {}) {
  return {
    id: 'msg_up', type: 'message', role: 'assistant', model: 'up-model', content: [{ type: 'text', text }],
    stop_reason: 'end_turn', stop_sequence: null, usage: counts, ...more
  }
}

export const event = e => `event: ${e.type}\ndata: ${JSON.stringify(e)}\n\n`

// The events of an answer that is one text, each word a delta.
export function messageStream(text = 'Hello there', more = {}) {
  return [
    event({ type: 'message_start', message: message('', { content: [], stop_reason: null, usage: { ...counts, output_tokens: 1 } }) }),
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    ...text.split(/(?<= )/).map(t => event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: t } })),
    event({ type: 'content_block_stop', index: 0 }),
    event({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { ...counts, ...more } }),
    event({ type: 'message_stop' })
  ]
}

// What Google answers to generateContent and streamGenerateContent.
export const geminiAnswer = (text = 'ok') => ({
  candidates: [{ content: { role: 'model', parts: [{ text }] }, finishReason: 'STOP', index: 0 }],
  usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 1, totalTokenCount: 4 },
  modelVersion: 'm-1',
  responseId: 'resp-1'
})

export const geminiStream = (...texts) => texts.map((t, i) => {
  const a = geminiAnswer(t)
  if (i < texts.length - 1) delete a.candidates[0].finishReason
  return `data: ${JSON.stringify(a)}\r\n\r\n`
})
// --- the same in OpenAI's other format -------------------------------------------

const spent = { input_tokens: 19, input_tokens_details: { cached_tokens: 8 }, output_tokens: 10, output_tokens_details: { reasoning_tokens: 4 }, total_tokens: 29 }

export function response(output = [said('Hello there')], more = {}) {
  return {
    id: 'resp_up', object: 'response', created_at: 1795300000, status: 'completed', error: null, incomplete_details: null,
    model: 'up-model', output, parallel_tool_calls: true, store: false, usage: spent, ...more
  }
}

export const said = text => ({ id: 'msg_up', type: 'message', status: 'completed', role: 'assistant', content: [{ type: 'output_text', text, annotations: [], logprobs: [] }] })

// The events of an answer that is one text, each word a delta.
export function responseStream(text = 'Hello there', more = {}) {
  const at = { item_id: 'msg_up', output_index: 0 }
  const part = said(text).content[0]
  const list = [
    { type: 'response.created', response: response([], { status: 'in_progress', usage: null }) },
    { type: 'response.in_progress', response: response([], { status: 'in_progress', usage: null }) },
    { type: 'response.output_item.added', output_index: 0, item: { ...said(''), status: 'in_progress', content: [] } },
    { type: 'response.content_part.added', ...at, content_index: 0, part: { ...part, text: '' } },
    ...text.split(/(?<= )/).map(t => ({ type: 'response.output_text.delta', ...at, content_index: 0, delta: t, logprobs: [], obfuscation: 'x' })),
    { type: 'response.output_text.done', ...at, content_index: 0, text, logprobs: [] },
    { type: 'response.content_part.done', ...at, content_index: 0, part },
    { type: 'response.output_item.done', output_index: 0, item: said(text) },
    { type: 'response.completed', response: response([said(text)], more) }
  ]
  return list.map((e, i) => event({ ...e, sequence_number: i }))
}

