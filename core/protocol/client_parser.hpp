// The parser of the client protocol: bytes in, operations out, nothing copied.
//
// parse() is given everything a connection holds and calls the sink for each complete operation. It
// returns how many bytes it consumed; the caller keeps the rest and comes back with more, at least
// `need` bytes when that is set. Any split of the input into calls yields the same operations.
//
// PUB and HPUB in canonical form (upper case, one space, CRLF) take a short path and are handed
// over in batches, so that the sink can start loading what each will touch. Everything else takes
// the general path, which follows nats-server's state machine byte for byte where that can be
// observed: operation names in any case, SP and TAB, bare LF, the first argument byte taken
// whatever it is.
//
// The sink (see client::Client):
//   bool awaiting_connect()                  authentication is required and has not happened
//   bool begin_without_connect()             tries the anonymous user; false refuses the client
//   bool accepts_headers()
//   std::size_t max_control_line(), max_payload()
//   std::uint64_t hash(std::string_view)     the subject's hash
//   void prefetch(std::uint64_t hash)        may start loading what matching will need
//   bool publish(const Publish*, std::size_t n)
//   bool connect(arg), subscribe(subject, queue, sid), unsubscribe(sid, max)
//   bool ping(), pong(), info(arg)
//   void violation(Violation)                sends the protocol's error and closes
// A sink call returns false when the connection is closed; parsing stops there.
//
// The input must be followed by `slack` writable bytes: the parser puts a sentinel behind the data
// and may load (never use) bytes beyond it.

#pragma once

#include <emmintrin.h>

#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/base/short_bytes.hpp"

namespace dunlin::protocol {

struct Publish {
  std::string_view subject, reply;
  std::string_view header_digits, size_digits;  // as the client wrote them; forwarded verbatim
  std::uint64_t hash;
  const char* payload;        // header block first, when there is one
  std::uint32_t header_size;  // 0 without headers
  std::uint32_t size;         // header and payload
  // In canonical form the bytes behind "<subject> " up to and including the payload's CRLF: the
  // tail of the MSG or HMSG frame. Null otherwise.
  const char* tail;
  std::uint32_t tail_size;
  bool has_header;
  bool repeats_subject;  // the subject is that of the frame before it in the batch
};

enum class Violation : std::uint8_t {
  unknown_operation,  // -ERR 'Unknown Protocol Operation', Protocol Violation
  bad_arguments,      // nothing is sent, Protocol Violation
  control_line,       // -ERR 'maximum control line exceeded'
  payload,            // -ERR 'Maximum Payload Violation'
  authorization,      // -ERR 'Authorization Violation'
  client_error,       // the client sent -ERR: Parse Error
};

// What stays between two calls.
struct ClientParserState {
  enum class Skip : std::uint8_t { none, ping, pong, ok };
  std::size_t need = 0;     // bytes the next call must bring in total; 0 for any
  Skip skip = Skip::none;   // inside a line whose rest is ignored
};

template <class Sink>
class ClientParser {
 public:
  static constexpr std::size_t slack = 64;
  static constexpr std::size_t batch_max = 16;

  ClientParser(Sink& sink, ClientParserState& state) : sink_(sink), state_(state) {}

  std::size_t parse(char* data, std::size_t size) {
    const char* at = data;
    end_ = data + size;
    data[size] = '\n';  // the sentinel
    state_.need = 0;
    alive_ = true;
    while (at < end_ && alive_) {
      if (state_.skip == ClientParserState::Skip::none && !sink_.awaiting_connect()) {
        const char* const next = publish_fast(at);
        if (next != nullptr) {
          at = next;
          continue;
        }
      }
      if (!flush_batch()) break;
      const char* const next = operation(at);
      if (next == nullptr) break;
      at = next;
    }
    if (alive_) flush_batch();
    return static_cast<std::size_t>(at - data);
  }

 private:
  // ---- the short path -------------------------------------------------------------------------

  // Marks every byte of 64 that is a blank or a control character.
  static std::uint64_t blanks_of(const char* at) noexcept {
    const __m128i space = _mm_set1_epi8(' ');
    std::uint64_t mask = 0;
    for (int i = 0; i < 4; ++i) {
      const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + i);
      const int blank = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(chunk, space), chunk));
      mask |= static_cast<std::uint64_t>(static_cast<unsigned>(blank)) << (16 * i);
    }
    return mask;
  }

  // Walks from one blank to the next; the sentinel stops it.
  class BlankFinder {
   public:
    explicit BlankFinder(const char* at) noexcept : at_(at), mask_(blanks_of(at)) {}
    // The first blank at or behind `field`, which lies behind the one found before.
    const char* next(const char* field) noexcept {
      const auto skipped = static_cast<std::uint64_t>(field - at_);
      if (skipped < 64) {
        const std::uint64_t left = mask_ >> skipped;
        if (left != 0) return field + __builtin_ctzll(left);
      }
      return next_far(skipped < 64 ? at_ + 64 : field);
    }

   private:
    [[gnu::noinline]] static const char* next_far(const char* at) noexcept {
      for (;;) {
        const std::uint64_t mask = blanks_of(at);
        if (mask != 0) return at + __builtin_ctzll(mask);
        at += 64;
      }
    }

    const char* at_;
    std::uint64_t mask_;
  };

  // Up to nine digits as the protocol allows; -1 for anything else. The bytes behind the digits can
  // be loaded.
  static std::int64_t parse_size(std::string_view digits) noexcept {
    if (digits.size() - 1 < 8) return parse_eight(digits);
    if (digits.size() != 9) return -1;
    const std::int64_t high = parse_eight(digits.substr(0, 8));
    const unsigned last = static_cast<unsigned char>(digits[8]) - '0';
    return high < 0 || last > 9 ? -1 : high * 10 + last;
  }

  // One to eight digits at once: moved to the end of a word, checked, and added up pairwise.
  static std::int64_t parse_eight(std::string_view digits) noexcept {
    std::uint64_t word;
    std::memcpy(&word, digits.data(), 8);
    const auto unused = 64 - 8 * static_cast<unsigned>(digits.size());
    constexpr std::uint64_t zeros = 0x3030303030303030ull;
    word = (word << unused) | (unused == 0 ? 0 : zeros >> (64 - unused));
    const std::uint64_t values = word ^ zeros;
    if ((((values + 0x7676767676767676ull) | values) & 0x8080808080808080ull) != 0) return -1;
    const std::uint64_t pairs = values * 10 + (values >> 8);
    constexpr std::uint64_t mask = 0x000000ff000000ffull;
    const std::uint64_t sum = (pairs & mask) * 0x000f424000000064ull +
                              ((pairs >> 16) & mask) * 0x0000271000000001ull;
    return static_cast<std::int64_t>(sum >> 32);
  }

  static std::string_view between(const char* begin, const char* end) noexcept {
    return {begin, static_cast<std::size_t>(end - begin)};
  }

  // A whole canonical PUB or HPUB frame at `at`: batches it and returns its end. Null when the
  // general path must look.
  const char* publish_fast(const char* at) {
    std::uint32_t word;
    std::memcpy(&word, at, 4);
    if (word == 0x20425550) return publish_fast<false>(at, at + 4);  // "PUB "
    if (word == 0x42555048 && at[4] == ' ' && sink_.accepts_headers())  // "HPUB"
      return publish_fast<true>(at, at + 5);
    return nullptr;
  }

  template <bool has_header>
  const char* publish_fast(const char* at, const char* subject) {
    BlankFinder blanks(at);
    const char* const subject_end = blanks.next(subject);
    if (subject_end == subject || *subject_end != ' ') return nullptr;
    std::string_view reply, header_digits;
    const char* field = subject_end + 1;
    const char* blank = blanks.next(field);
    const auto take_field = [&](std::string_view& into) {
      into = between(field, blank);
      field = blank + 1;
      blank = blanks.next(field);
    };
    if (has_header) {
      if (*blank != ' ') return nullptr;
      take_field(header_digits);
      if (*blank == ' ') {
        reply = header_digits;
        take_field(header_digits);
      }
      if (header_digits.empty()) return nullptr;
    } else if (*blank == ' ') {
      take_field(reply);
      if (reply.empty()) return nullptr;
    }
    if (blank == field || blank + 1 >= end_ || blank[0] != '\r' || blank[1] != '\n') return nullptr;
    // A size that is not one, -1, is larger than any limit.
    const auto size = static_cast<std::uint64_t>(parse_size(between(field, blank)));
    const auto header_size =
        has_header ? static_cast<std::uint64_t>(parse_size(header_digits)) : 0;
    if (header_size > size || size > sink_.max_payload() ||
        static_cast<std::size_t>(blank - subject) > sink_.max_control_line())
      return nullptr;
    const char* const payload = blank + 2;
    const char* const frame_end = payload + size + 2;
    if (frame_end > end_ || frame_end[-2] != '\r' || frame_end[-1] != '\n') return nullptr;
    Publish* const frame = &batch_[batched_];
    frame->subject = between(subject, subject_end);
    frame->reply = reply;
    frame->header_digits = header_digits;
    frame->size_digits = between(field, blank);
    frame->payload = payload;
    frame->header_size = static_cast<std::uint32_t>(header_size);
    frame->size = static_cast<std::uint32_t>(size);
    frame->tail = subject_end + 1;
    frame->tail_size = static_cast<std::uint32_t>(frame_end - frame->tail);
    frame->has_header = has_header;
    frame->repeats_subject = batched_ != 0 && same_bytes(frame->subject, frame[-1].subject);
    if (frame->repeats_subject) {
      frame->hash = frame[-1].hash;
    } else {
      frame->hash = sink_.hash(frame->subject);
      sink_.prefetch(frame->hash);
    }
    if (++batched_ == batch_max) flush_batch();
    return frame_end;
  }

  bool flush_batch() {
    if (batched_ == 0) return alive_;
    const std::size_t n = batched_;
    batched_ = 0;
    alive_ = sink_.publish(batch_, n) && alive_;
    return alive_;
  }

  // ---- the general path -----------------------------------------------------------------------

  enum class Operation : std::uint8_t {
    pub, hpub, sub, unsub, connect, ping, pong, info, ok, error, unknown, incomplete
  };

  const char* fail(Violation violation) {
    alive_ = false;
    sink_.violation(violation);
    return nullptr;
  }

  // One operation that is not on the short path: its end, or null for "more bytes" and "closed".
  const char* operation(const char* at) {
    using Skip = ClientParserState::Skip;
    if (state_.skip != Skip::none) return skip_line(at);
    if (sink_.awaiting_connect() && (*at | 0x20) != 'c' && !sink_.begin_without_connect())
      return fail(Violation::authorization);
    const char* argument = nullptr;
    switch (const Operation found = recognise(at, argument)) {
      case Operation::incomplete: return nullptr;
      case Operation::unknown: return fail(Violation::unknown_operation);
      case Operation::ping: state_.skip = Skip::ping; return skip_line(argument);
      case Operation::pong: state_.skip = Skip::pong; return skip_line(argument);
      case Operation::ok: state_.skip = Skip::ok; return skip_line(argument);
      default: return with_argument(found, at, argument);
    }
  }

  const char* skip_line(const char* at) {
    using Skip = ClientParserState::Skip;
    const void* const newline = std::memchr(at, '\n', static_cast<std::size_t>(end_ - at));
    if (newline == nullptr) return end_;  // the rest of the line is ignored, so none is kept
    const Skip skip = state_.skip;
    state_.skip = Skip::none;
    if (skip == Skip::ping) alive_ = sink_.ping();
    if (skip == Skip::pong) alive_ = sink_.pong();
    return static_cast<const char*>(newline) + 1;
  }

  // Which operation stands at `at`; `argument` is the byte behind its name (and, where the
  // operation needs one, behind the blank that must follow).
  Operation recognise(const char* at, const char*& argument) const {
    struct Name {
      std::string_view text;
      Operation operation;
      bool needs_blank;
    };
    static constexpr Name names[] = {
        {"pub", Operation::pub, true},       {"sub", Operation::sub, true},
        {"ping", Operation::ping, false},    {"pong", Operation::pong, false},
        {"hpub", Operation::hpub, true},     {"unsub", Operation::unsub, true},
        {"connect", Operation::connect, false}, {"info", Operation::info, false},
        {"+ok", Operation::ok, false},       {"-err", Operation::error, true}};
    const auto available = static_cast<std::size_t>(end_ - at);
    for (const Name& name : names) {
      std::size_t same = 0;
      while (same < name.text.size() && same < available && lower(at[same]) == name.text[same])
        ++same;
      if (same < name.text.size()) {
        if (same == available) return Operation::incomplete;
        continue;
      }
      argument = at + same;
      if (!name.needs_blank) return name.operation;
      if (argument == end_) return Operation::incomplete;
      return is_blank(*argument) ? name.operation : Operation::unknown;
    }
    return Operation::unknown;
  }

  static char lower(char byte) noexcept {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
  }
  static bool is_blank(char byte) noexcept { return byte == ' ' || byte == '\t'; }

  const char* with_argument(Operation operation, const char* at, const char* argument) {
    while (argument < end_ && is_blank(*argument)) ++argument;
    // Blanks are not counted by the limit, so a client could send them forever.
    if (static_cast<std::size_t>(argument - at) > sink_.max_control_line() + 64)
      return fail(Violation::control_line);
    if (argument == end_) return nullptr;
    // The first byte belongs to the argument whatever it is, as in nats-server.
    const char* const line_end = static_cast<const char*>(std::memchr(
        argument + 1, '\n', static_cast<std::size_t>(end_ - argument)));
    const bool complete = line_end < end_;
    const char* argument_end = complete ? line_end : end_;
    if (argument_end > argument + 1 && argument_end[-1] == '\r') --argument_end;
    const std::string_view text = between(argument, argument_end);
    if (text.size() > sink_.max_control_line()) return fail(Violation::control_line);
    if (!complete) return nullptr;
    switch (operation) {
      case Operation::pub: return publish(at, text, line_end + 1, false);
      case Operation::hpub: return publish(at, text, line_end + 1, true);
      case Operation::sub: return subscribe(text, line_end + 1);
      case Operation::unsub: return unsubscribe(text, line_end + 1);
      case Operation::connect: alive_ = sink_.connect(text); break;
      case Operation::info: alive_ = sink_.info(text); break;
      default: return fail(Violation::client_error);
    }
    return line_end + 1;
  }

  // Splits at blanks; returns the number of fields, `limit + 1` for more than `limit`.
  static std::size_t split(std::string_view text, bool at_line_ends, std::string_view* fields,
                           std::size_t limit) {
    std::size_t count = 0;
    std::size_t at = 0;
    const auto separates = [&](char byte) {
      return is_blank(byte) || (at_line_ends && (byte == '\r' || byte == '\n'));
    };
    while (at < text.size()) {
      if (separates(text[at])) {
        ++at;
        continue;
      }
      std::size_t stop = at;
      while (stop < text.size() && !separates(text[stop])) ++stop;
      if (count == limit) return limit + 1;
      fields[count++] = text.substr(at, stop - at);
      at = stop;
    }
    return count;
  }

  const char* subscribe(std::string_view text, const char* next) {
    std::string_view fields[3];
    const std::size_t count = split(text, true, fields, 3);
    if (count != 2 && count != 3) return fail(Violation::bad_arguments);
    alive_ = sink_.subscribe(fields[0], count == 3 ? fields[1] : std::string_view{},
                             fields[count - 1]);
    return next;
  }

  const char* unsubscribe(std::string_view text, const char* next) {
    std::string_view fields[2];
    const std::size_t count = split(text, true, fields, 2);
    if (count != 1 && count != 2) return fail(Violation::bad_arguments);
    const std::int64_t max = count == 2 ? parse_size(fields[1]) : 0;
    alive_ = sink_.unsubscribe(fields[0], max > 0 ? static_cast<std::uint64_t>(max) : 0);
    return next;
  }

  const char* publish(const char* at, std::string_view text, const char* payload,
                      bool has_header) {
    if (has_header && !sink_.accepts_headers()) return fail(Violation::bad_arguments);
    std::string_view fields[4];
    const std::size_t least = has_header ? 3 : 2;
    const std::size_t count = split(text, false, fields, 4);
    if (count < least || count > least + 1) return fail(Violation::bad_arguments);
    const std::int64_t size = parse_size(fields[count - 1]);
    const std::int64_t header_size = has_header ? parse_size(fields[count - 2]) : 0;
    if (size < 0 || header_size < 0 || header_size > size)
      return fail(Violation::bad_arguments);
    if (static_cast<std::size_t>(size) > sink_.max_payload()) return fail(Violation::payload);
    const auto available = static_cast<std::size_t>(end_ - payload);
    const auto wanted = static_cast<std::size_t>(size);
    if (available > wanted && payload[wanted] != '\r') return fail(Violation::unknown_operation);
    if (available < wanted + 2) {
      state_.need = static_cast<std::size_t>(payload - at) + wanted + 2;
      return nullptr;
    }
    if (payload[wanted + 1] != '\n') return fail(Violation::unknown_operation);
    Publish& frame = batch_[batched_++];
    frame = Publish{};
    frame.subject = fields[0];
    if (count > least) frame.reply = fields[1];
    if (has_header) frame.header_digits = fields[count - 2];
    frame.size_digits = fields[count - 1];
    frame.hash = sink_.hash(frame.subject);
    frame.payload = payload;
    frame.header_size = static_cast<std::uint32_t>(header_size);
    frame.size = static_cast<std::uint32_t>(size);
    frame.has_header = has_header;
    flush_batch();
    return payload + wanted + 2;
  }

  Sink& sink_;
  ClientParserState& state_;
  const char* end_ = nullptr;
  bool alive_ = true;
  std::size_t batched_ = 0;
  Publish batch_[batch_max];
};

}  // namespace dunlin::protocol
