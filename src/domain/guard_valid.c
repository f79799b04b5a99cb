#include <math.h>

#include "domain/guard_parts.h"

bool
guard_luhn(const char *p, size_t n)
{
	unsigned sum = 0, d;
	bool same = true;

	for (size_t i = 0; i < n; i++) {
		d = (unsigned)(p[n - 1 - i] - '0');
		same = same && p[i] == p[0];
		if (i % 2 == 1)
			d = d > 4 ? d * 2 - 9 : d * 2;
		sum += d;
	}
	return n > 0 && !same && sum % 10 == 0;
}

/* Lengths by country (ISO 13616 registry). */
static const char lengths[] =
    "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DK18DO28"
    "EE20EG29ES24FI18FO18FR27GB22GE22GI23GL18GR27GT28HR21HU28IE22IL23IQ23IS26"
    "IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MR27MT31MU30"
    "NL18NO15PK24PL28PS29PT25QA29RO24RS22SA24SC31SD18SE24SI19SK24SM27ST25SV28"
    "TL23TN24TR26UA29VA22VG24XK20";

static size_t
iban_length(char a, char b)
{
	for (const char *p = lengths; *p != '\0'; p += 4)
		if (p[0] == a && p[1] == b)
			return (size_t)((p[2] - '0') * 10 + p[3] - '0');
	return 0;
}

static char
upper(char c)
{
	return guard_alpha(c) ? (char)(c & ~0x20) : c;
}

bool
guard_iban(struct str s)
{
	unsigned rest = 0;
	char c;

	if (s.n < 15 || iban_length(upper(s.p[0]), upper(s.p[1])) != s.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		c = upper(s.p[(i + 4) % s.n]);
		rest = guard_digit(c) ? rest * 10 + (unsigned)(c - '0') :
					rest * 100 + (unsigned)(c - 'A') + 10;
		rest %= 97;
	}
	return rest == 1;
}

double
guard_entropy(struct str s)
{
	unsigned count[256] = { 0 };
	double bits = 0, p;

	for (size_t i = 0; i < s.n; i++)
		count[(unsigned char)s.p[i]]++;
	for (int i = 0; i < 256; i++) {
		if (count[i] == 0)
			continue;
		p = (double)count[i] / (double)s.n;
		bits -= p * log2(p);
	}
	return bits;
}

bool
guard_word_in(struct str text, const char *const *words)
{
	for (size_t i = 0; i < text.n; i++) {
		if (i > 0 && guard_alnum(text.p[i - 1]))
			continue;
		for (const char *const *w = words; *w != NULL; w++) {
			size_t n = strlen(*w);

			if ((text.p[i] | 0x20) == (**w | 0x20) &&
			    i + n <= text.n &&
			    strncasecmp(text.p + i, *w, n) == 0 &&
			    (i + n == text.n || !guard_alnum(text.p[i + n])))
				return true;
		}
	}
	return false;
}
