#include "served_log.hpp"

#include <dunlin/executor.hpp>

#include <algorithm>
#include <charconv>

#include "waiter.hpp"

namespace store_bench {
namespace {

// Records of one answer: a client that wants more asks again.
constexpr std::uint64_t answer_bytes = 1 << 20;
constexpr std::string_view ack_begin = "{\"stream\":\"bench\",\"seq\":", ack_end = "}";
constexpr std::size_t digits_max = 20;

std::string text(dunlin_str words) { return {words.data, words.size}; }

std::string_view view(dunlin_bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

dunlin_bytes bytes(std::string_view words) {
  return {reinterpret_cast<const std::uint8_t*>(words.data()), words.size()};
}

// The answers to one question, until all are there.
struct Answers {
  struct One {
    std::string header, payload;
  };
  std::string reply;
  std::vector<One> all;

  void add(const dunlin_record& record) {
    all.push_back({"NATS/1.0\r\nNats-Sequence: " + std::to_string(record.seq) +
                       "\r\nNats-Subject: " + text(record.subject) +
                       "\r\nHeader-Bytes: " + std::to_string(record.header.size) + "\r\n\r\n",
                   std::string(view(record.header)).append(view(record.payload))});
  }
  void end(const dunlin::result<>& outcome, std::uint64_t next) {
    const auto status = outcome ? std::string("204 EOB") : "500 " + outcome.error().text;
    all.push_back({"NATS/1.0 " + status + "\r\nNext: " + std::to_string(next) + "\r\n\r\n", ""});
  }
  [[nodiscard]] std::vector<dunlin_msg> messages() const {
    std::vector<dunlin_msg> out(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      out[i].subject = {reply.data(), reply.size()};
      out[i].header = bytes(all[i].header);
      out[i].payload = bytes(all[i].payload);
    }
    return out;
  }
};

}  // namespace

dunlin::result<> ServedLog::open(const dunlin::Store& store, std::string_view name,
                                 const std::string& subject, const std::string& read_subject) {
  dunlin_log_options options{};
  options.flags = DUNLIN_LOG_CREATE;
  options.thread = DUNLIN_THREAD_SHARD;
  options.shard = shard_;
  options.event = [](void* self, const dunlin_log_event* event) {
    if (event->kind == DUNLIN_LOG_ROOM) static_cast<ServedLog*>(self)->on_room();
  };
  options.user = this;
  auto opened = store.open_log(name, options);
  if (!opened) return opened.error();
  log_ = std::move(*opened);
  const auto state = log_.state();
  last_ = state.last_seq;
  last_time_ns_ = state.last_time_ns;
  if (auto ok = subscribe(subject, stores_, &ServedLog::store); !ok) return ok;
  return subscribe(read_subject, reads_, &ServedLog::read);
}

void ServedLog::close() noexcept {
  for (auto* subscription : {&stores_, &reads_}) {
    if (*subscription) router_.raw().unsubscribe(host_.raw(), (*subscription)->id());
    subscription->reset();
  }
  // A log is closed on its own thread: a commit or room for more may be told there right now.
  if (log_) {
    Waiter waiter;
    const auto close_here = [&] { log_.close([&](const dunlin::result<>&) { waiter.done(); }); };
    if (!host_.get<dunlin::Executor>().post_shard(shard_, close_here)) return;
    waiter.wait();
  }
  for (const auto& one : backlog_) router_.raw().release(one.message.owner);
  backlog_.clear();
}

dunlin::result<> ServedLog::subscribe(const std::string& subject,
                                      std::optional<dunlin::Subscription>& subscription,
                                      void (ServedLog::*take)(std::span<const dunlin_msg>)) {
  if (subject.empty()) return {};
  dunlin_sub_options options{};
  options.struct_size = sizeof options;
  options.home_shard = shard_;
  options.subject = {subject.data(), subject.size()};
  auto made = router_.subscribe(
      account_, options,
      [this, take](std::span<const dunlin_msg> messages) { (this->*take)(messages); });
  if (!made) return made.error();
  subscription.emplace(std::move(*made));
  return {};
}

// ---- storing ------------------------------------------------------------------------------

void ServedLog::store(std::span<const dunlin_msg> messages) {
  const auto accepted = backlog_.empty() ? append(messages) : 0;
  keep(messages.subspan(accepted));
}

// Later messages stay behind earlier ones.
void ServedLog::keep(std::span<const dunlin_msg> messages) {
  for (const auto& message : messages) {
    router_.raw().retain(message.owner);
    backlog_.push_back({message, text(message.subject), text(message.reply)});
  }
}

void ServedLog::on_room() {
  if (!log_) return;
  std::vector<dunlin_msg> messages;
  for (const auto& [message, subject, reply] : backlog_) {
    messages.push_back(message);
    messages.back().subject = {subject.data(), subject.size()};
    messages.back().reply = {reply.data(), reply.size()};
  }
  for (auto accepted = append(messages); accepted > 0; --accepted) {
    router_.raw().release(backlog_.front().message.owner);
    backlog_.pop_front();
  }
}

std::size_t ServedLog::append(std::span<const dunlin_msg> messages) {
  if (messages.empty()) return 0;
  last_time_ns_ = std::max(last_time_ns_, clock_.wall_ns());
  records_.resize(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto& record = records_[i];
    record.seq = last_ + 1 + i;
    record.time_ns = last_time_ns_;
    record.subject = messages[i].subject;
    record.header = messages[i].header;
    record.payload = messages[i].payload;
  }
  std::size_t accepted = 0;
  // What it refuses is tried again when it says that there is room.
  static_cast<void>(log_.append(records_, accepted));
  if (accepted == 0) return 0;
  Waiting waiting;
  if (!spares_.empty()) {
    waiting = std::move(spares_.back());
    spares_.pop_back();
  }
  waiting.first = last_ + 1;
  last_ += accepted;
  for (const auto& message : messages.first(accepted)) {
    waiting.replies.append(message.reply.data, message.reply.size);
    waiting.ends.push_back(static_cast<std::uint32_t>(waiting.replies.size()));
  }
  waiting_.push_back(std::move(waiting));
  log_.sync([this](const dunlin::result<>& outcome) { acknowledge(outcome); });
  return accepted;
}

// Completions come in the order of the calls: this one is about the first that waits.
void ServedLog::acknowledge(const dunlin::result<>& outcome) {
  auto waiting = std::move(waiting_.front());
  waiting_.pop_front();
  const auto error = outcome ? std::string() : "{\"error\":\"" + outcome.error().text + "\"}";
  const auto most = ack_begin.size() + digits_max + ack_end.size();
  texts_.resize(waiting.ends.size() * most);
  answers_.resize(waiting.ends.size());
  auto* at = texts_.data();
  std::uint32_t begin = 0;
  for (std::size_t i = 0; i < waiting.ends.size(); ++i) {
    auto& message = answers_[i];
    message.subject = {waiting.replies.data() + begin, waiting.ends[i] - begin};
    begin = waiting.ends[i];
    std::string_view words = error;
    if (outcome) {
      auto* end = std::copy(ack_begin.begin(), ack_begin.end(), at);
      end = std::to_chars(end, end + digits_max, waiting.first + i).ptr;
      end = std::copy(ack_end.begin(), ack_end.end(), end);
      words = {at, static_cast<std::size_t>(end - at)};
      at = end;
    }
    message.payload = bytes(words);
  }
  static_cast<void>(router_.publish(account_, answers_));
  waiting.replies.clear();
  waiting.ends.clear();
  spares_.push_back(std::move(waiting));
}

// ---- reading ------------------------------------------------------------------------------

void ServedLog::read(std::span<const dunlin_msg> messages) {
  for (const dunlin_msg& message : messages) {
    const auto words = view(message.payload);
    std::uint64_t from = 0, count = 0;
    const char* const end = words.data() + words.size();
    const auto [blank, bad] = std::from_chars(words.data(), end, from);
    if (bad != std::errc() || blank == end) continue;
    std::from_chars(blank + 1, end, count);
    read_for(text(message.reply), from, count);
  }
}

void ServedLog::read_for(std::string reply, std::uint64_t from, std::uint64_t count) {
  auto answers = std::make_shared<Answers>();
  answers->reply = std::move(reply);
  dunlin_read query{};
  query.from = from;
  query.to = UINT64_MAX;
  query.records_max = count;
  query.bytes_max = answer_bytes;
  log_.read(
      query,
      [answers](const dunlin_record& record) {
        answers->add(record);
        return true;
      },
      [this, answers](const dunlin::result<>& outcome, const dunlin_read_end& end) {
        answers->end(outcome, end.next);
        static_cast<void>(router_.publish(account_, answers->messages()));
      });
}

}  // namespace store_bench
