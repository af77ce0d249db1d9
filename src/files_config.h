/*
 * What the configuration says of uploaded files, as media/files wants to hear it.
 */
#ifndef FILES_CONFIG_H
#define FILES_CONFIG_H

#include "config.h"
#include "media/files.h"

struct files_config {
	struct files_setup files;
	struct bucket_setup bucket; /* what files.bucket points to, or unused */
};

/* Points into config. False with a sentence (malloc'ed): the settings do not go
 * together. */
bool files_config(
    const struct config *config, struct files_config *out, char **error_out);

#endif
