// The smallest runner: tests in order, one line for each that failed, counts
// at the end, in the words that ./check adds up.

import assert from 'node:assert/strict'

export { assert }

const tests = []
let only = process.argv[2] ?? ''

export function test(name, run) { tests.push({ name, run }) }

// One test for each row of a table; the first column is its name.
export function table(title, rows, run) {
  const name = v => typeof v === 'object' ? JSON.stringify(v) : v
  for (const row of rows) test(`${title}: ${name(row[0])}`, () => run(...row))
}

// before: is run before each test; skipped: {n}, tests that were left out.
export async function runAll(title, { after, before, skipped } = {}) {
  let passed = 0
  let failed = 0
  for (const t of tests.filter(t => t.name.includes(only))) {
    try {
      await before?.()
      await t.run()
      passed++
    } catch (e) {
      failed++
      const text = e.code === 'ERR_ASSERTION' || !e.stack ? e.message : e.stack
      const where = /\/tests\/(\S+?:\d+):\d+/.exec(String(e.stack).split('\n').find(l => /\/tests\/(e2e|clients)\//.test(l)) ?? '')?.[1]
      console.log(`FAIL ${title}: ${t.name}${where ? ` (${where})` : ''}\n` +
        text.split('\n').slice(0, 12).map(l => '     ' + l.slice(0, 300)).join('\n'))
    }
  }
  tests.length = 0
  await after?.()
  console.log(`${passed} passed, ${failed} failed` + (skipped?.n ? `, ${skipped.n} skipped` : ''))
  process.exit(failed ? 1 : 0)
}

// --- what errors look like (api.md 2.1) --------------------------------------

export const types = {
  invalid_json: 'invalid_request_error', invalid_parameters: 'invalid_request_error', model_not_found: 'invalid_request_error',
  not_found: 'invalid_request_error', method_not_allowed: 'invalid_request_error', unsupported_media_type: 'invalid_request_error',
  request_too_large: 'invalid_request_error', upstream_invalid_request: 'invalid_request_error',
  invalid_api_key: 'authentication_error', key_inactive: 'authentication_error', key_expired: 'authentication_error',
  upstream_rate_limited: 'rate_limit_error', gateway_error: 'gateway_error', upstream_error: 'upstream_error',
  fetch_failed: 'upstream_error', all_providers_failed: 'upstream_error', timeout: 'upstream_timeout'
}

// Headers that every answer has.
export function common(a) {
  assert.match(a.headers['x-request-id'] ?? '', /^[A-Za-z0-9._:-]{1,128}$/, 'x-request-id')
  assert.equal(a.headers['x-content-type-options'], 'nosniff')
  assert.ok(a.headers['cache-control'], 'Cache-Control is missing')
}

export function flat(a, status, code, message) {
  assert.equal(a.status, status, a.text.slice(0, 300))
  common(a)
  assert.equal(a.headers['content-type'], 'application/json; charset=utf-8')
  const b = a.json
  assert.equal(b.error, true)
  assert.equal(b.status, status)
  assert.equal(typeof b.message, 'string')
  assert.ok(b.message.length > 0 && Buffer.byteLength(b.message) <= 1000)
  assert.ok('param' in b && (b.param === null || typeof b.param === 'string'), 'param')
  assert.equal(b.request_id, a.headers['x-request-id'])
  if (code) {
    assert.equal(b.code, code, b.message)
    if (types[code]) assert.equal(b.type, types[code])
  }
  if (message instanceof RegExp) assert.match(b.message, message)
  else if (message) assert.equal(b.message, message)
  return b
}

export function openai(a, status, code) {
  assert.equal(a.status, status, a.text.slice(0, 300))
  common(a)
  const b = a.json
  assert.equal(typeof b.error, 'object')
  assert.equal(b.error.code, code)
  assert.equal(b.error.type, types[code])
  assert.ok('param' in b.error)
  assert.equal(b.error.message, b.message)
  assert.equal(b.status, status)
  assert.equal(b.request_id, a.headers['x-request-id'])
  return b
}

export function anthropic(a, status, type) {
  assert.equal(a.status, status, a.text.slice(0, 300))
  common(a)
  const b = a.json
  assert.deepEqual(Object.keys(b).sort(), ['error', 'request_id', 'type'])
  assert.equal(b.type, 'error')
  assert.equal(b.error.type, type)
  assert.equal(typeof b.error.message, 'string')
  return b
}
