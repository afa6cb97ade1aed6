/* One plugin source for the loader's tests; each definition SMALL_... gives it one behaviour. */
#include <dunlin/abi.h>
#include <dunlin/ext/config.h>
#include <stdlib.h>

#ifndef SMALL_FLAGS
#define SMALL_FLAGS DUNLIN_ENTRY_PLAIN
#endif
#ifdef SMALL_PROVIDE
#define SMALL_PROVIDES(item) item(SMALL_PROVIDE)
#else
#define SMALL_PROVIDES(item)
#endif
#if defined(SMALL_NEED)
#define SMALL_NEEDS(need, want) need(SMALL_NEED)
#elif defined(SMALL_WANT)
#define SMALL_NEEDS(need, want) want(SMALL_WANT)
#else
#define SMALL_NEEDS(need, want)
#endif

static const dunlin_host *small_host;

/* Shows a test that code of this file has run. */
__attribute__((constructor)) static void leave_trace(void) {
    setenv("DUNLIN_TEST_CODE_RAN", SMALL_ID, 1);
}

#if defined(SMALL_CREATE_FAILS) || defined(SMALL_REFUSES) || defined(SMALL_START_FAILS)
static dunlin_status refuse(dunlin_error *err, dunlin_status status, const char *text) {
    size_t i = 0;
    if (err == NULL) return status;
    err->status = status;
    for (; text[i] != '\0' && i + 1 < sizeof err->text; ++i) err->text[i] = text[i];
    err->text[i] = '\0';
    return status;
}
#endif

static dunlin_status configure(void *self, const dunlin_config *tree, dunlin_error *err) {
    const dunlin_config_api *config =
        (const dunlin_config_api *)small_host->extension(small_host, DUNLIN_EXT_CONFIG);
    static const dunlin_key keys[] = {{.name = "greeting", .type = DUNLIN_KEY_TEXT}};
    (void)self;
#ifdef SMALL_REFUSES
    return refuse(err, DUNLIN_E_CONFIG, "this greeting is not polite at server.toml:41:9");
#endif
    if (!DUNLIN_HAS(config, declare_keys)) return DUNLIN_E_UNSUPPORTED;
    return config->declare_keys(small_host, tree, keys, 1, err);
}

static dunlin_status start(void *self, dunlin_error *err) {
    (void)self;
    (void)err;
#ifdef SMALL_START_FAILS
    return refuse(err, DUNLIN_E_IO, "the address is in use");
#endif
    return DUNLIN_OK;
}

static void drain(void *self, uint64_t deadline_ns) {
    (void)self;
    (void)deadline_ns;
}
static void stop(void *self) { (void)self; }
static void destroy(void *self) { (void)self; }

static const dunlin_plugin instance = {
    .struct_size = sizeof(dunlin_plugin),
    .configure = configure,
#ifndef SMALL_LACKS_START
    .start = start,
#endif
    .drain = drain,
    .stop = stop,
    .destroy = destroy,
};

#ifdef SMALL_UNRESOLVED
void a_function_nobody_defines(void);
#endif

static dunlin_status create(const dunlin_host *host, const dunlin_plugin **out,
                            dunlin_error *err) {
    (void)err;
    (void)start;
    small_host = host;
#ifdef SMALL_UNRESOLVED
    a_function_nobody_defines();
#endif
#ifdef SMALL_CREATE_CRASHES
    {
        volatile int *volatile nowhere = NULL;
        *nowhere = 1;
    }
#endif
#ifdef SMALL_CREATE_FAILS
    return refuse(err, DUNLIN_E_IO, "the moon is in the wrong phase");
#endif
#ifndef SMALL_CREATE_GIVES_NOTHING
    *out = &instance;
#else
    (void)instance;
    (void)out;
#endif
    return DUNLIN_OK;
}

#ifdef SMALL_LYING_NOTE
static const char *const no_provides[] = {NULL};
static const dunlin_need no_needs[] = {{NULL, 0, 0}};
DUNLIN_NOTE_ATTRIBUTES static const char note[] = DUNLIN_NOTE_HEAD_(SMALL_ID, "2.0.0", 0) "end\n";
static const dunlin_entry entry = {
    sizeof(dunlin_entry), DUNLIN_ABI_VERSION, DUNLIN_ABI_VERSION, 0, SMALL_ID, "1.0.0", "", "",
    no_provides, no_needs, create};
DUNLIN_EXPORT const dunlin_entry *dunlin_plugin_v1(void);
const dunlin_entry *dunlin_plugin_v1(void) { return &entry; }
#elif defined(SMALL_NO_NOTE)
DUNLIN_EXPORT const dunlin_entry *dunlin_plugin_v1(void);
const dunlin_entry *dunlin_plugin_v1(void) { (void)create; return NULL; }
#else
DUNLIN_PLUGIN_ENTRY(small, SMALL_ID, "1.0.0", "A plugin of the tests", "Apache-2.0", SMALL_FLAGS,
                    SMALL_PROVIDES, SMALL_NEEDS, create)
#endif
