// Agents of the command line, each with a prompt that needs one tool: the
// simulated provider calls the tool that the prompt names.

import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { build } from '../lib/gateway.mjs'
import { assert } from '../lib/suite.mjs'
import { g, model, testOf } from './setting.mjs'

const modules = path.join(build, 'clients/agents/node_modules')

// A program that npm brought in a package for this machine.
function binary(pattern, file) {
  const [scope, name] = pattern.includes('/') ? pattern.split('/') : ['.', pattern]
  const dir = path.join(modules, scope)
  const found = fs.existsSync(dir) && fs.readdirSync(dir).find(d => d.startsWith(name) && !/musl|baseline/.test(d) &&
    fs.existsSync(path.join(dir, d, file)))
  assert.ok(found, `${pattern} is not installed`)
  return path.join(dir, found, file)
}

// An empty home, nothing of ours in the environment, and no way out.
function home(files = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'llmgw-agent.'))
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true })
    fs.writeFileSync(path.join(dir, name), text)
  }
  return dir
}

function run(file, args, dir, env) {
  const child = spawn(file, args, {
    cwd: dir,
    env: {
      PATH: process.env.PATH, HOME: dir, XDG_CONFIG_HOME: path.join(dir, '.config'), XDG_DATA_HOME: path.join(dir, '.data'),
      XDG_CACHE_HOME: path.join(dir, '.cache'), XDG_STATE_HOME: path.join(dir, '.state'), TMPDIR: dir, LANG: 'C.UTF-8',
      https_proxy: 'http://127.0.0.1:9', HTTPS_PROXY: 'http://127.0.0.1:9', no_proxy: '127.0.0.1,localhost', NO_PROXY: '127.0.0.1,localhost', ...env
    },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let out = ''
  let err = ''
  child.stdout.on('data', d => { out += d })
  child.stderr.on('data', d => { err += d })
  return new Promise((done, failed) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), 90000)
    child.on('error', failed)
    child.on('close', code => {
      clearTimeout(timer)
      if (!process.env.E2E_KEEP) fs.rmSync(dir, { recursive: true, force: true })
      done({ code, out, err })
    })
  })
}

const fits = a => assert.match(a.out, /ran-42/, `exit ${a.code}\n${a.out.slice(-1500)}\n${a.err.slice(-1500)}`)
const shell = tool => `call ${tool} ${JSON.stringify({ command: 'echo${IFS}ran-$((40+2))', description: 'Adds' })}`

export function agents() {
  // It puts words with blanks in quotes.
  testOf('chat', 'opencode runs a tool', async () => {
    const config = {
      $schema: 'https://opencode.ai/config.json', autoupdate: false, share: 'disabled', model: `llmgw/${model}`, small_model: `llmgw/${model}`,
      permission: { '*': 'allow' },
      provider: { llmgw: { npm: '@ai-sdk/openai-compatible', name: 'llmgw', options: { baseURL: g.url + '/v1', apiKey: g.key },
        models: { [model]: { name: model, limit: { context: 1000000, output: 32000 } } } } }
    }
    fits(await run(binary('opencode', 'bin/opencode'), ['run', ...shell('bash').split(' ')], home({ '.config/opencode/opencode.json': JSON.stringify(config) }),
      { OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_LSP_DOWNLOAD: '1' }))
  })
  testOf('messages', 'Claude Code runs a tool', async () => {
    fits(await run(binary('@anthropic-ai/claude-code-', 'claude'),
      ['-p', shell('Bash'), '--model', model, '--allowedTools', 'Bash', '--output-format', 'json'], home(), {
        ANTHROPIC_BASE_URL: g.url, ANTHROPIC_API_KEY: g.key, ANTHROPIC_SMALL_FAST_MODEL: model, ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
        // context_management means something that others than Anthropic cannot do.
        CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_AUTOUPDATER: '1', DISABLE_TELEMETRY: '1', DISABLE_ERROR_REPORTING: '1'
      }))
  })
  testOf('responses', 'Codex runs a tool', async () => {
    const config = `model = "${model}"\nmodel_provider = "llmgw"\ncheck_for_update_on_startup = false\n[analytics]\nenabled = false\n` +
      `[model_providers.llmgw]\nname = "llmgw"\nbase_url = "${g.url}/v1"\nenv_key = "LLMGW_TEST_KEY"\nwire_api = "responses"\n` +
      'request_max_retries = 0\nstream_max_retries = 0\n'
    const dir = home({ '.codex/config.toml': config })
    fits(await run('node', [path.join(modules, '@openai/codex/bin/codex.js'), 'exec', '--skip-git-repo-check',
      '--dangerously-bypass-approvals-and-sandbox', `call exec_command ${JSON.stringify({ cmd: 'echo ran-$((40+2))' })}`], dir,
      { CODEX_HOME: path.join(dir, '.codex'), LLMGW_TEST_KEY: g.key }))
  })
}
