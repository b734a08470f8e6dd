/* The header is C: this is compiled by a C compiler and called by a test. */
#include "core/include/deepgemm/deepgemm.h"

const char* version_seen_from_c(void);

const char* version_seen_from_c(void) { return deepgemm_version(); }
