/*
 * Our JSON and jansson's in one file, which the fuzzer and the benchmark need: names
 * that both have are jansson's there, and those of ours begin with our_ and OUR_. Of
 * the functions renamed here neither side's may be called: they do share a linker
 * symbol.
 */
#ifndef BASE_JSON_BESIDE_JANSSON_H
#define BASE_JSON_BESIDE_JANSSON_H

#define JSON_NULL OUR_NULL
#define JSON_ARRAY OUR_ARRAY
#define JSON_OBJECT OUR_OBJECT
#define JSON_STRICT OUR_STRICT
#define json_equal our_equal
#define json_object our_object
#define json_array our_array
#define json_null our_null
#define json_copy our_copy
#include "base/json.h"
#undef JSON_NULL
#undef JSON_ARRAY
#undef JSON_OBJECT
#undef JSON_STRICT
#undef json_equal
#undef json_object
#undef json_array
#undef json_null
#undef json_copy
#include <jansson.h>

#endif
