#include "llm/llm.h"

int
llm_no_content(const struct llm_facts *f, struct err *e)
{
	if (f->text_bytes > 0 || f->calls > 0 || f->images > 0 || f->audio ||
	    f->refused || f->usage.output > 0 || f->usage.reasoning > 0 ||
	    f->why == LLM_STOP_LENGTH || f->why == LLM_STOP_FILTER)
		return 0;
	return err_set(e, ERR_NO_CONTENT,
	    "Response finished successfully but returned no content or tool "
	    "calls");
}
