/* The layout of `command/1`, as layout_v1.c says it of the other stable tables.
 *
 * Compiled by the tests; contains no code.
 */
#include <dunlin/ext/command.h>

#define AT(type, member, offset) \
    _Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved")

AT(dunlin_command, struct_size, 0);
AT(dunlin_command, reserved, 4);
AT(dunlin_command, name, 8);
AT(dunlin_command, summary, 16);
AT(dunlin_command, usage, 24);
AT(dunlin_command, run, 32);
