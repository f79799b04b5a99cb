/*
 * Images as OpenAI's API has them: two endpoints, and the same answers.
 */
#include "dialect/image.h"
#include "dialect/openai.h"

#define COMMON                                                                 \
	.task = LLM_IMAGE, .id_prefix = "img-",                                \
	.body_patches = image_body_patches,                                    \
	.decode_request = image_decode_request, .note = image_note,            \
	.encode_event = image_encode_event,                                    \
	.encode_pieces = image_encode_pieces,                                  \
	.encode_error = openai_encode_error,                                   \
	.enc_size = sizeof(struct image_relay),                                \
	.decode_answer = image_decode_answer,                                  \
	.decode_error = openai_decode_error, .relay_event = image_relay_event, \
	.relay_end = image_relay_end, .relay_facts = image_relay_facts,        \
	.relay_free = image_relay_free,                                        \
	.relay_size = sizeof(struct image_relay),                              \
	.patch_read = image_patch_read, .patch_pieces = image_patch_pieces

const struct dialect dialect_openai_images = {
	.name = "openai-images",
	.hears = LLM_SAY_LINK | LLM_SAY_PARTIAL,
	.peek = image_peek,
	COMMON,
};

/* Spoken to providers as a form, whatever the client sent. */
const struct dialect dialect_openai_edits = {
	.name = "openai-edits",
	.form = true,
	.hears = LLM_SAY_EDIT | LLM_SAY_MASK | LLM_SAY_LINK | LLM_SAY_PARTIAL,
	.peek = image_edit_peek,
	COMMON,
};
