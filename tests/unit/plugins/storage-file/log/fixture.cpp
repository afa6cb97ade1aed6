#include "tests/unit/plugins/storage-file/log/fixture.hpp"

#include <algorithm>

namespace dunlin::storage_file::engine::testing {
namespace {

constexpr const char* log_dir = "/store/log";

std::vector<dunlin_str> texts(const std::vector<std::string>& strings) {
  std::vector<dunlin_str> out;
  for (const auto& string : strings) out.push_back(detail::str(string));
  return out;
}

// What a completion brings.
template <class T>
struct Answer {
  std::optional<dunlin_status> status;
  T value{};

  static void done(void* user, dunlin_status status, const T* value, const dunlin_error*) {
    auto& self = *static_cast<Answer*>(user);
    self.status = status;
    if (value != nullptr) self.value = *value;
  }
  static void plain(void* user, dunlin_status status, T value, const dunlin_error*) {
    auto& self = *static_cast<Answer*>(user);
    self.status = status;
    self.value = value;
  }
};
struct Nothing {};
void on_done(void* user, dunlin_status status, const dunlin_error*) {
  static_cast<Answer<Nothing>*>(user)->status = status;
}

}  // namespace

result<> MemoryCatalogue::commit(CatalogueBatch batch, CommitDone done) {
  for (const auto& change : batch.changes()) {
    if (const auto* put = std::get_if<change::PutSegment>(&change)) {
      segment_rows[put->row.number] = put->row;
    } else if (const auto* erase = std::get_if<change::EraseSegment>(&change)) {
      segment_rows.erase(erase->number);
    } else if (const auto* checkpoint = std::get_if<change::PutCheckpoint>(&change)) {
      note = checkpoint->blob;
    } else if (const auto* damage = std::get_if<change::AddDamage>(&change)) {
      damage_rows.push_back(damage->row);
    }
  }
  return host_.executor().post_worker([done = std::move(done)] { done(result<>()); });
}

dunlin_record Message::record() const {
  dunlin_record record{};
  record.seq = seq;
  record.time_ns = time_ns;
  record.expires_ns = expires_ns;
  record.due_ns = due_ns;
  record.subject = detail::str(subject);
  record.header = detail::bytes(header);
  record.payload = detail::bytes(payload);
  return record;
}

Message Message::of(const dunlin_record& record) {
  return {record.seq,
          record.time_ns,
          std::string(detail::view(record.subject)),
          std::string(detail::view(record.header)),
          std::string(detail::view(record.payload)),
          record.expires_ns,
          record.due_ns};
}

LogFixture::LogFixture() : host(std::make_unique<TestHost>()) {
  catalogue = std::make_unique<MemoryCatalogue>(*host);
  for (const auto* dir : {"/store", log_dir}) {
    host->disk.apply({testkit::DiskChange::make_dir, 0, dir, {}, 0, {}});
  }
  host->disk.settle();
  store.settings.segment_bytes = 256u << 10;
  store.settings.write_buffer_bytes = 1u << 20;
  store.settings.index_cache_bytes = 1u << 20;
  row.id = 7;
  row.name = "orders";
  row.directory = log_dir;
  connect();
  use_cipher(DUNLIN_CIPHER_NONE);
}

LogFixture::~LogFixture() {
  if (log != nullptr) close();
}

void LogFixture::connect() {
  store.host = host->raw();
  store.fs = host->fs();
  store.clock = host->clock();
  store.executor = host->executor();
  store.random = host->random();
  store.dir = "/store";
  store.catalogue = catalogue.get();
  store.keys = &keys;
  store.space = &space;
  store.observer = &observer;
  store.blocks = std::make_shared<BlockCache>(256u << 10);
  store.pace = std::make_shared<Pace>(1u << 30);
}

void LogFixture::use_cipher(std::uint32_t cipher) {
  use_keys(cipher, cipher == DUNLIN_CIPHER_NONE ? "" : "a secret", "");
}

void LogFixture::use_keys(std::uint32_t cipher, std::string_view key, std::string_view previous) {
  keys = KeyRing::make(cipher, bytes_of(key), bytes_of(previous), [this](auto out) {
           host->random().fill(out);
         }).value();
}

void LogFixture::on_event(void* user, const dunlin_log_event* event) {
  auto& self = *static_cast<LogFixture*>(user);
  self.events.push_back(*event);
  self.event_texts.emplace_back(detail::view(event->text));
}

result<std::unique_ptr<LogBackend>> LogFixture::try_open() {
  OpenLog open;
  open.row = row;
  open.options.struct_size = sizeof open.options;
  open.options.flags = open_flags;
  open.options.sync = store.settings.sync;
  open.options.compression = store.settings.compression;
  open.options.thread = DUNLIN_THREAD_CONTROL;
  open.options.event = on_event;
  open.options.user = this;
  return open_log(store, std::move(open));
}

void LogFixture::open() {
  auto opened = try_open();
  ASSERT_TRUE(succeeded(opened));
  log = std::move(*opened).release();
  host->run();
}

dunlin_status LogFixture::close() {
  Answer<Nothing> answer;
  std::exchange(log, nullptr)->close(Completion(on_done, &answer));
  host->run();
  EXPECT_TRUE(answer.status.has_value()) << "close never completed";
  return answer.status.value_or(-1);
}

void LogFixture::crash(testkit::Cut cut) {
  host->crash(cut);
  log = nullptr;
}

void LogFixture::append(const Message& message) {
  const auto record = message.record();
  for (;;) {
    std::size_t accepted = 0;
    const auto outcome = log->append(std::span(&record, 1), 0, accepted, {});
    if (outcome) return;
    ASSERT_EQ(outcome.error().status, DUNLIN_E_AGAIN) << outcome.error().text;
    const auto rooms = events.size();
    host->run();
    ASSERT_GT(events.size(), rooms) << "room was never told";
  }
}

std::uint64_t LogFixture::append(std::string subject, std::string payload) {
  Message message;
  message.seq = state().last_seq + 1;
  message.time_ns = ++clock_ns;
  message.subject = std::move(subject);
  message.payload = std::move(payload);
  append(message);
  return message.seq;
}

void LogFixture::append_many(std::size_t n, std::string_view prefix, std::size_t subjects,
                             std::size_t payload_bytes) {
  for (std::size_t i = 0; i < n; ++i) {
    append(std::string(prefix) + std::to_string(i % subjects),
           std::string(payload_bytes, static_cast<char>('a' + i % 26)));
  }
}

dunlin_status LogFixture::sync() {
  Answer<Nothing> answer;
  Completion done(on_done, &answer);
  if (const auto outcome = log->sync(done); !outcome) {
    done.dismiss();
    return outcome.error().status;
  }
  host->run();
  EXPECT_TRUE(answer.status.has_value()) << "sync never completed";
  return answer.status.value_or(-1);
}

dunlin_read LogFixture::query(std::uint64_t from, std::uint64_t to) {
  dunlin_read query{};
  query.struct_size = sizeof query;
  query.from = from;
  query.to = to;
  return query;
}

ReadAnswer LogFixture::read(dunlin_read query, const std::vector<std::string>& filters) {
  struct State {
    ReadAnswer answer;
    Answer<dunlin_read_end> done;
  } state;
  const auto strings = texts(filters);
  query.filters = strings.data();
  query.filter_count = strings.size();
  query.user = &state;
  query.visit = [](void* user, const dunlin_record* record) {
    static_cast<State*>(user)->answer.messages.push_back(Message::of(*record));
    return true;
  };
  query.done = [](void* user, dunlin_status status, const dunlin_read_end* end,
                  const dunlin_error* error) {
    Answer<dunlin_read_end>::done(&static_cast<State*>(user)->done, status, end, error);
  };
  const auto outcome = log->read(query, state.answer.end);
  state.answer.status = outcome ? DUNLIN_OK : outcome.error().status;
  if (state.answer.status == DUNLIN_E_AGAIN) {
    EXPECT_TRUE(state.answer.messages.empty()) << "visited before the answer was AGAIN";
    host->run();
    EXPECT_TRUE(state.done.status.has_value()) << "read never completed";
    state.answer.status = state.done.status.value_or(-1);
    state.answer.end = state.done.value;
  }
  return state.answer;
}

std::vector<Message> LogFixture::read_all() {
  const auto answer = read(query(0, UINT64_MAX));
  EXPECT_EQ(answer.status, DUNLIN_OK);
  return answer.messages;
}

dunlin_removed LogFixture::remove(const std::vector<std::uint64_t>& seqs, std::uint32_t flags) {
  Answer<dunlin_removed> answer;
  auto outcome = log->remove(seqs, flags, Answer<dunlin_removed>::done, &answer);
  if (outcome) return *outcome;
  EXPECT_EQ(outcome.error().status, DUNLIN_E_AGAIN) << outcome.error().text;
  host->run();
  EXPECT_EQ(answer.status.value_or(-1), DUNLIN_OK);
  return answer.value;
}

dunlin_removed LogFixture::purge(std::string_view filter, std::uint64_t below,
                                 std::uint64_t keep) {
  Answer<dunlin_removed> answer;
  dunlin_purge query{};
  query.struct_size = sizeof query;
  query.filter = detail::str(filter);
  query.below = below;
  query.keep = keep;
  query.done = Answer<dunlin_removed>::done;
  query.user = &answer;
  auto outcome = log->purge(query);
  if (outcome) return *outcome;
  EXPECT_EQ(outcome.error().status, DUNLIN_E_AGAIN) << outcome.error().text;
  host->run();
  EXPECT_EQ(answer.status.value_or(-1), DUNLIN_OK);
  return answer.value;
}

dunlin_removed LogFixture::truncate(std::uint64_t last) {
  Answer<dunlin_removed> answer;
  auto outcome = log->truncate(last, Answer<dunlin_removed>::done, &answer);
  if (outcome) return *outcome;
  EXPECT_EQ(outcome.error().status, DUNLIN_E_AGAIN) << outcome.error().text;
  host->run();
  EXPECT_EQ(answer.status.value_or(-1), DUNLIN_OK);
  return answer.value;
}

dunlin_span LogFixture::count(const std::vector<std::string>& filters, std::uint64_t from,
                              std::uint32_t flags) {
  Answer<dunlin_span> answer;
  const auto strings = texts(filters);
  dunlin_count query{};
  query.struct_size = sizeof query;
  query.flags = flags;
  query.from = from;
  query.filters = strings.data();
  query.filter_count = strings.size();
  query.done = Answer<dunlin_span>::done;
  query.user = &answer;
  auto outcome = log->count(query);
  if (outcome) return *outcome;
  EXPECT_EQ(outcome.error().status, DUNLIN_E_AGAIN) << outcome.error().text;
  host->run();
  EXPECT_EQ(answer.status.value_or(-1), DUNLIN_OK);
  return answer.value;
}

std::map<std::string, dunlin_span> LogFixture::subjects(std::string_view filter) {
  return subjects(filter, {}, 0);
}

std::vector<dunlin_span> LogFixture::spans(const std::vector<std::string>& subjects) {
  const auto strings = texts(subjects);
  std::vector<dunlin_span> out(subjects.size());
  Answer<Nothing> answer;
  dunlin_spans query{};
  query.struct_size = sizeof query;
  query.subjects = strings.data();
  query.count = strings.size();
  query.out = out.data();
  query.done = on_done;
  query.user = &answer;
  if (const auto outcome = log->spans(query); !outcome) {
    EXPECT_EQ(outcome.error().status, DUNLIN_E_AGAIN) << outcome.error().text;
    host->run();
    EXPECT_EQ(answer.status.value_or(-1), DUNLIN_OK);
  }
  return out;
}

std::map<std::string, dunlin_span> LogFixture::subjects(std::string_view filter,
                                                        std::string_view after,
                                                        std::uint64_t max) {
  struct State {
    std::map<std::string, dunlin_span> found;
    Answer<Nothing> done;
  } state;
  dunlin_subjects query{};
  query.struct_size = sizeof query;
  query.filter = detail::str(filter);
  query.after = detail::str(after);
  query.max = max;
  query.visit = [](void* user, dunlin_str subject, const dunlin_span* span) {
    static_cast<State*>(user)->found[std::string(detail::view(subject))] = *span;
    return true;
  };
  query.done = [](void* user, dunlin_status status, const dunlin_error* error) {
    on_done(&static_cast<State*>(user)->done, status, error);
  };
  query.user = &state;
  const auto outcome = log->subjects(query);
  if (!outcome) {
    EXPECT_EQ(outcome.error().status, DUNLIN_E_AGAIN) << outcome.error().text;
    host->run();
    EXPECT_EQ(state.done.status.value_or(-1), DUNLIN_OK);
  }
  return state.found;
}

std::vector<std::uint64_t> LogFixture::last_each(const std::vector<std::string>& filters,
                                                 std::uint64_t below) {
  struct State {
    std::vector<std::uint64_t> found;
    Answer<Nothing> done;
  } state;
  const auto strings = texts(filters);
  dunlin_last_each query{};
  query.struct_size = sizeof query;
  query.filters = strings.data();
  query.filter_count = strings.size();
  query.below = below;
  query.visit = [](void* user, std::uint64_t seq) {
    static_cast<State*>(user)->found.push_back(seq);
    return true;
  };
  query.done = [](void* user, dunlin_status status, const dunlin_error* error) {
    on_done(&static_cast<State*>(user)->done, status, error);
  };
  query.user = &state;
  const auto outcome = log->last_each(query);
  if (!outcome) {
    EXPECT_EQ(outcome.error().status, DUNLIN_E_AGAIN) << outcome.error().text;
    host->run();
    EXPECT_EQ(state.done.status.value_or(-1), DUNLIN_OK);
  }
  return state.found;
}

std::uint64_t LogFixture::seq_at(std::int64_t time_ns) {
  Answer<std::uint64_t> answer;
  dunlin_seq_at query{};
  query.struct_size = sizeof query;
  query.time_ns = time_ns;
  query.done = Answer<std::uint64_t>::plain;
  query.user = &answer;
  auto outcome = log->seq_at(query);
  if (outcome) return *outcome;
  EXPECT_EQ(outcome.error().status, DUNLIN_E_AGAIN) << outcome.error().text;
  host->run();
  EXPECT_EQ(answer.status.value_or(-1), DUNLIN_OK);
  return answer.value;
}

std::vector<std::uint64_t> LogFixture::due(std::uint32_t index, std::int64_t now_ns) {
  struct State {
    std::vector<std::uint64_t> found;
    Answer<std::int64_t> done;
  } state;
  dunlin_due query{};
  query.struct_size = sizeof query;
  query.index = index;
  query.now_ns = now_ns;
  query.visit = [](void* user, const dunlin_due_item* item) {
    static_cast<State*>(user)->found.push_back(item->seq);
    return true;
  };
  query.done = [](void* user, dunlin_status status, std::int64_t next, const dunlin_error* error) {
    Answer<std::int64_t>::plain(&static_cast<State*>(user)->done, status, next, error);
  };
  query.user = &state;
  const auto outcome = log->due(query);
  if (!outcome) {
    EXPECT_EQ(outcome.error().status, DUNLIN_E_AGAIN) << outcome.error().text;
    host->run();
    EXPECT_EQ(state.done.status.value_or(-1), DUNLIN_OK);
  }
  return state.found;
}

std::vector<LogFixture::Range> LogFixture::gaps() {
  std::vector<Range> found;
  const auto visit = [](void* user, const dunlin_range* gap) {
    static_cast<std::vector<Range>*>(user)->push_back({gap->first, gap->count});
    return true;
  };
  EXPECT_TRUE(succeeded(log->gaps(0, UINT64_MAX, visit, &found)));
  return found;
}

std::vector<LogFixture::Damage> LogFixture::verify() {
  std::vector<Damage> found;
  Answer<Nothing> answer;
  Completion done(on_done, &answer);
  const auto visit = [](void* user, const dunlin_damage* damage) {
    static_cast<std::vector<Damage>*>(user)->push_back(
        {damage->first, damage->last, std::string(detail::view(damage->file)),
         std::string(detail::view(damage->text))});
    return true;
  };
  EXPECT_TRUE(succeeded(log->verify(visit, &found, done)));
  host->run();
  EXPECT_EQ(answer.status.value_or(-1), DUNLIN_OK);
  return found;
}

std::vector<std::string> LogFixture::files(std::string_view suffix) const {
  std::vector<std::string> found;
  for (const auto& path : host->disk.files(log_dir)) {
    if (path.ends_with(suffix)) found.push_back(path);
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace dunlin::storage_file::engine::testing
