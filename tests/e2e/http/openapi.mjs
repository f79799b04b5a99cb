// The description of the API against the programs that it describes.

import { assert, common, test } from '../../lib/suite.mjs'

const verbs = ['get', 'post', 'patch', 'delete', 'put']
const isAdmin = path => path.startsWith('/admin/')

export function openapi(g) {
  let doc
  const call = (method, path, body, token) => g().send(method.toUpperCase(), path, {
    body, headers: { authorization: `Bearer ${token ?? (isAdmin(path) ? g().token : g().key)}` }
  })
  const each = async run => {
    for (const [path, item] of Object.entries(doc.paths)) {
      for (const verb of verbs) if (item[verb]) await run(path, verb, item[verb])
    }
  }
  const concrete = path => path.replace(/\{[^}]*\}/g, 'x')

  test('openapi: the document', async () => {
    const a = await g().get('/openapi.json', { headers: { authorization: null } })
    assert.equal(a.status, 200)
    common(a)
    doc = a.json
    assert.equal(doc.openapi, '3.0.3')
    assert.equal(doc.info.title, 'LLM Gateway API')
    assert.deepEqual(doc.servers.map(s => s.url), ['https://api.llmgateway.io', 'http://localhost:4001'])
    assert.equal(doc.components.securitySchemes.bearerAuth.scheme, 'bearer')
    for (const path of ['/v1/chat/completions', '/v1/messages', '/v1/messages/count_tokens', '/v1/responses', '/v1/responses/{id}', '/v1/embeddings', '/v1/images/generations', '/v1/images/edits', '/v1/models', '/v1/models/{id}', '/v1/key', '/v1/usage/{request_id}', '/', '/metrics', '/openapi.json', '/admin/v1/keys', '/admin/v1/keys/{id}']) {
      assert.ok(doc.paths[path], path)
    }
    assert.equal(doc.paths['/v1/images/edits'].post.requestBody.content['multipart/form-data'].schema.allOf[1].properties['image[]'].format, 'binary')
    const chat = doc.paths['/v1/chat/completions'].post.requestBody.content['application/json'].schema
    assert.deepEqual(chat.required, ['model', 'messages'])
    const refs = JSON.stringify(doc).match(/"\$ref":"[^"]*"/g)
    assert.deepEqual([...new Set(refs)], ['"$ref":"#/components/responses/Error"'])
  })

  test('openapi: every path and method is there', async () => {
    await each(async (path, verb, op) => {
      const a = await call(verb, concrete(path), verb === 'post' || verb === 'patch' ? {} : undefined)
      const where = `${verb} ${path}: ${a.status} ${a.text.slice(0, 200)}`
      assert.ok(String(a.status) in op.responses || a.status === 200, where)
      assert.notEqual(a.status, 405, where)
      if (a.status === 404) {
        assert.ok(path.includes('{'), where)
        assert.notEqual(a.json.message, 'Not found', where)
      }
    })
  })

  test('openapi: what is not described is not there', async () => {
    for (const [path, item] of Object.entries(doc.paths)) {
      const missing = verbs.find(v => !item[v])
      const a = await call(missing, concrete(path), missing === 'get' || missing === 'delete' ? undefined : {})
      assert.equal(a.status, 405, `${missing} ${path}`)
      assert.ok(a.headers.allow, path)
      for (const v of verbs) assert.equal(a.headers.allow.includes(v.toUpperCase()), Boolean(item[v]), `${v} ${path}: ${a.headers.allow}`)
    }
  })

  test('openapi: without a key', async () => {
    await each(async (path, verb, op) => {
      const a = await g().send(verb.toUpperCase(), concrete(path), { headers: { authorization: null }, body: verb === 'post' || verb === 'patch' ? {} : undefined })
      if (op.security?.length === 0) assert.notEqual(a.status, 401, path)
      else assert.equal(a.status, 401, `${verb} ${path}: ${a.text.slice(0, 200)}`)
    })
  })

  test('openapi: every required member is required', async () => {
    let n = 0
    await each(async (path, verb, op) => {
      const schema = op.requestBody?.content['application/json'].schema
      for (const name of schema?.required ?? []) {
        const body = {}
        for (const other of schema.required) if (other !== name) body[other] = sample(schema.properties[other], other)
        const a = await call(verb, concrete(path), body)
        // Of an object that is not there nothing more can be said.
        if (path.includes('{') && a.status === 404) continue
        assert.equal(a.status, 400, `${verb} ${path} without ${name}: ${a.status} ${a.text.slice(0, 200)}`)
        assert.ok(a.json.param === name || a.json.message.includes(name), `${path}: ${name}: ${a.text}`)
        n++
      }
    })
    assert.ok(n > 20, `only ${n}`)
  })

  test('openapi: every member is known, and of its type', async () => {
    await each(async (path, verb, op) => {
      if (!isAdmin(path) || verb !== 'post' || path.includes('{')) return
      const schema = op.requestBody.content['application/json'].schema
      for (const [name, s] of Object.entries(schema.properties)) {
        const a = await call(verb, path, { [name]: s.type === 'object' ? 7 : { wrong: 1 } })
        assert.equal(a.status, 400, `${path} ${name}: ${a.status}`)
        assert.equal(a.json.param, name, a.text)
        assert.doesNotMatch(a.json.message, /is not known/)
      }
    })
  })
}

function sample(schema, name) {
  if (name === 'model') return 'sim-echo'
  if (name === 'messages') return [{ role: 'user', content: 'x' }]
  if (name === 'max_tokens') return 5
  if (schema?.enum) return schema.enum[0]
  return { string: schema?.format === 'uri' ? 'https://a.example/' : schema?.format === 'date-time' ? '2099-01-01T00:00:00Z' : 'x', number: 0.5, integer: schema?.minimum ?? 1, boolean: true, object: {}, array: [{ model: 'x' }] }[schema?.type] ?? 'x'
}
