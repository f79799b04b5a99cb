#ifndef DIALECT_IMAGE_H
#define DIALECT_IMAGE_H

#include "dialect/answer.h"
#include "dialect/check.h"

/*
 * Shared by the files of the image dialects only: images/generations and
 * images/edits as OpenAI has them, and those who draw in other words.  Bytes of
 * images stay base64 text, and are sent from where they came in.
 */
extern const struct jrule image_rules[];      /* of generations */
extern const struct jrule image_edit_rules[]; /* of edits */

#define IMAGE_FILES_MAX 16

/* The fields of a form become a JSON body, its files r->files. */
int image_form(struct llm_request *, struct arena *, struct err *);

/* For encoders: are there at most so many images?  -1: no. */
int image_at_most(const struct llm_request *, int max, struct err *);
/* The word for the ratio that is nearest to the picture's. */
struct image_ratio {
	int w, h;
	const char *word;
};
const char *image_nearest(
    const struct image_ratio *, size_t n, const struct llm_picture *);

/* The halves of the vtables (image_request.c, image_answer.c, image_stream.c). */
int image_peek(struct llm_request *, struct arena *, struct err *);
int image_edit_peek(struct llm_request *, struct arena *, struct err *);
int image_decode_request(struct llm_request *, struct arena *, struct err *);
int image_body_patches(const struct llm_request *, struct jpatch *, int max);
const void *image_note(const struct llm_request *, struct arena *life);

int image_decode_answer(struct arena *, const struct frame *, struct str body,
    struct llm_sink *, struct err *);
int image_patch_read(struct arena *, const struct frame *, struct str body,
    struct llm_facts *, struct err *);
int image_patch_pieces(struct arena *, const struct frame *,
    const struct tail *, struct str body, struct pieces *, struct err *);
void image_encode_pieces(const struct frame *, const struct llm_answer *,
    const struct tail *, struct pieces *);

struct image_relay {
	struct llm_facts facts;
	bool open; /* an event with a picture lacks its end */
};
int image_relay_event(void *, struct arena *, const struct frame *,
    const struct sse_event *, struct buf *out, struct err *);
int image_relay_end(void *, struct arena *, const struct frame *,
    const struct tail *, struct buf *out, struct err *);
const struct llm_facts *image_relay_facts(const void *);
void image_relay_free(void *);
void image_encode_event(void *enc, const struct frame *,
    const struct llm_event *, const struct tail *, struct buf *);

/* The event's name: "image_edit" or "image_generation", "." and the word. */
const char *image_event_head(const struct frame *);
/* Members usage and metadata; `raw`: the provider's usage, or absent. */
void image_put_tail(struct jw *, const struct tail *, struct str raw);
/* Counts, and size and quality of what was drawn. */
void image_read_usage(
    const struct jmember *, int n, const struct frame *, struct llm_facts *);

/*
 * For decoders: a picture as a block of choice 0, base64 of a type
 * ("image/png") or, without one, a URL; then the end of the answer.
 */
int image_put(struct llm_sink *, int block, struct str type, struct str text,
    struct err *);
int image_put_start(const struct frame *, struct llm_sink *, struct err *);
int image_put_end(const struct llm_facts *, struct llm_sink *, struct err *);
int image_none(struct err *);     /* no picture was made; -1 */
int image_filtered(struct err *); /* nor may it be; -1 */

#endif
