// The web servers that a test's gateway can stand behind: how each is
// configured and started, with the files that are shipped for it.

import fs from 'node:fs'
import path from 'node:path'

export const programs = ['chat', 'messages', 'responses', 'images', 'models', 'mcp', 'admin', 'sim', 'health']

export const sbin = name => [`/usr/sbin/${name}`, `/usr/bin/${name}`, `/usr/local/sbin/${name}`].find(f => fs.existsSync(f)) || name

function write(g, name, lines) {
  const file = path.join(g.dir, name)
  fs.writeFileSync(file, lines.join('\n') + '\n')
  return file
}

// lighttpd starts the programs itself.
const lighttpd = {
  spawns: true,
  command(g, { share, bin }) {
    const file = write(g, 'lighttpd.conf', [
      `var.llmgw_conf = "${share}/lighttpd-conf"`,
      `var.llmgw_bin = "${bin}"`,
      `var.llmgw_home = "${g.dir}"`,
      `var.llmgw_run = "${g.dir}/run"`,
      `var.llmgw_procs = "${g.options.procs || 1}"`,
      `server.port = ${g.port}`,
      'server.max-fds = 4096',
      ...g.web().before,
      'include var.llmgw_conf + "/standalone.conf"',
      ...g.web().behind])
    return [sbin('lighttpd'), '-D', '-f', file]
  }
}

const nginx = {
  command(g, { share }) {
    const own = fs.readFileSync(`${share}/nginx-conf/llmgw-http.conf`, 'utf8').replaceAll('/run/llmgw', `${g.dir}/run`)
    fs.writeFileSync(path.join(g.dir, 'llmgw-http.conf'), own)
    const temp = ['client_body', 'fastcgi', 'proxy', 'scgi', 'uwsgi'].map(n => `${n}_temp_path ${g.dir}/tmp/${n};`)
    const file = write(g, 'nginx.conf', [
      process.getuid() === 0 ? 'user root;' : '',
      'daemon off; worker_processes 1;', `pid ${g.dir}/run/nginx.pid;`, `error_log ${g.dir}/log/nginx.log;`,
      'events { worker_connections 4096; }',
      'http {', 'access_log off;', ...temp,
      `include ${g.dir}/llmgw-http.conf;`,
      'server {', `listen 127.0.0.1:${g.port};`,
      'underscores_in_headers on;', `location / { include ${share}/nginx-conf/llmgw.conf; }`,
      '}', ...g.web().behind, '}'])
    return [sbin('nginx'), '-p', g.dir, '-c', file, '-e', `${g.dir}/log/nginx.log`]
  }
}

const apache = {
  command(g, { share }) {
    const modules = '/usr/lib/apache2/modules'
    const file = write(g, 'apache.conf', [
      ...['mpm_event', 'authz_core', 'proxy', 'proxy_fcgi', 'env', 'setenvif', 'reqtimeout']
        .map(m => `LoadModule ${m}_module ${modules}/mod_${m}.so`),
      `ServerRoot ${g.dir}`, 'ServerName 127.0.0.1', `Listen 127.0.0.1:${g.port}`,
      `PidFile ${g.dir}/run/apache.pid`, `Mutex file:${g.dir}/run`, `ErrorLog ${g.dir}/log/apache.log`,
      ...(process.getuid() === 0 ? ['User www-data', 'Group www-data'] : []),
      'ThreadsPerChild 64', 'ServerLimit 8', 'MaxRequestWorkers 512', 'StartServers 2',
      `Define LLMGW_RUN ${g.dir}/run`,
      ...g.web().before,
      `Include ${share}/apache-conf/llmgw.conf`, ...g.web().behind])
    return [sbin('apache2'), '-D', 'FOREGROUND', '-f', file]
  }
}

export const servers = { lighttpd, nginx, apache }

// A program on a socket of its own, a path or a port of 127.0.0.1.
export const listening = (bin, at, name, procs = '1') => [sbin('spawn-fcgi'), '-n',
  ...(typeof at === 'number' ? ['-a', '127.0.0.1', '-p', String(at)] : ['-s', at, '-M', '0666']), '-b', '1024', '--',
  `${bin}/llmgw-run`, procs, `${bin}/${name}.fcgi`]

// The programs of a server that does not start them: name, command.
export function ownPrograms(g, { bin }) {
  return programs.map(name => listening(bin, `${g.dir}/run/${name}.sock`, name,
    ['chat', 'messages', 'responses'].includes(name) ? String(g.options.procs || 1) : '1'))
}
