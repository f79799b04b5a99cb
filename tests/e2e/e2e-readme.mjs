// README's "Your own web server", done literally: the printed block of each
// server goes into a configuration that serves a page of its own, once for a
// host and once for a path; the page stays, and `llmgwctl doctor` has nothing
// to say.  Only the names of directories, host and port are replaced.

import fs from 'node:fs'
import path from 'node:path'
import { Gateway, top, where } from '../lib/gateway.mjs'
import { request } from '../lib/http.mjs'
import { assert, runAll, table } from '../lib/suite.mjs'
import { sbin } from '../lib/webserver.mjs'

const host = 'llm.example.com'
const readme = fs.readFileSync(path.join(top, 'README.md'), 'utf8')
const chapter = readme.split('\n## ').find(s => s.startsWith('Your own web server'))
const [lighttpd, nginx, apache] = [...chapter.matchAll(/```\n(.*?)```/gs)].map(m => m[1])

// What README says to change in the text, and that it is there to be changed.
function change(text, from, to) {
  assert.ok(text.includes(from), `README's block has no ${from}`)
  return text.replaceAll(from, to)
}

const here = (g, text) => text
  .replaceAll('/usr/local/share/llmgw/', `${where.share}/`)
  .replaceAll('/run/llmgw', `${g.dir}/run`)
  .replaceAll(host, 'localhost')

const root = process.getuid() === 0

// Each makes the file of a server that was there before, the block in it.
const sites = {
  lighttpd(g, mounted) {
    let block = lighttpd
    if (mounted) {
      const [, url] = /# or (\$HTTP\["url"\].*)\n/.exec(block)
      block = change(change(block, '= ""', '= "/llm"'), `$HTTP["host"] == "${host}" {`, url)
    }
    fs.writeFileSync(`${g.dir}/lighttpd.conf`, `server.modules = ( "mod_access", "mod_alias", "mod_setenv" )
server.document-root = "${g.dir}/site"
server.port = ${g.port}
server.bind = "127.0.0.1"
index-file.names = ( "index.html" )
server.upload-dirs = ( "${g.dir}/tmp" )
server.errorlog = "${g.dir}/log/lighttpd.log"
server.modules += ( "mod_staticfile" )
${here(g, block)}`)
    return ['lighttpd', '-D', '-f', `${g.dir}/lighttpd.conf`]
  },
  nginx(g, mounted) {
    const [, http, server] = /^(include \S+;\n)(server .*)$/s.exec(nginx)
    const [location] = /    location \/ \{.*?\n    \}\n/s.exec(server)
    fs.writeFileSync(`${g.dir}/own-http.conf`, here(g, fs.readFileSync(`${where.share}/nginx-conf/llmgw-http.conf`, 'utf8')))
    const temp = ['client_body', 'fastcgi', 'proxy', 'scgi', 'uwsgi'].map(n => `${n}_temp_path ${g.dir}/tmp/${n};`).join(' ')
    fs.writeFileSync(`${g.dir}/nginx.conf`, `${root ? 'user root;' : ''} daemon off; pid ${g.dir}/run/nginx.pid;
error_log ${g.dir}/log/nginx.log; events { }
http { access_log off; ${temp}
server { listen 127.0.0.1:${g.port}; root ${g.dir}/site;
${mounted ? change(here(g, location), 'location / {', 'location /llm/ {') : ''} }
${change(here(g, http), `${where.share}/nginx-conf/llmgw-http.conf`, `${g.dir}/own-http.conf`)}
${mounted ? '' : change(here(g, server), 'listen 80;', `listen 127.0.0.1:${g.port};`)} }
`)
    return ['nginx', '-p', g.dir, '-c', `${g.dir}/nginx.conf`, '-e', `${g.dir}/log/nginx.log`]
  },
  apache(g, mounted) {
    const block = here(g, mounted ? change(apache, 'Define LLMGW_MOUNT /', 'Define LLMGW_MOUNT /llm/') : apache)
    const modules = ['mpm_event', 'authz_core', 'dir', 'proxy', 'proxy_fcgi', 'env', 'reqtimeout']
    fs.writeFileSync(`${g.dir}/apache.conf`, `${modules.map(m => `LoadModule ${m}_module /usr/lib/apache2/modules/mod_${m}.so`).join('\n')}
ServerRoot ${g.dir}
Listen 127.0.0.1:${g.port}
PidFile ${g.dir}/run/apache.pid
Mutex file:${g.dir}/run
ErrorLog ${g.dir}/log/apache.log
${root ? 'User www-data\nGroup www-data' : ''}
Define LLMGW_RUN ${g.dir}/run
<VirtualHost *:${g.port}>
ServerName 127.0.0.1
DocumentRoot ${g.dir}/site
${mounted ? block : ''}
</VirtualHost>
${mounted ? '' : `<VirtualHost *:${g.port}>\nServerName localhost\n${block}\n</VirtualHost>`}
`)
    return ['apache2', '-D', 'FOREGROUND', '-f', `${g.dir}/apache.conf`]
  }
}

// The page of its own is at 127.0.0.1, the host of the gateway is localhost.
function start(name, mounted) {
  const server = {
    command(g) {
      fs.mkdirSync(`${g.dir}/site`)
      fs.writeFileSync(`${g.dir}/site/index.html`, 'a page of its own\n')
      const [exe, ...args] = sites[name](g, mounted)
      return [sbin(exe), ...args]
    }
  }
  return Gateway.start({ server,
    ...mounted ? { mount: '/llm', conf: { mount_prefix: '/llm' } } : { host: 'localhost' } })
}

table('README', ['lighttpd', 'nginx', 'apache'].flatMap(s => [[`${s}, a host`, s, false], [`${s}, a path`, s, true]]), async (title, name, mounted) => {
  const g = await start(name, mounted)
  try {
    const page = await request(`http://127.0.0.1:${g.port}/`, {})
    assert.equal(page.text, 'a page of its own\n')
    fs.writeFileSync(`${g.dir}/key`, g.key, { mode: 0o600 })
    const said = JSON.parse(g.ctl('--json', 'doctor', '--outside', '--full', '--key-file', `${g.dir}/key`, g.url))
    assert.deepEqual(said.checks.filter(c => c.result !== 'ok'), [])
    assert.deepEqual(said.checks.map(c => c.check), ['health', 'paths', 'authorization', 'body', 'body limit', 'stream'])
    for (const p of ['/v1/models', '/v1/key', '/.well-known/oauth-authorization-server']) assert.equal((await g.get(p)).status, 200, p)
    assert.equal((await g.post('/v1/images/generations', { model: 'sim-image', prompt: 'A cat' })).status, 200)
  } finally {
    await g.stop()
  }
})

await runAll('readme')
