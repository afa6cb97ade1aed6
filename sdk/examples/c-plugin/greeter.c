/* A plugin in C: reads one key, counts, and writes a line when it starts. */
#include <dunlin/abi.h>
#include <dunlin/ext/config.h>
#include <dunlin/ext/log.h>
#include <dunlin/ext/metrics.h>
#include <string.h>

static struct {
    const dunlin_host *host;
    char               greeting[64];
    dunlin_cell       *starts;
} greeter;

static dunlin_str str(const char *text) {
    const dunlin_str out = {text, strlen(text)};
    return out;
}

static dunlin_status configure(void *self, const dunlin_config *tree, dunlin_error *err) {
    const dunlin_config_api *config =
        (const dunlin_config_api *)greeter.host->extension(greeter.host, DUNLIN_EXT_CONFIG);
    static const dunlin_key keys[] = {{.name = "greeting",
                                       .type = DUNLIN_KEY_TEXT,
                                       .fallback = "hello",
                                       .help = "what to say at start"}};
    dunlin_str    greeting = {NULL, 0};
    dunlin_status status;
    (void)self;
    if (!DUNLIN_HAS(config, refuse)) return DUNLIN_E_UNSUPPORTED;
    status = config->declare_keys(greeter.host, tree, keys, 1, err);
    if (status != DUNLIN_OK) return status;
    const dunlin_config *value = config->get(greeter.host, tree, str("greeting"));
    status = config->text(greeter.host, value, &greeting);
    if (status != DUNLIN_OK) return status;
    if (greeting.size >= sizeof greeter.greeting) {
        return config->refuse(greeter.host, value, str("the greeting is too long"), err);
    }
    memcpy(greeter.greeting, greeting.data, greeting.size);
    greeter.greeting[greeting.size] = '\0';
    return DUNLIN_OK;
}

static dunlin_status start(void *self, dunlin_error *err) {
    const dunlin_log *log =
        (const dunlin_log *)greeter.host->extension(greeter.host, DUNLIN_EXT_LOG);
    const dunlin_metrics *metrics =
        (const dunlin_metrics *)greeter.host->extension(greeter.host, DUNLIN_EXT_METRICS);
    (void)self;
    (void)err;
    if (DUNLIN_HAS(metrics, counter)) {
        dunlin_metric_options options = {.struct_size = sizeof options};
        options.name = str("starts_total");
        options.help = str("How often the greeter started");
        if (metrics->counter(greeter.host, &options, &greeter.starts) == DUNLIN_OK) {
            dunlin_cell_add(greeter.starts, 1);
        }
    }
    if (DUNLIN_HAS(log, write)) {
        log->write(greeter.host, DUNLIN_LOG_INFO, NULL, NULL, NULL, 0, str(greeter.greeting));
    }
    return DUNLIN_OK;
}

static void drain(void *self, uint64_t deadline_ns) {
    (void)self;
    (void)deadline_ns;
}
static void stop(void *self) { (void)self; }
static void destroy(void *self) { (void)self; }

static const dunlin_plugin plugin = {
    .struct_size = sizeof(dunlin_plugin),
    .configure = configure,
    .start = start,
    .drain = drain,
    .stop = stop,
    .destroy = destroy,
};

static dunlin_status create(const dunlin_host *host, const dunlin_plugin **out,
                            dunlin_error *err) {
    (void)err;
    greeter.host = host;
    *out = &plugin;
    return DUNLIN_OK;
}

#define GREETER_PROVIDES(item) item("com.example.greeting/1:c")

DUNLIN_PLUGIN_ENTRY(greeter, "com.example.greeter-c", "1.0.0", "Says hello, in C", "Apache-2.0",
                    DUNLIN_ENTRY_PLAIN, GREETER_PROVIDES, DUNLIN_NEEDS_NONE, create)
