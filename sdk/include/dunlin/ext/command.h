/* command/1: words a plugin adds to the server's command line, for operators.
 *
 * `dunlin-server WORD ARGUMENTS...` runs the plugin that offers "command/1:WORD". Such a plugin
 * declares the capability in `provides` and offers a `dunlin_command` in `start`. WORD is lower
 * case letters, digits and "-".
 *
 * The process is no server then: it has no shards, no listeners and no clients. The plugin and
 * what it needs or wants are created, configured (with their sections, when `-c FILE` gave a
 * file), started, and after the command stopped and destroyed.
 */
#ifndef DUNLIN_EXT_COMMAND_H
#define DUNLIN_EXT_COMMAND_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_COMMAND "command/1"

#define DUNLIN_COMMAND_RESULT 1u  /* what was asked for: standard output                        */
#define DUNLIN_COMMAND_MESSAGE 2u /* what is said about it: standard error                      */

/* Exit codes every command uses alike; others are the command's own. */
#define DUNLIN_COMMAND_DONE 0
#define DUNLIN_COMMAND_FAULT 1 /* done, and what was looked for or at is not as it should be     */
#define DUNLIN_COMMAND_USAGE 2 /* wrong arguments, or it could not be done at all               */

/* Writes `text` as it is, line ends included.  [the thread of `run`] */
typedef void (*dunlin_command_output)(void *user, uint32_t stream, dunlin_str text);

typedef struct dunlin_command {
    uint32_t    struct_size, reserved;
    const char *name;    /* WORD                                                                */
    const char *summary; /* one line                                                            */
    const char *usage;   /* lines with their ends, for who asked for help or was wrong          */

    /* `args` are those behind WORD. The answer is the exit code of the process, 0 to 255. Called
     * once. It may block as long as the work takes, and wait for completions that come on control
     * or on another worker: both go on meanwhile.  [worker] */
    int32_t (*run)(void *self, const dunlin_str *args, size_t n, dunlin_command_output output,
                   void *user);
} dunlin_command;

#ifdef __cplusplus
}
#endif
#endif
