/*
 * Listening by polls: one question, one answer, from where that ended. Relies on
 * answer_read for the frame and listen_heard for what is in it.
 */
#include "listen_worker.h"

static void
poll_ask(
    struct worker *worker, struct line *line, struct listener *who, int64_t timeout_ms)
{
	worker_add_request(worker, who, timeout_ms, "", &line->out);
}

static size_t
poll_take(struct worker *worker, struct line *line, char *bytes, size_t n)
{
	struct answer answer;
	size_t used = answer_read(bytes, n, &answer);

	if (used == 0)
		return 0;
	heard_answer(worker, line->who, answer.status, answer.body, answer.body_n);
	worker_answered(worker, line, line->who, used);
	return used;
}

const struct way way_poll = { .name = "poll",
	.each = 1,
	.id_name = JSON_ID_NAME,
	.ask = poll_ask,
	.take = poll_take };
const struct way way_tls = { .name = "tls",
	.each = 1,
	.is_secure = true,
	.id_name = JSON_ID_NAME,
	.ask = poll_ask,
	.take = poll_take };
