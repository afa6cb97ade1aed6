#include "core/subject/transform.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "core/subject/subject.hpp"

namespace dunlin::subject {
namespace {

constexpr std::string_view blanks = "\t\n\f\r ";

constexpr std::string_view bad_subject = "invalid subject";
constexpr std::string_view bad_transform = "invalid transform";
constexpr std::string_view unused_wildcards = "not using all of the token wildcard(s)";
constexpr std::string_view unknown_function = "unknown function";
constexpr std::string_view out_of_range = "wildcard index out of range";
constexpr std::string_view too_few = "not enough arguments passed to the function";
constexpr std::string_view wrong_argument =
    "function argument is invalid or in the wrong format";
constexpr std::string_view too_many = "too many arguments passed to the function";
constexpr std::string_view not_for_imports =
    "the only mapping function allowed for import transforms is {{Wildcard()}}";

Error bad_destination(std::string_view reason, std::string_view token = {}) {
  std::string text = "invalid mapping destination: " + std::string(reason);
  if (!token.empty()) text.append(" in ").append(token);
  return fail(std::move(text));
}

std::vector<std::string_view> split_tokens(std::string_view subject) {
  std::vector<std::string_view> tokens;
  for (TokenCursor cursor(subject); !cursor.done(); cursor.advance())
    tokens.push_back(cursor.token());
  return tokens;
}

struct SubjectInfo {
  std::vector<std::string_view> tokens;
  std::vector<std::size_t> wildcards;  // positions of `*`
  bool full = false;                   // ends in `>`
};

// Blanks are let through: functions may hold some.
std::optional<SubjectInfo> subject_info(std::string_view subject) {
  SubjectInfo info;
  info.tokens = split_tokens(subject);
  for (std::size_t i = 0; i < info.tokens.size(); ++i) {
    const auto token = info.tokens[i];
    if (token.empty() || info.full) return std::nullopt;
    if (token == ">") info.full = true;
    if (token == "*") info.wildcards.push_back(i);
  }
  return info;
}

std::string_view trim(std::string_view text, std::string_view characters) {
  const auto begin = text.find_first_not_of(characters);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(characters) - begin + 1);
}

// A decimal number with an optional sign and spaces around.
std::optional<std::int64_t> parse_number(std::string_view text) {
  text = trim(text, " ");
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool looks_like_function(std::string_view token) {
  return token.size() > 4 && token.starts_with("{{") && token.ends_with("}}");
}

// One function's name in a token: each of its words may begin with either case.
bool starts_with_name(std::string_view text, std::string_view name) {
  if (text.size() < name.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool capital = name[i] >= 'A' && name[i] <= 'Z';
    if (text[i] != name[i] && !(capital && text[i] == name[i] - 'A' + 'a')) return false;
  }
  return true;
}

// What stands between the parentheses of `{{ name ( ... ) }}`.
std::optional<std::string_view> function_arguments(std::string_view token,
                                                   std::string_view name) {
  for (auto at = token.find("{{"); at != std::string_view::npos; at = token.find("{{", at + 1)) {
    auto rest = token.substr(at + 2);
    rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
    if (!starts_with_name(rest, name)) continue;
    rest.remove_prefix(name.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
    if (!rest.starts_with('(')) continue;
    rest.remove_prefix(1);
    for (auto close = rest.rfind(')'); close != std::string_view::npos;
         close = close == 0 ? std::string_view::npos : rest.rfind(')', close - 1)) {
      auto tail = rest.substr(close + 1);
      tail.remove_prefix(std::min(tail.find_first_not_of(blanks), tail.size()));
      if (tail.starts_with("}}")) return rest.substr(0, close);
    }
  }
  return std::nullopt;
}

std::vector<std::string_view> split_arguments(std::string_view text) {
  std::vector<std::string_view> arguments;
  for (;;) {
    const auto comma = text.find(',');
    arguments.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return arguments;
    text.remove_prefix(comma + 1);
    text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  }
}

std::uint32_t fnv1a(std::string_view text, std::uint32_t state = 2166136261u) {
  for (const char c : text) state = (state ^ static_cast<unsigned char>(c)) * 16777619u;
  return state;
}

void append_split(std::string_view token, std::string_view delimiter, std::string& out) {
  bool first = true;
  const auto add = [&](std::string_view part) {
    if (part.empty()) return;
    if (!first) out += '.';
    first = false;
    out += part;
  };
  while (!token.empty()) {
    std::size_t size = 0, skip = delimiter.size();
    if (delimiter.empty()) {
      // Every character by itself.
      do ++size;
      while (size < token.size() && (static_cast<unsigned char>(token[size]) & 0xc0) == 0x80);
    } else {
      size = std::min(token.find(delimiter), token.size());
      skip = std::min(skip, token.size() - size);
    }
    add(token.substr(0, size));
    token.remove_prefix(size + skip);
  }
}

// Pieces of `size` bytes; the odd one comes first or last.
void append_slices(std::string_view token, std::size_t size, bool from_left, std::string& out) {
  std::size_t piece = from_left ? size : token.size() % size;
  if (piece == 0) piece = size;
  while (!token.empty()) {
    piece = std::min(piece, token.size());
    out += token.substr(0, piece);
    token.remove_prefix(piece);
    if (!token.empty()) out += '.';
    piece = size;
  }
}

}  // namespace

// --- Parsing ---

result<Transform::Step> Transform::parse_step(std::string_view token) {
  Step step;
  if (token.size() > 1 && token.front() == '$') {
    // Other uses of `$` are common in subjects, so what is not a number is plain text.
    if (const auto number = parse_number(token.substr(1)); number && token.back() != ' ') {
      step.function = Function::wildcard;
      step.tokens = {*number};
      return step;
    }
  } else if (looks_like_function(token)) {
    return parse_function(token);
  }
  step.text = token;
  return step;
}

result<Transform::Step> Transform::parse_function(std::string_view token) {
  struct Known {
    std::string_view name;
    Function function;
  };
  static constexpr std::array<Known, 10> known{{
      {"Wildcard", Function::wildcard},
      {"Partition", Function::partition},
      {"SplitFromLeft", Function::split_from_left},
      {"SplitFromRight", Function::split_from_right},
      {"SliceFromLeft", Function::slice_from_left},
      {"SliceFromRight", Function::slice_from_right},
      {"Right", Function::right},
      {"Left", Function::left},
      {"Split", Function::split},
      {"Random", Function::random},
  }};
  Step step;
  std::optional<std::string_view> text;
  for (const auto& [name, function] : known) {
    text = function_arguments(token, name);
    step.function = function;
    if (text) break;
  }
  if (!text) return bad_destination(unknown_function, token);
  const auto arguments = split_arguments(*text);
  const auto first = parse_number(arguments[0]);
  const auto int32_max = std::numeric_limits<std::int32_t>::max();

  switch (step.function) {
    case Function::wildcard:
      if (arguments.size() > 1) return bad_destination(too_many, token);
      if (arguments[0].empty()) return bad_destination(too_few, token);
      if (!first) return bad_destination(wrong_argument, token);
      step.tokens = {*first};
      return step;
    case Function::partition:
    case Function::random:
      if (step.function == Function::random && arguments.size() != 1)
        return bad_destination(too_few, token);
      if (!first || *first > int32_max) return bad_destination(wrong_argument, token);
      step.number = static_cast<std::int32_t>(*first);
      for (std::size_t i = 1; i < arguments.size(); ++i) {
        const auto index = parse_number(arguments[i]);
        if (!index) return bad_destination(wrong_argument, token);
        step.tokens.push_back(*index);
      }
      return step;
    default:
      break;
  }
  if (arguments.size() < 2) return bad_destination(too_few, token);
  if (arguments.size() > 2) return bad_destination(too_many, token);
  if (!first) return bad_destination(wrong_argument, token);
  step.tokens = {*first};
  if (step.function == Function::split) {
    if (arguments[1].find_first_of(" .") != std::string_view::npos)
      return bad_destination(wrong_argument, token);
    step.text = arguments[1];
    return step;
  }
  const auto second = parse_number(arguments[1]);
  if (!second || *second > int32_max || *second < std::numeric_limits<std::int32_t>::min())
    return bad_destination(wrong_argument, token);
  step.number = static_cast<std::int32_t>(*second);
  return step;
}

// Turns wildcard numbers, counted from 1, into positions in the source.
result<> Transform::place(Step& step, std::string_view token,
                          const std::vector<std::size_t>& wildcards) {
  for (auto& number : step.tokens) {
    if (number > static_cast<std::int64_t>(wildcards.size()))
      return bad_destination(out_of_range,
                             std::string(token) + ": [" + std::to_string(number) + "]");
    // 0 and below name the first token, as they do in nats-server.
    const auto at = static_cast<std::size_t>(number < 1 ? 0 : number - 1);
    number = number < 1 ? 0 : static_cast<std::int64_t>(wildcards[at]);
  }
  return {};
}

result<Transform> Transform::create(std::string_view source, std::string_view destination,
                                    Rules rules) {
  if (source.empty()) source = ">";
  const auto from = subject_info(source), to = subject_info(destination);
  if (!from || !to || !to->wildcards.empty() || from->full != to->full)
    return fail(std::string(bad_subject));

  Transform transform;
  transform.source_ = source;
  transform.destination_ = destination;
  transform.source_tokens_ = from->tokens.size();
  transform.full_wildcard_ = from->full;
  const bool literal = from->wildcards.empty() && !from->full;
  std::size_t used = 0;
  for (const auto token : to->tokens) {
    if (token == ">") break;
    auto step = parse_step(token);
    if (!step) return step.error();
    const bool plain = step->function == Function::text;
    if (literal) {
      if (!plain && step->function != Function::random && step->function != Function::partition)
        return bad_destination(out_of_range, token);
      step->tokens.clear();
    } else {
      if (rules == Rules::strict && !plain && step->function != Function::wildcard)
        return bad_destination(not_for_imports, token);
      used += step->tokens.size();
      if (auto placed = place(*step, token, from->wildcards); !placed) return placed.error();
    }
    transform.steps_.push_back(std::move(*step));
  }
  if (rules == Rules::strict && used < from->wildcards.size())
    return bad_destination(unused_wildcards, destination);
  return transform;
}

// --- Applying ---

void Transform::run(const Step& step, const std::vector<std::string_view>& tokens,
                    std::string_view subject, std::uint32_t random, std::string& out) {
  const auto token_of = [&](std::int64_t position) {
    const auto at = static_cast<std::size_t>(position);
    return at < tokens.size() ? tokens[at] : std::string_view{};
  };
  const auto token = step.tokens.empty() ? std::string_view{} : token_of(step.tokens[0]);
  const auto size = static_cast<std::size_t>(std::max(step.number, 0));
  const bool divides = size > 0 && size < token.size();
  switch (step.function) {
    case Function::text:
      out += step.text;
      return;
    case Function::partition: {
      std::uint32_t state = fnv1a(step.tokens.empty() ? subject : std::string_view{});
      for (const auto position : step.tokens) state = fnv1a(token_of(position), state);
      out += step.number == 0 ? "0"
                              : std::to_string(state % static_cast<std::uint32_t>(step.number));
      return;
    }
    case Function::random:
      out += step.number == 0
                 ? "0"
                 : std::to_string(static_cast<std::int64_t>(random >> 1) % step.number);
      return;
    case Function::split:
      append_split(token, step.text, out);
      return;
    default:
      break;
  }
  if (step.function == Function::wildcard || !divides) {
    out += token;
    return;
  }
  const auto cut = step.function == Function::split_from_left ? size : token.size() - size;
  switch (step.function) {
    case Function::split_from_left:
    case Function::split_from_right:
      out.append(token.substr(0, cut)).append(1, '.').append(token.substr(cut));
      return;
    case Function::slice_from_left:
    case Function::slice_from_right:
      append_slices(token, size, step.function == Function::slice_from_left, out);
      return;
    case Function::left:
      out += token.substr(0, size);
      return;
    default:
      out += token.substr(token.size() - size);
  }
}

std::string Transform::apply(std::string_view subject, std::uint32_t random) const {
  const auto tokens = split_tokens(subject);
  std::string out;
  for (const auto& step : steps_) {
    if (&step != &steps_.front()) out += '.';
    run(step, tokens, subject, random, out);
  }
  if (!full_wildcard_) return out;
  if (!steps_.empty()) out += '.';
  for (std::size_t i = source_tokens_ - 1; i < tokens.size(); ++i) {
    out += tokens[i];
    if (i + 1 < tokens.size()) out += '.';
  }
  return out;
}

result<std::string> Transform::match(std::string_view subject, std::uint32_t random) const {
  if (source_ == ">" && destination_ == ">")
    return {boost::system::in_place_value, std::string(subject)};
  if (!is_valid_literal_subject(subject)) return fail(std::string(bad_subject));
  if (source_ != ">" && !is_subset(subject, source_))
    return fail("no matching transforms available");
  return {boost::system::in_place_value, apply(subject, random)};
}

result<Transform> Transform::reverse() const {
  // The wildcard functions of the destination, in order, take the place of the source's `*`.
  std::string pattern, back;
  std::vector<std::string_view> functions;
  for (const auto token : split_tokens(destination_)) {
    const auto arguments = function_arguments(token, "Wildcard");
    const bool numbered = token.size() > 1 && token[0] == '$' && token[1] >= '1' && token[1] <= '9';
    if (!pattern.empty()) pattern += '.';
    if (numbered || (arguments && !arguments->empty())) {
      functions.push_back(token);
      pattern += '*';
    } else {
      pattern += token;
    }
  }
  std::size_t next = 0;
  for (const auto token : split_tokens(source_)) {
    if (!back.empty()) back += '.';
    if (token != "*") {
      back += token;
    } else if (next == functions.size()) {
      return bad_destination(unused_wildcards, destination_);
    } else {
      back += functions[next++];
    }
  }
  return create(pattern, back, Rules::strict);
}

std::string number_wildcards(std::string_view pattern) {
  std::string out;
  int number = 0;
  for (TokenCursor cursor(pattern); !cursor.done(); cursor.advance()) {
    if (cursor.token() == "*")
      out += "$" + std::to_string(++number);
    else
      out += cursor.token();
    if (!cursor.last()) out += '.';
  }
  return out;
}

result<> validate_mapping(std::string_view source, std::string_view destination) {
  if (destination.empty()) return {};
  bool full = false;
  for (TokenCursor cursor(destination); !cursor.done(); cursor.advance()) {
    const auto token = cursor.token();
    if (token.empty() || full) return bad_destination(bad_transform, token);
    if (token == ">") full = true;
    // Functions are judged where the transform is made.
    if (!looks_like_function(token) && token.find_first_of(blanks) != std::string_view::npos)
      return bad_destination(bad_transform);
  }
  auto transform = Transform::create(source, destination);
  if (!transform) return transform.error();
  return {};
}

// --- Mappings ---

result<Mapping> Mapping::create(std::string_view source,
                                const std::vector<Destination>& destinations) {
  if (!is_valid_subject(source)) return fail(std::string(bad_subject));
  Mapping mapping;
  mapping.source_ = source;
  mapping.wildcard_ = has_wildcard(source);
  std::map<std::string, std::uint32_t, std::less<>> totals{{std::string(), 0}};
  std::vector<std::string_view> seen;
  for (const auto& destination : destinations) {
    if (std::find(seen.begin(), seen.end(), destination.subject) != seen.end())
      return fail("duplicate entry for \"" + destination.subject + "\"");
    seen.push_back(destination.subject);
    if (destination.weight > 100) return fail("individual weights need to be <= 100");
    auto& total = totals[destination.cluster];
    total += destination.weight;
    if (total > 100) return fail("total weight needs to be <= 100");
    if (auto valid = validate_mapping(source, destination.subject); !valid) return valid.error();
    auto transform = Transform::create(source, destination.subject);
    if (!transform) return transform.error();
    auto& choices = destination.cluster.empty() ? mapping.general_
                                                : mapping.by_cluster_[destination.cluster];
    choices.push_back({std::move(*transform), destination.weight});
  }
  const bool lossy = std::find(seen.begin(), seen.end(), source) != seen.end();
  for (const auto& [cluster, total] : totals) {
    auto& choices = cluster.empty() ? mapping.general_ : mapping.by_cluster_[cluster];
    if (total != 100 && !lossy) {
      auto original = Transform::create(source, number_wildcards(source));
      if (!original) return original.error();
      choices.push_back({std::move(*original), 100 - total});
    }
    std::stable_sort(choices.begin(), choices.end(),
                     [](const Choice& a, const Choice& b) { return a.below < b.below; });
    std::uint32_t sum = 0;
    for (auto& choice : choices) choice.below = sum += choice.below;
  }
  return mapping;
}

bool Mapping::covers(std::string_view subject) const noexcept {
  return (!wildcard_ && subject == source_) || is_subset(subject, source_);
}

std::optional<std::string> Mapping::choose(std::string_view subject, std::uint32_t random,
                                           std::string_view cluster) const {
  const auto found = by_cluster_.find(cluster);
  const auto& choices = found == by_cluster_.end() ? general_ : found->second;
  const std::uint32_t draw = random % 100;
  for (const auto& choice : choices)
    // The draw used up the low digits; functions get the whole number, spread anew.
    if (draw < choice.below) return choice.transform.apply(subject, random * 0x9e3779b9u);
  return std::nullopt;
}

}  // namespace dunlin::subject
