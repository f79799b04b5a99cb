#include "llm/llm.h"

#define BYTES_PER_TOKEN 4

int64_t
llm_count(int64_t bytes)
{
	return (bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
}
