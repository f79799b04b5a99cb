/*
 * Every FastCGI program, told apart by the name it is started under: one
 * file with several names (hard links), so that all processes share its
 * pages.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "admin/openapi.h"
#include "admin/program.h"
#include "fcgi/worker.h"
#include "pipeline/endpoint.h"

static const struct program *const programs[] = { &program_chat,
	&program_messages, &program_responses, &program_images, &program_models, &program_mcp,
	&program_authorizer, &program_health, &program_admin, &program_sim };
enum { NPROGRAMS = sizeof(programs) / sizeof(programs[0]) };

int
main(int argc, char *argv[])
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "";
	size_t n = strcspn(name, "."), i;

	for (i = 0; i < NPROGRAMS; i++) {
		struct program p = *programs[i];

		if (strlen(p.name) != n || memcmp(p.name, name, n) != 0)
			continue;
		/* Health describes all of them. */
		if (programs[i] == &program_health)
			p.describe = openapi_write;
		return worker_main(argc, argv, &p);
	}
	fprintf(stderr, "%.*s is none of these programs; start it as:", (int)n,
	    name);
	for (i = 0; i < NPROGRAMS; i++)
		fprintf(stderr, " %s.fcgi", programs[i]->name);
	fputc('\n', stderr);
	return EX_USAGE;
}
