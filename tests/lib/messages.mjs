// Reading an Anthropic stream as strictly as api.md 5.3 promises it.

// The events of a body: {name, json} or {comment}; throws where the framing is
// not what was promised.
export function events(text) {
  const list = []
  if (text !== '' && !text.endsWith('\n\n')) throw new Error('the stream does not end with a blank line: ' + JSON.stringify(text.slice(-80)))
  for (const block of text.split('\n\n').slice(0, -1)) {
    if (block.startsWith(':')) {
      list.push({ comment: block })
      continue
    }
    const lines = block.split('\n')
    if (lines.length !== 2 || !lines[0].startsWith('event: ') || !lines[1].startsWith('data: ')) {
      throw new Error('no event and data line: ' + JSON.stringify(block.slice(0, 200)))
    }
    try {
      list.push({ name: lines[0].slice(7), json: JSON.parse(lines[1].slice(6)) })
    } catch {
      throw new Error('data is not JSON: ' + lines[1].slice(0, 200))
    }
  }
  return list
}

const fitting = {
  text: ['text_delta', 'citations_delta'], thinking: ['thinking_delta', 'signature_delta'], tool_use: ['input_json_delta']
}

// Faults against the rules for streams, as a list of sentences.
export function faults(list) {
  const bad = []
  const all = list.filter(e => e.json)
  let open = null
  let next = 0
  let deltas = 0
  all.forEach(({ name, json: e }, i) => {
    if (name !== e.type) bad.push(`event ${i}: name ${name}, type ${e.type}`)
    if ((i === 0) !== (e.type === 'message_start')) bad.push(`event ${i} is ${e.type}`)
    if ((i === all.length - 1) !== (e.type === 'message_stop')) bad.push(`event ${i} of ${all.length} is ${e.type}`)
    if (deltas && !['message_stop', 'ping'].includes(e.type)) bad.push(`event ${i}: ${e.type} after message_delta`)
    if (e.type === 'message_start') {
      const m = e.message ?? {}
      if (m.type !== 'message' || m.role !== 'assistant' || !m.id || !m.usage || m.content?.length !== 0) bad.push('message_start is not complete')
    } else if (e.type === 'content_block_start') {
      if (open) bad.push(`event ${i}: a block begins in another`)
      if (e.index !== next) bad.push(`event ${i}: index ${e.index}, expected ${next}`)
      if (e.content_block?.type === 'thinking' && typeof e.content_block.signature !== 'string') bad.push('thinking without signature')
      open = e.content_block ?? {}
      next++
    } else if (e.type === 'content_block_delta') {
      if (!open || e.index !== next - 1) bad.push(`event ${i}: a delta outside its block`)
      else if (fitting[open.type] && !fitting[open.type].includes(e.delta?.type)) bad.push(`event ${i}: ${e.delta?.type} in ${open.type}`)
    } else if (e.type === 'content_block_stop') {
      if (!open || e.index !== next - 1) bad.push(`event ${i}: a stop without its block`)
      open = null
    } else if (e.type === 'message_delta') {
      deltas++
      if (open) bad.push('message_delta inside a block')
      if (!e.delta?.stop_reason) bad.push('message_delta without stop_reason')
      for (const k of ['input_tokens', 'output_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens', 'cost']) {
        if (typeof e.usage?.[k] !== 'number') bad.push(`message_delta: usage.${k} is missing`)
      }
    }
  })
  if (deltas !== 1) bad.push(`${deltas} message_delta`)
  return bad
}

function add(block, d) {
  if (d.type === 'text_delta') block.text += d.text
  else if (d.type === 'thinking_delta') block.thinking += d.thinking
  else if (d.type === 'signature_delta') block.signature = d.signature
  else if (d.type === 'input_json_delta') block.partial_json = (block.partial_json ?? '') + d.partial_json
  else if (d.type === 'citations_delta') (block.citations ??= []).push(d.citation)
}

// Join the events to what a plain answer would have been.
export function join(list) {
  const out = { content: [], stop_reason: null, stop_sequence: null, usage: null, metadata: null }
  for (const { json: e } of list.filter(x => x.json)) {
    if (e.type === 'message_start') Object.assign(out, { id: e.message.id, model: e.message.model })
    else if (e.type === 'content_block_start') out.content.push(structuredClone(e.content_block))
    else if (e.type === 'content_block_delta') add(out.content.at(-1), e.delta)
    else if (e.type === 'message_delta') Object.assign(out, e.delta, { usage: e.usage, metadata: e.metadata })
    else if (e.type === 'error') out.error = e
  }
  for (const b of out.content) {
    if (b.type !== 'tool_use' || b.partial_json === undefined) continue
    try { b.input = JSON.parse(b.partial_json || '{}') } catch { /* cut off */ }
  }
  return out
}
