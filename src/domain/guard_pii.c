/*
 * Personal data.  The matcher says where something like it ends; then the whole
 * token is taken and checked: sums, shapes, words nearby.
 */
#include <arpa/inet.h>

#include "domain/guard_parts.h"

#define TOKEN_MAX 64
#define NEAR_BEFORE 48
#define NEAR_AFTER 32

enum { EMAIL = 1, PHONE = 2, CARD = 4, SSN = 8, IBAN = 16, IP = 32 };

static const struct {
	const char *word;
	unsigned bit;
} categories[] = { { "email", EMAIL }, { "phone", PHONE },
	{ "credit_card", CARD }, { "ssn", SSN }, { "iban", IBAN },
	{ "ip_address", IP } };

/* clang-format off */
static const char *const id_words[] = { "ssn", "ssns", "social security",
	"social insurance", "national insurance", "nino", "ni number",
	"national id", "national identity", "identity number", "id number",
	"identity card", "personal id", "identification number", "tax id",
	"taxpayer", "tin", "itin", "sin", "dni", "nie", "nif", "cpf", "curp",
	"aadhaar", "aadhar", "pan card", "bsn", "pesel", "personnummer",
	"codice fiscale", "steuer-id", "steueridentifikationsnummer",
	"steuernummer", "sozialversicherungsnummer", "personalausweis",
	"num\xc3\xa9ro de s\xc3\xa9""curit\xc3\xa9 sociale", "nir",
	"passport", "driver's license", "drivers license",
	"driving licence", NULL };
static const char *const phone_words[] = { "phone", "phones", "telephone",
	"tel", "mobile", "cell", "cellphone", "fax", "call", "whatsapp",
	"text me", "dial", "ring", "reach me", "reached", "handy", "telefon",
	"t\xc3\xa9l\xc3\xa9phone", "tel\xc3\xa9""fono", "number is", "sms",
	"contact number", "hotline", "landline", NULL };
static const char *const not_phone_words[] = { "order", "invoice", "isbn",
	"issn", "version", "build", "serial", "part", "sku", "ticket", "case",
	"tracking", "ref", "reference", "article", "batch", "lot", "model",
	"id", "range", "pages", "doi", "account", "item", "commit", "error",
	"code", "coordinates", "lat", "population", "bytes", "port", "card",
	"invoices", "orders", NULL };
static const char *const version_words[] = { "version", "versions", "v",
	"release", "firmware", "build", "upgrade", "upgraded", "section",
	"chapter", "clause", "driver", "sdk", "oid", "package", NULL };
/* clang-format on */

/* Bytes before from, and after to. */
static bool
is_near(struct str s, size_t from, size_t to, const char *const *words,
    size_t before, size_t after)
{
	size_t a = from > before ? from - before : 0;
	size_t z = s.n - to > after ? to + after : s.n;

	return guard_word_in((struct str){ s.p + a, from - a }, words) ||
	    guard_word_in((struct str){ s.p + to, z - to }, words);
}

static bool
mark(struct guard_span *x, size_t from, size_t to, const char *category,
    const char *mask)
{
	x->from = from;
	x->to = to;
	x->category = category;
	x->mask = mask;
	if (x->seen < to)
		x->seen = to;
	return true;
}

/* --- e-mail --- */

static bool
in_local(char c)
{
	return guard_alnum(c) || (c != '\0' && strchr("._%+-'", c) != NULL);
}

static bool
in_domain(char c)
{
	return guard_alnum(c) || c == '-' || c == '.';
}

static bool
find_email(struct str s, size_t at, struct guard_span *x)
{
	size_t to = at, from = at;

	while (from > 0 && s.p[from - 1] != '@')
		from--;
	if (from == 0)
		return false;
	from--;
	while (to < s.n && in_domain(s.p[to]))
		to++;
	x->seen = to;
	while (to > at && (s.p[to - 1] == '.' || s.p[to - 1] == '-'))
		to--;
	for (size_t i = 0; i < TOKEN_MAX && from > 0 && in_local(s.p[from - 1]);
	     i++)
		from--;
	while (s.p[from] == '.' || s.p[from] == '\'' || s.p[from] == '-')
		from++;
	if (s.p[from] == '@' || (to < s.n && s.p[to] == '@'))
		return false;
	return mark(x, from, to, "email", "[EMAIL_REDACTED]");
}

/* --- numbers --- */

/* Groups of digits with what is between them. */
struct digits {
	size_t from, to;   /* of the whole */
	size_t far;        /* with what separates behind it */
	char v[TOKEN_MAX]; /* digits only */
	size_t n;
	struct {
		size_t from, at, n; /* in the text; in v; how many */
		char sep;           /* before it */
	} group[24];
	int ngroups;
	bool plus, paren;
};

static bool
is_sep(char c)
{
	return c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' ||
	    c == '/';
}

static void
read_digits(struct str s, size_t at, struct digits *d)
{
	size_t from = at, to = at, i, seps = 0;

	*d = (struct digits){ .n = 0 };
	while (from > 0 && at - from < TOKEN_MAX &&
	    (guard_digit(s.p[from - 1]) ||
		(is_sep(s.p[from - 1]) && from < at && seps < 3))) {
		from--;
		seps = guard_digit(s.p[from]) ? 0 : seps + 1;
	}
	while (!guard_digit(s.p[from]))
		from++;
	for (seps = 0; to < s.n && to - from < TOKEN_MAX &&
	     (guard_digit(s.p[to]) || (is_sep(s.p[to]) && seps < 3));
	     to++)
		seps = guard_digit(s.p[to]) ? 0 : seps + 1;
	d->far = to;
	while (!guard_digit(s.p[to - 1]))
		to--;
	for (i = from; i < to; i++) {
		if (!guard_digit(s.p[i])) {
			d->paren |= s.p[i] == '(' || s.p[i] == ')';
			continue;
		}
		if (i == from || !guard_digit(s.p[i - 1])) {
			if (d->ngroups == (int)NROWS(d->group))
				break;
			d->group[d->ngroups].from = i;
			d->group[d->ngroups].at = d->n;
			d->group[d->ngroups++].sep = i == from ? 0 : s.p[i - 1];
		}
		d->group[d->ngroups - 1].n++;
		d->v[d->n++] = s.p[i];
	}
	d->from = from;
	d->to = i;
	if (d->from > 0 && s.p[d->from - 1] == '(') {
		d->paren = true;
		d->from--;
	}
	if (d->from > 0 && s.p[d->from - 1] == '+') {
		d->plus = true;
		d->from--;
	}
}

/* Whole groups that follow each other, apart by blank or hyphen. */
static bool
find_card(const struct digits *d, struct guard_span *x)
{
	size_t n;

	for (int a = 0; a < d->ngroups; a++) {
		n = 0;
		for (int z = a; z < d->ngroups && n <= 19; z++) {
			if (z > a && d->group[z].sep != ' ' &&
			    d->group[z].sep != '-')
				break;
			n += d->group[z].n;
			if (n < 13 || n > 19 || (z > a && d->group[a].n < 4) ||
			    strchr("23456", d->v[d->group[a].at]) == NULL ||
			    !guard_luhn(d->v + d->group[a].at, n))
				continue;
			return mark(x, d->group[a].from,
			    d->group[z].from + d->group[z].n, "credit_card",
			    "[CREDIT_CARD_REDACTED]");
		}
	}
	return false;
}

static int
value(const struct digits *d, int g)
{
	int v = 0;

	for (size_t i = 0; i < d->group[g].n && i < 8; i++)
		v = v * 10 + d->v[d->group[g].at + i] - '0';
	return v;
}

static bool
is_date(const struct digits *d)
{
	int a, b, c;

	if (d->ngroups < 3)
		return false;
	a = value(d, 0);
	b = value(d, 1);
	c = value(d, 2);
	if (d->group[0].n == 4 && a >= 1000 && a <= 2199 && b >= 1 && b <= 12 &&
	    c >= 1 && c <= 31)
		return true;
	return d->group[2].n == 4 && c >= 1000 && c <= 2199 && a >= 1 &&
	    b >= 1 && ((a <= 31 && b <= 12) || (a <= 12 && b <= 31));
}

/* An address of version 4, whatever its numbers. */
static bool
is_dotted(const struct digits *d)
{
	for (int i = 0; i < d->ngroups; i++)
		if (d->group[i].n > 3 || (i > 0 && d->group[i].sep != '.'))
			return false;
	return d->ngroups == 4;
}

/* "12 345 678" or "1.000.000": one number in groups of three. */
static bool
is_grouped(const struct digits *d)
{
	if (d->group[0].n > 3 || d->ngroups < 3)
		return false;
	for (int i = 1; i < d->ngroups; i++)
		if (d->group[i].n != 3 || d->group[i].sep != d->group[1].sep)
			return false;
	return d->group[1].sep == ' ' || d->group[1].sep == '.';
}

static bool
in_shape(const struct digits *d)
{
	const int n = d->ngroups;

	/* (555) 123-4567, 555-123-4567, 1 555 123 4567 */
	if (n >= 3 && d->group[n - 1].n == 4 && d->group[n - 2].n == 3 &&
	    d->group[n - 3].n == 3 && d->v[d->group[n - 3].at] >= '2' &&
	    (n == 3 || (n == 4 && d->group[0].n == 1)))
		return true;
	/* 030 1234567, 06 12 34 56 78, 020 7946 0958 */
	if (d->v[0] == '0' && n >= 2 && n <= 6 && d->group[0].n >= 2 &&
	    d->group[0].n <= 6)
		return true;
	if (n < 3 || n > 6)
		return false;
	for (int i = 0; i < n; i++)
		if (d->group[i].n < 2 || d->group[i].n > 5)
			return false;
	return true;
}

static bool
find_phone(struct str s, const struct digits *d, struct guard_span *x)
{
	char before = d->from == 0 ? ' ' : s.p[d->from - 1];
	char after = d->to == s.n ? ' ' : s.p[d->to];
	bool called;

	if (d->n < 8 || d->n > 15 || guard_alnum(before) || before == '#' ||
	    before == '_' || before == '$' || before == '-' || before == '=' ||
	    before == '/' || guard_alpha(after) || after == '_' ||
	    after == '%' || after == ':')
		return false;
	if (!d->plus && (d->ngroups < 2 || is_date(d) || is_dotted(d)))
		return false;
	called = is_near(s, d->from, d->to, phone_words, 40, 0);
	if (!d->plus && !called) {
		if (is_grouped(d) || !in_shape(d) ||
		    is_near(s, d->from, d->to, not_phone_words, 32, 0))
			return false;
		for (int i = 1; i < d->ngroups; i++)
			if (d->group[i].sep == '/' && i > 1)
				return false;
	}
	return mark(x, d->from, d->to, "phone", "[PHONE_REDACTED]");
}

static bool
find_number(struct str s, size_t at, struct guard_span *x)
{
	struct digits d;

	read_digits(s, at, &d);
	x->seen = d.far;
	if (d.n < 7)
		return false;
	if (find_card(&d, x)) {
		x->seen = d.far;
		return true;
	}
	if (d.n <= 16 && !d.plus &&
	    is_near(s, d.from, d.to, id_words, NEAR_BEFORE, NEAR_AFTER) &&
	    !is_date(&d)) {
		size_t from = d.from, to = d.to;

		/* With the letters that such numbers may have. */
		while (
		    from > 0 && d.from - from < 3 && guard_alpha(s.p[from - 1]))
			from--;
		while (to < s.n && to - d.to < 3 && guard_alnum(s.p[to]))
			to++;
		return mark(x, from, to, "ssn", "[SSN_REDACTED]");
	}
	return find_phone(s, &d, x);
}

/* AB 12 34 56 C, ABCDE1234F and their like, next to a word for it. */
static bool
find_id(struct str s, size_t at, struct guard_span *x)
{
	size_t from = at, to = at;
	int digits = 0;

	while (from > 0 && at - from < 20 &&
	    (guard_digit(s.p[from - 1]) || guard_alpha(s.p[from - 1]) ||
		(s.p[from - 1] == ' ' && from < at && from > 1 &&
		    (guard_digit(s.p[from]) || guard_digit(s.p[from - 2])))))
		from--;
	while (from < at && s.p[from] == ' ')
		from++;
	while (to < s.n && guard_alnum(s.p[to]))
		to++;
	for (size_t i = from; i < to; i++)
		digits += guard_digit(s.p[i]);
	x->seen = to;
	if (digits < 4 || !guard_alpha(s.p[from]) ||
	    !is_near(s, from, to, id_words, NEAR_BEFORE, NEAR_AFTER))
		return false;
	return mark(x, from, to, "ssn", "[SSN_REDACTED]");
}

/* --- IBAN, addresses --- */

static bool
find_iban(struct str s, size_t at, struct guard_span *x)
{
	char v[64];
	size_t from = at, n = 0, to;

	while (from > 0 && at - from < TOKEN_MAX &&
	    (guard_digit(s.p[from - 1]) || guard_alpha(s.p[from - 1]) ||
		s.p[from - 1] == ' '))
		from--;
	/* The text may be words; it begins where two letters and two digits
	 * stand. */
	for (; from + 15 <= s.n && from < at; from++) {
		if (from > 0 && guard_alnum(s.p[from - 1]))
			continue;
		if (!guard_alpha(s.p[from]) || !guard_alpha(s.p[from + 1]) ||
		    !guard_digit(s.p[from + 2]) || !guard_digit(s.p[from + 3]))
			continue;
		for (n = 0, to = from; to < s.n && n < 34; to++) {
			if (s.p[to] == ' ' || s.p[to] == '-')
				continue;
			if (!guard_digit(s.p[to]) && !guard_alpha(s.p[to]))
				break;
			v[n++] = s.p[to];
			if (n >= 15 &&
			    (to + 1 == s.n || !guard_alnum(s.p[to + 1])) &&
			    guard_iban((struct str){ v, n }))
				return mark(
				    x, from, to + 1, "iban", "[IBAN_REDACTED]");
		}
	}
	return false;
}

static bool
find_ip(struct str s, size_t at, struct guard_span *x)
{
	size_t from = at, to = at;
	char text[64];
	unsigned char out[16];
	bool six = false, four;

	while (from > 0 && at - from < 40 &&
	    (guard_digit(s.p[from - 1]) || s.p[from - 1] == '.' ||
		s.p[from - 1] == ':' ||
		((s.p[from - 1] | 0x20) >= 'a' &&
		    (s.p[from - 1] | 0x20) <= 'f')))
		from--;
	while (to < s.n && to - from < 46 &&
	    (guard_digit(s.p[to]) || s.p[to] == '.' || s.p[to] == ':' ||
		((s.p[to] | 0x20) >= 'a' && (s.p[to] | 0x20) <= 'f')))
		to++;
	x->seen = to;
	while (to > from && (s.p[to - 1] == '.' || s.p[to - 1] == ':'))
		to--;
	for (size_t i = from; i < to; i++)
		six |= s.p[i] == ':';
	four = memchr(s.p + from, '.', to - from) != NULL;
	if (six && four) { /* an address and its port */
		const char *colon = memchr(s.p + from, ':', to - from);

		if (colon != NULL)
			to = (size_t)(colon - s.p);
		six = false;
	}
	if (to <= from || to - from >= sizeof(text) ||
	    (from > 0 &&
		(guard_alnum(s.p[from - 1]) || s.p[from - 1] == '-' ||
		    s.p[from - 1] == '_')) ||
	    (to < s.n && (guard_alnum(s.p[to]) || s.p[to] == '-')))
		return false;
	memcpy(text, s.p + from, to - from);
	text[to - from] = '\0';
	if (inet_pton(six ? AF_INET6 : AF_INET, text, out) != 1)
		return false;
	if (!six && is_near(s, from, to, version_words, 14, 0))
		return false;
	if (six && to - from < 9) /* "::", "a::b": as likely something else */
		return false;
	return mark(x, from, to, "ip_address", "[IP_REDACTED]");
}

/* --- */

static int
add_category(struct guard_build *b, struct str text, struct str member,
    void *arg, struct err *e)
{
	unsigned *bits = arg;

	(void)b;
	for (size_t i = 0; i < NROWS(categories); i++)
		if (str_is(text, categories[i].word)) {
			*bits |= categories[i].bit;
			return 0;
		}
	return guard_bad(e, member,
	    "must be email, phone, credit_card, ssn, iban or ip_address");
}

static void
add(struct guard_build *b, const char *text, guard_verify *verify,
    const char *category)
{
	guard_add(b, GUARD_ANCHOR, str_from(text), HS_FLAG_CASELESS, category,
	    verify, STR_NONE);
}

/* The categories that share a finder are told apart by what it found. */
#define ONLY(name, finder, what)                                               \
	static bool name(struct str s, size_t at, struct guard_span *x)        \
	{                                                                      \
		return finder(s, at, x) && strcmp(x->category, what) == 0;     \
	}
ONLY(only_card, find_number, "credit_card")
ONLY(only_ssn, find_number, "ssn")
ONLY(only_phone, find_number, "phone")

int
guard_build_pii(struct guard_build *b, struct err *e)
{
	static const char number[] = "[0-9](?:[ .()/-]{0,3}[0-9]){6}";
	unsigned bits = 0;
	int n;

	if (guard_members(b->rule, "categories", e) == -1 ||
	    (n = guard_each(b, "categories", 16, add_category, &bits, e)) == -1)
		return -1;
	if (n == 0)
		bits = ~0u;
	if ((bits & EMAIL) != 0)
		add(b, "[a-z0-9._%+-]@(?:[a-z0-9-]+\\.)+[a-z]{2}", find_email,
		    "email");
	if ((bits & (CARD | SSN | PHONE)) == (CARD | SSN | PHONE))
		add(b, number, find_number, "number");
	else {
		if ((bits & CARD) != 0)
			add(b, number, only_card, "credit_card");
		if ((bits & SSN) != 0)
			add(b, number, only_ssn, "ssn");
		if ((bits & PHONE) != 0)
			add(b, number, only_phone, "phone");
	}
	if ((bits & SSN) != 0) {
		/* The letters before it are find_id()'s: beginning with a
		 * digit the matcher skips all words. */
		add(b, "[0-9]{2}(?: ?[0-9]{2}){1,3} ?[a-z]", find_id, "ssn");
		for (int i = 0; id_words[i] != NULL; i++)
			guard_add(b, GUARD_LOOK, str_from(id_words[i]),
			    HS_FLAG_CASELESS, "ssn", NULL, STR_NONE);
	}
	if ((bits & IBAN) != 0)
		add(b, "[a-z]{2}[0-9]{2}(?:[ -]?[a-z0-9]){11}", find_iban,
		    "iban");
	if ((bits & IP) != 0) {
		add(b, "[0-9]\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]", find_ip,
		    "ip_address");
		add(b, "[0-9a-f]{1,4}:(?::|[0-9a-f]{1,4}:)[0-9a-f:]*[0-9a-f]",
		    find_ip, "ip_address");
	}
	return 0;
}
