// A file of entries, each with its length and hash: what the naive backend writes.
//
// Entries are buffered; `flush` writes and syncs them and is for a worker. One thread at a time.

#pragma once

#include <dunlin/fs.hpp>

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "sdk/testkit/reference/faults.hpp"

namespace dunlin::testkit::reference {

// Numbers and texts of an entry, in a row.
class Pack {
 public:
  Pack& number(std::uint64_t value);
  Pack& text(std::string_view value);
  std::string bytes;
};
class Unpack {
 public:
  explicit Unpack(std::string_view bytes) : rest_(bytes) {}
  std::uint64_t number();
  std::string text();

 private:
  std::string_view rest_;
};

class Journal {
 public:
  Journal(Host host, std::string dir, std::string name, Fault fault);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Opens, and passes each good entry to `use` and each bad place to `bad`. A bad end is cut off
  // when the journal was not closed properly. Throws std::runtime_error.
  void open(bool create, const std::function<void(std::string_view)>& use,
            const std::function<void(std::uint64_t offset)>& bad);
  void add(std::string entry);
  dunlin_status flush();
  // Flushes and notes that all was well.
  dunlin_status close();
  void remove();
  [[nodiscard]] bool exists() const;
  [[nodiscard]] std::string path() const { return dir_ + "/" + name_ + ".journal"; }
  // Whether the last clean close was of a longer file than there is now.
  [[nodiscard]] bool cut_short() const { return cut_short_; }

 private:
  [[nodiscard]] std::string note_path() const { return dir_ + "/" + name_ + ".closed"; }
  [[nodiscard]] std::string read_all(const std::string& path) const;
  void check(dunlin_status status, const char* what) const;
  void take_note();
  dunlin_status write_out();
  void replay(const std::function<void(std::string_view)>& use,
              const std::function<void(std::uint64_t offset)>& bad);

  Host host_;
  Fs fs_;
  std::string dir_, name_;
  Fault fault_;
  dunlin_file* file_ = nullptr;
  std::mutex mutex_;
  std::string buffer_;
  std::uint64_t end_ = 0;  // where the next entry goes
  std::uint64_t noted_ = 0;
  bool clean_ = false, cut_short_ = false;
};

}  // namespace dunlin::testkit::reference
