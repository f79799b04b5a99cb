// Requests without any cleverness: what is on the wire is what the test sees.

import http from 'node:http'
import net from 'node:net'

const fresh = new http.Agent({ keepAlive: false, maxSockets: Infinity })

class Answer {
  constructor(res, body) {
    this.status = res.statusCode
    this.headers = res.headers
    this.rawHeaders = res.rawHeaders
    this.complete = res.complete
    this.body = body
  }

  get text() { return this.body.toString('utf8') }

  get json() {
    try {
      return JSON.parse(this.text)
    } catch {
      throw new Error(`status ${this.status}, not JSON: ${this.text.slice(0, 300)}`)
    }
  }
}

// Resolves with the whole answer, also of a connection that broke in the body
// (`complete` is false then).  onData is called with each piece as it comes.
export function request(url, { method = 'GET', headers = {}, body, timeout = 30000, onData, onOpen } = {}) {
  return new Promise((done, failed) => {
    const u = new URL(url)
    // The path as it was given: URL would tidy it.
    const path = url.slice(u.origin.length) || '/'
    const req = http.request({
      host: u.hostname, port: u.port, path, method, agent: fresh,
      headers: body === undefined ? headers
        : { 'content-length': Buffer.byteLength(body), ...headers }
    })
    const timer = setTimeout(() => req.destroy(new Error(`no answer in ${timeout} ms: ${method} ${path}`)), timeout)
    const finish = (res, pieces) => {
      clearTimeout(timer)
      done(new Answer(res, Buffer.concat(pieces)))
    }
    req.on('error', e => { clearTimeout(timer); failed(e) })
    req.on('response', res => {
      const pieces = []
      let over = false
      res.on('data', d => { pieces.push(d); onData?.(d, req) })
      const end = () => { if (!over) { over = true; finish(res, pieces) } }
      res.on('end', end)
      res.on('error', end)
      res.on('close', end)
    })
    onOpen?.(req)
    req.end(body)
  })
}

// Bytes to a port, and all that comes back until the other side closes.
export function exchange(port, bytes, timeout = 10000) {
  return new Promise((done, failed) => {
    const s = net.connect(port, '127.0.0.1', () => s.write(bytes))
    const pieces = []
    const timer = setTimeout(() => { s.destroy(); done(Buffer.concat(pieces)) }, timeout)
    s.on('data', d => pieces.push(d))
    s.on('error', e => { clearTimeout(timer); pieces.length ? done(Buffer.concat(pieces)) : failed(e) })
    s.on('close', () => { clearTimeout(timer); done(Buffer.concat(pieces)) })
  })
}
