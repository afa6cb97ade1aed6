#include "plugins/storage-file/log/segment_index.hpp"

#include <dunlin/subject.hpp>

#include <algorithm>
#include <cstring>

#include "plugins/storage-file/log/entry.hpp"

namespace dunlin::storage_file::engine {

Filters own_filters(const dunlin_str* filters, std::size_t count) {
  Filters out;
  for (std::size_t i = 0; i < count; ++i) out.emplace_back(filters[i].data, filters[i].size);
  if (std::any_of(out.begin(), out.end(), [](const auto& f) { return f.empty() || f == ">"; })) {
    out.clear();
  }
  return out;
}

bool any_matches(const Filters& filters, std::string_view subject) noexcept {
  return std::any_of(filters.begin(), filters.end(), [&](const std::string& filter) {
    return filter.empty() || subject_matches(filter, subject);
  });
}

void SegmentIndex::add(std::uint64_t seq, const Item& item, std::uint32_t subject) {
  const auto at = size();
  if (runs_.empty() || seq != next_seq_) runs_.push_back({seq, at});
  next_seq_ = seq + 1;
  items_.push_back(item);
  if (!has_subjects_) return;
  Link link{subject, none, none};
  if (subject != none) {
    auto& entry = subjects_[subject];
    link.previous = entry.last;
    if (entry.last == none) {
      entry.first = at;
    } else {
      links_[entry.last].next = at;
    }
    entry.last = at;
    ++entry.count;
  }
  links_.push_back(link);
}

std::uint32_t SegmentIndex::add_subject(std::string_view name, std::uint32_t global) {
  Subject subject;
  subject.name_bytes = static_cast<std::uint32_t>(name.size());
  if (!name.empty()) {
    subject.name_at = static_cast<std::uint32_t>(names_.extend(name.size()));
    std::memcpy(&names_[subject.name_at], name.data(), name.size());
  }
  subject.global = global;
  subjects_.push_back(subject);
  return subjects() - 1;
}

void SegmentIndex::copy_below(const SegmentIndex& other, std::uint64_t end) {
  for (std::uint32_t id = 0; id < other.subjects(); ++id) {
    add_subject(other.name(id), other.subject(id).global);
  }
  const auto behind = other.lower_bound(end);
  for (std::uint32_t at = 0; at < behind; ++at) {
    add(other.seq(at), other.item(at), has_subjects_ ? other.link(at).subject : none);
  }
}

void SegmentIndex::truncate(std::uint64_t last) {
  const auto keep = lower_bound(last + 1);
  while (size() > keep) {
    const auto at = size() - 1;
    if (has_subjects_) {
      const auto link = links_[at];
      if (link.subject != none) {
        auto& subject = subjects_[link.subject];
        subject.last = link.previous;
        if (link.previous == none) {
          subject.first = none;
        } else {
          links_[link.previous].next = none;
        }
        --subject.count;
      }
      links_.pop_back();
    }
    items_.pop_back();
  }
  while (!runs_.empty() && runs_.back().item >= keep) runs_.pop_back();
  next_seq_ = size() == 0 ? 0 : seq(size() - 1) + 1;
  matches_.clear();
}

std::uint64_t SegmentIndex::seq(std::uint32_t item) const noexcept {
  const auto behind = std::upper_bound(runs_.begin(), runs_.end(), item,
                                       [](std::uint32_t at, const Run& run) {
                                         return at < run.item;
                                       });
  const auto& run = *std::prev(behind);
  return run.first_seq + (item - run.item);
}

std::uint32_t SegmentIndex::lower_bound(std::uint64_t seq) const noexcept {
  const auto behind = std::upper_bound(runs_.begin(), runs_.end(), seq,
                                       [](std::uint64_t wanted, const Run& run) {
                                         return wanted < run.first_seq;
                                       });
  if (behind == runs_.begin()) return 0;
  const auto& run = *std::prev(behind);
  const auto end = behind == runs_.end() ? size() : behind->item;
  const auto at = run.item + (seq - run.first_seq);
  return at < end ? static_cast<std::uint32_t>(at) : end;
}

std::uint32_t SegmentIndex::find(std::uint64_t wanted) const noexcept {
  const auto at = lower_bound(wanted);
  return at < size() && seq(at) == wanted ? at : none;
}

std::uint32_t SegmentIndex::at_time(std::int64_t time_ns) const noexcept {
  std::uint32_t low = 0, high = size();
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    if (items_[middle].time_ns < time_ns) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::uint32_t overhead(const SegmentIndex::Item& item) noexcept {
  return record_head_bytes + 4u * item.has_header + 8u * item.has_expiry + 8u * item.has_due +
         long_seq_bytes * item.has_long_seq + carried_mark_bytes * item.carries_mark;
}

std::uint32_t SegmentIndex::content_bytes(std::uint32_t at) const noexcept {
  return items_[at].entry_bytes - overhead(items_[at]);
}

std::string_view SegmentIndex::name(std::uint32_t id) const noexcept {
  const auto& subject = subjects_[id];
  if (subject.name_bytes == 0) return {};
  return {&names_[subject.name_at], subject.name_bytes};
}

std::string_view SegmentIndex::subject_of(std::uint32_t item) const noexcept {
  if (!has_subjects_ || links_[item].subject == none) return {};
  return name(links_[item].subject);
}

std::uint32_t SegmentIndex::find_subject(std::string_view wanted) const noexcept {
  std::uint32_t low = 0, high = subjects();
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    if (name(middle) < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < subjects() && name(low) == wanted ? low : none;
}

void SegmentIndex::follow_chain(Matches& matches, std::uint32_t subject) const {
  const auto begin = static_cast<std::ptrdiff_t>(matches.items.size());
  for (auto at = subjects_[subject].last; at != none && at >= matches.seen;
       at = links_[at].previous) {
    matches.items.push_back(at);
  }
  std::reverse(matches.items.begin() + begin, matches.items.end());
  matches.seen = size();
}

void SegmentIndex::follow(Matches& matches, std::uint32_t literal) const {
  if (is_sorted_ && matches.filters.size() == 1 && is_literal_subject(matches.filters[0])) {
    literal = find_subject(matches.filters[0]);
    if (literal == none) return;
  }
  if (literal != none) {
    follow_chain(matches, literal);
    return;
  }
  for (auto id = static_cast<std::uint32_t>(matches.matching.size()); id < subjects(); ++id) {
    matches.matching.push_back(any_matches(matches.filters, name(id)));
  }
  for (; matches.seen < size(); ++matches.seen) {
    const auto subject = links_[matches.seen].subject;
    if (subject != none && matches.matching[subject]) matches.items.push_back(matches.seen);
  }
}

const std::vector<std::uint32_t>& SegmentIndex::matches(const Filters& filters,
                                                         std::uint32_t literal) const {
  auto found = std::find_if(matches_.begin(), matches_.end(), [&](const Matches& matches) {
    return matches.filters == filters;
  });
  if (found == matches_.end()) {
    if (matches_.size() >= matches_max) matches_.pop_back();
    matches_.emplace_front();
    matches_.front().filters = filters;
  } else {
    matches_.splice(matches_.begin(), matches_, found);
  }
  if (has_subjects_) follow(matches_.front(), literal);
  return matches_.front().items;
}

std::size_t SegmentIndex::memory_bytes() const noexcept {
  std::size_t bytes = items_.memory_bytes() + links_.memory_bytes() + subjects_.memory_bytes() +
                      names_.memory_bytes() + runs_.capacity() * sizeof(Run);
  for (const auto& matches : matches_) {
    bytes += matches.items.capacity() * sizeof(std::uint32_t) + matches.matching.capacity() / 8;
  }
  return bytes;
}

}  // namespace dunlin::storage_file::engine
