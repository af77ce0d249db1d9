/*
 * The table of presence and what users do to it. A user is as available as the most
 * available of their devices; without activity for a while no more than unavailable.
 * Stands below /sync, /events, /presence and whatever is activity.
 */
#include "core/presence.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/presence_inside.h"
#include "store/presence.h"

/* A device that was set by hand, and is not heard of again. */
#define SET_MS PRESENCE_ACTIVE_MS
/* One that hides does so until it says otherwise, or has not been heard of for a day.
 */
#define HIDDEN_MS (24LL * 3600 * 1000)

/* --- the table --- */

/* The clock gives the first position: those of before a restart are smaller. */
static struct presence *
table_new(void)
{
	struct presence *p = xcalloc(1, sizeof *p);

	lock_init(&p->lock, RANK_CACHE);
	p->position = clock_now_ms();
	p->to_tell_end = &p->to_tell;
	p->to_write_end = &p->to_write;
	p->written_ms = clock_mono_ms();
	return p;
}

static void
present_free(struct present *u)
{
	free(u->user_id);
	free(u->status_msg);
	free(u);
}

void
presence_free(struct core *core)
{
	struct presence *p = core->presence;
	struct present *u;

	if (p == NULL)
		return;
	for (size_t at = 0; (u = map_next(&p->users, &at)) != NULL;)
		present_free(u);
	map_fini(&p->users);
	lock_fini(&p->lock);
	free(p);
	core->presence = NULL;
}

struct presence *
presence_on(struct core *core)
{
	return core->set.presence_enabled ? core->presence : NULL;
}

static void
unlink_user(struct presence *p, struct present *u)
{
	if (u->older != NULL)
		u->older->newer = u->newer;
	else if (p->oldest == u)
		p->oldest = u->newer;
	if (u->newer != NULL)
		u->newer->older = u->older;
	else if (p->newest == u)
		p->newest = u->older;
	u->older = u->newer = NULL;
}

void
presence_remove_locked(struct presence *p, struct present *u)
{
	unlink_user(p, u);
	map_del_str(&p->users, u->user_id);
	present_free(u);
}

struct present *
presence_user_locked(struct presence *p, const char *user_id)
{
	struct present *u = map_get_str(&p->users, user_id);

	if (u == NULL) {
		u = xcalloc(1, sizeof *u);
		u->user_id = xstrdup(user_id);
		map_put_str(&p->users, u->user_id, u);
	}
	return u;
}

void
presence_moved_locked(
    struct presence *p, struct present *u, int64_t now_ms, bool by_hand)
{
	u->position = ++p->position;
	u->changed_ms = now_ms;
	if (by_hand)
		u->own_position = u->position;
	unlink_user(p, u);
	u->older = p->newest;
	if (p->newest != NULL)
		p->newest->newer = u;
	else
		p->oldest = u;
	p->newest = u;
	if (!u->is_to_tell) {
		u->is_to_tell = true;
		u->next_to_tell = NULL;
		*p->to_tell_end = u;
		p->to_tell_end = &u->next_to_tell;
	}
}

static void
note_online(struct presence *p, struct present *u)
{
	bool is_online = u->state > PRESENCE_OFFLINE;

	if (is_online == u->was_online)
		return;
	u->was_online = is_online;
	if (u->is_to_write)
		return;
	u->is_to_write = true;
	u->next_to_write = NULL;
	*p->to_write_end = u;
	p->to_write_end = &u->next_to_write;
}

/* --- states --- */

static void
drop_gone_devices(struct present *u, int64_t now_ms)
{
	for (int i = u->device_count - 1; i >= 0; i--)
		if (u->devices[i].until_ms <= now_ms)
			u->devices[i] = u->devices[--u->device_count];
}

static enum presence_state
claimed(const struct present *u)
{
	enum presence_state most = PRESENCE_OFFLINE;

	for (int i = 0; i < u->device_count; i++)
		if (u->devices[i].state > most)
			most = u->devices[i].state;
	return most;
}

bool
presence_settle_locked(
    struct presence *p, struct present *u, int64_t now_ms, bool by_hand)
{
	int64_t idle_ms = now_ms - u->active_mono_ms;
	enum presence_state state;
	bool active;

	drop_gone_devices(u, now_ms);
	state = claimed(u);
	if (state > PRESENCE_UNAVAILABLE && idle_ms >= PRESENCE_IDLE_MS)
		state = PRESENCE_UNAVAILABLE;
	active = state > PRESENCE_UNAVAILABLE && idle_ms < PRESENCE_ACTIVE_MS;
	if (state == u->state && active == u->currently_active)
		return false;
	u->state = state;
	u->currently_active = active;
	note_online(p, u);
	presence_moved_locked(p, u, now_ms, by_hand);
	return true;
}

static void
bump(struct present *u, int64_t now_ms)
{
	u->active_mono_ms = now_ms;
	u->last_active_ms = clock_now_ms();
}

/* No device has this name: it stands for those of before a restart until one is back.
 */
#define DEVICE_OF_BEFORE ""

static uint64_t
id_of(const char *device_id)
{
	return map_hash(device_id, strlen(device_id));
}

/* NULL: it has not been heard of. */
static struct presence_device *
find_device(struct present *u, const char *device_id)
{
	uint64_t id = id_of(device_id);

	for (int i = 0; i < u->device_count; i++)
		if (u->devices[i].id == id)
			return &u->devices[i];
	return NULL;
}

/* The one that is heard of the longest ago makes room for a new one. */
static struct presence_device *
device_of(struct present *u, const char *device_id)
{
	struct presence_device *known = find_device(u, device_id);
	struct presence_device *least = &u->devices[0];

	if (known != NULL)
		return known;
	if (u->device_count == 1 && least->id == id_of(DEVICE_OF_BEFORE)) {
		least->id = id_of(device_id);
		return least;
	}
	for (int i = 0; i < u->device_count; i++)
		if (u->devices[i].until_ms < least->until_ms)
			least = &u->devices[i];
	if (u->device_count < DEVICES_MAX)
		least = &u->devices[u->device_count++];
	*least = (struct presence_device){ .id = id_of(device_id) };
	return least;
}

static void
keep_device(struct presence_device *d, int64_t until_ms)
{
	if (d->until_ms < until_ms)
		d->until_ms = until_ms;
}

bool
presence_parse(const char *word, bool is_legacy, enum presence_state *out)
{
	if (strcmp(word, "online") == 0)
		*out = PRESENCE_ONLINE;
	else if (strcmp(word, "unavailable") == 0)
		*out = PRESENCE_UNAVAILABLE;
	else if (strcmp(word, "offline") == 0)
		*out = PRESENCE_OFFLINE;
	else if (is_legacy && strcmp(word, "free_for_chat") == 0)
		*out = PRESENCE_FREE_FOR_CHAT;
	else
		return false;
	return true;
}

/* --- what users do --- */

void
presence_seen(struct core *core, const struct identity *who, enum presence_state state,
    int64_t for_ms)
{
	struct presence *p = presence_on(core);
	int64_t now_ms = clock_mono_ms();
	struct presence_device *d;
	struct present *u;

	if (p == NULL || who->is_guest)
		return;
	lock_take(&p->lock);
	u = presence_user_locked(p, who->user_id);
	drop_gone_devices(u, now_ms);
	d = device_of(u, who->device_id);
	if (state == PRESENCE_AS_IS)
		state = d->until_ms > 0 ? d->state : PRESENCE_ONLINE;
	/* A poll that says what the one before said is no activity. */
	if (state >= PRESENCE_ONLINE && d->state < PRESENCE_ONLINE)
		bump(u, now_ms);
	if (state != PRESENCE_ONLINE || d->state != PRESENCE_FREE_FOR_CHAT)
		d->state = state;
	keep_device(d, now_ms + for_ms + PRESENCE_GRACE_MS);
	presence_settle_locked(p, u, now_ms, false);
	lock_give(&p->lock);
}

void
presence_stays(
    struct core *core, const char *user_id, const char *device_id, int64_t for_ms)
{
	struct presence *p = presence_on(core);
	int64_t now_ms = clock_mono_ms();
	struct presence_device *d;
	struct present *u;

	if (p == NULL)
		return;
	lock_take(&p->lock);
	u = map_get_str(&p->users, user_id);
	d = u == NULL ? NULL : find_device(u, device_id);
	if (d != NULL)
		keep_device(d, now_ms + for_ms + PRESENCE_GRACE_MS);
	lock_give(&p->lock);
}

void
presence_active(struct core *core, const struct identity *who)
{
	struct presence *p = presence_on(core);
	int64_t now_ms = clock_mono_ms();
	struct presence_device *d;
	struct present *u;

	if (p == NULL || who->is_guest)
		return;
	lock_take(&p->lock);
	u = presence_user_locked(p, who->user_id);
	drop_gone_devices(u, now_ms);
	d = device_of(u, who->device_id);
	if (d->until_ms == 0 || d->state != PRESENCE_OFFLINE) {
		bump(u, now_ms);
		if (d->state < PRESENCE_ONLINE)
			d->state = PRESENCE_ONLINE;
		keep_device(d, now_ms + PRESENCE_ACTIVE_MS);
		presence_settle_locked(p, u, now_ms, false);
	}
	lock_give(&p->lock);
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* A status of its own on its way to the table. */
struct saying {
	struct core *core;
	const char *user_id;
	uint32_t said; /* filled in: which change it is */
};

/* What is said now, which may be newer than what made this write: the last one to be
 * written is the last one that was said. */
static enum mx_err
write_status(void *arg, struct db *db)
{
	struct saying *s = arg;
	struct presence *p = s->core->presence;
	const struct present *u;
	char *status;
	enum mx_err err;

	lock_take(&p->lock);
	u = map_get_str(&p->users, s->user_id);
	status = u == NULL || u->status_msg == NULL ? NULL : xstrdup(u->status_msg);
	s->said = u == NULL ? 0 : u->said;
	lock_give(&p->lock);
	err = store_presence_status(db, s->user_id, status);
	free(status);
	return err;
}

/* Once it is durable. Until then, whoever says the same has it written as well. */
static void
note_written(const struct saying *s)
{
	struct presence *p = s->core->presence;
	struct present *u;

	lock_take(&p->lock);
	u = map_get_str(&p->users, s->user_id);
	if (u != NULL && s->said > u->said_written && s->said <= u->said)
		u->said_written = s->said;
	lock_give(&p->lock);
}

/* True: the user's status is to be written. */
static bool
set_locked(struct presence *p, const struct identity *who, enum presence_state state,
    const char *status_msg)
{
	int64_t now_ms = clock_mono_ms();
	struct present *u = presence_user_locked(p, who->user_id);
	struct presence_device *d = device_of(u, who->device_id);
	bool says_another = !same(u->status_msg, status_msg);

	d->state = state;
	d->until_ms = now_ms + (state == PRESENCE_OFFLINE ? HIDDEN_MS : SET_MS);
	/* "... or changing presence state to online": who says that they are idle has
	 * not been active just now. */
	if (state >= PRESENCE_ONLINE)
		bump(u, now_ms);
	if (says_another) {
		free(u->status_msg);
		u->status_msg = status_msg == NULL ? NULL : xstrdup(status_msg);
		u->said++;
	}
	if (!presence_settle_locked(p, u, now_ms, true) && says_another)
		presence_moved_locked(p, u, now_ms, true);
	return u->said != u->said_written;
}

enum mx_err
presence_set(struct ctx *ctx, const struct identity *who, enum presence_state state,
    const char *status_msg)
{
	struct presence *p = presence_on(ctx->core);
	struct saying saying = { .core = ctx->core, .user_id = who->user_id };
	enum mx_err err = M_OK;
	bool is_to_write;

	if (status_msg != NULL && strlen(status_msg) > PRESENCE_STATUS_MAX)
		return ctx_fail(ctx, M_TOO_LARGE, "A status has at most 1024 bytes");
	if (status_msg != NULL && status_msg[0] == '\0')
		status_msg = NULL;
	if (p == NULL || who->is_guest)
		return M_OK;
	lock_take(&p->lock);
	is_to_write = set_locked(p, who, state, status_msg);
	lock_give(&p->lock);
	if (is_to_write)
		err = ctx_write(ctx, write_status, &saying);
	if (is_to_write && err == M_OK)
		note_written(&saying);
	return err;
}

void
presence_profile_changed(struct core *core, const char *user_id)
{
	struct presence *p = presence_on(core);

	if (p == NULL)
		return;
	lock_take(&p->lock);
	/* By hand: one's other devices are told as well. */
	presence_moved_locked(
	    p, presence_user_locked(p, user_id), clock_mono_ms(), true);
	lock_give(&p->lock);
}

void
presence_gone(struct core *core, const char *user_id, const char *device_id)
{
	struct presence *p = presence_on(core);
	struct presence_device *d;
	struct present *u;

	if (p == NULL)
		return;
	lock_take(&p->lock);
	u = map_get_str(&p->users, user_id);
	if (u != NULL) {
		d = device_id == NULL ? NULL : find_device(u, device_id);
		if (device_id == NULL)
			u->device_count = 0;
		else if (d != NULL)
			d->until_ms = 0;
		presence_settle_locked(p, u, clock_mono_ms(), false);
	}
	lock_give(&p->lock);
}

void
presence_forget(struct core *core, const char *user_id)
{
	struct presence *p = presence_on(core);
	struct present *u;

	if (p == NULL)
		return;
	lock_take(&p->lock);
	u = map_get_str(&p->users, user_id);
	if (u != NULL) {
		free(u->status_msg);
		u->status_msg = NULL;
	}
	lock_give(&p->lock);
	presence_gone(core, user_id, NULL);
}

/* --- asking --- */

int64_t
presence_position(struct core *core)
{
	struct presence *p = presence_on(core);
	int64_t position;

	if (p == NULL)
		return -1;
	lock_take(&p->lock);
	position = p->position;
	lock_give(&p->lock);
	return position;
}

void
presence_row_locked(
    struct arena *arena, const struct present *u, struct presence_row *out)
{
	*out = (struct presence_row){ .user_id = arena_strdup(arena, u->user_id),
		.state = u->state,
		.status_msg =
		    u->status_msg == NULL ? NULL : arena_strdup(arena, u->status_msg),
		.last_active_ms = u->last_active_ms,
		.currently_active = u->currently_active,
		.position = u->position,
		.own_position = u->own_position };
}

bool
presence_get(struct core *core, struct arena *arena, const char *user_id,
    struct presence_row *out)
{
	struct presence *p = presence_on(core);
	struct present *u = NULL;

	*out = (struct presence_row){ .user_id = user_id };
	if (p == NULL)
		return false;
	lock_take(&p->lock);
	u = map_get_str(&p->users, user_id);
	if (u != NULL)
		presence_row_locked(arena, u, out);
	lock_give(&p->lock);
	return u != NULL;
}

/* --- at start --- */

static void
read_row(void *arg, const struct presence_stored *row)
{
	struct presence *p = arg;
	int64_t now_ms = clock_mono_ms();
	struct present *u = presence_user_locked(p, row->user_id);

	/* Though the clock may have been set back. */
	if (row->changed_ts > p->position)
		p->position = row->changed_ts;
	if (row->status_msg != NULL)
		u->status_msg = xstrdup(row->status_msg);
	u->last_active_ms = row->last_active_ts;
	u->active_mono_ms = now_ms - (clock_now_ms() - row->last_active_ts);
	u->was_online = row->is_online;
	if (row->is_online)
		u->devices[u->device_count++] =
		    (struct presence_device){ id_of(DEVICE_OF_BEFORE), PRESENCE_ONLINE,
			    now_ms + 2LL * PRESENCE_GRACE_MS };
	if (!presence_settle_locked(p, u, now_ms, false))
		presence_moved_locked(p, u, now_ms, false);
}

/* Nobody listens yet: each finds what is new to them when they come. */
static void
tell_nobody(struct presence *p)
{
	for (struct present *u = p->to_tell; u != NULL; u = u->next_to_tell)
		u->is_to_tell = false;
	p->to_tell = NULL;
	p->to_tell_end = &p->to_tell;
}

enum mx_err
presence_setup(struct core *core, struct db *db)
{
	int64_t since_ts = clock_now_ms() - PRESENCE_REMEMBER_MS;
	struct presence *p = core->presence = table_new();
	enum mx_err err;

	if (!core->set.presence_enabled)
		return M_OK;
	lock_take(&p->lock);
	err = store_presence_each(db, since_ts, read_row, p);
	tell_nobody(p);
	lock_give(&p->lock);
	return err;
}
