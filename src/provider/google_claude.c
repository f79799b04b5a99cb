/*
 * Claude on Vertex: Anthropic's body, but the model is named by the path, the
 * version is a member, and so are betas, of which it refuses those it does not
 * know (wire.md section 6; traps 94-96).
 */
#include "provider/claude.h"
#include "provider/google.h"

#define CLAUDE_VERSION "\"vertex-2023-10-16\""

/* Newer members of Anthropic's own API, refused here as extra inputs. */
static const char *const strange[] = { "container", "context_management",
	"inference_geo", "mcp_servers", "output_config", "service_tier",
	"speed" };

void
google_claude_change(const struct target *t, const struct llm_request *r,
    struct changes *c, struct arena *a, struct str allowed)
{
	bool counts = t->way->dialect->task == LLM_COUNT;
	struct str betas = STR_NONE;
	size_t i;

	quirk_set(c, STR("anthropic_version"), STR(CLAUDE_VERSION));
	if (!counts) {
		quirk_del(c, STR("model"));
		betas = claude_betas(r->betas, allowed, a);
	}
	if (betas.p != NULL)
		quirk_set(c, STR("anthropic_beta"), betas);
	for (i = 0; i < NROWS(strange); i++) {
		if (jscan_get(c->members, c->nmembers, strange[i]).p == NULL)
			continue;
		quirk_del(c, str_from(strange[i]));
		quirk_drop(c, strange[i]);
	}
}
