// The vocabulary of expect.json.  All functions return a list of sentences,
// one for each thing that is not as expected.

import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'

export const show = v => {
  const s = typeof v === 'string' ? JSON.stringify(v) : JSON.stringify(v) ?? 'nothing'
  return s.length > 160 ? s.slice(0, 157) + '...' : s
}

const isObject = v => v !== null && typeof v === 'object' && !Array.isArray(v)

// Objects of the vocabulary that stand for a value, by a member that only they have.
const matchers = {
  equals: (want, v) => isDeepStrictEqual(v, want.equals),
  null_or_empty: (want, v) => v === null || v === undefined || v === '' || (Array.isArray(v) && v.length === 0),
  non_empty_unique: (want, v, seen) => {
    const fresh = typeof v === 'string' && v !== '' && !seen.has(v)
    seen.add(v)
    return fresh
  },
  one_of: (want, v) => want.one_of.some(w => isDeepStrictEqual(w, v)),
  sha256_utf8: (want, v) => typeof v === 'string' &&
    createHash('sha256').update(v, 'utf8').digest('hex') === want.sha256_utf8 &&
    (want.utf8_bytes === undefined || Buffer.byteLength(v) === want.utf8_bytes) &&
    (want.starts_with === undefined || v.startsWith(want.starts_with)) &&
    (want.ends_with === undefined || v.endsWith(want.ends_with))
}

export function value(want, got, where, seen) {
  if (want === null || want === undefined) return []
  if (isObject(want)) {
    for (const word of Object.keys(matchers)) {
      if (!(word in want)) continue
      return matchers[word](want, got, seen) ? [] : [`${where}: ${show(got)} is not as ${show(want)}`]
    }
  }
  return isDeepStrictEqual(got, want) ? [] : [`${where}: ${show(got)}, expected ${show(want)}`]
}

// --- an answer to an OpenAI client --------------------------------------------

function toolCalls(want, got, seen) {
  const bad = []
  if (got.length !== want.length) return [`tool_calls: ${got.length}, expected ${want.length}`]
  want.forEach((w, i) => {
    const g = got[i]
    const at = `tool_calls[${i}]`
    for (const [k, v] of Object.entries(w)) {
      if (k === 'note') continue
      if (k === 'arguments_raw') bad.push(...value(v, g.arguments, `${at}.arguments`, seen))
      else if (k === 'arguments_json') {
        try {
          bad.push(...value(v, JSON.parse(g.arguments), `${at}.arguments`, seen))
        } catch {
          bad.push(`${at}.arguments is not JSON: ${show(g.arguments)}`)
        }
      } else if (['index', 'id', 'name'].includes(k)) bad.push(...value(v, g[k], `${at}.${k}`, seen))
      else bad.push(`${at}: unknown word ${k} in expect.json`)
    }
  })
  return bad
}

const details = {
  cached_tokens: 'prompt_tokens_details', cache_write_tokens: 'prompt_tokens_details',
  reasoning_tokens: 'completion_tokens_details'
}

function usage(want, got) {
  if (!got) return ['usage is missing']
  if (typeof want === 'string') return got.estimated === true ? [] : ['usage is not marked as estimated']
  const bad = []
  for (const [k, v] of Object.entries(want)) {
    const have = details[k] ? got[details[k]]?.[k] ?? 0 : got[k]
    bad.push(...value(v, have, `usage.${k}`, new Set()))
  }
  return bad
}

function error(want, body) {
  const bad = []
  const got = body?.error
  if (!isObject(got)) return [`no error object: ${show(body)}`]
  if (typeof got.message !== 'string' || got.message === '') bad.push('error.message is empty')
  for (const [k, v] of Object.entries(want)) {
    if (v === null) continue
    if (k === 'type_one_of') {
      if (!v.includes(got.type)) bad.push(`error.type: ${show(got.type)}, expected one of ${show(v)}`)
    } else if (k === 'message_contains') {
      for (const part of [v].flat()) if (!String(got.message).includes(part)) bad.push(`error.message: ${show(got.message)} lacks ${show(part)}`)
    } else if (k.endsWith('_one_of')) {
      const name = k.slice(0, -7)
      if (!v.includes(got[name])) bad.push(`error.${name}: ${show(got[name])}, expected one of ${show(v)}`)
    } else if (k.endsWith('_contains')) {
      const name = k.slice(0, -9)
      for (const part of [v].flat()) if (!String(got[name]).includes(part)) bad.push(`error.${name} lacks ${show(part)}`)
    } else bad.push(...value(v, got[k], `error.${k}`, new Set()))
  }
  return bad
}

// want: expect.client_openai; got: {status, joined, body, list, includeUsage, faults}
export function clientOpenai(want, got) {
  const bad = []
  const seen = new Set()
  for (const [k, v] of Object.entries(want)) {
    switch (k) {
    case 'note':
    case 'notes':
    case 'status': // with the expected status of the case
      break
    case 'finish_reason':
    case 'content':
    case 'reasoning_text':
      bad.push(...value(v, got.joined[k], k, seen))
      break
    case 'content_before_error':
      bad.push(...value(v, got.joined.content, k, seen))
      break
    case 'reasoning_before_error':
      bad.push(...value(v, got.joined.reasoning_text, k, seen))
      break
    case 'tool_calls':
      bad.push(...toolCalls(v, got.joined.tool_calls, seen))
      break
    case 'usage':
      bad.push(...usage(v, got.joined.usage))
      break
    case 'invariants':
      for (const name of v) {
        if (name === 'openai-stream') bad.push(...got.faults)
        else bad.push(`unknown invariants ${name} in expect.json`)
      }
      break
    case 'error':
      bad.push(...error(v, got.body))
      break
    case 'must_end_with':
      if (!got.list.at(-1)?.json?.error) bad.push('the last event is no error')
      if (got.joined.finish_reason) bad.push('a finish reason beside an error')
      break
    case 'no_finish_reason':
      if (v && got.joined.finish_reason) bad.push(`finish reason ${got.joined.finish_reason}`)
      break
    case 'done_marker':
      if (/^no /.test(v) && got.list.some(e => e.done)) bad.push('[DONE] after an error')
      break
    default:
      bad.push(`unknown word ${k} in expect.json`)
    }
  }
  return bad
}

// --- an answer to an Anthropic client -----------------------------------------

function block(want, got, at, seen) {
  const bad = []
  for (const [k, v] of Object.entries(want)) {
    if (k === 'note') continue
    if (k === 'input_is_object') {
      if (!isObject(got.input)) bad.push(`${at}.input is no object: ${show(got.input)}`)
    } else if (k === 'partial_json_concatenated') {
      if (got.partial_json !== undefined) bad.push(...value(v, got.partial_json, `${at}.partial_json`, seen))
    } else bad.push(...value(v, got[k], `${at}.${k}`, seen))
  }
  return bad
}

// An empty text block says nothing: it may be there or not.
function blocks(want, got, seen) {
  const list = got.filter(b => b.type !== 'text' || b.text !== '')
  const wants = want.filter(b => b.type !== 'text' || (b.text !== '' && b.text?.equals !== ''))
  if (list.length !== wants.length) {
    return [`content: ${show(list.map(b => b.type))}, expected ${show(wants.map(b => b.type))}`]
  }
  return wants.flatMap((w, i) => block(w, list[i], `content[${i}]`, seen))
}

function anthropicError(want, got) {
  const body = got.body
  const bad = []
  if (body?.type !== 'error' || !isObject(body.error)) return [`no error envelope: ${show(body)}`]
  if (!body.request_id) bad.push('request_id is missing')
  if (want.type_one_of && !want.type_one_of.includes(body.error.type)) {
    bad.push(`error.type: ${show(body.error.type)}, expected one of ${show(want.type_one_of)}`)
  }
  for (const part of [want.message_contains ?? []].flat()) {
    if (!String(body.error.message).includes(part)) bad.push(`error.message: ${show(body.error.message)} lacks ${show(part)}`)
  }
  return bad
}

function textOf(content) {
  return content.filter(b => b.type === 'text').map(b => b.text).join('')
}

// want: expect.client_anthropic; got: {joined, body, list, faults}
export function clientAnthropic(want, got) {
  const bad = []
  const seen = new Set()
  for (const [k, v] of Object.entries(want)) {
    switch (k) {
    case 'note':
    case 'notes':
    case 'status':
      break
    case 'content': bad.push(...blocks(v, got.joined.content ?? [], seen)); break
    case 'content_before_error': bad.push(...value(v, textOf(got.joined.content), k, seen)); break
    case 'stop_reason': bad.push(...value(v, got.joined.stop_reason, k, seen)); break
    case 'usage':
      if (typeof v === 'string') {
        if (got.joined.usage?.estimated !== true) bad.push('usage is not marked as estimated')
      } else for (const [n, x] of Object.entries(v)) bad.push(...value(x, got.joined.usage?.[n], `usage.${n}`, seen))
      break
    case 'invariants': bad.push(...got.faults); break
    case 'body_type': bad.push(...value(v, got.body?.type, 'type', seen)); break
    case 'body_equals': bad.push(...value({ equals: v }, got.body, 'body', seen)); break
    case 'error': bad.push(...anthropicError(v, got)); break
    case 'must_end_with':
      if (got.list.at(-1)?.name !== 'error') bad.push('the last event is no error')
      break
    case 'no_message_stop':
      if (got.list.some(e => e.name === 'message_stop')) bad.push('message_stop beside an error')
      break
    default: bad.push(`unknown word ${k} in expect.json`)
    }
  }
  return bad
}

// --- what must never be shown ------------------------------------------------

const secrets = [
  [/\bsk-[A-Za-z0-9_-]{12,}/, 'a key'],
  [/\borg-[A-Za-z0-9]{12,}/, 'an organisation'],
  [/\b[0-9]{12}\b/, 'an account number'],
  [/[?&](X-Amz-Signature|X-Goog-Signature|sig|signature|key|token)=/i, 'a signed URL']
]

export function leaks(answer, key) {
  const bad = []
  const all = answer.text + '\n' + answer.rawHeaders.join('\n')
  if (all.includes(key)) bad.push('the provider key is in the answer')
  let body
  try { body = JSON.parse(answer.text) } catch { return bad }
  const message = String(body.error?.message ?? body.message ?? '')
  for (const [re, what] of secrets) if (re.test(message)) bad.push(`${what} is in the message: ${show(message)}`)
  return bad
}

// --- members that the gateway does not know ----------------------------------

const owned = {
  top: new Set(['id', 'object', 'created', 'model', 'choices', 'usage', 'metadata', 'error']),
  choice: new Set(['index', 'delta', 'message', 'finish_reason', 'text']),
  message: new Set(['role', 'content', 'tool_calls', 'reasoning', 'reasoning_content', 'function_call'])
}

const empty = v => v === null || v === undefined || v === '' || (Array.isArray(v) && v.length === 0)

function extras(docs) {
  const found = []
  const take = (where, o, names) => {
    for (const [k, v] of Object.entries(o ?? {})) if (!names.has(k) && !empty(v)) found.push([where, k, v])
  }
  for (const d of docs) {
    take('top', d, owned.top)
    for (const c of d.choices ?? []) {
      take('choice', c, owned.choice)
      take('message', c.message ?? c.delta, owned.message)
    }
  }
  return found
}

// Every unknown member of the provider's answer is in ours, with its value.
// Of chunks without choices that become one (usage, moderation) one padding is
// left: it stands for a chunk and says nothing.
export function survived(upstream, ours) {
  const have = extras(ours)
  const lost = new Set()
  const padding = ours.at(-1)?.obfuscation
  const merged = upstream.filter(d => padding && d.choices?.length === 0).map(d => d.obfuscation)
  for (const [where, k, v] of extras(upstream)) {
    if (where === 'top' && k === 'obfuscation' && merged.includes(v) && merged.includes(padding)) continue
    if (!have.some(h => h[0] === where && h[1] === k && isDeepStrictEqual(h[2], v))) lost.add(`${where}.${k}`)
  }
  return [...lost].map(name => `${name} of the provider did not survive`)
}
