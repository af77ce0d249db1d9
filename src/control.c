/*
 * From a line to an operation and its answer. Relies on the tables of control_users,
 * control_rooms, control_tokens and control_media, and through them on core.
 * Lines come from the operator's own programs, and are trusted no more than any other.
 */
#include "control_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include "api/error.h"

static const struct operation *
find_in(const struct operation *table, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static const struct operation *
find(const char *name)
{
	const struct operation *found =
	    find_in(control_users, control_users_count, name);

	if (found == NULL)
		found = find_in(control_rooms, control_rooms_count, name);
	if (found == NULL)
		found = find_in(control_tokens, control_tokens_count, name);
	if (found == NULL)
		found = find_in(control_media, control_media_count, name);
	return found;
}

static const struct argument *
argument_of(const struct operation *operation, const char *name)
{
	for (int i = 0; i < CONTROL_ARGUMENTS_MAX; i++)
		if (operation->arguments[i].name != NULL &&
		    strcmp(operation->arguments[i].name, name) == 0)
			return &operation->arguments[i];
	return NULL;
}

/* As its type says; a string without a NUL inside. */
static bool
argument_fits(const struct argument *argument, const struct json *value)
{
	return json_is(value, argument->type) &&
	       (argument->type != JSON_STR || json_as_str(value) != NULL);
}

/* NULL: all is well; else a sentence in the arena. */
static const char *
check_arguments(
    struct arena *arena, const struct operation *operation, const struct json *args)
{
	for (uint32_t i = 0; i < args->n; i++) {
		const struct json_member *m = &args->members[i];
		const struct argument *a = argument_of(operation, m->key);

		if (strlen(m->key) == m->key_n && strcmp(m->key, "do") == 0)
			continue;
		if (a == NULL || strlen(m->key) != m->key_n)
			return arena_printf(
			    arena, "%s takes no '%s'", operation->name, m->key);
		if (!argument_fits(a, &m->value))
			return arena_printf(arena, "%s: '%s' is of the wrong type",
			    operation->name, a->name);
	}
	for (int i = 0; i < CONTROL_ARGUMENTS_MAX; i++) {
		const struct argument *a = &operation->arguments[i];

		if (a->name != NULL && a->is_needed && json_get(args, a->name) == NULL)
			return arena_printf(
			    arena, "%s needs '%s'", operation->name, a->name);
	}
	return NULL;
}

/* NULL: done, *answer is filled in; else a sentence. */
static const char *
run(struct ctx *ctx, struct arena *arena, struct str line, struct json *answer)
{
	struct json_error error = { 0 };
	const struct json *args =
	    json_parse_copy(arena, line.p, line.n, JSON_STRICT, &error);
	const char *name = json_get_str(args, "do"), *wrong;
	const struct operation *operation;
	enum mx_err err;

	if (args == NULL)
		return arena_printf(arena, "the line is not valid JSON: %s", error.why);
	if (name == NULL)
		return "the line does not say what to do";
	operation = find(name);
	if (operation == NULL)
		return arena_printf(arena, "there is no operation '%s'", name);
	wrong = check_arguments(arena, operation, args);
	if (wrong != NULL)
		return wrong;
	err = operation->run(ctx, arena, args, answer);
	if (err == M_OK)
		err = ctx_settle(ctx);
	if (err == M_OK)
		return NULL;
	return ctx->why != NULL ? ctx->why : error_sentence(err);
}

void
control_answer(struct ctx *ctx, struct arena *arena, struct str line, struct buf *out)
{
	struct json *answer = json_object(arena);
	const char *wrong;

	ctx->why = NULL;
	ctx->ticket_count = 0;
	wrong = run(ctx, arena, line, answer);
	if (wrong != NULL) {
		buf_lit(out, "{\"error\":");
		buf_json_str(out, wrong);
	} else {
		buf_lit(out, "{\"ok\":");
		json_write(out, answer);
	}
	buf_lit(out, "}\n");
}

/* ---- what both sides use ---- */

int
control_address(const char *data_dir, struct sockaddr_un *address_out)
{
	int folder = open(data_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0)
		return -1;
	*address_out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address_out->sun_path, sizeof address_out->sun_path,
	    "/proc/self/fd/%d/" CONTROL_SOCKET, folder);
	return folder;
}

bool
control_send(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, data, n, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		data += done;
		n -= (size_t)done;
	}
	return true;
}
