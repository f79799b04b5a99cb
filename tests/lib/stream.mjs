// Reading a chat stream as strictly as api.md 4.6 promises it.

// The events of a body; throws where the framing is not what was promised.
export function events(text) {
  const list = []
  if (text !== '' && !text.endsWith('\n\n')) throw new Error('the stream does not end with a blank line: ' + JSON.stringify(text.slice(-80)))
  for (const block of text.split('\n\n').slice(0, -1)) {
    if (block.startsWith(':')) {
      list.push({ comment: block })
      continue
    }
    if (block.includes('\n') || !block.startsWith('data: ')) throw new Error('not one data line: ' + JSON.stringify(block.slice(0, 200)))
    const value = block.slice(6)
    if (value === '[DONE]') list.push({ done: true })
    else {
      try {
        list.push({ json: JSON.parse(value) })
      } catch {
        throw new Error('data is not JSON: ' + value.slice(0, 200))
      }
    }
  }
  return list
}

export const chunks = list => list.filter(e => e.json).map(e => e.json)

// Faults against the rules for streams, as a list of sentences.
export function faults(list, includeUsage) {
  const bad = []
  const all = chunks(list)
  const first = all[0]
  if (!first) return ['no chunk at all']
  if (!list.at(-1)?.done) bad.push('the last event is not [DONE]')
  if (list.filter(e => e.done).length > 1) bad.push('more than one [DONE]')
  const begun = new Set()
  const finished = new Map()
  const calls = new Map()
  all.forEach((c, i) => {
    const last = i === all.length - 1
    if (c.error) bad.push('an error event: ' + JSON.stringify(c).slice(0, 200))
    if (c.id !== first.id) bad.push(`chunk ${i} has another id`)
    if (typeof c.id !== 'string' || c.id === '') bad.push(`chunk ${i} has no id`)
    if (c.model !== first.model) bad.push(`chunk ${i} has another model`)
    if (c.object !== 'chat.completion.chunk') bad.push(`chunk ${i} has object ${c.object}`)
    if (typeof c.created !== 'number' || c.created !== first.created) bad.push(`chunk ${i}: created ${c.created}`)
    if (!Array.isArray(c.choices)) { bad.push(`chunk ${i} has no choices`); return }
    if (c.choices.length === 0 && !(last && includeUsage)) bad.push(`chunk ${i} has empty choices`)
    for (const choice of c.choices) checkChoice(choice, i)
  })
  function checkChoice(choice, i) {
    const n = choice.index
    const delta = choice.delta ?? {}
    if (typeof n !== 'number') bad.push(`chunk ${i}: choice without index`)
    if (!begun.has(n) && delta.role !== 'assistant') bad.push(`chunk ${i}: the first delta of choice ${n} has no role`)
    begun.add(n)
    const content = ['content', 'reasoning', 'reasoning_content', 'refusal'].some(k => delta[k]) || delta.tool_calls?.length
    if (finished.has(n) && (content || choice.finish_reason)) bad.push(`chunk ${i}: choice ${n} goes on after its finish reason`)
    if (choice.finish_reason) finished.set(n, choice.finish_reason)
    for (const call of delta.tool_calls ?? []) checkCall(call, n, i)
  }
  function checkCall(call, n, i) {
    const known = calls.get(n) ?? new Set()
    calls.set(n, known)
    if (!known.has(call.index)) {
      if (call.index !== known.size) bad.push(`chunk ${i}: tool call ${call.index} is number ${known.size}`)
      if (!call.id || !call.function?.name || call.type !== 'function') bad.push(`chunk ${i}: a tool call begins without id, type or name`)
      known.add(call.index)
    } else if (call.id || call.function?.name) bad.push(`chunk ${i}: id or name again in tool call ${call.index}`)
  }
  for (const n of begun) if (!finished.has(n)) bad.push(`choice ${n} has no finish reason`)
  const end = all.at(-1)
  if (includeUsage && !(end.choices?.length === 0 && end.usage)) bad.push('the last chunk is not the one with usage and empty choices')
  return bad
}

// Join the chunks to what a plain answer would have been.
export function join(list) {
  const out = { content: '', reasoning_text: '', tool_calls: [], finish_reason: null, usage: null, metadata: null, audio: null }
  const calls = new Map()
  for (const c of chunks(list)) {
    out.id ??= c.id
    out.model ??= c.model
    if (c.usage) out.usage = c.usage
    if (c.metadata) out.metadata = c.metadata
    if (c.error) out.error = c
    for (const choice of c.choices ?? []) {
      if (choice.index !== 0) continue
      const d = choice.delta ?? {}
      out.content += d.content ?? ''
      out.reasoning_text += d.reasoning_content ?? d.reasoning ?? ''
      if (choice.finish_reason) out.finish_reason = choice.finish_reason
      for (const call of d.tool_calls ?? []) {
        const known = calls.get(call.index) ?? { index: call.index, id: '', name: '', arguments: '' }
        calls.set(call.index, known)
        known.id += call.id ?? ''
        known.name += call.function?.name ?? ''
        known.arguments += call.function?.arguments ?? ''
      }
    }
  }
  out.tool_calls = [...calls.values()]
  return out
}

// The same of a plain answer.
export function plain(body) {
  const choice = body.choices?.[0] ?? {}
  const m = choice.message ?? {}
  return {
    id: body.id, model: body.model, content: m.content ?? '', reasoning_text: m.reasoning_content ?? m.reasoning ?? '',
    finish_reason: choice.finish_reason ?? null, usage: body.usage ?? null, metadata: body.metadata ?? null,
    tool_calls: (m.tool_calls ?? []).map((c, i) => ({
      index: i, id: c.id, name: c.function?.name, arguments: c.function?.arguments
    }))
  }
}
