/*
 * The push rules that every user begins with, as today's clients and those of 2015 are
 * shown them. Spec: client-server-api/#predefined-rules, legacy-v1 pushrules.yaml
 */
#ifndef CORE_PUSH_RULES_H
#define CORE_PUSH_RULES_H

#include <stdbool.h>
#include "base/str.h"

struct push_rule;

/* Whose rules, and for which clients. */
struct push_rules {
	const char *user_id;
	bool legacy; /* 2015's: their kinds of conditions alone, dont_notify */
};

/* Is it one of override, content, room, sender, underride? */
bool push_rules_kind(const char *kind);
/* NULL: there is no such rule. */
const struct push_rule *push_rules_find(
    const struct push_rules *rules, const char *kind, const char *rule_id);

/* Append JSON. */
void push_rules_write(
    struct buf *out, const struct push_rules *rules); /* {kind: [...]} */
void push_rules_write_kind(
    struct buf *out, const struct push_rules *rules, const char *kind);
void push_rules_write_rule(
    struct buf *out, const struct push_rules *rules, const struct push_rule *rule);
void push_rules_write_actions(
    struct buf *out, const struct push_rules *rules, const struct push_rule *rule);
bool push_rules_enabled(const struct push_rule *rule);

#endif
