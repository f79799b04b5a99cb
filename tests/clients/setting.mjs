// The gateway that all clients use, and where their packages are.

import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { Gateway, build } from '../lib/gateway.mjs'
import { test } from '../lib/suite.mjs'

export const model = 'sim-echo'
export const slow = 'sim-slow-c200-i50' // long enough to be broken off

export const g = await Gateway.start({})

// A package of tests/clients/sdk, or a part of one.
const resolver = createRequire(path.join(build, 'clients/sdk/node_modules/x.js'))
export async function load(name) {
  const dir = path.join(build, 'clients/sdk/node_modules')
  const at = import.meta.resolve ? pathToFileURL(path.join(dir, 'x.mjs')).href : ''
  try {
    return await import(import.meta.resolve(name, at))
  } catch {
    return await import(pathToFileURL(resolver.resolve(name)))
  }
}

// Is the program that serves this path built?
export const has = program => fs.existsSync(path.join(build, 'fcgi-bin', `${program}.fcgi`))

export let skipped = { n: 0 }

// A test of a program that may not be there.
export function testOf(program, name, run) {
  if (has(program)) test(name, run)
  else skipped.n++
}

// The error that a promise ends with.
export const fails = promise => promise.then(
  () => { throw new Error('it did not fail') }, e => e)

// The gateway's records of a model that the client left.
export const cancelled = () => JSON.parse(g.ctl('usage', '--json', '--by', 'model')).data
