/* The layout of dunlin.tls/1, for LP64: as layout_v1.c. Compiled by the tests; contains no code. */
#include <dunlin/ext/tls.h>

#define AT(type, member, offset) \
    _Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved")

AT(dunlin_tls_options, struct_size, 0);
AT(dunlin_tls_options, reserved, 4);
AT(dunlin_tls_options, cert_file, 8);
AT(dunlin_tls_options, key_file, 24);

AT(dunlin_tls, struct_size, 0);
AT(dunlin_tls, reserved, 4);
AT(dunlin_tls, context_create, 8);
AT(dunlin_tls, context_free, 16);
AT(dunlin_tls, session_create, 24);
AT(dunlin_tls, session_free, 32);
AT(dunlin_tls, feed, 40);
AT(dunlin_tls, read, 48);
AT(dunlin_tls, write, 56);
AT(dunlin_tls, close, 64);
AT(dunlin_tls, output, 72);
AT(dunlin_tls, sent, 80);
AT(dunlin_tls, reason, 88);
