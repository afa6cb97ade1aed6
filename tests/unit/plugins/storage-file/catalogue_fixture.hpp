// A catalogue on a test host, opened, crashed and opened again.

#pragma once

#include <map>
#include <memory>

#include "plugins/storage-file/sqlite_catalogue.hpp"
#include "tests/unit/plugins/storage-file/support.hpp"

namespace dunlin::storage_file::testing {

class CatalogueFixture : public ::testing::Test {
 protected:
  CatalogueFixture() : host_(std::make_unique<TestHost>()) { use_keys(DUNLIN_CIPHER_NONE); }
  ~CatalogueFixture() override { close(); }

  [[nodiscard]] TestHost& host() const { return *host_; }
  // A new machine.
  void start_over(std::uint64_t seed) {
    close();
    host_ = std::make_unique<TestHost>(seed);
  }
  void use_keys(std::uint32_t cipher, std::string_view key = {}, std::string_view previous = {}) {
    keys_ = KeyRing::make(cipher, bytes_of(key), bytes_of(previous), [this](auto out) {
              host().random().fill(out);
            }).value();
  }
  result<std::shared_ptr<SqliteCatalogue>> try_open(bool read_only = false) {
    CatalogueSite site{host().files(), host().clock(), host().random(), "/store", read_only,
                       !read_only,   &keys_};
    auto opened = SqliteCatalogue::open(site, host().executor(),
                                        [this](const Error&) { has_failed = true; });
    if (!opened) return opened;
    if (auto ok = (*opened)->adopt_keys(); !ok) return ok.error();
    return opened;
  }
  void open(bool read_only = false) {
    has_failed = false;
    auto opened = try_open(read_only);
    ASSERT_TRUE(succeeded(opened));
    catalogue = *opened;
  }
  void close() {
    if (!catalogue) return;
    EXPECT_TRUE(succeeded(catalogue->close()) || has_failed);
    catalogue.reset();
    host().run();
  }
  void reopen(bool read_only = false) {
    close();
    open(read_only);
  }
  // A power cut, or with Cut::kept the death of the process.
  void crash(testkit::Cut cut) {
    auto disk = host().disk.cut(cut, host().rng);
    has_failed = true;
    close();
    host().disk = std::move(disk);
  }

  dunlin_status put_status(const std::vector<MetaItem>& items) {
    CatalogueBatch batch;
    for (const auto& item : items) batch.put_meta(item);
    dunlin_status status = DUNLIN_E_DROPPED;
    auto accepted = catalogue->commit(std::move(batch), [&](const result<>& outcome) {
      status = outcome ? DUNLIN_OK : outcome.error().status;
    });
    if (!accepted) return accepted.error().status;
    host().run();
    return status;
  }
  void put(const std::vector<MetaItem>& items) { ASSERT_EQ(put_status(items), DUNLIN_OK); }
  std::map<std::string, std::string> meta(std::string_view prefix) {
    std::map<std::string, std::string> out;
    std::string last;
    EXPECT_TRUE(succeeded(catalogue->each_meta(prefix, [&](const std::string& path,
                                                           const Bytes& blob) {
      EXPECT_LT(last, path) << "not in byte order";
      last = path;
      out.emplace(path, text_of(blob));
      return true;
    })));
    return out;
  }
  std::vector<std::string> damage_found() const {
    std::vector<std::string> out;
    for (const auto& finding : catalogue->findings()) {
      if (finding.is_damage) out.push_back(finding.text);
    }
    return out;
  }
  std::map<std::string, std::string> all_files() const {
    std::map<std::string, std::string> out;
    for (const auto& path : host().disk.files("/")) out[path] = host().content(path);
    return out;
  }
  std::uint64_t syncs() const { return host().syncs; }

 private:
  std::unique_ptr<TestHost> host_;
  KeyRing keys_;

 protected:
  bool has_failed = false;
  std::shared_ptr<SqliteCatalogue> catalogue;
};

}  // namespace dunlin::storage_file::testing
