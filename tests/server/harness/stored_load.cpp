#include "tests/server/harness/stored_load.hpp"

#include <algorithm>
#include <random>

namespace dunlin::testing {
namespace {

constexpr const char* crlf = "\r\n";

// The value of a field of a header block; empty when it is not there.
std::string field(const std::string& header, const std::string& name) {
  const auto at = header.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 4;
  return header.substr(begin, header.find(crlf, begin) - begin);
}

std::uint64_t number_in(const std::string& text) {
  return text.empty() ? 0 : std::strtoull(text.c_str(), nullptr, 10);
}

// The head of the next message; pings are answered on the way.
std::string read_head(RawClient& client) {
  for (;;) {
    auto head = client.read_line();
    if (head != "PING\r\n") return head;
    client.send("PONG\r\n");
  }
}

}  // namespace

std::string StoredLoad::section(const std::string& storage) const {
  return "store-bench { subject: \"kept\", read: \"asked\", logs: " + std::to_string(logs_) +
         ", storage: \"" + storage + "\", dir: \"@DIR@/store\" }\n";
}

// Most messages are small; some are larger than a page, a few than a write of the store.
StoredLoad::Message StoredLoad::message(std::uint64_t number) const {
  std::mt19937_64 random(seed_ * 1'000'003 + number);
  const auto kind = random() % 100;
  const std::size_t size = kind < 70   ? random() % 300
                           : kind < 97 ? random() % 4000
                                       : random() % 65'536;
  Message out;
  if (random() % 4 == 0) out.header = "NATS/1.0\r\nNumber: " + std::to_string(number) + "\r\n\r\n";
  out.payload = "#" + std::to_string(number) + "#";
  out.payload.reserve(out.payload.size() + size);
  while (out.payload.size() < size) {
    const auto bits = random();
    for (int i = 0; i < 8; ++i) out.payload += static_cast<char>(bits >> (8 * i));
  }
  return out;
}

std::string StoredLoad::frame(std::uint64_t number) const {
  const auto [header, payload] = message(number);
  const std::string subjects = " kept." + std::to_string(number % logs_) + " answer." +
                               std::to_string(number) + " ";
  const auto total = std::to_string(header.size() + payload.size());
  const auto sizes = header.empty() ? total : std::to_string(header.size()) + " " + total;
  const auto head = (header.empty() ? "PUB" : "HPUB") + subjects + sizes;
  return head + crlf + header + payload + crlf;
}

void StoredLoad::publish(const ServerProcess& server, std::size_t acks, std::size_t window,
                         const std::function<void()>& last) {
  auto client = RawClient::connect(server, quiet_headers);
  client.send("SUB answer.* 1\r\n");
  client.barrier();
  on_the_way_ = 0;
  for (std::size_t taken = 0; taken < acks; ++taken) {
    std::string frames;
    for (; on_the_way_ < window; ++on_the_way_) frames += frame(++published_);
    client.send(frames);
    if (!take_ack(client)) {
      ADD_FAILURE() << "no acknowledgement came; the server said:\n" << server.log();
      break;
    }
  }
  last();
  while (take_ack(client)) {
  }
}

bool StoredLoad::take_ack(RawClient& client) {
  const auto head = read_head(client);
  const auto at = head.find("answer.");
  const auto size = head.rfind(' ');
  if (at == std::string::npos || size == std::string::npos) return false;
  const auto number = number_in(head.substr(at + 7));
  const auto answer = client.read_bytes(number_in(head.substr(size + 1)) + 2);
  const auto seq = answer.find("\"seq\":");
  if (!answer.ends_with("\r\n")) return false;
  --on_the_way_;
  if (seq == std::string::npos) {
    refused_.push_back("message " + std::to_string(number) + " was refused: " + answer);
  } else {
    acknowledged_[number % logs_].emplace(number_in(answer.substr(seq + 6)), number);
  }
  return true;
}

StoredLoad::Page StoredLoad::read_page(RawClient& client, std::size_t log, std::uint64_t from) {
  const auto question = std::to_string(from) + " 1000";
  client.send("PUB asked." + std::to_string(log) + " page " + std::to_string(question.size()) +
              crlf + question + crlf);
  Page page;
  for (;;) {
    // HMSG page 2 <header bytes> <all bytes>
    const auto head = read_head(client);
    const auto total_at = head.rfind(' ');
    const auto header_at = head.rfind(' ', total_at - 1);
    if (!head.starts_with("HMSG page ")) {
      page.end = "no answer: " + head;
      return page;
    }
    const auto header_bytes = number_in(head.substr(header_at + 1));
    const auto header = client.read_bytes(header_bytes);
    auto content = client.read_bytes(number_in(head.substr(total_at + 1)) - header_bytes);
    client.read_bytes(2);
    if (header.starts_with("NATS/1.0 ")) {
      page.end = header.substr(9, header.find(crlf) - 9);
      page.next = number_in(field(header, "Next"));
      return page;
    }
    page.records.emplace_back(number_in(field(header, "Nats-Sequence")), std::move(content));
  }
}

std::uint64_t StoredLoad::number_of(const std::string& content) const {
  const auto at = content.find('#');
  const auto number = at == std::string::npos ? 0 : number_in(content.substr(at + 1, 20));
  if (number == 0 || number > published_) return 0;
  const auto [header, payload] = message(number);
  return content == header + payload ? number : 0;
}

void StoredLoad::compare_log(RawClient& client, std::size_t log,
                             std::vector<std::string>& wrong) {
  const auto name = "log " + std::to_string(log) + ": ";
  const auto& acknowledged = acknowledged_[log];
  std::set<std::uint64_t> found;
  std::uint64_t last = 0;
  for (std::uint64_t from = 1;;) {
    const auto page = read_page(client, log, from);
    for (const auto& [seq, content] : page.records) {
      if (seq != last + 1) wrong.push_back(name + "a hole in front of " + std::to_string(seq));
      last = seq;
      const auto number = number_of(content);
      const auto ack = acknowledged.find(seq);
      if (number == 0 || number % logs_ != log) {
        wrong.push_back(name + "nobody published record " + std::to_string(seq));
      } else if (!found.insert(number).second) {
        wrong.push_back(name + "message " + std::to_string(number) + " is there twice");
      } else if (ack != acknowledged.end() && ack->second != number) {
        wrong.push_back(name + "record " + std::to_string(seq) + " is another message than " +
                        "the one acknowledged");
      }
    }
    if (!page.end.starts_with("204")) wrong.push_back(name + page.end);
    if (page.records.empty()) break;
    from = page.next;
  }
  if (!acknowledged.empty() && acknowledged.rbegin()->first > last) {
    wrong.push_back(name + "ends with " + std::to_string(last) + ", but " +
                    std::to_string(acknowledged.rbegin()->first) + " was acknowledged");
  }
  unacknowledged_ += found.size() - std::min(found.size(), acknowledged.size());
}

std::vector<std::string> StoredLoad::compare(const ServerProcess& server) {
  auto client = RawClient::connect(server, quiet_headers);
  client.send("SUB page 2\r\n");
  client.barrier();
  std::vector<std::string> wrong = refused_;
  unacknowledged_ = 0;
  for (std::size_t log = 0; log < logs_; ++log) compare_log(client, log, wrong);
  return wrong;
}

std::size_t StoredLoad::acknowledged() const {
  std::size_t all = 0;
  for (const auto& log : acknowledged_) all += log.size();
  return all;
}

}  // namespace dunlin::testing
