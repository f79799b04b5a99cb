#ifndef PROVIDER_IMAGE_H
#define PROVIDER_IMAGE_H

#include "provider/quirk.h"

/* How the size of an image is told. */
enum image_size {
	IMAGE_PIXELS, /* size "1024x1024" */
	IMAGE_GPT,    /* one of the three sizes of GPT image */
	IMAGE_RATIO,  /* aspect_ratio "1:1" */
	IMAGE_SIDES   /* width and height */
};

/* What a provider's images/generations takes of api.md 8.1. */
struct image_words {
	const char *takes; /* members, blanks between; NULL: all of them */
	enum image_size size;
	const char *b64; /* response_format that means base64; NULL: there is
			    no such member */
};

extern const struct image_words image_gpt;
extern const struct image_words image_xai;
extern const struct image_words image_together;
extern const struct image_words image_zai;
extern const struct image_words image_bytedance;

/* The changes that the way's words ask for. */
void quirk_image(const struct target *, const struct llm_request *,
    struct changes *, struct arena *);

/*
 * An edit as a form: the members of the JSON body become fields (quirk_image()
 * has taken out images and mask), images and mask its files.  Files of the client's own form are sent from where they are.  The
 * line for Content-Type goes to *type.
 */
int form_body(struct llm_request *, struct str json, struct arena *,
    struct http_request *, struct str *type, struct err *);

#endif
