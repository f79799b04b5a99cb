#ifndef DIALECT_PARTS_H
#define DIALECT_PARTS_H

#include "llm/llm.h"

/* What several dialects do with parts of messages. */

/* Append a new part to the list whose end *tail is; returns the part. */
struct llm_part *parts_add(
    struct llm_part ***tail, enum llm_kind, struct arena *);

/*
 * Where a MEDIA part is: "data:TYPE;base64,..." is taken apart into mime and
 * data, everything else stays a URL, of a type that the caller knows.
 * "image/jpg" becomes "image/jpeg" (trap 106); text in base64 becomes text.
 */
void parts_take_url(struct llm_part *, struct str url, struct arena *);

/* The same back: the URL, or the data as a data URL. */
void parts_put_url(const struct llm_part *, struct buf *);

/* The text of a node as a part; nothing if it is no string. */
void parts_add_text(struct llm_part ***tail, enum llm_kind,
    struct json_object *node, struct arena *);

/* OpenAI's members of a file: file_id, filename, and file_data of any form. */
void parts_take_file(
    struct llm_part *, struct json_object *file, struct arena *);

/* Is one of the parts of this kind? */
bool parts_have(const struct llm_part *, enum llm_kind);

/* By the type: "image/", "audio/", "video/"; else it is a document. */
bool parts_is(const struct llm_part *, const char *kind);

/*
 * Members of the body that are not in the NULL-ended list, and not null, become
 * hints.  r->doc must stand.
 */
void parts_hints(
    struct llm_request *, const char *const *known, struct arena *);

/*
 * The id of a call for those who take letters, digits, '_' and '-' only, and at
 * most max of them (0: any number); others become a hash, the same for the call
 * and its result.
 */
bool parts_is_word(struct str, size_t max);
struct str parts_call_id(struct str, size_t max, struct arena *);
/* The name of a tool for them: '_' stands for what they do not take. */
struct str parts_tool_name(struct str, size_t max, struct arena *);

/* The mark {"type":"ephemeral","ttl":"1h"}; NULL: none. */
enum llm_cache parts_cache(struct json_object *);

#endif
