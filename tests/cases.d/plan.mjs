// What of the cases the gateway can do today, and what a case needs.

import fs from 'node:fs'
import path from 'node:path'

// Extend these as formats, clients and endpoints come.
export const supported = {
  upstream: new Set(['openai', 'anthropic', 'gemini', 'bedrock', 'bedrock-invoke-nova', 'images']),
  client: new Set(['openai', 'anthropic', 'openai-images']),
  kind: new Set(['response', 'stream', 'error', 'stream-error', 'request', 'count_tokens', 'framing', 'images'])
}

// Provider of a case -> provider id of the gateway, where they differ.
const ids = {
  'azure-openai': 'azure', bedrock: 'aws-bedrock', together: 'together-ai', 'vertex-gemini': 'google-vertex',
  'vertex-imagen': 'google-vertex', 'vertex-claude': 'vertex-anthropic', 'openai-compatible': 'compat'
}

// What a provider speaks, where it is not OpenAI chat.
const formats = {
  anthropic: 'anthropic', 'vertex-claude': 'anthropic', 'google-ai-studio': 'gemini', 'vertex-gemini': 'gemini',
  'vertex-imagen': 'images', bedrock: 'bedrock'
}

// Middle part of LLM_..._API_KEY, where it is not the id in capitals.
const variables = {
  xai: 'X_AI', zai: 'Z_AI', novita: 'NOVITA_AI', nanogpt: 'NANO_GPT', canopywave: 'CANOPY_WAVE', gonka24: 'GONKA_24'
}

// Providers that are no rows of the gateway: the operator defines them.
const custom = new Set(['openrouter', 'ollama', 'vllm', 'compat'])

// Not sent through the gateway: fed to functions.
const vectors = new Set(['sse', 'aws-eventstream', 'aws-sigv4'])

export const providerId = name => ids[name] ?? name

// All cases of a directory: {name, dir, what, expect, why}; `why` says why one
// is not run.
export function load(top) {
  const list = []
  for (const name of fs.readdirSync(top).sort()) {
    const dir = path.join(top, name)
    if (!fs.existsSync(path.join(dir, 'case.json'))) {
      if (fs.statSync(dir).isDirectory()) list.push({ name, dir, why: 'parser vectors, not a case' })
      continue
    }
    const what = JSON.parse(fs.readFileSync(path.join(dir, 'case.json'), 'utf8'))
    const file = path.join(dir, 'expect.json')
    const expect = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : null
    const c = { name, dir, what, expect }
    c.provider = providerId(what.provider)
    c.format = what.upstream_format ?? formats[what.provider] ?? 'openai'
    c.clients = what.kind === 'request' ? [what.client_format] : what.clients ?? []
    c.why = missing(c)
    list.push(c)
  }
  return list
}

function missing(c) {
  if (vectors.has(c.what.provider) || c.what.kind === 'auth') return 'parser vectors, not a case'
  if (c.what.kind === 'framing' && !c.what.upstream) return 'parser vectors, not a case'
  if (!supported.kind.has(c.what.kind)) return `kind ${c.what.kind}`
  if (!supported.upstream.has(c.format)) return `upstream format ${c.format}`
  if (!c.clients.some(x => supported.client.has(x))) return `client ${c.clients.join(', ')}`
  return null
}

// Model to ask the provider for: the case's own, or one of ours.
export function model(c) {
  const t = c.what.target_model
  if (!t) return c.what.kind === 'images' ? `draw-${c.provider}` : `case-${c.provider}`
  return /^deployment (\S+?),/.exec(t)?.[1] ?? t
}

// Is a model in the catalogue as an offer of this provider?
function inCatalogue(lines, provider, name) {
  return lines.some(l => l.includes(`"${name}"`) && l.includes(`"${provider}"`))
}

const drawing = 'plain, stream, draw, images'
const capabilities = 'tools, parallel, images, audio, files, json, schema, reason, search, stream, plain, chat'

// What a provider needs beside key and base URL.
const more = {
  'vertex-anthropic': key => ({
    LLM_VERTEX_ANTHROPIC_SERVICE_ACCOUNT_JSON: `ya29.${key}`,
    LLM_VERTEX_ANTHROPIC_PROJECT: 'PROJECT',
    LLM_VERTEX_ANTHROPIC_REGION: 'us-east5'
  })
}

// Environment and configuration that send every provider to one upstream.
export function setup(cases, catalogue, upstream, key) {
  const env = {}
  const sections = []
  const lines = fs.existsSync(catalogue) ? fs.readFileSync(catalogue, 'utf8').split('\n') : []
  const models = new Map()
  for (const c of cases) models.set(`${c.provider}/${model(c)}`, c)
  for (const provider of new Set(cases.map(c => c.provider))) {
    if (custom.has(provider)) {
      sections.push(`[provider ${provider}]\ndialect = openai-chat\nbase_url = ${upstream}\n` +
        `path = /v1/chat/completions\nauth = bearer\nkey = ${key}\n`)
      continue
    }
    const name = variables[provider] ?? provider.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')
    env[`LLM_${name}_API_KEY`] = key
    env[`LLM_${name}_BASE_URL`] = upstream
    Object.assign(env, more[provider]?.(key))
  }
  const defined = new Map()
  for (const [full, c] of models) {
    if (inCatalogue(lines, c.provider, model(c))) continue
    defined.set(model(c), [...(defined.get(model(c)) ?? []), full])
  }
  for (const [name, offers] of defined) {
    sections.push(`[model ${name}]\nprovider = ${offers.join(', ')}\ncontext = 1000000\nmax_output = 100000\n` +
      `capabilities = ${name.startsWith('draw-') ? drawing : capabilities}\ninput_price = 1\noutput_price = 2\n`)
  }
  return { env, sections: sections.join('\n') }
}
