// store import: what a stopped nats-server left in its directory, into a store of ours.
//
// Each stream becomes the log "streams/ACCOUNT/NAME" and, once that is durable, items of metadata
// in one put: a stream that is not there as a whole has no metadata, and is begun anew by the next
// import.
//
//   streams/ACCOUNT/NAME                   the configuration, JSON as nats-server wrote it
//   sources/ACCOUNT/NAME                   how far its sources were read, JSON
//   consumers/ACCOUNT/NAME/CONSUMER        the configuration of a consumer, JSON as it was written
//   consumer-states/ACCOUNT/NAME/CONSUMER  where it stands, JSON

#include <algorithm>
#include <cstdlib>

#include "plugins/store-tools/command.hpp"
#include "plugins/store-tools/go/stream_directory.hpp"
#include "plugins/store-tools/record_text.hpp"

namespace dunlin::store_tools {
namespace {

constexpr const char* raft_directory = "_js_";

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string position_json(const GoPosition& position) {
  return "{\"consumer_seq\":" + number(position.consumer) +
         ",\"stream_seq\":" + number(position.stream) + "}";
}

std::string state_json(const GoConsumer& state) {
  std::string out = "{\"delivered\":" + position_json(state.delivered) +
                    ",\"ack_floor\":" + position_json(state.ack_floor) + ",\"pending\":{";
  const char* between = "";
  for (const auto& [seq, pending] : state.pending) {
    out += between + ("\"" + number(seq)) + "\":{\"consumer_seq\":" + number(pending.consumer) +
           ",\"time\":\"" + time_text(pending.time_ns) + "\"}";
    between = ",";
  }
  out += "},\"redelivered\":{";
  between = "";
  for (const auto& [seq, times] : state.redelivered) {
    out += between + ("\"" + number(seq)) + "\":" + number(times);
    between = ",";
  }
  return out + "}}";
}

std::string sources_json(const std::vector<GoSource>& sources) {
  std::string out = "{";
  const char* between = "";
  for (const GoSource& source : sources) {
    out += between + json_string(source.name) + ":{\"seq\":" + number(source.seq) +
           ",\"identity\":" + json_string(source.identity) + "}";
    between = ",";
  }
  return out + "}";
}

std::string finding_text(const GoFinding& finding) {
  std::string text = "    " + finding.file;
  if (finding.offset != 0) text += " at byte " + number(finding.offset);
  if (finding.first != 0) text += ", sequences " + range_text(finding.first, finding.last);
  return text + ": " + finding.text;
}

// Names of the directories in one, ascending; none when it is not there.
std::vector<std::string> directories_in(const Fs& fs, const std::string& path) {
  std::vector<std::string> names;
  auto items = fs.list(path);
  if (!items) return names;
  for (const Fs::Item& item : *items) {
    if (item.kind == DUNLIN_FS_DIRECTORY) names.push_back(item.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Import {
 public:
  Import(const Context& context, const Store& store, std::vector<std::string> logs, GoKeys keys)
      : context_(context), store_(store), logs_(std::move(logs)), keys_(std::move(keys)) {}

  void account(const std::string& directory, const std::string& name) {
    if (!directories_in(context_.fs, directory + "/" + raft_directory).empty()) {
      context_.output.message(directory + ": this server was one of a cluster. What it had applied "
                              "is imported; what was only in its raft logs is not. Import on one "
                              "server, the one that was most up to date");
    }
    for (const std::string& stream : directories_in(context_.fs, directory + "/streams"))
      import(directory + "/streams/" + stream, name, stream);
  }

  [[nodiscard]] std::size_t imported() const noexcept { return imported_; }
  [[nodiscard]] std::size_t refused() const noexcept { return refused_; }
  [[nodiscard]] bool lost_something() const noexcept { return losses_ != 0; }

 private:
  void refuse(const std::string& path, const Error& error) {
    ++refused_;
    context_.output.message(path + ": not imported: " + error.text);
  }

  void import(const std::string& directory, const std::string& account, const std::string& name) {
    const auto path = account + "/" + name;
    auto stream = GoStream::open(context_.fs, directory, {account, name, keys_},
                                 [this](const GoFinding& finding) {
                                   losses_ += finding.is_loss ? 1 : 0;
                                   context_.output.message(finding_text(finding));
                                 });
    if (!stream) return refuse(path, stream.error());
    if (auto ok = make_room(path); !ok) return refuse(path, ok.error());
    records_ = 0;
    if (auto ok = copy_messages(*stream, path); !ok) return refuse(path, ok.error());
    if (auto ok = copy_metadata(*stream, path); !ok) return refuse(path, ok.error());
    ++imported_;
    context_.output.result("streams/" + path + ": " + number(records_) +
                           " records, last sequence " + number((*stream).last_seq()));
  }

  // A log without a stream is what an import left that did not come to its end.
  result<> make_room(const std::string& path) {
    auto there = store_.meta("streams/" + path);
    if (!there) return there.error();
    for (const Store::Item& item : *there) {
      if (item.path == "streams/" + path)
        return fail(DUNLIN_E_EXISTS, "there is such a stream in the store already");
    }
    if (std::find(logs_.begin(), logs_.end(), "streams/" + path) == logs_.end()) return {};
    return store_.drop_log("streams/" + path);
  }

  result<> copy_messages(const GoStream& stream, const std::string& path) {
    dunlin_log_options options{};
    options.flags = DUNLIN_LOG_CREATE;
    options.first_seq = stream.first_seq();
    if (stream.is_compressed() && store_.has(DUNLIN_STORE_COMPRESSION))
      options.compression = DUNLIN_COMPRESS_S2;
    auto log = store_.open_log("streams/" + path, options);
    if (!log) return log.error();
    std::uint64_t next = stream.first_seq();
    std::int64_t time_ns = 0;
    auto outcome = stream.visit([&](const GoMessage& message) {
      const GoRecord& from = message.record;
      if (from.seq > next) {
        if (auto ok = (*log)->skip(next, from.seq - next, 0); !ok) return ok;
      }
      next = from.seq + 1;
      // Clocks that were set back leave times out of order, which our logs do not have.
      time_ns = std::max(time_ns, from.time_ns);
      dunlin_record record{};
      record.seq = from.seq;
      record.time_ns = time_ns;
      record.expires_ns = message.expires_ns;
      record.due_ns = message.due_ns;
      record.subject = detail::str(from.subject);
      record.header = detail::bytes(from.header);
      record.payload = detail::bytes(from.payload);
      ++records_;
      return (*log)->append({&record, 1});
    });
    if (!outcome) return outcome;
    const auto last = stream.last_seq();
    if (next <= last) {
      const auto skipped = (*log)->skip(next, last - next + 1,
                                        std::max(time_ns, stream.last_time_ns()));
      if (!skipped) return skipped;
    }
    return (*log)->sync();
  }

  result<> copy_metadata(const GoStream& stream, const std::string& path) {
    std::vector<Store::Item> items = {{"streams/" + path, stream.config()}};
    if (const auto sources = stream.sources(); !sources.empty())
      items.push_back({"sources/" + path, sources_json(sources)});
    auto consumers = stream.consumers();
    if (!consumers) return consumers.error();
    for (const GoStream::Consumer& consumer : *consumers) {
      const auto name = path + "/" + consumer.name;
      items.push_back({"consumers/" + name, consumer.config});
      if (consumer.state) items.push_back({"consumer-states/" + name, state_json(*consumer.state)});
    }
    return store_.put_meta(items);
  }

  const Context& context_;
  const Store& store_;
  const std::vector<std::string> logs_;  // before the import
  const GoKeys keys_;
  std::size_t imported_ = 0, refused_ = 0, losses_ = 0;
  std::uint64_t records_ = 0;
};

// From a file or the environment, never an argument: those every process on the machine may read.
result<GoKeys> read_keys(const Context& context, const Arguments& arguments) {
  struct Source {
    const char *option, *variable;
  };
  constexpr Source sources[] = {{"key-file", "NATS_JETSTREAM_KEY"},
                                {"prev-key-file", "NATS_JETSTREAM_PREV_KEY"}};
  std::vector<std::string> keys;
  for (const Source& source : sources) {
    const char* const variable = std::getenv(source.variable);
    std::string key = variable == nullptr ? "" : variable;
    if (const auto path = arguments.option(source.option, ""); !path.empty()) {
      auto file = read_whole_file(context.fs, absolute_path(path));
      if (!file) return file.error();
      key.assign((*file).begin(), (*file).end());
      while (key.ends_with('\n') || key.ends_with('\r')) key.pop_back();
      if (key.empty()) return fail(DUNLIN_E_INVALID, path + " is empty: it should be a key");
    }
    if (!key.empty()) keys.push_back(std::move(key));
  }
  return GoKeys(std::move(keys));
}

}  // namespace

int import_go_store(const Context& context, const Arguments& arguments) {
  const auto into = arguments.option("into", "");
  if (into.empty()) {
    context.output.message("say with --into where the streams shall go");
    return DUNLIN_COMMAND_USAGE;
  }
  auto root = absolute_path(arguments.places[0]);
  if (context.fs.list(root + "/jetstream")) root += "/jetstream";
  const auto accounts = directories_in(context.fs, root);
  const bool has_streams =
      std::any_of(accounts.begin(), accounts.end(), [&](const std::string& account) {
        return static_cast<bool>(context.fs.list(root + "/" + account + "/streams"));
      });
  if (!has_streams) {
    context.output.message("there are no streams of a nats-server in " + root +
                           "; name the directory its configuration has as jetstream.store_dir");
    return DUNLIN_COMMAND_USAGE;
  }
  auto keys = read_keys(context, arguments);
  if (!keys) {
    context.output.message(keys.error().text);
    return DUNLIN_COMMAND_USAGE;
  }
  const auto store = open_store(context, arguments, absolute_path(into), DUNLIN_LOG_CREATE);
  if (store == nullptr) return DUNLIN_COMMAND_USAGE;
  auto logs = store->logs();
  if (!logs) {
    context.output.message(logs.error().text);
    return DUNLIN_COMMAND_USAGE;
  }
  Import import(context, *store, *logs, std::move(*keys));
  for (const std::string& account : accounts) import.account(root + "/" + account, account);
  context.output.result(number(import.imported()) + " streams imported, " +
                        number(import.refused()) + " not");
  return import.refused() == 0 && !import.lost_something() ? DUNLIN_COMMAND_DONE
                                                           : DUNLIN_COMMAND_FAULT;
}

}  // namespace dunlin::store_tools
