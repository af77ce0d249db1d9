/*
 * `parlour media`: uploaded files. Relies on cmd_operate; control_media does the work.
 */
#include <stdio.h>
#include <time.h>

#include "cmd_operate.h"

static long long
number(const struct json *object, const char *field)
{
	int64_t n = 0;

	json_get_int(object, field, &n);
	return (long long)n;
}

static void
print_time(int64_t ts)
{
	time_t seconds = (time_t)(ts / 1000);
	struct tm utc;
	char text[32];

	if (gmtime_r(&seconds, &utc) != NULL &&
	    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
		fputs(text, stdout);
}

/* One line each: what users chose stands last. */
static void
print_list(const struct json *answer)
{
	const struct json *files = json_get_array(answer, "files");

	for (uint32_t i = 0; files != NULL && i < files->n; i++) {
		const struct json *file = &files->items[i];

		print_field(file, "uri");
		printf("  %lld bytes  ", number(file, "size"));
		print_field(file, "user_id");
		fputs("  ", stdout);
		print_time(number(file, "created_ts"));
		if (json_get_bool(file, "quarantined", false))
			fputs("  quarantined", stdout);
		fputs("  ", stdout);
		print_field(file, "content_type");
		fputs("  ", stdout);
		print_field(file, "file_name");
		putchar('\n');
	}
	if (json_get_bool(answer, "more", false))
		fputs("parlour media: these are not all\n", stderr);
}

static void
print_files(int64_t n)
{
	printf("%lld file%s", (long long)n, n == 1 ? "" : "s");
}

static void
print_sum(const struct json *sum)
{
	fputs("  ", stdout);
	print_files(number(sum, "files"));
	printf("  %lld bytes  %lld bytes stored\n", number(sum, "bytes"),
	    number(sum, "stored_bytes"));
}

static void
print_usage(const struct json *answer)
{
	const struct json *users = json_get_array(answer, "users");
	const struct json *total = json_get_object(answer, "total");

	for (uint32_t i = 0; users != NULL && i < users->n; i++) {
		print_field(&users->items[i], "user_id");
		print_sum(&users->items[i]);
	}
	if (total != NULL) {
		fputs("all", stdout);
		print_sum(total);
	}
	if (number(answer, "thumbnail_files") > 0) {
		fputs("thumbnails  ", stdout);
		print_files(number(answer, "thumbnail_files"));
		printf("  %lld bytes stored\n", number(answer, "thumbnail_bytes"));
	}
}

static void
print_quarantined(const struct json *answer)
{
	print_files(number(answer, "contents"));
	puts(json_get_bool(answer, "released", false) ? " released" : " quarantined");
}

static void
print_deleted(const struct json *answer)
{
	if (json_get(answer, "would_delete_files") != NULL) {
		print_list(answer);
		print_files(number(answer, "would_delete_files"));
		printf(", %lld bytes would be deleted\n",
		    number(answer, "would_delete_bytes"));
		return;
	}
	print_files(number(answer, "deleted_files"));
	printf(", %lld bytes deleted; %lld bytes freed\n",
	    number(answer, "deleted_bytes"), number(answer, "freed_bytes"));
}

/* What is lost are the rows that stand there. */
static void
print_checked(const struct json *answer)
{
	print_files(number(answer, "stored_files"));
	if (number(answer, "dropped_files") > 0)
		printf(", %lld of them nobody's and dropped",
		    number(answer, "dropped_files"));
	printf("; %lld lost", number(answer, "lost_files"));
	if (number(answer, "lost_thumbnails") > 0)
		printf("; %lld thumbnails lost, to be made again",
		    number(answer, "lost_thumbnails"));
	putchar('\n');
	print_list(answer);
}

static const char *
needs_choice(const struct json *request)
{
	bool has_ids = json_get(request, "ids") != NULL;
	bool has_filter = json_get(request, "user") != NULL ||
			  json_get(request, "older_than_ms") != NULL;

	if (has_ids && has_filter)
		return "takes IDs alone";
	return has_ids || has_filter ? NULL : "needs to be told which: IDs or --user";
}

static const struct operate_word words[] = {
	{ .word = "list",
	    .is_list = true,
	    .options = { { "user", "user", OPERATE_TEXT, false },
		{ "older-than", "older_than_ms", OPERATE_DURATION, false },
		{ "larger-than", "larger_than", OPERATE_SIZE, false },
		{ "limit", "limit", OPERATE_NUMBER, false } },
	    .print = print_list },
	{ .word = "usage",
	    .is_list = true,
	    .options = { { "user", "user", OPERATE_TEXT, false } },
	    .print = print_usage },
	{ .word = "check", .is_list = true, .print = print_checked },
	{ .word = "quarantine",
	    .shown = "ID",
	    .positional = "ids",
	    .is_many = true,
	    .may_lack = true,
	    .options = { { "user", "user", OPERATE_TEXT, false },
		{ "release", "release", OPERATE_FLAG, false } },
	    .misuse = needs_choice,
	    .print = print_quarantined },
	{ .word = "delete",
	    .shown = "ID",
	    .positional = "ids",
	    .is_many = true,
	    .may_lack = true,
	    .options = { { "user", "user", OPERATE_TEXT, false },
		{ "older-than", "older_than_ms", OPERATE_DURATION, false },
		{ "dry-run", "dry_run", OPERATE_FLAG, false } },
	    .misuse = needs_choice,
	    .print = print_deleted },
};

static int
run(const struct command *command, int argc, char **argv)
{
	return cmd_operate(command, words, sizeof words / sizeof *words, argc, argv);
}

const struct command cmd_media = {
	"media",
	"lists, quarantines and deletes uploaded files",
	"usage: parlour media list [--user U] [--older-than AGE] [--larger-than SIZE]\n"
	"                          [--limit N] [--json]\n"
	"       parlour media usage [--user U] [--json]\n"
	"       parlour media check [--json]\n"
	"       parlour media quarantine ID... | --user U [--release]\n"
	"       parlour media delete ID... | --user U | --older-than AGE [--user U]\n"
	"                            [--dry-run]\n\n"
	"Uploaded files, while the server runs and while it does not. 'list' begins "
	"with the\n"
	"newest. 'check' holds files against rows: it drops what nobody names, and "
	"lists\n"
	"what is lost. 'quarantine' is of what is in a file: nobody is handed it any "
	"more, "
	"under\n"
	"whatever id, nor if it is uploaded again. What is deleted is gone; of the "
	"same "
	"bytes\n"
	"that somebody else uploaded too, their file stays.\n\n"
	"  ID                  a media id, or the whole mxc://SERVER/ID\n"
	"  --user U            files of this account: ann, or @ann:example.org\n"
	"  --older-than AGE    files uploaded so long ago: 12h, 30d\n"
	"  --larger-than SIZE  files of more than that: 64K, 10M\n"
	"  --limit N           so many lines at most; 1000 where not given\n"
	"  --release           ends the quarantine\n"
	"  --dry-run           says what would go, and deletes nothing\n"
	"  --json              as JSON\n"
	"  --config FILE       the server's configuration\n",
	run,
};
