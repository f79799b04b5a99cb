/* Prompt injection and jailbreaks: phrases, a list of ours or the rule's. */
#include "domain/guard_parts.h"

#define PATTERNS_MAX 1000

#define YOUR                                                                   \
	"(?:your|the|these|those|any|all|my|all of your|all of the|any of "    \
	"the)"
#define PAST                                                                   \
	"(?:previous|prior|preceding|above|earlier|former|past|original|"      \
	"initial|existing|current)"
#define ORDERS                                                                 \
	"(?:instructions?|prompts?|rules?|directives?|guidelines?|directions?" \
	"|commands?|constraints?|context|programming|training|restrictions?)"
#define FORGET                                                                 \
	"(?:ignore|disregard|forget|override|bypass|discard|neglect|skip|do "  \
	"not follow|don'?t follow|stop following|pay no attention to)"
#define TELL                                                                   \
	"(?:reveal|show|print|repeat|output|display|tell me|give me|write "    \
	"out|leak|disclose|share|dump|expose|recite|quote)"

/* clang-format off */
static const char *const injections[] = {
	"\\b" FORGET " (?:" YOUR " )?(?:" YOUR " )?(?:" PAST " )?(?:system |safety |developer )?" ORDERS "\\b(?: (?:above|before|so far|given|you))?",
	"\\b" FORGET " (?:everything|anything|all|what) (?:that )?(?:(?:was|is|you were|you have been|i) )?(?:said |written |told |instructed )?(?:above|before|earlier|previously|until now|so far|to you)\\b",
	"\\b" FORGET " (?:what|everything) (?:you were|you have been|you've been) (?:told|taught|instructed)\\b",
	"\\b" TELL " (?:me )?(?:" YOUR " )?(?:full |entire |complete |exact |hidden |secret |internal |original |initial |verbatim )*(?:system|developer|initial|hidden|secret|internal) (?:prompt|message|instructions?|rules|directives|guidelines)\\b",
	"\\b" TELL " (?:me )?(?:the |your )?(?:text|words|content|everything|lines?|instructions?) (?:that (?:is|was|are|comes) )?(?:written )?(?:above|before) (?:this|the first|my)\\b",
	"\\bwhat (?:is|are|was|were) your (?:exact |full |original |initial |hidden |secret )*(?:system prompt|system message|system instructions|initial instructions|hidden instructions)\\b",
	"\\bnew (?:system )?instructions? ?: ?(?:you|from now|ignore|disregard|forget)\\b",
	"\\b(?:your|the) (?:real|actual|true|new) (?:instructions?|task|purpose|goal) (?:is|are) (?:now )?(?:to|as follows)\\b.{0,40}\\b(?:ignore|instead|override)\\b",
	"\\bfrom now on,? (?:you (?:will|must|shall|should) )?(?:ignore|disregard|forget|only obey|obey only)\\b",
	"(?:\\[|<|<\\|)/?(?:im_start|im_end|system|endoftext|inst|sys)(?:\\]|>|\\|>) ?(?:you|ignore|new|system|forget|disregard)\\b",
	"<\\|(?:im_start|im_end|endoftext|system)\\|>",
	"\\b(?:end of|end) (?:system )?(?:prompt|instructions)\\b.{0,20}\\b(?:begin|start|new) (?:user |system )?(?:prompt|instructions|mode)\\b",
	"\\bthis (?:message |instruction |text )?(?:overrides|supersedes|replaces) (?:all |any |your )?(?:other |previous |prior |earlier )*(?:instructions|rules|prompts)\\b",
	"\\b(?:ignoriere|vergiss|missachte) (?:bitte )?(?:alle |deine |die |s\\xc3\\xa4mtliche )*(?:vorherigen|bisherigen|vorigen|obigen|fr\\xc3\\xbcheren) (?:anweisungen|regeln|befehle|vorgaben)\\b",
	"\\b(?:ignorez?|oublie[zr]?) (?:toutes? )?(?:les |tes |vos )?(?:instructions?|consignes) (?:pr\\xc3\\xa9""c\\xc3\\xa9""dentes|ant\\xc3\\xa9rieures|ci-dessus)",
	"\\b(?:ignora|olvida|descarta) (?:todas )?(?:las |tus )?(?:instrucciones|reglas) (?:anteriores|previas)\\b",
	NULL
};

static const char *const jailbreaks[] = {
	"\\b(?:you are|act as|become|pretend to be|behave as|roleplay as|respond as) (?:now )?(?:going to act as )?(?:a )?dan\\b",
	"\\bdo anything now\\b",
	"\\b(?:enable|enter|activate|switch to|turn on|go into|unlock|you are (?:now )?in) (?:the )?(?:dan|developer|god|jailbreak|jailbroken|unrestricted|unfiltered|sudo|evil|chaos|dude|stan|aim|anti-?gpt) mode\\b",
	"\\bjailbr(?:eak|oken) (?:prompt|mode|version|yourself|chatgpt|the model|ai)\\b",
	"\\b(?:you are|act as|become|pretend (?:to be|you are)|imagine you are|simulate|respond as) (?:now )?(?:an? |the )?(?:completely |totally |fully )?(?:unrestricted|unfiltered|uncensored|amoral|unethical|evil|lawless|rule-?free|jailbroken)(?: and (?:unrestricted|unfiltered|uncensored|amoral|unethical|evil))?,? (?:ai|assistant|model|chatbot|language model|bot|llm|version|computer)\\b",
	"\\b(?:without|free (?:of|from)|no longer bound by|not bound by|no|ignore|bypass|disable|drop|remove) (?:any |all |your |the )*(?:ethical|moral|safety|content|openai(?:'s)?|anthropic(?:'s)?|legal or ethical|ethical or moral|moral or ethical|content policy) (?:and (?:ethical|moral|legal|safety) )?(?:guidelines?|restrictions?|limitations?|filters?|constraints?|rules|policies|policy|boundaries|guardrails|considerations?)\\b.{0,60}\\b(?:you|answer|respond|reply|your|tell|do|say|write)\\b",
	"\\b(?:bypass|disable|circumvent|turn off|switch off|deactivate) (?:all |any |your |the )*(?:safety|content|ethical|moral) (?:filters?|guardrails?|guidelines?|restrictions?|checks?|protocols?|policy|policies|mechanisms?)\\b",
	"\\byou (?:have|are) (?:no|free from|freed from|broken free from|not bound by|no longer bound by|not limited by) (?:any |all |the |typical |usual )*(?:restrictions?|limitations?|filters?|rules|censorship|guidelines|confines of ai|moral compass|ethics)\\b",
	"\\b(?:never|do not|don'?t|must not|cannot|can'?t) (?:ever )?(?:refuse|decline|reject) (?:a |any |my |to answer |to respond |to do )(?:request|question|order|command|prompt|anything|of)",
	"\\b(?:stay|remain) in character (?:at all times )?(?:and|no matter|even if)\\b.{0,60}\\b(?:refuse|illegal|unethical|rules|policy|harmful|restrictions)\\b",
	"\\b(?:pretend|imagine|act like|behave as if|assume) (?:that )?(?:you (?:have|had) no|there (?:are|were) no) (?:rules|restrictions|limits|limitations|guidelines|filters|laws|ethics|morals|censorship)\\b",
	"\\bmy (?:late |dead |deceased )?(?:grandma|grandmother|granny)\\b.{0,60}\\b(?:used to|would)\\b.{0,60}\\b(?:napalm|windows (?:10|11)? ?keys?|explosives?|bomb|meth|recipe for|how to make)\\b",
	"\\b(?:give|provide|write) (?:me )?two (?:responses|answers|replies)\\b.{0,60}\\b(?:jailbr|unfiltered|uncensored|without (?:any )?(?:filter|restriction)|dan)\\b",
	"\\bopposite (?:mode|day)\\b.{0,60}\\b(?:restrictions?|guidelines|refuse|rules|filters?)\\b",
	"\\b(?:evil|unfiltered|uncensored|amoral) (?:confidant|twin|trusted confidant)\\b",
	NULL
};
/* clang-format on */

static int
add_pattern(struct guard_build *b, struct str text, struct str member,
    void *arg, struct err *e)
{
	if (guard_add_regex(b, text, false, member, e) == -1)
		return -1;
	b->v[b->n - 1].kind = GUARD_PHRASE;
	b->v[b->n - 1].category = arg;
	return 0;
}

static int
build(struct guard_build *b, const char *const *list, const char *category,
    struct err *e)
{
	int n;

	if (guard_members(b->rule, "patterns", e) == -1 ||
	    (n = guard_each(b, "patterns", PATTERNS_MAX, add_pattern,
		 (void *)(uintptr_t)category, e)) == -1)
		return -1;
	for (; n == 0 && *list != NULL; list++)
		guard_add(b, GUARD_PHRASE, str_from(*list), HS_FLAG_CASELESS,
		    category, NULL, STR("patterns"));
	return 0;
}

int
guard_build_injection(struct guard_build *b, struct err *e)
{
	static const char category[] = "prompt_injection";

	return build(b, injections, category, e);
}

int
guard_build_jailbreak(struct guard_build *b, struct err *e)
{
	static const char category[] = "jailbreak";

	return build(b, jailbreaks, category, e);
}
