/* The same for the responses dialect of OpenAI. */
#define FUZZED dialect_openai_responses
#define OTHER dialect_anthropic_messages
#include "dialect_openai_whole.c"
