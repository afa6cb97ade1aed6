#include "plugins/storage-file/log/subject_walk.hpp"

#include <dunlin/subject.hpp>

#include <algorithm>

namespace dunlin::storage_file::engine {

SubjectWalk::SubjectWalk(const Subjects& subjects, const Filters& filters, std::string_view after,
                         std::uint64_t max)
    : version_(subjects.version()), after_(after), filters_(filters), runs_(subjects.runs()) {
  if (filters_.empty()) filters_.emplace_back();
  for (const auto& filter : filters_) {
    Part part;
    part.filter = filter;
    subjects.table().each(filter, after_, [&](Subjects::Id id) {
      if (max != 0 && part.known.size() >= max) {
        part.is_cut = true;
        return false;
      }
      part.known.push_back({std::string(subjects.name(id)), subjects.span(id)});
      return true;
    });
    parts_.push_back(std::move(part));
  }
}

result<> SubjectWalk::run(const Visit& visit) {
  result<> outcome;
  for (std::size_t place = 0; place < parts_.size(); ++place) {
    auto goes_on = run_part(place, visit);
    if (!goes_on) outcome = goes_on.error();
    if (!goes_on || !*goes_on) break;
  }
  runs_.clear();
  return outcome;
}

result<bool> SubjectWalk::find_match(RunsReader& reader, const std::string& filter) {
  const auto prefix = literal_prefix(filter);
  std::string key;
  // Stepping is cheaper than seeking: a few steps are tried before a seek.
  constexpr int steps_max = 16;
  for (int misses = 0; !reader.at_end();) {
    const auto& name = reader.name();
    if (!name.starts_with(prefix)) return false;
    if (filter.empty() || filter == name || subject_matches(filter, name)) return true;
    if (++misses <= steps_max) {
      if (auto outcome = reader.next(); !outcome) return outcome.error();
      continue;
    }
    misses = 0;
    if (!storage::SubjectTable::skip_to(filter, name, key)) return false;
    if (auto outcome = reader.seek(key); !outcome) return outcome.error();
  }
  return false;
}

result<bool> SubjectWalk::run_part(std::size_t place, const Visit& visit) {
  const auto& part = parts_[place];
  const auto show = [&](std::string_view name, const SubjectSpan& span) {
    if (span.count <= 0) return true;
    for (std::size_t earlier = 0; earlier < place; ++earlier) {
      const auto& filter = parts_[earlier].filter;
      if (filter.empty() || subject_matches(filter, name)) return true;
    }
    return visit(name, span);
  };
  const auto prefix = literal_prefix(part.filter);
  RunsReader reader(runs_);
  auto outcome = reader.seek(after_ < prefix ? prefix : std::string_view(after_));
  if (outcome && !reader.at_end() && !after_.empty() && reader.name() == after_) {
    outcome = reader.next();
  }
  if (!outcome) return outcome.error();
  auto known = part.known.begin();
  for (;;) {
    auto has_match = find_match(reader, part.filter);
    if (!has_match) return has_match.error();
    if (known == part.known.end() && (!*has_match || part.is_cut)) return true;
    const bool is_known = known != part.known.end() &&
                          (!*has_match || known->name <= reader.name());
    if (!is_known) {
      if (!show(reader.name(), reader.span())) return false;
    } else {
      const bool is_both = *has_match && known->name == reader.name();
      const auto below = is_both ? std::optional(reader.span()) : std::nullopt;
      if (!show(known->name, apply_change(below, known->span))) return false;
      ++known;
      if (!is_both) continue;
    }
    if (auto moved = reader.next(); !moved) return moved.error();
  }
}

}  // namespace dunlin::storage_file::engine
