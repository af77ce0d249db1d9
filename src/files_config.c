/*
 * The keys under media: where files go. Relies on media/bucket for what names it can
 * ask for.
 */
#include "files_config.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define REGION_MAX 64

static bool
is_region(const char *region)
{
	size_t n = strlen(region);

	return n > 0 && n <= REGION_MAX &&
	       strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-_"
			      "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == n;
}

/* NULL: nothing is wrong. */
static const char *
bucket_fault(const struct config *c)
{
	if (!bucket_name_valid(c->s3_bucket))
		return "media.s3.bucket: a bucket's name is 3 to 63 of a-z 0-9 - .";
	if (c->s3_access_key == NULL || c->s3_secret_key == NULL)
		return "media.s3: access_key and secret_key are needed, too";
	if (!is_region(c->s3_region))
		return "media.s3.region: a region's name is of a-z A-Z 0-9 - _";
	if (strchr(c->s3_endpoint, '@') != NULL)
		return "media.s3.endpoint: keys do not stand in it: access_key and "
		       "secret_key are for them";
	if (strchr(strstr(c->s3_endpoint, "://") + 3, '/') != NULL)
		return "media.s3.endpoint: nothing may stand behind the host and port";
	if (c->s3_prefix != NULL && !bucket_prefix_valid(c->s3_prefix))
		return "media.s3.prefix: it is of a-z A-Z 0-9 - _ . and single /, at "
		       "most 255, begins with no /, and has no part . or ..";
	if (c->media_max_upload > BUCKET_OBJECT_MAX)
		return "media.max_upload: a bucket takes files of 5G at most";
	return NULL;
}

bool
files_config(const struct config *c, const char *key_id, struct files_config *out,
    char **error_out)
{
	const char *fault = c->s3_bucket == NULL ? NULL : bucket_fault(c);
	const char *prefix = c->s3_prefix == NULL ? "" : c->s3_prefix;

	if (starts_with(c->media_folder, "s3://"))
		fault = "media.store: it is a folder; a bucket is named under media.s3";
	*out = (struct files_config){ .files = { .folder = c->media_folder,
					  .owner = out->owner,
					  .cache_max = c->s3_cache } };
	snprintf(out->owner, sizeof out->owner, "%s %s", c->server_name, key_id);
	if (fault != NULL) {
		*error_out = xstrdup(fault);
		return false;
	}
	if (c->s3_bucket == NULL)
		return true;
	out->bucket = (struct bucket_setup){ .endpoint = c->s3_endpoint,
		.region = c->s3_region,
		.name = c->s3_bucket,
		.prefix = prefix,
		.access_key = c->s3_access_key,
		.secret_key = c->s3_secret_key,
		.name_in_host = c->s3_bucket_in_host };
	out->files.bucket = &out->bucket;
	return true;
}
