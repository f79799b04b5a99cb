// All clients against one gateway; what a build lacks is counted as skipped.

import fs from 'node:fs'
import path from 'node:path'
import { build } from '../lib/gateway.mjs'
import { runAll } from '../lib/suite.mjs'
import { g, has, skipped } from './setting.mjs'
import { agents } from './agents.mjs'
import { ai } from './ai.mjs'
import { anthropic } from './anthropic.mjs'
import { langchain } from './langchain.mjs'
import { openai } from './openai.mjs'

const modules = fs.existsSync(path.join(build, 'clients/sdk/node_modules'))
if (!modules) {
  console.log('no packages: tests/clients/run brings them\n0 passed, 1 failed')
  process.exit(1)
}
globalThis.AI_SDK_LOG_WARNINGS = false
await openai()
await anthropic()
await ai()
await langchain()
if (process.env.CLIENTS_AGENTS !== 'no') agents()
for (const name of ['messages', 'responses']) if (!has(name)) console.log(`not built: ${name}`)

await runAll('clients', { after: () => g.stop(), skipped })
