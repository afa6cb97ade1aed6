// Damage: every file a backend made is broken in every way, one at a time.
#include <algorithm>
#include <map>
#include <set>

#include "sdk/testkit/runner.hpp"
#include "sdk/testkit/workload.hpp"

namespace dunlin::testkit {
namespace {

// More records fill more files: the settings of the backend should make them small.
constexpr std::size_t usual_steps = 400, deep_steps = 1200;

struct Case {
  std::string kind, file, text;
  Disk disk;
  std::uint64_t loss_max = UINT64_MAX;  // records that may be lost
  bool may_pass = false;                // nothing can tell it from what is right
};

struct Prepared {
  Workload workload;
  std::set<std::uint64_t> ever[log_count];  // hashes of all records that ever were
  Disk older, disk;
};

WorldOptions options_with(Context& context) {
  auto out = context.world();
  out.seed = context.seed * 17;
  return out;
}

// How a run ends: with everything closed, or by a kill once everything was acknowledged.
enum class End { close, kill };

Disk run_part(Context& context, const Prepared& prepared, Disk disk, std::size_t from,
              std::size_t to, End end) {
  Workload part;
  part.steps.assign(prepared.workload.steps.begin() + static_cast<std::ptrdiff_t>(from),
                    prepared.workload.steps.begin() + static_cast<std::ptrdiff_t>(to));
  World world(options_with(context), std::move(disk));
  Session session(world, store_dir);
  Log* logs[log_count] = {};
  for (std::size_t i = 0; i < log_count; ++i) {
    logs[i] = session.open_log(log_names[i], options_of(i));
  }
  Progress progress;
  progress.clock = [] { return 0; };
  const auto ended = run_workload(session, logs, part, progress);
  expect(ended.ok(), "lifecycle", "the run failed: ", status_name(ended.status));
  if (end == End::kill) {
    for (auto* log : logs) {
      expect(log->sync().ok(), "lifecycle", "the run could not be synced");
    }
    Rng rng(context.seed);
    return world.disk.cut(Cut::kept, rng);
  }
  session.close();
  world.scheduler.drain();
  Disk out = world.disk;
  out.settle();
  return out;
}

Prepared prepare(Context& context, End end) {
  Prepared out;
  {
    World world(options_with(context), fresh_disk());
    const auto features = world.storage().features;
    if ((features & DUNLIN_STORE_VOLATILE) != 0) throw Skipped("nothing survives by design");
    Rng rng(context.seed);
    const auto steps = context.options.deep_damage ? deep_steps : usual_steps;
    out.workload = make_workload(
        rng, {steps, features, {world.storage().record_cost, world.storage().header_cost}, true});
  }
  for (const auto& step : out.workload.steps) {
    for (const auto& record : step.records) out.ever[step.log].insert(record.hash());
  }
  const auto half = out.workload.steps.size() / 2;
  out.older = run_part(context, out, fresh_disk(), 0, half, End::close);
  out.disk = run_part(context, out, out.older, half, out.workload.steps.size(), end);
  if (out.disk.files(store_dir).empty()) {
    throw Skipped("the backend does not use dunlin.fs/1");
  }
  return out;
}

std::string read_file(const Disk& disk, const std::string& path) {
  return disk.content(disk.find(path)).text();
}

// ---- what is broken ----

class Cases {
 public:
  // About `all` cases of each kind, over all files.
  Cases(const Prepared& prepared, Rng& rng, std::uint64_t all, End end)
      : prepared_(prepared), rng_(rng), may_be_older_(end == End::kill) {
    for (const auto& path : prepared.disk.files(store_dir)) {
      if (!read_file(prepared.disk, path).empty()) files_.push_back(path);
    }
    each_ = std::max<std::uint64_t>(all / std::max<std::size_t>(files_.size(), 1), 4);
  }

  std::vector<Case> make() {
    for (const auto& path : files_) {
      auto content = read_file(prepared_.disk, path);
      older(path, content);
      // Zeros at the end are space for later: what is broken there is nobody's.
      content.resize(std::max<std::size_t>(content.find_last_not_of('\0') + 1, 1));
      flips(path, content);
      sectors(path, content);
      cuts(path, content);
      add("removal", path, "removed", [&](Disk& disk) {
        disk.apply({DiskChange::remove, 0, path, {}, 0, {}});
        disk.settle();
      });
    }
    for (std::size_t i = 0; i + 1 < files_.size(); ++i) swap(files_[i], files_[i + 1]);
    payloads();
    return std::move(out_);
  }

 private:
  template <class Break>
  Case& add(const char* kind, const std::string& path, const std::string& what, Break&& change) {
    Case one{kind, path, cat(path, ": ", what), prepared_.disk, UINT64_MAX, false};
    change(one.disk);
    out_.push_back(std::move(one));
    return out_.back();
  }
  Case& rewrite(const char* kind, const std::string& path, const std::string& what,
                const std::string& content) {
    return add(kind, path, what, [&](Disk& disk) { disk.replace(path, content); });
  }

  Case& patch(const char* kind, const std::string& path, const std::string& what,
              std::uint64_t offset, const std::string& bytes) {
    return add(kind, path, what, [&](Disk& disk) {
      disk.apply({DiskChange::write, disk.find(path), {}, {}, offset, bytes});
      disk.settle();
    });
  }

  void flips(const std::string& path, const std::string& content) {
    for (std::uint64_t i = 0; i < each_; ++i) {
      // Starts and ends of files are where heads and trailers are.
      const auto at = i == 0   ? 0
                      : i == 1 ? content.size() - 1
                      : i < 4  ? rng_.below(std::min<std::uint64_t>(content.size(), 100))
                               : rng_.below(content.size());
      const auto bit = rng_.below(8);
      patch("bit flip", path, cat("bit ", bit, " of byte ", at, " flipped"), at,
            std::string(1, static_cast<char>(content[at] ^ (1 << bit))));
    }
  }

  void sectors(const std::string& path, const std::string& content) {
    for (std::uint64_t i = 0; i < each_ / 2; ++i) {
      const std::uint64_t size = i % 2 == 0 ? 512 : 4096;
      const auto at = rng_.below(content.size() / size + 1) * size;
      const auto n = std::min<std::uint64_t>(size, content.size() - std::min(at, content.size()));
      patch("zeroed sector", path, cat(n, " bytes at ", at, " zeroed"), at, std::string(n, '\0'));
    }
  }

  void cuts(const std::string& path, const std::string& content) {
    std::set<std::uint64_t> lengths = {0, content.size() - 1, content.size() / 2,
                                       rng_.below(content.size())};
    if (content.size() > 512) lengths.insert((content.size() - 1) / 512 * 512);
    for (const auto length : lengths) {
      add("truncation", path, cat("cut to ", length, " bytes"), [&](Disk& disk) {
        disk.apply({DiskChange::resize, disk.find(path), {}, {}, length, {}});
        disk.settle();
      });
    }
  }

  void older(const std::string& path, const std::string& content) {
    if (prepared_.older.find(path) == 0) return;
    const auto before = read_file(prepared_.older, path);
    if (before == content) return;
    auto& one = rewrite("stale copy", path, "an older copy", before);
    one.may_pass = may_be_older_ || files_.size() == 1;
  }

  void swap(const std::string& a, const std::string& b) {
    add("swap", a, cat("swapped with ", b), [&](Disk& disk) {
      const auto content = read_file(disk, a);
      disk.replace(a, read_file(disk, b));
      disk.replace(b, content);
    });
  }

  // Where a payload stands as it is, a flip in it may cost that record, and what shares a page or
  // block with it: the records whose payloads stand no farther away than that.
  std::uint64_t neighbours(const std::string& content, std::uint64_t place) const {
    constexpr std::uint64_t block_bytes = 8192;
    const auto from = place - std::min(place, block_bytes);
    const auto near = std::string_view(content).substr(from, 2 * block_bytes);
    std::uint64_t out = 0;
    for (const auto& final_state : prepared_.workload.finals) {
      for (const auto& [seq, record] : final_state.live()) {
        if (record.payload.size() < 8 || near.find(record.payload) == std::string_view::npos) {
          continue;
        }
        ++out;
      }
    }
    return out;
  }

  void payloads() {
    std::uint64_t left = 16;
    for (const auto& [seq, record] : prepared_.workload.finals[0].live()) {
      if (record.payload.size() < 24 || left == 0) continue;
      for (const auto& path : files_) {
        const auto content = read_file(prepared_.disk, path);
        const auto at = content.find(record.payload);
        if (at == std::string::npos || content.find(record.payload, at + 1) != std::string::npos) {
          continue;
        }
        const std::string bit(1, static_cast<char>(content[at + 10] ^ 16));
        patch("payload flip", path, cat("a bit of the payload of ", seq, " flipped"), at + 10, bit)
            .loss_max = neighbours(content, at);
        --left;
        break;
      }
    }
  }

  const Prepared& prepared_;
  Rng& rng_;
  // After a crash an older copy is what a disk leaves that did not sync: with one file that is
  // written there is no witness.
  bool may_be_older_;
  std::uint64_t each_ = 0;
  std::vector<std::string> files_;
  std::vector<Case> out_;
};

// ---- what came of it ----

struct Verdict {
  bool detected = false, whole = true, refused = false;
  bool told = false;  // a warning in the log, or health
  std::uint64_t lost = 0;
  std::string how;
};

void detect(Verdict& verdict, const std::string& how) {
  if (verdict.detected) return;
  verdict.detected = true;
  verdict.how = how;
}

bool in_runs(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& runs, std::uint64_t seq) {
  return std::any_of(runs.begin(), runs.end(),
                     [&](const auto& run) { return run.first <= seq && seq <= run.second; });
}

void look_at_log(Log& log, std::size_t index, const Prepared& prepared, Verdict& verdict) {
  const Model& model = prepared.workload.finals[index];
  const auto found = dump(log, false);
  auto damaged = found.unreadable;
  if (!damaged.empty()) detect(verdict, "E_CORRUPT");
  for (const auto& event : log.events) {
    if (event.kind != DUNLIN_LOG_DAMAGED) continue;
    detect(verdict, "event");
    damaged.emplace_back(event.first, event.last);
  }
  std::vector<Damage> reports;
  const auto verified = log.verify(reports);
  if (!verified.ok() || !reports.empty()) detect(verdict, "verify");
  for (const auto& report : reports) {
    expect(!report.file.empty(), "S3", "verify names no file: ", report.text);
    damaged.emplace_back(report.first, report.last);
  }
  std::uint64_t live = 0;
  for (const auto& record : found.records) {
    const auto right = model.live().find(record.seq);
    if (right != model.live().end() && right->second.hash() == record.hash()) {
      ++live;
      continue;
    }
    // What was removed or is from before may come back when its removal is what was lost, and
    // then it must be told; what never was must not.
    expect(prepared.ever[index].contains(record.hash()), "S3", log.name(), " serves ",
           record.text(), ", which was never appended");
    verdict.whole = false;
  }
  const auto lost = model.live().size() - live;
  verdict.lost += lost;
  if (lost != 0 || found.first != model.first() || found.last != model.last()) {
    verdict.whole = false;
  }
  if (!verdict.detected || found.last < model.last()) return;
  for (const auto& [seq, record] : model.live()) {
    const auto at = std::lower_bound(
        found.records.begin(), found.records.end(), seq,
        [](const Record& one, std::uint64_t wanted) { return one.seq < wanted; });
    const bool there = at != found.records.end() && at->seq == seq;
    expect(there || in_runs(damaged, seq), "S3", log.name(), ": record ", seq,
           " is gone, and no report names it");
  }
}

Verdict examine(Context& context, const Prepared& prepared, const Case& one) {
  Verdict verdict;
  const auto all = prepared.workload.finals[0].live().size() +
                   prepared.workload.finals[1].live().size();
  World world(options_with(context), one.disk);
  Outcome opened;
  Session session(world, store_dir, 0, &opened);
  if (!opened.ok()) {
    return {true, false, true, true, all, cat("open: ", status_name(opened.status))};
  }
  for (std::size_t i = 0; i < log_count; ++i) {
    OpenLog options = options_of(i);
    options.flags &= ~DUNLIN_LOG_CREATE;
    Outcome out;
    Log* log = session.open_log(log_names[i], options, &out);
    if (log == nullptr) {
      detect(verdict, cat("open_log: ", status_name(out.status)));
      verdict.whole = false;
      verdict.lost += prepared.workload.finals[i].live().size();
      continue;
    }
    look_at_log(*log, i, prepared, verdict);
  }
  verdict.told = world.health != DUNLIN_HEALTH_OK || world.warnings > 0;
  try {
    const auto last = prepared.workload.tracks[meta_track].digests.size() - 1;
    check_track(session, nullptr, meta_track, prepared.workload, last, last, one.text);
  } catch (const Failure&) {
    std::vector<MetaItem> items;
    const auto listed = session.list_meta("", items);
    if (!listed.ok()) detect(verdict, cat("list_meta: ", status_name(listed.status)));
    if (world.health != DUNLIN_HEALTH_OK) detect(verdict, "health");
    verdict.whole = false;
  }
  return verdict;
}

void judge(Context& context, const Prepared& prepared, const Case& one) {
  const auto verdict = examine(context, prepared, one);
  expect(verdict.whole || verdict.detected || one.may_pass, "S3", one.text, ": ", verdict.lost,
         " records are gone or changed, and nothing reports it");
  expect(verdict.lost <= one.loss_max, "S3", one.text, ": costs ", verdict.lost, " records, not ",
         one.loss_max);
  context.notes.push_back(cat(verdict.lost));
  context.notes.push_back(verdict.detected ? verdict.how : verdict.told ? "told" : "harmless");
}

// Names of files of one sort differ in their numbers: "logs/*/*.seg".
std::string sort_of(const std::string& path) {
  std::string out;
  const auto begin = std::string_view(store_dir).size() + 1;
  for (std::size_t at = begin; at < path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto part = path.substr(at, end - at);
    const auto dot = std::min(part.rfind('.'), part.size());
    const bool is_numbered = part.substr(0, dot).find_first_of("0123456789") != std::string::npos;
    out += cat(out.empty() ? "" : "/", is_numbered ? cat("*", part.substr(dot)) : part);
    at = end + 1;
  }
  return out;
}

struct Tally {
  std::uint64_t cases = 0, harmless = 0, repaired = 0, worst = 0;
  void add(const Result& result) {
    ++cases;
    if (result.notes.size() != 2) return;
    worst = std::max<std::uint64_t>(worst, std::stoull(result.notes[0]));
    if (result.notes[1] == "harmless") ++harmless;
    if (result.notes[1] == "told") ++repaired;
  }
  [[nodiscard]] std::string text() const {
    return cat(cases, " cases: ", cases - repaired - harmless, " reported, ", repaired,
               " repaired and told, ", harmless, " without effect; at worst ", worst,
               " records lost");
  }
};

// All kinds for an empty one.
void break_files(Context& context, const std::string& kind, End end) {
  if (!context.options.real_dir.empty()) throw Skipped("needs the simulated disk");
  const auto prepared = prepare(context, end);
  Rng rng(context.seed);
  const auto cases =
      Cases(prepared, rng, context.options.minutes > 0 ? 2000 : 80, end).make();
  Tally all;
  std::map<std::string, Tally> by_file;
  for (const auto& one : cases) {
    if (!kind.empty() && one.kind != kind) continue;
    const auto result =
        run_alone(context.options, context.seed, 20, "S3",
                  [&](Context& inner) { judge(inner, prepared, one); });
    if (result.bad()) {
      throw Failure(result.clause, result.kind == Result::failed
                                       ? cat(one.text, ": ", result.text)
                                       : cat(one.text, ": ", result_name(result.kind), " ",
                                             result.text));
    }
    all.add(result);
    by_file[sort_of(one.file)].add(result);
  }
  if (all.cases == 0) throw Skipped(cat("there is no case of it here: ", kind));
  const auto records = prepared.workload.finals[0].live().size() +
                       prepared.workload.finals[1].live().size();
  context.notes.push_back(cat(all.text(), " of ", records));
  for (const auto& [file, tally] : by_file) {
    context.notes.push_back(cat(file, ": ", tally.text()));
  }
}

// Damage that meets a kill: what was acknowledged last must not pass for what the kill tore.
void break_after_kill(Context& context) {
  if (!context.options.deep_damage) {
    throw Skipped("with --deep-damage only: no backend has to tell damage from a torn end");
  }
  break_files(context, "", End::kill);
}

}  // namespace

void add_damage_tests(Suite& suite) {
  static constexpr std::pair<const char*, const char*> kinds[] = {
      {"damage.bit_flip", "bit flip"},       {"damage.payload_flip", "payload flip"},
      {"damage.zeroed_sector", "zeroed sector"}, {"damage.truncation", "truncation"},
      {"damage.removal", "removal"},         {"damage.stale_copy", "stale copy"},
      {"damage.swap", "swap"}};
  for (const auto& [name, kind] : kinds) {
    suite.push_back({name, "damage", [kind](Context& context) {
                       break_files(context, kind, End::close);
                     }});
  }
  suite.push_back({"damage.after_a_kill", "damage", break_after_kill});
}

}  // namespace dunlin::testkit
