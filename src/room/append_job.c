/*
 * The writer's half of an append: rows inside the group's transaction, then, once it is
 * durable, the swap of the rooms' committed snapshots, `visible`, and the queue of
 * changes. Runs on the writer thread alone; see room/append for the other half.
 */
#include "room/append_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "room/changes.h"
#include "room/recent.h"
#include "room/update.h"
#include "store/rooms.h"
#include "store/state.h"

void
append_job_free(struct append_job *job)
{
	for (int i = 0; i < job->n; i++) {
		live_event_unref(job->events[i].live);
		if (job->events[i].entry != NULL)
			state_entry_unref(job->events[i].entry);
		pdu_unref(job->events[i].target_pdu);
	}
	snapshot_unref(job->after);
	room_put(job->room);
	arena_free(job->arena);
	free(job);
}

static enum mx_err
write_room(struct append_job *job, struct db *db)
{
	struct room_row row = { .room = job->room->id,
		.room_id = job->room->room_id,
		.version = job->room->version->id,
		.segment = job->after->segment };
	enum mx_err err = store_room_add(db, &row);

	return err != M_OK ? err : store_segment_new(db, row.segment, row.room);
}

static enum mx_err
write_state(struct append_job *job, struct appended *e, int64_t key, struct db *db)
{
	enum mx_err err = store_state_change(
	    db, job->after->segment, key, e->row.event, e->row.event, e->detail);

	if (err != M_OK || strcmp(e->row.type, "m.room.member") != 0)
		return err;
	return store_member_set(
	    db, e->row.state_key, job->room->id, (int)e->detail, e->row.event);
}

static enum mx_err
write_event(struct append_job *job, struct appended *e, struct db *db)
{
	int64_t key;
	enum mx_err err = store_event_add(db, &e->row, &key);

	if (err == M_OK && e->entry != NULL)
		err = write_state(job, e, key, db);
	if (err == M_OK && e->relation != NULL)
		err = store_relation_add(db, e->row.event, e->relation);
	if (err == M_OK && e->target != 0)
		err = store_event_redact(db, e->target, e->target_packed, e->row.event);
	if (err == M_OK && e->target != 0)
		err = store_relation_remove(db, e->target);
	if (err == M_OK)
		err = push_append_write(
		    db, job->room->id, e->row.event, e->target, &e->push);
	return err;
}

/* The job stays void if the room has failed since it was built. A failure here makes
 * what was built behind it void too, at once: such jobs may stand in this very group.
 */
enum mx_err
append_run(struct write_job *write_job, struct db *db)
{
	struct append_job *job = (struct append_job *)write_job;
	struct appends *appends = job->core->appends;
	enum mx_err err = M_OK;

	if (atomic_load(&job->room->epoch) != job->epoch)
		return M_UNAVAILABLE;
	if (job->makes_room)
		err = write_room(job, db);
	for (int i = 0; err == M_OK && i < job->n; i++)
		err = write_event(job, &job->events[i], db);
	if (err == M_OK && job->has_txn)
		err = store_txn_add(db, job->txn_hash, job->events[0].row.event);
	if (err == M_OK && job->extra.also != NULL)
		err = job->extra.also(job->extra.arg, db);
	if (err != M_OK) {
		atomic_fetch_add(&job->room->epoch, 1);
		return err;
	}
	if (job->room->group == NULL)
		job->room->group_end = &job->room->group;
	*job->room->group_end = job;
	job->room->group_end = &job->next_in_room;
	*appends->group_end = job;
	appends->group_end = &job->next_in_group;
	return M_OK;
}

/* The room's tip is void from the failed job on: back to what is durable, once for each
 * epoch, since new appends may stand on the mended tip already. */
static void
room_failed(struct append_job *job)
{
	struct room *room = job->room;
	struct snapshot *committed = room_snapshot(room);

	lock_take(&room->lock);
	if (atomic_load(&room->epoch) == job->epoch)
		atomic_fetch_add(&room->epoch, 1);
	if (room->tip_epoch != atomic_load(&room->epoch)) {
		snapshot_unref(room->tip);
		room->tip = snapshot_copy(committed);
		room->tip_epoch = atomic_load(&room->epoch);
	}
	lock_give(&room->lock);
	if (committed->position == 0)
		room_forget(job->core, room);
	snapshot_unref(committed);
}

static void
forget_txn(struct append_job *job)
{
	struct appends *appends = job->core->appends;
	struct pending_txn *txn;

	lock_take(&appends->txn_lock);
	txn = map_del(&appends->txns, job->txn_hash, sizeof job->txn_hash);
	lock_give(&appends->txn_lock);
	free(txn);
}

void
append_done(struct write_job *write_job, enum mx_err err)
{
	struct append_job *job = (struct append_job *)write_job;

	if (err != M_OK)
		room_failed(job);
	if (job->has_txn)
		forget_txn(job);
	if (job->extra.done != NULL)
		job->extra.done(job->extra.arg);
	append_job_free(job);
}

/* --- once the group is durable --- */

static char *
copy_text(const char *s)
{
	return s == NULL ? NULL : xstrdup(s);
}

static struct live_event *
live_event_copy(const struct live_event *old, struct pdu *pdu)
{
	struct live_event *e = xcalloc(1, sizeof *e);

	atomic_init(&e->refs, 1);
	e->event = old->event;
	e->room = old->room;
	e->pdu = pdu_ref(pdu);
	e->visibility_before = old->visibility_before;
	e->visibility_after = old->visibility_after;
	e->membership_before = old->membership_before;
	e->membership_after = old->membership_after;
	e->replaced_id = copy_text(old->replaced_id);
	e->replaced_event = old->replaced_event;
	e->replaced_is_known = old->replaced_is_known;
	e->replaced_visibility = old->replaced_visibility;
	e->replaced_content = copy_text(old->replaced_content);
	e->device_id = copy_text(old->device_id);
	e->txn_id = copy_text(old->txn_id);
	e->thread = copy_text(old->thread);
	e->thread_hops = old->thread_hops;
	e->redacted_because = pdu_ref(old->redacted_because);
	return e;
}

/* What a redaction leaves, as the prev_content of whatever replaced its target. */
static char *
redacted_content(const struct appended *by)
{
	struct buf text = { 0 };

	json_write(&text, by->target_pdu->event->content);
	return buf_take(&text, &(size_t){ 0 });
}

/* A redaction in this group reached an event of the tail, or one that an event of the
 * tail replaced and shows as prev_content: their copies are exchanged. */
static void
redact_in_tail(struct snapshot *s, const struct appended *by)
{
	if (by->target_pdu->event->state_key != NULL)
		s->redacted = by->live->event;
	for (int i = s->tail_count - 1; i >= 0; i--) {
		struct live_event *old = s->tail[i], *e;

		if (old->event == by->target) {
			e = live_event_copy(old, by->target_pdu);
			pdu_unref(e->redacted_because);
			e->redacted_because = pdu_ref(by->live->pdu);
		} else if (old->replaced_event == by->target) {
			e = live_event_copy(old, old->pdu);
			free(e->replaced_content);
			e->replaced_content = redacted_content(by);
		} else {
			continue;
		}
		if (atomic_load(&old->shared[FORMAT_V1]) != NULL)
			json_event_prepare(e, FORMAT_V1);
		s->tail[i] = e;
		live_event_unref(old);
	}
}

/* The tail of `before` and then the events of the room's group, the newest of them. */
static void
extend_tail(
    struct snapshot *s, const struct snapshot *before, const struct append_job *group)
{
	int fresh = 0, keep = before->tail_count, skip = 0, n = 0;

	for (const struct append_job *job = group; job != NULL; job = job->next_in_room)
		fresh += job->n;
	if (fresh > ROOM_TAIL_MAX)
		skip = fresh - ROOM_TAIL_MAX;
	if (keep + fresh - skip > ROOM_TAIL_MAX)
		keep = ROOM_TAIL_MAX - (fresh - skip);
	s->tail = xcalloc(ROOM_TAIL_MAX, sizeof *s->tail);
	s->tail_from = before->tail_from;
	s->redacted = before->redacted;
	if (keep < before->tail_count)
		s->tail_from = before->tail[before->tail_count - keep - 1]->event;
	for (int i = before->tail_count - keep; i < before->tail_count; i++)
		s->tail[n++] = live_event_ref(before->tail[i]);
	for (const struct append_job *job = group; job != NULL; job = job->next_in_room)
		for (int i = 0; i < job->n; i++) {
			if (skip-- > 0)
				s->tail_from = job->events[i].live->event;
			else
				s->tail[n++] = live_event_ref(job->events[i].live);
		}
	s->tail_count = n;
	for (const struct append_job *job = group; job != NULL; job = job->next_in_room)
		for (int i = 0; i < job->n; i++)
			if (job->events[i].target != 0)
				redact_in_tail(s, &job->events[i]);
}

/* Before anybody can see them: io threads whose listeners follow the room, and workers
 * who look for them, find the bytes made. */
static void
prepare(struct append_job *job)
{
	if (!changes_is_followed(job->core->changes, job->room->room_id))
		return;
	for (int i = 0; i < job->n; i++)
		json_event_prepare(job->events[i].live, FORMAT_V1);
}

/* The committed snapshot becomes that of the room's last job in this group. */
static void
swap(struct room *room)
{
	struct snapshot *before = room->committed, *s;
	struct append_job *last = room->group;

	while (last->next_in_room != NULL)
		last = last->next_in_room;
	s = snapshot_copy(last->after);
	extend_tail(s, before, room->group);
	room->group = NULL;
	lock_take(&room->committed_lock);
	room->committed = s;
	lock_give(&room->committed_lock);
	snapshot_unref(before);
}

static void
tell(struct append_job *job)
{
	for (int i = 0; i < job->n; i++) {
		struct live_event *e = job->events[i].live;
		struct change change = { .kind = CHANGE_EVENT,
			.position = e->event,
			.room = room_ref(job->room),
			.event = live_event_ref(e) };

		changes_add(job->core->changes, &change);
	}
}

static struct append_job *
take_group(struct appends *appends)
{
	struct append_job *group = appends->group;

	appends->group = NULL;
	appends->group_end = &appends->group;
	return group;
}

/* The bytes first, then all rooms' tails, then the one position, then the word
 * (doc/rooms.md). */
void
append_durable(void *arg)
{
	struct core *core = arg;
	struct append_job *group = take_group(core->appends), *job;
	int64_t newest = 0;

	for (job = group; job != NULL; job = job->next_in_group)
		prepare(job);
	for (job = group; job != NULL; job = job->next_in_group) {
		newest = job->events[job->n - 1].row.event;
		if (job->room->group != NULL)
			swap(job->room);
		for (int i = 0; i < job->n; i++)
			recent_event(core, job->events[i].live);
	}
	newest = updates_apply(core, newest);
	if (newest > atomic_load(&core->visible))
		atomic_store(&core->visible, newest);
	for (job = group; job != NULL; job = job->next_in_group)
		tell(job);
	updates_tell(core);
}

void
append_failed(void *arg)
{
	struct core *core = arg;

	for (struct append_job *job = take_group(core->appends); job != NULL;
	     job = job->next_in_group)
		job->room->group = NULL;
	updates_failed(core);
}

void
append_finished(void *arg)
{
	struct core *core = arg;

	changes_wake(core->changes);
}
