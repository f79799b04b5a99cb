/* The same for the responses dialect of OpenAI. */
#define FUZZED dialect_openai_responses
#include "dialect_openai_relay.c"
