/* The same for Anthropic's dialect. */
#define FUZZED dialect_anthropic_messages
#include "dialect_openai_relay.c"
