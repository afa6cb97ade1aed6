/* dunlin.metrics/1: numbers operators watch.
 *
 * Counters and gauges are cells in the host's memory that the plugin changes in place; a cell
 * lives until the plugin is destroyed. With DUNLIN_METRIC_PER_SHARD a metric is an array of
 * shard_count + 1 cells: each shard changes only cells[shard_index], every other thread the last
 * one; readers add them up.
 *
 * Names are lower_case with units last, without prefix: "append_bytes_total". The plugin's id is
 * added as the label `plugin`.
 */
#ifndef DUNLIN_EXT_METRICS_H
#define DUNLIN_EXT_METRICS_H

#include <dunlin/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DUNLIN_EXT_METRICS "dunlin.metrics/1"

#define DUNLIN_METRIC_COUNTER 1u
#define DUNLIN_METRIC_GAUGE 2u
#define DUNLIN_METRIC_HISTOGRAM 3u

#define DUNLIN_METRIC_PER_SHARD 1u

/* Frozen: one cache line. Change it with the functions below. */
typedef struct dunlin_cell {
    int64_t value;
    int64_t reserved[7];
} dunlin_cell;

static inline void dunlin_cell_add(dunlin_cell *cell, int64_t n) {
    __atomic_fetch_add(&cell->value, n, __ATOMIC_RELAXED);
}
static inline void dunlin_cell_set(dunlin_cell *cell, int64_t value) {
    __atomic_store_n(&cell->value, value, __ATOMIC_RELAXED);
}
/* For a cell only one thread changes: a plain add that readers may see at any time. */
static inline void dunlin_cell_add_alone(dunlin_cell *cell, int64_t n) {
    __atomic_store_n(&cell->value, __atomic_load_n(&cell->value, __ATOMIC_RELAXED) + n,
                     __ATOMIC_RELAXED);
}

/* Frozen. */
typedef struct dunlin_label {
    dunlin_str name, value;
} dunlin_label;

typedef struct dunlin_metric_options {
    uint32_t            struct_size;
    uint32_t            flags; /* DUNLIN_METRIC_PER_SHARD                                      */
    dunlin_str          name, help;
    const dunlin_label *labels;
    size_t              label_count;
} dunlin_metric_options;

typedef struct dunlin_histogram dunlin_histogram;

/* What readers see. Valid until the visitor returns. */
typedef struct dunlin_metric_sample {
    uint32_t            struct_size;
    uint32_t            type; /* DUNLIN_METRIC_...                                             */
    dunlin_str          plugin; /* empty for the core                                          */
    dunlin_str          name, help;
    const dunlin_label *labels; /* without `plugin`                                            */
    size_t              label_count;
    double              value;  /* of a counter or gauge                                       */
    const double       *bounds; /* upper bounds of a histogram's buckets, ascending            */
    const uint64_t     *counts; /* bound_count + 1 of them, not cumulative; last: above all    */
    size_t              bound_count;
    double              sum;
    uint64_t            count;
} dunlin_metric_sample;

typedef void (*dunlin_metric_visit)(void *user, const dunlin_metric_sample *sample);

typedef struct dunlin_metrics {
    uint32_t struct_size, reserved;

    /* DUNLIN_E_EXISTS for the same name and labels, DUNLIN_E_INVALID for a malformed name.
     * [control] */
    dunlin_status (*counter)(const dunlin_host *host, const dunlin_metric_options *options,
                             dunlin_cell **out);
    dunlin_status (*gauge)(const dunlin_host *host, const dunlin_metric_options *options,
                           dunlin_cell **out);
    /* `bounds` ascend; at most 64.  [control] */
    dunlin_status (*histogram)(const dunlin_host *host, const dunlin_metric_options *options,
                               const double *bounds, size_t n, dunlin_histogram **out);
    /* [any] */
    void (*observe)(const dunlin_host *host, dunlin_histogram *histogram, double value);

    /* For numbers that are cheaper to compute than to keep: `collect` is called whenever metrics
     * are read, and passes each sample to `emit(emit_user, sample)`. Ends when the plugin stops.
     * [control; collect runs on control] */
    dunlin_status (*collector)(const dunlin_host *host,
                               void (*collect)(void *user, dunlin_metric_visit emit,
                                               void *emit_user),
                               void *user);

    /* Every metric of the process, samples of one name together.  [control] */
    void (*each)(const dunlin_host *host, dunlin_metric_visit visit, void *user);
} dunlin_metrics;

#ifdef __cplusplus
}
#endif
#endif
