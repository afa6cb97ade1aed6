/* The layout of `dunlin.fs/1` and `storage/1`, as layout_v1.c says it of the other stable tables.
 *
 * Compiled by the tests; contains no code.
 */
#include <dunlin/ext/fs.h>
#include <dunlin/ext/storage.h>

#define AT(type, member, offset) \
    _Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved")
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " is frozen")

SIZE(dunlin_dir_item, 32);
AT(dunlin_dir_item, name, 0);
AT(dunlin_dir_item, kind, 16);
AT(dunlin_dir_item, reserved, 20);
AT(dunlin_dir_item, size, 24);

AT(dunlin_fs_space, struct_size, 0);
AT(dunlin_fs_space, reserved, 4);
AT(dunlin_fs_space, total, 8);
AT(dunlin_fs_space, available, 16);

AT(dunlin_fs, struct_size, 0);
AT(dunlin_fs, reserved, 4);
AT(dunlin_fs, open, 8);
AT(dunlin_fs, close, 16);
AT(dunlin_fs, read_at, 24);
AT(dunlin_fs, write_at, 32);
AT(dunlin_fs, size, 40);
AT(dunlin_fs, resize, 48);
AT(dunlin_fs, zero_fill, 56);
AT(dunlin_fs, sync_file, 64);
AT(dunlin_fs, sync_dir, 72);
AT(dunlin_fs, rename, 80);
AT(dunlin_fs, remove, 88);
AT(dunlin_fs, make_dir, 96);
AT(dunlin_fs, remove_dir, 104);
AT(dunlin_fs, list, 112);
AT(dunlin_fs, space, 120);
AT(dunlin_fs, lock, 128);
AT(dunlin_fs, unlock, 136);

SIZE(dunlin_record, 88);
AT(dunlin_record, seq, 0);
AT(dunlin_record, time_ns, 8);
AT(dunlin_record, expires_ns, 16);
AT(dunlin_record, due_ns, 24);
AT(dunlin_record, subject, 32);
AT(dunlin_record, header, 48);
AT(dunlin_record, payload, 64);
AT(dunlin_record, flags, 80);
AT(dunlin_record, reserved, 84);

SIZE(dunlin_span, 24);
AT(dunlin_span, count, 0);
AT(dunlin_span, first, 8);
AT(dunlin_span, last, 16);

SIZE(dunlin_range, 16);
AT(dunlin_range, first, 0);
AT(dunlin_range, count, 8);

AT(dunlin_log_state, struct_size, 0);
AT(dunlin_log_state, reserved, 4);
AT(dunlin_log_state, first_seq, 8);
AT(dunlin_log_state, last_seq, 16);
AT(dunlin_log_state, first_time_ns, 24);
AT(dunlin_log_state, last_time_ns, 32);
AT(dunlin_log_state, records, 40);
AT(dunlin_log_state, bytes, 48);
AT(dunlin_log_state, deleted, 56);
AT(dunlin_log_state, subjects, 64);
AT(dunlin_log_state, durable_seq, 72);
AT(dunlin_log_state, damaged, 80);
AT(dunlin_log_state, disk_bytes, 88);
AT(dunlin_log_state, memory_bytes, 96);

AT(dunlin_log_event, struct_size, 0);
AT(dunlin_log_event, kind, 4);
AT(dunlin_log_event, first, 8);
AT(dunlin_log_event, last, 16);
AT(dunlin_log_event, text, 24);

AT(dunlin_read_end, struct_size, 0);
AT(dunlin_read_end, why, 4);
AT(dunlin_read_end, next, 8);
AT(dunlin_read_end, visits, 16);

AT(dunlin_read, struct_size, 0);
AT(dunlin_read, flags, 4);
AT(dunlin_read, from, 8);
AT(dunlin_read, to, 16);
AT(dunlin_read, filters, 24);
AT(dunlin_read, filter_count, 32);
AT(dunlin_read, seqs, 40);
AT(dunlin_read, seq_count, 48);
AT(dunlin_read, records_max, 56);
AT(dunlin_read, bytes_max, 64);
AT(dunlin_read, snapshot, 72);
AT(dunlin_read, visit, 80);
AT(dunlin_read, done, 88);
AT(dunlin_read, user, 96);

AT(dunlin_count, struct_size, 0);
AT(dunlin_count, flags, 4);
AT(dunlin_count, from, 8);
AT(dunlin_count, filters, 16);
AT(dunlin_count, filter_count, 24);
AT(dunlin_count, done, 32);
AT(dunlin_count, user, 40);

AT(dunlin_subjects, struct_size, 0);
AT(dunlin_subjects, reserved, 4);
AT(dunlin_subjects, filter, 8);
AT(dunlin_subjects, after, 24);
AT(dunlin_subjects, max, 40);
AT(dunlin_subjects, visit, 48);
AT(dunlin_subjects, done, 56);
AT(dunlin_subjects, user, 64);

AT(dunlin_spans, struct_size, 0);
AT(dunlin_spans, reserved, 4);
AT(dunlin_spans, subjects, 8);
AT(dunlin_spans, count, 16);
AT(dunlin_spans, out, 24);
AT(dunlin_spans, done, 32);
AT(dunlin_spans, user, 40);

AT(dunlin_last_each, struct_size, 0);
AT(dunlin_last_each, reserved, 4);
AT(dunlin_last_each, filters, 8);
AT(dunlin_last_each, filter_count, 16);
AT(dunlin_last_each, below, 24);
AT(dunlin_last_each, max, 32);
AT(dunlin_last_each, visit, 40);
AT(dunlin_last_each, done, 48);
AT(dunlin_last_each, user, 56);

AT(dunlin_seq_at, struct_size, 0);
AT(dunlin_seq_at, reserved, 4);
AT(dunlin_seq_at, time_ns, 8);
AT(dunlin_seq_at, done, 16);
AT(dunlin_seq_at, user, 24);

SIZE(dunlin_due_item, 32);
AT(dunlin_due_item, seq, 0);
AT(dunlin_due_item, at_ns, 8);
AT(dunlin_due_item, subject, 16);

AT(dunlin_due, struct_size, 0);
AT(dunlin_due, index, 4);
AT(dunlin_due, now_ns, 8);
AT(dunlin_due, max, 16);
AT(dunlin_due, visit, 24);
AT(dunlin_due, done, 32);
AT(dunlin_due, user, 40);

SIZE(dunlin_removed, 16);
AT(dunlin_removed, records, 0);
AT(dunlin_removed, bytes, 8);

AT(dunlin_purge, struct_size, 0);
AT(dunlin_purge, reserved, 4);
AT(dunlin_purge, filter, 8);
AT(dunlin_purge, below, 24);
AT(dunlin_purge, keep, 32);
AT(dunlin_purge, done, 40);
AT(dunlin_purge, user, 48);

SIZE(dunlin_damage, 56);
AT(dunlin_damage, first, 0);
AT(dunlin_damage, last, 8);
AT(dunlin_damage, file, 16);
AT(dunlin_damage, offset, 32);
AT(dunlin_damage, text, 40);

AT(dunlin_log_store, struct_size, 0);
AT(dunlin_log_store, reserved, 4);
AT(dunlin_log_store, append, 8);
AT(dunlin_log_store, skip, 16);
AT(dunlin_log_store, sync, 24);
AT(dunlin_log_store, durable_seq, 32);
AT(dunlin_log_store, state, 40);
AT(dunlin_log_store, read, 48);
AT(dunlin_log_store, count, 56);
AT(dunlin_log_store, subjects, 64);
AT(dunlin_log_store, spans, 72);
AT(dunlin_log_store, last_each, 80);
AT(dunlin_log_store, seq_at, 88);
AT(dunlin_log_store, due, 96);
AT(dunlin_log_store, gaps, 104);
AT(dunlin_log_store, remove, 112);
AT(dunlin_log_store, purge, 120);
AT(dunlin_log_store, truncate, 128);
AT(dunlin_log_store, reschedule, 136);
AT(dunlin_log_store, snapshot_open, 144);
AT(dunlin_log_store, snapshot_close, 152);
AT(dunlin_log_store, verify, 160);
AT(dunlin_log_store, close, 168);

AT(dunlin_log_options, struct_size, 0);
AT(dunlin_log_options, flags, 4);
AT(dunlin_log_options, sync, 8);
AT(dunlin_log_options, compression, 12);
AT(dunlin_log_options, first_seq, 16);
AT(dunlin_log_options, thread, 24);
AT(dunlin_log_options, shard, 28);
AT(dunlin_log_options, event, 32);
AT(dunlin_log_options, user, 40);

SIZE(dunlin_meta, 40);
AT(dunlin_meta, path, 0);
AT(dunlin_meta, blob, 16);
AT(dunlin_meta, erase, 32);
AT(dunlin_meta, reserved, 36);

AT(dunlin_store_api, struct_size, 0);
AT(dunlin_store_api, reserved, 4);
AT(dunlin_store_api, open_log, 8);
AT(dunlin_store_api, drop_log, 16);
AT(dunlin_store_api, list_logs, 24);
AT(dunlin_store_api, put_meta, 32);
AT(dunlin_store_api, list_meta, 40);
AT(dunlin_store_api, close, 48);

AT(dunlin_store_options, struct_size, 0);
AT(dunlin_store_options, flags, 4);
AT(dunlin_store_options, dir, 8);
AT(dunlin_store_options, sync, 24);
AT(dunlin_store_options, compression, 28);
AT(dunlin_store_options, sync_interval_ns, 32);
AT(dunlin_store_options, cipher, 40);
AT(dunlin_store_options, reserved, 44);
AT(dunlin_store_options, key, 48);
AT(dunlin_store_options, previous_key, 64);

AT(dunlin_storage, struct_size, 0);
AT(dunlin_storage, features, 4);
AT(dunlin_storage, kind, 8);
AT(dunlin_storage, record_cost, 16);
AT(dunlin_storage, header_cost, 20);
AT(dunlin_storage, open, 24);
