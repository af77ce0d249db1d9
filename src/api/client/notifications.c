/*
 * Listing notifications. Relies on room/notifications.
 * Spec: client-server-api/#get_matrixclientv3notifications
 */
#include "room/notifications.h"

#include <string.h>

#include "api/client/handlers.h"
#include "api/client/reading.h"
#include "stream/token.h"

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 100

enum mx_err
client_notifications(struct req *req)
{
	const char *only = req_query(req, "only");
	struct notifications n = { .who = &req->who,
		.before = INT64_MAX,
		.only_highlights = only != NULL && strcmp(only, "highlight") == 0 };
	struct place from;
	bool has_from;
	enum mx_err err = reading_limit(req, LIMIT_DEFAULT, LIMIT_MAX, &n.limit);

	if (err == M_OK)
		err = reading_place(req, "from", &from, &has_from);
	if (err != M_OK)
		return err;
	if (has_from)
		n.before = from.line;
	if (n.limit == 0)
		n.limit = 1;
	buf_lit(&req->out, "{\"notifications\":");
	err = notifications_write(req->ctx, req->arena, &n, &req->out);
	if (err == M_OK && n.next > 0) {
		buf_lit(&req->out, ",\"next_token\":\"");
		token_write_place(&req->out, (struct place){ n.next, 0 });
		buf_char(&req->out, '"');
	}
	buf_char(&req->out, '}');
	return err;
}
