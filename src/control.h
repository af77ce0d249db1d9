/*
 * The operator's words: one table of operations, which work on the running server,
 * through a socket in its data_dir, and on its database while it does not run.
 * A request is one line of JSON, {"do": "user add", "name": ...}; so is the answer,
 * {"ok": {...}} or {"error": "a sentence"}.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include "base/json.h"
#include "base/str.h"
#include "config.h"
#include "room/ctx.h"

#define CONTROL_LINE_MAX 65536 /* of a request, with its newline */
#define CONTROL_ARGUMENTS_MAX 8

struct argument {
	const char *name;
	enum json_type type;
	bool is_needed;
};

struct operation {
	const char *name;
	struct argument arguments[CONTROL_ARGUMENTS_MAX];
	/* args holds arguments of this table alone, each of its type. Adds to answer,
	 * in the arena; may block. An error's sentence is ctx->why, else the errcode's
	 * own. */
	enum mx_err (*run)(struct ctx *ctx, struct arena *arena,
	    const struct json *args, struct json *answer);
};

/* Runs what a line asks for (no newline needed) and adds the answer, newline included.
 * Whatever the line is, there is an answer. What was written is durable then. */
void control_answer(
    struct ctx *ctx, struct arena *arena, struct str line, struct buf *out);

/* ---- the server's side ---- */

struct control;

/* Listens on data_dir/control.sock (mode 0600; takes root and the user of the process
 * alone), in a thread of its own. The data_dir's lock is held. NULL with *error_out. */
struct control *control_start(
    struct core *core, const char *data_dir, char **error_out);
/* Finishes what is under way, takes the socket away. NULL is allowed. */
void control_stop(struct control *control);

/* ---- the client's side ---- */

/*
 * Has the running server do what request says, or does it here where none runs. The
 * answer's "ok" lies in the arena. NULL with *error_out (malloc'ed): a sentence.
 */
const struct json *control_ask(const struct config *config, struct arena *arena,
    const struct json *request, char **error_out);

#endif
