// Requests to a program without a web server between: FastCGI records by hand.

import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { sleep } from './gateway.mjs'

const BEGIN = 1, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6

function record(type, content = Buffer.alloc(0)) {
  const head = Buffer.from([1, type, 0, 1, content.length >> 8, content.length & 255, 0, 0])
  return Buffer.concat([head, content])
}

function pair(name, value) {
  const length = s => { const n = Buffer.byteLength(s); return n < 128 ? Buffer.from([n]) : Buffer.from([n >> 24 | 128, n >> 16 & 255, n >> 8 & 255, n & 255]) }
  return Buffer.concat([length(name), length(value), Buffer.from(name + value)])
}

// The socket of a program of a gateway (elsewhere: { host, port }).
export function socketOf(g, program) {
  const name = fs.readdirSync(path.join(g.dir, 'run')).find(f => f.startsWith(`${program}.sock`))
  return path.join(g.dir, 'run', name)
}

// An authorizer (role 2) gets no body, not even an empty one.
// Resolves with status, headers and text; `early`: bytes that came before the
// body (even an empty one) was sent, which waits for `wait` ms.
export function fastcgi(where, { method = 'GET', uri = '/', headers = {}, body = '', role = 1, params = {}, wait = 0, timeout = 10000 } = {}) {
  const [script, query = ''] = uri.split('?')
  const all = {
    GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.1', SERVER_NAME: 'localhost', SERVER_PORT: '80', REMOTE_ADDR: '127.0.0.1',
    REQUEST_METHOD: method, REQUEST_URI: uri, SCRIPT_NAME: script, QUERY_STRING: query, LLMGW_SNIPPET: '1', ...params
  }
  if (body) Object.assign(all, { CONTENT_TYPE: 'application/json', CONTENT_LENGTH: String(Buffer.byteLength(body)) })
  for (const [k, v] of Object.entries(headers)) all['HTTP_' + k.toUpperCase().replaceAll('-', '_')] = v
  return new Promise((done, failed) => {
    const s = net.connect(where)
    const timer = setTimeout(() => s.destroy(new Error(`no answer in ${timeout} ms`)), timeout)
    let got = Buffer.alloc(0)
    let early
    s.on('data', d => { got = Buffer.concat([got, d]) })
    s.on('error', e => { clearTimeout(timer); failed(e) })
    s.on('close', () => {
      clearTimeout(timer)
      let out = Buffer.alloc(0)
      let ended = false
      for (let at = 0; at + 8 <= got.length;) {
        const n = got.readUInt16BE(at + 4)
        if (got[at + 1] === STDOUT) out = Buffer.concat([out, got.subarray(at + 8, at + 8 + n)])
        if (got[at + 1] === END) ended = true
        at += 8 + n + got[at + 6]
      }
      const text = out.toString()
      const at = text.indexOf('\r\n\r\n')
      const fields = Object.fromEntries(text.slice(0, Math.max(at, 0)).split('\r\n').filter(Boolean).map(l => { const i = l.indexOf(': '); return [l.slice(0, i).toLowerCase(), l.slice(i + 2)] }))
      done({ status: Number((fields.status ?? '200').split(' ')[0]), headers: fields, text: text.slice(at + 4), early, ended, bytes: got.length })
    })
    s.on('connect', async () => {
      s.write(Buffer.concat([record(BEGIN, Buffer.from([0, role, 0, 0, 0, 0, 0, 0])),
        record(PARAMS, Buffer.concat(Object.entries(all).map(([k, v]) => pair(k, v)))), record(PARAMS)]))
      if (role === 2) return
      if (wait) await sleep(wait)
      early = got.length
      if (body) s.write(record(STDIN, Buffer.from(body)))
      s.write(record(STDIN))
    })
  })
}
