// Facts about the request that the provider got.

import { isDeepStrictEqual } from 'node:util'
import { show } from './match.mjs'

const isObject = v => v !== null && typeof v === 'object' && !Array.isArray(v)

// JSON pointer; `*` every element, `-1` the last, `$` the whole body.
export function resolve(body, path) {
  if (path === '$') return [body]
  let now = [body]
  for (const step of path.split('/').slice(1)) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    now = now.flatMap(v => {
      if (v === null || typeof v !== 'object') return []
      if (name === '*') return Object.values(v)
      const k = name === '-1' && Array.isArray(v) ? v.length - 1 : name
      return Object.hasOwn(v, k) ? [v[k]] : []
    })
  }
  return now
}

// Every name and every string below a value.
function walk(v, names = [], strings = []) {
  if (typeof v === 'string') strings.push(v)
  else if (v !== null && typeof v === 'object') {
    for (const [k, x] of Object.entries(v)) {
      if (!Array.isArray(v)) names.push(k)
      walk(x, names, strings)
    }
  }
  return { names, strings }
}

// Does an object hold all of another one?
export function holds(v, want) {
  if (isObject(want)) return isObject(v) && Object.entries(want).every(([k, w]) => k in v && holds(v[k], w))
  return isDeepStrictEqual(v, want)
}

// The text of a content member: a string, or its text parts joined.
function textOf(v) {
  if (typeof v === 'string') return v
  if (Array.isArray(v)) return v.map(textOf).join('')
  return isObject(v) ? textOf(v.text ?? '') : ''
}

function emptyText(v) {
  return isObject(v) && (v.type === 'text' || 'text' in v) && v.text === ''
}

function inOrder(list, wants) {
  let i = 0
  for (const v of list) if (i < wants.length && holds(v, wants[i])) i++
  return i === wants.length
}

// v: the only value (or undefined); all: every value that the path found;
// w: what is wanted; body: the whole request.
const ops = {
  equals: (v, w) => isDeepStrictEqual(v, w),
  absent: (v, w, all) => all.length === 0,
  absent_or_equals: (v, w, all) => all.length === 0 || isDeepStrictEqual(v, w),
  one_of: (v, w) => w.some(x => isDeepStrictEqual(x, v)),
  one_equals: (v, w, all) => all.filter(x => isDeepStrictEqual(x, w)).length === 1 && all.length === 1,
  none_equals: (v, w, all) => !all.some(x => isDeepStrictEqual(x, w)),
  equals_ignore_case: (v, w) => String(v).toLowerCase() === String(w).toLowerCase(),
  matches: (v, w) => typeof v === 'string' && new RegExp(w).test(v),
  starts_with: (v, w) => String(v).startsWith(w),
  contains: (v, w) => JSON.stringify(v ?? null).includes(w),
  same_as: (v, w, all, body) => v !== undefined && isDeepStrictEqual(v, resolve(body, w)[0]),
  length: (v, w) => Array.isArray(v) && v.length === w,
  at_most: (v, w, all) => all.length === 0 || (typeof v === 'number' && v <= w),
  between: (v, w) => typeof v === 'number' && v >= w[0] && v <= w[1],
  greater_than: (v, w, all, body) => v > (typeof w === 'string' ? resolve(body, w)[0] : w),
  is_object: v => isObject(v),
  is_positive_integer: v => Number.isInteger(v) && v > 0,
  matches_object: (v, w) => holds(v, w),
  contains_object: (v, w, all) => all.some(x => holds(x, w)),
  contains_in_order: (v, w, all) => inOrder(all, w),
  contains_text: (v, w, all) => all.some(x => textOf(x).includes(w)),
  text_equals: (v, w) => textOf(v) === w,
  text_contains: (v, w) => textOf(v).includes(w),
  filter_type_count: (v, w) => Array.isArray(v) && v.filter(x => x.type === w.type).length === w.count,
  no_key_anywhere: (v, w, all) => !w.some(k => walk(all).names.includes(k)),
  no_string_anywhere: (v, w, all) => !walk(all).strings.some(s => s.includes(w)),
  string_somewhere: (v, w, all) => walk(all).strings.some(s => s.includes(w)),
  no_empty_text_blocks: (v, w, all) => !all.flatMap(m => [m, ...(Array.isArray(m?.content) ? m.content : [])]).some(emptyText),
  roles_alternate: (v, w, all) => all.every((m, i) => i === 0 || m.role !== all[i - 1].role),
  no_trailing_whitespace_if_assistant: v => v?.role !== 'assistant' || !/\s$/.test(textOf(v.content)),
  // "N with all digits": the number as it stands in the text, for JSON.parse rounds it.
  equals_numerically_exact: (v, w, all, body, text) => Object.entries(w).every(([k, x]) => {
    const digits = /^(\d+) with all digits$/.exec(x)?.[1]
    return digits ? new RegExp(`"${k}": ?${digits}\\b`).test(text) : isDeepStrictEqual(v?.[k], x)
  }),
  // Media as Gemini takes it, by URL or as data.
  one_of_shapes: (v, w, all) => all.some(p => (p.fileData?.fileUri && p.fileData.mimeType) || (p.inlineData?.data && p.inlineData.mimeType)),
  if_parameters_used_no_keys: (v, w) => !(walk(v).names.includes('parameters') && w.some(k => walk(v).names.includes(k))),
  if_parameters_used: v => !walk(v).names.includes('parameters'),
  if_parametersJsonSchema_used: v => !['$schema', 'const'].some(k => walk(v).names.includes(k)),
  assistant_tool_calls_arguments: (v, w, all) => Object.entries(w).every(([id, text]) =>
    all.some(m => m.tool_calls?.some(c => c.id === id && c.function?.arguments === text)))
}

function fact(f, body, text) {
  const op = ops[f.op]
  if (!op) return [`unknown op ${f.op} in expect.json`]
  const all = f.path.split('|').flatMap(p => resolve(body, p.startsWith('/') || p === '$' ? p : '/' + p))
  return op(all[0], f.value, all, body, text) ? []
    : [`upstream ${f.path}: ${show(all.length > 1 ? all : all[0])} fails ${f.op}${f.value === undefined ? '' : ' ' + show(f.value)}`]
}

// "Bearer KEY" in expect.json: the scheme counts, the word after it does not.
function header(name, want, headers) {
  if (/optional/.test(want)) return []
  if (name === 'auth') return headers['x-api-key'] || /^Bearer /.test(headers.authorization ?? '') ? [] : ['no key was sent']
  if (/ or /.test(name)) return headers['api-key'] || /^Bearer /.test(headers.authorization ?? '') ? [] : ['no key was sent']
  const got = headers[name.toLowerCase()]
  if (/^Bearer /.test(want)) return /^Bearer \S+$/.test(got ?? '') ? [] : [`header ${name}: ${show(got)}`]
  return want.split(' or ').includes(got) ? [] : [`header ${name}: ${show(got)}, expected ${show(want)}`]
}

// As it was sent, if the case says how it is to be encoded.
function pathOf(url, want) {
  const path = url.split('?')[0]
  return want.includes('%') ? path : decodeURIComponent(path)
}

// May the gateway refuse the request itself, and did it so?
export function mayRefuse(want, answer) {
  const shapes = want?.facts?.filter(f => f.op === 'one_of_shapes').flatMap(f => f.value) ?? []
  const word = shapes.map(s => /^gateway answers 400 invalid_request_error naming (\S+)$/.exec(s)?.[1]).find(Boolean)
  const error = answer.json?.error
  return word !== undefined && answer.status === 400 && error?.type === 'invalid_request_error' && error.message.includes(word)
}

// --- forms ---

// The parts of a form, by its own boundary.
function formParts(bytes, type) {
  const boundary = /boundary="?([^";]+)/.exec(type ?? '')?.[1]
  if (!boundary) return []
  return bytes.toString('latin1').split(`--${boundary}`).slice(1, -1).map(p => {
    const at = p.indexOf('\r\n\r\n')
    const head = p.slice(0, at)
    return { name: /name="([^"]*)"/.exec(head)?.[1], type: /content-type: *(\S+)/i.exec(head)?.[1], data: p.slice(at + 4, -2) }
  })
}

// "content-type", "part:NAME" (the first of this name), "parts:NAME".
function formFact(f, seen, sent) {
  const type = seen.headers['content-type']
  const name = f.path.split(':')[1]
  const list = formParts(seen.raw, type).filter(p => p.name === name)
  const given = sent ? formParts(sent, `boundary=${/^--([^\r]+)/.exec(sent.toString('latin1'))[1]}`).filter(p => p.name === name) : []
  const text = Buffer.from(list[0]?.data ?? '', 'latin1').toString('utf8')
  const good = {
    starts_with: () => type.startsWith(f.value),
    equals: () => text === f.value,
    count: () => list.length === f.value,
    absent: () => list.length === 0,
    content_type: () => list.every(p => p.type === f.value),
    bytes_identical: () => list.length > 0 && isDeepStrictEqual(list.map(p => p.data), given.map(p => p.data))
  }[f.op]
  if (!good) return [`unknown op ${f.op} in expect.json`]
  return good() ? [] : [`upstream ${f.path}: ${show(list.map(p => p.data))} fails ${f.op} ${show(f.value)}`]
}

// want: expect.upstream_request; seen: the request as the upstream saw it;
// sent: the client's bytes, if they were a form.
export function upstreamRequest(want, seen, sent = null) {
  if (!seen) return ['nothing was sent to the provider']
  const bad = []
  for (const [k, v] of Object.entries(want)) {
    switch (k) {
    case 'facts': for (const f of v) bad.push(...(sent ? formFact(f, seen, sent) : fact(f, seen.body, seen.text))); break
    case 'method': if (seen.method !== v) bad.push(`method ${seen.method}, expected ${v}`); break
    case 'path': if (pathOf(seen.url, v) !== v) bad.push(`path ${seen.url}, expected ${v}`); break
    case 'headers': for (const [n, w] of Object.entries(v)) bad.push(...header(n, w, seen.headers)); break
    case 'no_header': for (const n of [v].flat()) if (n in seen.headers) bad.push(`header ${n} was sent`); break
    case 'host': // the base URL is ours
    case 'note':
    case 'notes': break
    default: bad.push(`unknown word ${k} in expect.json`)
    }
  }
  return bad
}
