/*
 * What the configuration says of uploaded files, as media/files wants to hear it.
 */
#ifndef FILES_CONFIG_H
#define FILES_CONFIG_H

#include "config.h"
#include "keys.h"
#include "media/files.h"

struct files_config {
	struct files_setup files;
	struct bucket_setup bucket; /* what files.bucket points to, or unused */
	char owner[320]; /* what files.owner points to: a name has 230 bytes at most */
};

/* Points into config and into itself. key_id: of the server's signing key, so that the
 * files in a bucket are known as those of its data_dir, and not of whoever has its
 * name. False with a sentence (malloc'ed): the settings do not go together. */
bool files_config(const struct config *config, const char *key_id,
    struct files_config *out, char **error_out);

#endif
