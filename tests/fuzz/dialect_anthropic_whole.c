/* The same for Anthropic's dialect. */
#define FUZZED dialect_anthropic_messages
#define OTHER dialect_openai_chat
#include "dialect_openai_whole.c"
