// Reading a responses stream as strictly as api.md 6 promises it.

// The events of a body: {name, json} or {comment}; throws where the framing is
// not what was promised.
export { events } from './messages.mjs'

const ends = ['response.completed', 'response.incomplete', 'response.failed']

// What may come inside an item of a type, by the part of the event's name
// behind "response.".
const inside = {
  message: ['content_part.added', 'output_text.delta', 'output_text.annotation.added', 'output_text.done', 'refusal.delta', 'refusal.done', 'content_part.done'],
  function_call: ['function_call_arguments.delta', 'function_call_arguments.done'],
  custom_tool_call: ['custom_tool_call_input.delta', 'custom_tool_call_input.done'],
  reasoning: ['reasoning_summary_part.added', 'reasoning_summary_text.delta', 'reasoning_summary_text.done', 'reasoning_summary_part.done']
}

function response(r, status, bad) {
  if (!/^resp_/.test(r?.id) || r.object !== 'response' || r.status !== status) bad.push(`a response ${r?.id}, ${r?.object}, ${r?.status}`)
  if (r?.store !== false) bad.push('store is not false')
  if (!Array.isArray(r?.output)) bad.push('no output')
}

// Faults against the rules for streams, as a list of sentences.
export function faults(list) {
  const bad = []
  const all = list.filter(e => e.json)
  let item = null
  let next = 0
  let text = ''
  const done = []
  all.forEach(({ name, json: e }, i) => {
    if (name !== e.type) bad.push(`event ${i}: name ${name}, type ${e.type}`)
    if (e.sequence_number !== i) bad.push(`event ${i} has number ${e.sequence_number}`)
    if (i < 2) {
      if (e.type !== ['response.created', 'response.in_progress'][i]) bad.push(`event ${i} is ${e.type}`)
      response(e.response, 'in_progress', bad)
      return
    }
    if (i === all.length - 1) {
      if (!ends.includes(e.type)) { bad.push(`the last event is ${e.type}`); return }
      response(e.response, e.type.slice(9), bad)
      if (item) bad.push('the end inside an item')
      if (e.type !== 'response.failed') {
        if (JSON.stringify(e.response.output) !== JSON.stringify(done)) bad.push('the output is not what was told')
        if (typeof e.response.usage?.total_tokens !== 'number' || typeof e.response.usage.cost !== 'number') bad.push('no usage')
        if (!e.response.gateway_metadata) bad.push('no gateway_metadata')
      }
    } else if (e.type === 'response.output_item.added') {
      if (item || e.output_index !== next) bad.push(`event ${i}: item ${e.output_index} begins`)
      item = e.item
      text = ''
    } else if (e.type === 'response.output_item.done') {
      if (!item || e.output_index !== next || e.item?.id !== item.id || e.item.type !== item.type) bad.push(`event ${i}: item ${e.output_index} ends`)
      done.push(e.item)
      item = null
      next++
    } else {
      const kind = e.type.slice(9)
      if (!item || !(inside[item.type] ?? []).includes(kind)) bad.push(`event ${i}: ${e.type} in ${item?.type}`)
      else if (e.item_id !== item.id || e.output_index !== next) bad.push(`event ${i}: of another item`)
      if (kind.endsWith('part.added')) text = ''
      if (kind.endsWith('.delta')) text += e.delta
      const whole = e.text ?? e.arguments ?? e.input ?? e.refusal
      if (whole !== undefined && whole !== text) bad.push(`event ${i}: ${whole} is not ${text}`)
    }
  })
  return bad
}

// The response at the end, and the texts that were told piece by piece.
export function join(list) {
  const all = list.filter(e => e.json).map(e => e.json)
  return { response: all.at(-1)?.response, text: all.filter(e => e.type === 'response.output_text.delta').map(e => e.delta).join('') }
}

export const textOf = r => r.output.filter(i => i.type === 'message').flatMap(i => i.content).map(c => c.text ?? '').join('')
